// A case of turnover: every server carries the same load once per round, the baseline among them.
import { runLoad } from '../lib/load.mjs';
import { countingRounds, rotate, roundOf } from '../lib/rounds.mjs';
import { BASELINE, startServers } from '../lib/servers.mjs';
import { compareToBaseline } from '../lib/statistics.mjs';

/** A server that breaks is left out from then on, and a note says why; without the baseline there is no result. */
async function runRound(load, servers, notes, machine, attemptsMax) {
  const results = {};
  for (const server of servers) {
    if (server.name in notes) continue;
    try {
      results[server.name] = await runLoad(load, server, machine, attemptsMax);
    } catch (error) {
      if (server.name === BASELINE) throw error;
      notes[server.name] = server.process.obituary ?? error.message;
    }
  }
  return roundOf(results, Object.values(results));
}

async function endServers(servers, notes) {
  for (const { name, process } of servers) {
    await process.end().catch((error) => (notes[name] ??= error.message));
  }
}

export async function runLoadCase(load, { options, machine, progress }) {
  const scaled = { ...load, count: Math.max(1, Math.round(load.count * options.scale)) };
  const { started, notes } = await startServers(options.servers, options, machine.pinning.server);
  const run = (round, attemptsMax) => {
    progress(round);
    return runRound(scaled, rotate(started, round), notes, machine, attemptsMax);
  };
  try {
    const cold = await run(0, 1); // there is no second first time
    const warm = [];
    while (warm.length < options.rounds) warm.push(await run(warm.length + 1));
    const summarise = (rounds) =>
      Object.fromEntries(started.map(({ name }) => [name, compareToBaseline(rounds, name)]));
    const summaries = { cold: summarise([cold]), warm: summarise(countingRounds(warm)) };
    return { load: scaled, notes, ...summaries, rounds: { cold, warm } };
  } finally {
    await endServers(started, notes);
  }
}
