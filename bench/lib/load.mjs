// One load on one server: the generator's result and what it cost the server.
import { compileLoad } from './baseline.mjs';
import { ATTEMPTS_MAX, judgeDisturbance, repeatWhileDisturbed } from './disturbance.mjs';
import { nameFailures } from './failures.mjs';
import { LineProcess } from './line-process.mjs';
import { busyNanoseconds, cpuNanoseconds, settledCpuNanoseconds } from './process-cost.mjs';

const LIMIT_SECONDS = 60;
const LOAD_NETWORK = 1; // source addresses 127.1.0.0/16; held connections have 127.2.0.0/16 for themselves
const HOLD_NETWORK = 2;

async function startGenerator(load, network, server, { pinning }) {
  const args = [load.kind, server.port, load.count, load.concurrency, network, LIMIT_SECONDS].map(String);
  const generator = new LineProcess([compileLoad(), ...args], pinning.generator);
  await generator.readJson();
  return generator;
}

async function sample(server, generator, { pinning }) {
  const cpus = [pinning.server, pinning.generator].filter((cpu) => cpu !== null);
  const serverCpu = await settledCpuNanoseconds(server.process.pid);
  return { serverCpu, othersCpu: busyNanoseconds(cpus) - serverCpu - cpuNanoseconds(generator.pid) };
}

function describe({ completed, seconds, failures }, serverCpu, othersCpu) {
  return {
    completed,
    failures: nameFailures(failures),
    seconds,
    perSecond: completed / seconds,
    serverCpuMicrosEach: completed === 0 ? null : serverCpu / 1e3 / completed,
    serverBusy: serverCpu / 1e9 / seconds,
    ...judgeDisturbance(othersCpu, seconds),
  };
}

async function runOnce(load, server, machine) {
  const generator = await startGenerator(load, LOAD_NETWORK, server, machine);
  try {
    const before = await sample(server, generator, machine);
    generator.send('go');
    const result = await generator.readJson();
    const after = await sample(server, generator, machine);
    return describe(result, after.serverCpu - before.serverCpu, after.othersCpu - before.othersCpu);
  } finally {
    await generator.end();
  }
}

/**
 * Repeats a load during which other processes used the CPUs; the last attempt stands, marked as disturbed.
 * @param {{ kind: 'echo' | 'churn' | 'pingpong', count: number, concurrency: number }} load
 */
export async function runLoad(load, server, machine, attemptsMax = ATTEMPTS_MAX) {
  return repeatWhileDisturbed(() => runOnce(load, server, machine), attemptsMax);
}

/** Connections that do nothing, as many as asked for at each step. */
export async function startHolding(server, machine) {
  const generator = await startGenerator({ kind: 'hold', count: 0, concurrency: 0 }, HOLD_NETWORK, server, machine);
  generator.send('go');
  return {
    async hold(wanted) {
      generator.send(wanted);
      const { completed, failures } = await generator.readJson();
      if (completed !== wanted) throw new Error(`held ${completed} of ${wanted}: ${JSON.stringify(nameFailures(failures))}`);
    },
    end: () => generator.end(),
  };
}
