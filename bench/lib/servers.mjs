// The servers under test. Each is a child process that prints {"port":N} and ends when its input ends.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { compileServer } from './baseline.mjs';
import { LineProcess } from './line-process.mjs';

export const BASELINE = 'c';

const peer = (file) => fileURLToPath(new URL(`../peers/${file}`, import.meta.url));
const node = (file, ...args) => [process.execPath, '--expose-gc', peer(file), ...args];
const connscale = (driver, { handlers }) => node('connscale.mjs', '--driver', driver, '--handlers', handlers);

function bun() {
  if (spawnSync('bun', ['--version']).error) throw new Error('not installed');
  return ['bun', peer('bun.mjs')];
}

/** name -> the command to start it; `byDefault: false` runs only when asked for. */
const SERVERS = {
  [BASELINE]: { command: () => [compileServer()] },
  'connscale-node': { command: (options) => connscale('node', options) },
  'connscale-thread': { command: (options) => connscale('thread', options) },
  'node-net': { command: () => node('net.mjs') },
  bun: { command: bun },
  // The baseline against itself: how far from 1 a ratio is by chance.
  'c-again': { command: () => [compileServer()], byDefault: false },
};

export const serverNames = Object.keys(SERVERS);
export const defaultServerNames = serverNames.filter((name) => SERVERS[name].byDefault !== false);

export async function startServer(name, options, cpu) {
  const process = new LineProcess(SERVERS[name].command(options), cpu);
  const { port } = await process.readJson();
  return { name, port, process };
}

/** Starts what can be started; a note says why the others do not run. Without the baseline there is no result. */
export async function startServers(names, options, cpu) {
  const started = [];
  const notes = {};
  for (const name of names) {
    try {
      started.push(await startServer(name, options, cpu));
    } catch (error) {
      if (name === BASELINE) throw error;
      notes[name] = error.message;
    }
  }
  return { started, notes };
}
