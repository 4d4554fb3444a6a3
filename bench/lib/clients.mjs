// The connecting clients under test. Each is one or several child processes that print {"ready":true}, open connections
// at the line "go", reset them at the line "release", and end when their input ends.
import { fileURLToPath } from 'node:url';

import { compileConnect } from './baseline.mjs';
import { LineProcess } from './line-process.mjs';

export const BASELINE = 'c';
export const NODE_NET = 'node-net';

/**
 * What every client opens, in the same way.
 * @typedef {object} Plan
 * @property {number} port of the destination, 127.0.0.1
 * @property {string} source the one address that all come from
 * @property {readonly [number, number]} ports source ports, both included
 * @property {'explicit' | 'auto'} strategy how this package is asked to choose ports; the others always bind to them
 * @property {number} count connections
 * @property {number} concurrency of them in flight
 * @property {number} loops each with a descriptor table of its own, where there are several
 * @property {boolean} inTurn whether the loops open one after the other
 * @property {boolean} timed whether the slowest attempt is wanted
 * @property {number} limitSeconds
 */

const peer = (file) => fileURLToPath(new URL(`../peers/${file}`, import.meta.url));
const node = (file, plan, ...args) => [process.execPath, peer(file), '--plan', JSON.stringify(plan), ...args];

const inFlightEach = (concurrency, loops, inTurn) => Math.max(1, Math.floor(concurrency / (inTurn ? 1 : loops)));

function bareLoops({ port, source, ports, count, concurrency, loops, inTurn, timed, limitSeconds }) {
  const flags = [inTurn, timed].map(Number);
  const args = [port, source, ...ports, count, inFlightEach(concurrency, loops, inTurn), loops, ...flags, limitSeconds];
  return [[compileConnect(), ...args.map(String)]];
}

function onNodesLoop(plan) {
  if (plan.loops > 1) throw new Error("one loop on Node's own thread, and the descriptor table of one process");
  return [node('connscale-connect.mjs', plan, '--driver', 'node')];
}

/** The plan of one of several processes: node:net has the descriptor table of its process. */
function slice(plan, index) {
  const { loops, count, concurrency, inTurn, ports: [low, high] } = plan;
  const width = Math.floor((high - low + 1) / loops);
  const ports = [low + index * width, low + (index + 1) * width - 1];
  return { ...plan, ports, count: count / loops, concurrency: inFlightEach(concurrency, loops, inTurn), loops: 1 };
}

/** name -> the commands of its processes; `byDefault: false` runs only when asked for. */
const CLIENTS = {
  [BASELINE]: { commands: bareLoops },
  'connscale-node': { commands: onNodesLoop },
  'connscale-thread': { commands: (plan) => [node('connscale-connect.mjs', plan, '--driver', 'thread')] },
  [NODE_NET]: {
    commands: (plan) => Array.from({ length: plan.loops }, (_, index) => node('net-connect.mjs', slice(plan, index))),
  },
  // The baseline against itself: how far from 1 a ratio is by chance.
  'c-again': { commands: bareLoops, byDefault: false },
};

export const clientNames = Object.keys(CLIENTS);
export const defaultClientNames = clientNames.filter((name) => CLIENTS[name].byDefault !== false);

const total = (results, key) => results.reduce((sum, result) => sum + result[key], 0);

function addUp(failures) {
  const sum = {};
  for (const [code, count] of failures.flatMap(Object.entries)) sum[code] = (sum[code] ?? 0) + count;
  return sum;
}

/** At once: from the first that starts to the last that is done. In turn: without what is between the turns. */
function openingSeconds(results, inTurn) {
  if (inTurn) return total(results, 'endedSeconds') - total(results, 'startedSeconds');
  const started = results.map(({ startedSeconds }) => startedSeconds);
  return Math.max(...results.map(({ endedSeconds }) => endedSeconds)) - Math.min(...started);
}

function mergeResults(results, inTurn) {
  const slowest = Math.max(...results.map(({ slowestMicros }) => slowestMicros ?? NaN));
  return {
    opened: total(results, 'opened'),
    portsSkipped: total(results, 'portsSkipped'),
    cpuMicros: total(results, 'cpuMicros'),
    seconds: openingSeconds(results, inTurn),
    edge: results.length === 1 ? (results[0].edge ?? null) : null,
    slowestMicros: Number.isNaN(slowest) ? null : slowest,
    failures: addUp(results.map(({ failures }) => failures)),
  };
}

/** @param {string} name  @param {Plan} plan  @param {number | null} cpu the one CPU that all its processes share */
export async function startClient(name, plan, cpu) {
  const processes = CLIENTS[name].commands(plan).map((command) => new LineProcess(command, cpu));
  const endAll = () => Promise.all(processes.map((process) => process.end()));
  const askOne = (process, line) => {
    process.send(line);
    return process.readJson();
  };
  const askAll = (line) => Promise.all(processes.map((process) => askOne(process, line)));
  const askInTurn = async (line) => {
    const answers = [];
    for (const process of processes) answers.push(await askOne(process, line));
    return answers;
  };
  try {
    await Promise.all(processes.map((process) => process.readJson()));
  } catch (error) {
    await endAll().catch(() => {}); // why it did not start says more
    throw error;
  }
  return {
    name,
    pids: processes.map(({ pid }) => pid),
    open: async () => mergeResults(await (plan.inTurn ? askInTurn('go') : askAll('go')), plan.inTurn),
    release: () => askAll('release'),
    end: endAll,
  };
}
