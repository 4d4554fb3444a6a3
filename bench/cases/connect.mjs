// The connecting side: clients that open many connections from one source address to one destination.
import { clientNames, defaultClientNames } from '../lib/clients.mjs';
import { runMillionCase } from './million.mjs';
import { runConnectCase } from './opening.mjs';

const ALL_UNPRIVILEGED_PORTS = [1_024, 65_535];
const BELOW_AUTOMATIC_PORTS = [10_000, 32_767]; // no other program is given one of these by a kernel with default limits
const SOURCE = '127.3.0.1'; // 127.1.0.0/16 and 127.2.0.0/16 are the load generator's

/**
 * `loops`: with a descriptor limit of 20,000 a table holds the connections of one. `inTurn`: one loop opens after the
 * other, since an attempt that waits until another thread gives the CPU back says nothing about connecting. The fewer are
 * in flight, the sharper the moments at which the first and the last thousand begin and end.
 */
const PLANS = {
  open: { count: 15_000, concurrency: 128, loops: 1, strategy: 'explicit', ports: BELOW_AUTOMATIC_PORTS },
  // As many as the kernel's default range has: where automatic ports become slow at the half of it.
  range: { count: 28_000, concurrency: 64, loops: 2, strategy: 'auto', ports: [32_768, 60_999], inTurn: true, timed: true },
  sixty: { count: 60_000, concurrency: 128, loops: 4, strategy: 'explicit', ports: ALL_UNPRIVILEGED_PORTS },
};
const PLAN_DEFAULTS = { source: SOURCE, timed: false, inTurn: false };

const run = (name, figures) => (context) => runConnectCase({ ...PLAN_DEFAULTS, ...PLANS[name] }, figures, context);

export const connect = {
  description: 'opening many connections, against bare C connect loops',
  compared: { role: 'client', names: clientNames, byDefault: defaultClientNames },
  cases: {
    open: {
      description: '15,000 connections from one address, one loop, explicit ports',
      run: run('open', []),
      bars: {
        throughputRatio: { atLeast: 0.95 },
        cpuRatio: { atMost: 1.1 },
        netThroughputRatio: { atLeast: 3 },
        netCpuRatio: { atMost: 0.4 },
      },
    },
    range: {
      description: '28,000 connections from one address, two loops in turn, the package left to choose how',
      run: run('range', ['slowestMilliseconds', 'synRetransmits', 'lastToFirst']),
      subject: 'connscale-thread',
      bars: {
        slowestMilliseconds: { atMost: 5, of: 'max' },
        synRetransmits: { atMost: 0, of: 'max' },
        lastToFirst: { atLeast: 0.9 },
      },
    },
    sixty: {
      description: '60,000 connections from one address, four loops',
      run: run('sixty', ['openedShare']),
      subject: 'connscale-thread',
      bars: { openedShare: { atLeast: 1, of: 'min' } },
    },
    million: {
      description: '1,000,000 connections in one process, both ends; 100,000 before, for what each costs',
      run: runMillionCase,
      subject: 'connscale-thread',
      bars: {
        openedShare: { atLeast: 1 },
        openSeconds: { atMost: 45 },
        closeSeconds: { atMost: 60 },
        userBytesPerSocket: { atMost: 96 },
        cpuGrowthMillion: { atMost: 1.25 },
        censusSeconds: { atMost: 3 },
        stallMilliseconds: { atMost: 20 },
      },
    },
  },
};
