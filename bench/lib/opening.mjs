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

/** What other processes have used of these CPUs so far. */
function othersCpuNanoseconds({ pids }, acceptor, { pinning }) {
  const cpus = [pinning.server, pinning.generator].filter((cpu) => cpu !== null);
  const ours = [...pids, acceptor.pid].map(cpuNanoseconds);
  return busyNanoseconds(cpus) - ours.reduce((sum, used) => sum + used, 0);
}

/** null: too few to tell. */
function compareEdges(edge) {
  if (edge === null || edge.first.count === 0 || edge.last.count === 0) return null;
  const rate = ({ count, seconds }) => count / seconds;
  return rate(edge.last) / rate(edge.first);
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
    lastToFirst: compareEdges(edge),
    slowestMilliseconds: slowestMicros === null ? null : slowestMicros / 1e3,
  };
}

/** Between the two samples of the others' CPU is the opening alone. */
async function measure(client, acceptor, machine) {
  for (const pid of client.pids) await settledCpuNanoseconds(pid);
  const [othersBefore, retransmitsBefore] = [othersCpuNanoseconds(client, acceptor, machine), synRetransmits()];
  await acceptor.accept();
  const result = await client.open();
  const held = await acceptor.rest();
  const othersCpu = othersCpuNanoseconds(client, acceptor, machine) - othersBefore;
  return { result, held, othersCpu, synRetransmits: synRetransmits() - retransmitsBefore };
}

async function runOnce(client, acceptor, plan, machine) {
  try {
    const { result, held, othersCpu, synRetransmits } = await measure(client, acceptor, machine);
    await client.release();
    return {
      ...describe(result, { held, synRetransmits }, plan),
      ...judgeDisturbance(othersCpu, result.seconds),
    };
  } finally {
    await acceptor.drop(); // also what a client that broke left behind, or left it accepting
  }
}

/** Repeats what other processes disturbed. */
export function openOnce(client, acceptor, plan, machine, attemptsMax = ATTEMPTS_MAX) {
  return repeatWhileDisturbed(() => runOnce(client, acceptor, plan, machine), attemptsMax);
}
