// The accepting side: servers that take connections from the load generator.
import { Option } from 'commander';

import { defaultServerNames, serverNames } from '../lib/servers.mjs';
import { runIdleCase } from './idle.mjs';
import { runLoadCase } from './load.mjs';

/** Counts give the C server a load of one to one and a half seconds on one core of 2024. */
const LOADS = {
  echo: { kind: 'echo', count: 50_000, concurrency: 128 },
  churn: { kind: 'churn', count: 60_000, concurrency: 128 },
  pingpong: { kind: 'pingpong', count: 250_000, concurrency: 1_000 },
};

export const accept = {
  description: 'accepting, serving and holding connections against a bare C epoll server',
  compared: { role: 'server', names: serverNames, byDefault: defaultServerNames },
  options: [
    new Option('--handlers <kind>', "the package's data handler").choices(['data', 'dataIn']).default('dataIn'),
  ],
  cases: {
    echo: {
      description: 'connect, 64 bytes there and back, reset',
      run: (context) => runLoadCase(LOADS.echo, context),
      bars: { throughputRatio: { atLeast: 0.98 }, cpuRatio: { atMost: 1.12 } },
    },
    churn: {
      description: 'connect, reset',
      run: (context) => runLoadCase(LOADS.churn, context),
      bars: { throughputRatio: { atLeast: 0.98 }, cpuRatio: { atMost: 1.25 } },
    },
    pingpong: {
      description: '1,000 connections exchange 64 bytes, one message on its way on each',
      run: (context) => runLoadCase(LOADS.pingpong, context),
      bars: { throughputRatio: { atLeast: 0.9 } },
    },
    idle: {
      description: 'user memory per idle connection, and CPU per echo connection with many held against few',
      run: (context) => runIdleCase(LOADS.echo, context),
      bars: { bytesPerConnection: { atMost: 96 }, cpuGrowth: { atMost: 1.1 } },
    },
  },
};
