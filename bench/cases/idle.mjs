// Idle connections: what each adds to the server's resident memory, and what the many cost the busy few.
import { linearRegression, linearRegressionLine, rSquared, sum } from 'simple-statistics';

import { runLoad, startHolding } from '../lib/load.mjs';
import { residentBytes, settledCpuNanoseconds } from '../lib/process-cost.mjs';
import { countingRounds, rotate, roundOf } from '../lib/rounds.mjs';
import { startServer } from '../lib/servers.mjs';
import { countFailures, spread } from '../lib/statistics.mjs';

const HELD_STEPS = [5_000, 8_500, 12_000, 15_500, 19_000];
const HELD_FEW = 1_000;
const HELD_MANY = 15_000;
/** There and back, so that a machine that gets slower or faster meanwhile treats both alike. */
const HELD_UNDER_LOAD = [HELD_MANY, HELD_FEW, HELD_FEW, HELD_MANY];
const DESCRIPTORS_NEEDED = 19_500;
const ROUNDS_MAX = 3; // each starts every server afresh: resident memory does not go back

/** On a fresh process: a load before would leave room in the heap that the connections then fill unseen. */
async function sampleMemory(server, holder) {
  const points = [];
  for (const held of HELD_STEPS) {
    await holder.hold(held);
    server.process.send('gc');
    await settledCpuNanoseconds(server.process.pid);
    points.push([held, residentBytes(server.process.pid)]);
  }
  const line = linearRegression(points);
  return { bytesPerConnection: line.m, rSquared: rSquared(points, linearRegressionLine(line)), points };
}

async function sampleGrowth(server, holder, load, machine) {
  await runLoad(load, server, machine); // compiles what is hot
  const runs = [];
  for (const held of HELD_UNDER_LOAD) {
    await holder.hold(held);
    runs.push({ held, ...(await runLoad(load, server, machine)) });
  }
  const cpuWith = (count) => sum(runs.filter(({ held }) => held === count).map((run) => run.serverCpuMicrosEach));
  return { cpuGrowth: cpuWith(HELD_MANY) / cpuWith(HELD_FEW), runs };
}

async function measureHolding(server, load, machine) {
  const holder = await startHolding(server, machine);
  try {
    const memory = await sampleMemory(server, holder);
    return { ...memory, ...(await sampleGrowth(server, holder, load, machine)) };
  } finally {
    await holder.end();
  }
}

async function measure(name, load, options, machine) {
  const server = await startServer(name, options, machine.pinning.server);
  try {
    return await measureHolding(server, load, machine);
  } finally {
    await server.process.end();
  }
}

function summarise(rounds, name) {
  const measured = rounds.flatMap(({ servers }) => servers[name] ?? []);
  const each = (key) => spread(measured.map((result) => result[key]));
  const failures = countFailures(measured.flatMap(({ runs }) => runs));
  return { bytesPerConnection: each('bytesPerConnection'), cpuGrowth: each('cpuGrowth'), failures };
}

export async function runIdleCase(load, { options, machine, progress }) {
  if (machine.descriptorLimit < DESCRIPTORS_NEEDED) {
    const reason = `needs ${DESCRIPTORS_NEEDED} descriptors, the hard limit is ${machine.descriptorLimit}`;
    return { skipped: reason, warm: null, rounds: null };
  }
  const scaled = { ...load, count: Math.max(1, Math.round(load.count * options.scale)) };
  const notes = {};
  const runRound = async (round) => {
    progress(round);
    const results = {};
    for (const name of rotate(options.servers, round).filter((server) => !(server in notes))) {
      try {
        results[name] = await measure(name, scaled, options, machine);
      } catch (error) {
        notes[name] = error.message;
      }
    }
    return roundOf(results, Object.values(results).flatMap(({ runs }) => runs));
  };
  const warm = [];
  while (warm.length < Math.min(options.rounds, ROUNDS_MAX)) warm.push(await runRound(warm.length));
  const names = options.servers.filter((name) => !(name in notes));
  const summaries = names.map((name) => [name, summarise(countingRounds(warm), name)]);
  return { load: scaled, notes, warm: Object.fromEntries(summaries), rounds: { warm } };
}
