// A million connections in one Node process, both ends, by the command that everybody has; a tenth of them before, for
// what each costs; and the census of the kernel's socket table meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { countFailures, spread } from '../lib/statistics.mjs';

const CONNECTIONS = 1_000_000;
const FEWER = 10; // the smaller run has one of so many
const SOCKETS_PER_CONNECTION = 2;
const SUBJECT = 'connscale-thread';
const HOLD_SECONDS = 15; // the census needs less
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Freed pages go back to the host meanwhile: both runs are cold. */
const COOLING_MS = 15_000;
const LOOK_AGAIN_MS = 100;
const OPENING_MS_MAX = 300_000;

function socketsInUse() {
  return Number(/^TCP: inuse (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))[1]);
}

async function hold(connections, holdSeconds, meanwhile) {
  const args = ['hold', '--connections', String(connections), '--hold-seconds', String(holdSeconds), '--json'];
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const closed = once(child, 'close');
  const extra = await meanwhile(() => child.exitCode === null && child.signalCode === null);
  await closed;
  if (output.stdout === '') throw new Error(output.stderr.trim());
  return { ...JSON.parse(output.stdout), ...extra };
}

/** While all are held. */
async function census(connections, running) {
  const { ports } = await import('../../dist/system/index.js');
  const deadline = performance.now() + OPENING_MS_MAX;
  while (socketsInUse() < connections * SOCKETS_PER_CONNECTION) {
    if (!running() || performance.now() > deadline) return { censusSeconds: null, stallMilliseconds: null };
    await delay(LOOK_AGAIN_MS);
  }
  await delay(1_000); // the command measures its memory first
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  const startedAt = performance.now();
  const { sockets } = await ports.census();
  const censusSeconds = (performance.now() - startedAt) / 1000;
  stalls.disable();
  return { censusSeconds, stallMilliseconds: stalls.max / 1e6, censusSockets: sockets };
}

function figures(few, many) {
  const one = (value) => spread([value]);
  return {
    perSecond: one(many.connectionsPerSecond),
    openSeconds: one(many.seconds),
    closeSeconds: one(many.closeSeconds),
    cpuMicrosEach: one(many.cpuMicrosPerConnection),
    cpuGrowthMillion: one(many.cpuMicrosPerConnection / few.cpuMicrosPerConnection),
    userBytesPerSocket: one(many.userBytesPerConnection / SOCKETS_PER_CONNECTION),
    kernelBytesPerSocket: one(many.kernelBytesPerConnection / SOCKETS_PER_CONNECTION),
    censusSeconds: one(many.censusSeconds),
    stallMilliseconds: one(many.stallMilliseconds),
    openedShare: one(many.connections / many.connectionsPlanned),
    failures: countFailures([many]),
  };
}

export async function runMillionCase({ options, progress }) {
  const connections = Math.round(CONNECTIONS * options.scale);
  const plan = { connections, few: Math.round(connections / FEWER) };
  progress(1);
  let few;
  let many;
  try {
    few = await hold(plan.few, 0, () => ({}));
    await delay(COOLING_MS);
    progress(2);
    many = await hold(connections, HOLD_SECONDS, (running) => census(connections, running));
  } catch (error) {
    return { plan, skipped: error.message, notes: {}, warm: null, rounds: null };
  }
  const cold = { [SUBJECT]: figures(few, many) };
  return { plan, notes: {}, warm: cold, rounds: { warm: [{ few, many, disturbed: false }] }, once: true };
}
