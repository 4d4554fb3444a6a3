// One client opens its connections once: what it reports, what its CPU and the other end say to that.
import { readFileSync } from 'node:fs';

import { ATTEMPTS_MAX, judgeDisturbance, repeatWhileDisturbed } from './disturbance.mjs';
import { nameFailures } from './failures.mjs';
import { busyNanoseconds, cpuNanoseconds, settledCpuNanoseconds } from './process-cost.mjs';

/** Opened, as far as the client knows, but never seen by the acceptor. */
const NOT_ACCEPTED = 'NOT_ACCEPTED';

/** SYNs sent again in this network namespace: each is an attempt that waited for a timer. netstat(8), TcpExt. */
function synRetransmits() {
  const [names, values] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('TCPSynRetrans')]);
}

async function othersCpuNanoseconds(client, acceptor, { pinning }) {
  const cpus = [pinning.server, pinning.generator].filter((cpu) => cpu !== null);
  let ours = 0;
  for (const pid of client.pids) ours += await settledCpuNanoseconds(pid);
  ours += cpuNanoseconds(acceptor.pid);
  return busyNanoseconds(cpus) - ours;
}

function describe(result, { held, synRetransmits }, plan) {
  const { opened, seconds, cpuMicros, edge, slowestMicros } = result;
  const unseen = Math.max(0, opened - held);
  return {
    ...result,
    failures: { ...nameFailures(result.failures), ...(unseen > 0 && { [NOT_ACCEPTED]: unseen }) },
    synRetransmits,
    perSecond: opened / seconds,
    cpuMicrosEach: opened === 0 ? null : cpuMicros / opened,
    openedShare: Math.min(opened, held) / plan.count,
    lastToFirst: edge === null ? null : edge.firstSeconds / edge.lastSeconds,
    slowestMilliseconds: slowestMicros === null ? null : slowestMicros / 1e3,
  };
}

async function openAndHold(client, acceptor) {
  const retransmitsBefore = synRetransmits();
  await acceptor.accept();
  try {
    const result = await client.open();
    return [result, synRetransmits() - retransmitsBefore];
  } finally {
    await acceptor.rest();
  }
}

async function runOnce(client, acceptor, plan, machine) {
  try {
    const othersBefore = await othersCpuNanoseconds(client, acceptor, machine);
    const [result, synRetransmits] = await openAndHold(client, acceptor);
    const held = await acceptor.rest();
    const othersAfter = await othersCpuNanoseconds(client, acceptor, machine);
    await client.release();
    return {
      ...describe(result, { held, synRetransmits }, plan),
      ...judgeDisturbance(othersAfter - othersBefore, result.seconds),
    };
  } finally {
    await acceptor.drop(); // also what a client that broke left behind
  }
}

/** Repeats what other processes disturbed. */
export function openOnce(client, acceptor, plan, machine, attemptsMax = ATTEMPTS_MAX) {
  return repeatWhileDisturbed(() => runOnce(client, acceptor, plan, machine), attemptsMax);
}
