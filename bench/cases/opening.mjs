// A case of opening: every client opens the same connections once per round, the baseline among them.
import { startAcceptor } from '../lib/acceptor.mjs';
import { BASELINE, NODE_NET, startClient } from '../lib/clients.mjs';
import { openOnce } from '../lib/opening.mjs';
import { countingRounds, rotate } from '../lib/rounds.mjs';
import { countFailures, ratios, spread } from '../lib/statistics.mjs';

const LIMIT_SECONDS = 60;
const COUNT_PER_LOOP_MIN = 40; // enough to tell the first from the last
const DESCRIPTORS_SPARE = 500; // of each table: what a process has open besides, and uneven shares of the listeners

/** What does not start or breaks is left out from then on, and a note says why; without the baseline there is no result. */
async function tryEach(names, notes, action) {
  const results = {};
  for (const name of names.filter((name) => !(name in notes))) {
    try {
      results[name] = await action(name);
    } catch (error) {
      if (name === BASELINE) throw error;
      notes[name] = error.message;
    }
  }
  return results;
}

/** @param {string} reference of the same round */
function pair(rounds, name, reference) {
  return rounds.flatMap(({ clients }) =>
    clients[name] && clients[reference] ? [[clients[name], clients[reference]]] : [],
  );
}

/** @param {readonly string[]} special figures of this case */
function compare(rounds, name, special) {
  const results = pair(rounds, name, name).map(([result]) => result);
  const withC = pair(rounds, name, BASELINE);
  const withNet = pair(rounds, name, NODE_NET);
  const each = (key) => spread(results.map((result) => result[key]));
  return {
    perSecond: each('perSecond'),
    cpuMicrosEach: each('cpuMicrosEach'),
    ...Object.fromEntries(special.map((key) => [key, each(key)])),
    throughputRatio: ratios(withC, 'perSecond'),
    cpuRatio: ratios(withC, 'cpuMicrosEach'),
    netThroughputRatio: ratios(withNet, 'perSecond'),
    netCpuRatio: ratios(withNet, 'cpuMicrosEach'),
    failures: countFailures(results),
  };
}

function scaled(plan, factor) {
  const each = Math.max(COUNT_PER_LOOP_MIN, Math.round((plan.count * factor) / plan.loops));
  return { ...plan, count: each * plan.loops, limitSeconds: LIMIT_SECONDS };
}

/** Why this machine cannot run it; null: it can. */
function obstacle({ count, loops, ports: [low, high] }, { descriptorLimit }) {
  const each = count / loops + DESCRIPTORS_SPARE;
  if (each > descriptorLimit) return `needs ${each} descriptors in a table, the hard limit is ${descriptorLimit}`;
  const ports = high - low + 1;
  return count > ports ? `needs ${count} ports, the case has ${ports}` : null;
}

async function runRounds(plan, special, acceptor, { options, machine, progress }) {
  const notes = {};
  const started = await tryEach(options.clients, notes, (name) => startClient(name, plan, machine.pinning.server));
  const names = Object.keys(started);
  const runRound = async (round, attemptsMax) => {
    progress(round);
    const open = (name) => openOnce(started[name], acceptor, plan, machine, attemptsMax);
    const clients = await tryEach(rotate(names, round), notes, open);
    return { clients, disturbed: Object.values(clients).some(({ disturbed }) => disturbed) };
  };
  try {
    const cold = await runRound(0, 1); // there is no second first time
    const warm = [];
    while (warm.length < options.rounds) warm.push(await runRound(warm.length + 1));
    const summarise = (rounds) => Object.fromEntries(names.map((name) => [name, compare(rounds, name, special)]));
    return { notes, cold: summarise([cold]), warm: summarise(countingRounds(warm)), rounds: { cold, warm } };
  } finally {
    for (const { name, end } of Object.values(started)) await end().catch((error) => (notes[name] ??= error.message));
  }
}

export async function runConnectCase(wanted, special, context) {
  const { options, machine } = context;
  const plan = scaled(wanted, options.scale);
  const reason = obstacle(plan, machine);
  if (reason !== null) return { plan, skipped: reason, notes: {}, warm: null, rounds: null };
  const acceptor = await startAcceptor(plan.loops, machine.pinning.generator);
  try {
    const result = await runRounds({ ...plan, port: acceptor.port }, special, acceptor, context);
    return { plan, ...result };
  } finally {
    await acceptor.end();
  }
}
