import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { runScript, runScriptForJson } from '../helpers/child.js';
import { within } from '../helpers/deadline.js';
import { type DriverCase, DRIVERS, forEachDriver } from '../helpers/drivers.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

const WORKERS = 6;
const LOOPS = 1000;
/** Far below what a thousand loops take, far above what a heap wobbles: 100 MiB. */
const GROWTH_KIB_MAX = 100 * 1024;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const traffic = path.join(root, 'test/failure/scripts/traffic.mjs');

function scriptArgs({ options }: DriverCase): [string, string] {
  return [options.driver ?? 'node', options.descriptors ?? 'shared'];
}

forEachDriver('process.exit in the middle of traffic ends the process with its code', async (driver) => {
  const args = [...scriptArgs(driver), 'exit'];
  const { code, signal, stderr } = await runScript('failure/scripts/traffic.mjs', { args });
  expect({ code, signal, stderr }).toEqual({ code: 7, signal: null, stderr: '' });
});

forEachDriver('an uncaught exception in the middle of traffic ends the process as it always does', async (driver) => {
  const args = [...scriptArgs(driver), 'throw'];
  const { code, signal, stderr } = await runScript('failure/scripts/traffic.mjs', { args });
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toContain('Error: thrown in a handler');
});

interface RunningWorker {
  readonly worker: Worker;
  readonly busy: Promise<unknown>;
}

function startTraffic(driver: DriverCase, env?: Readonly<Record<string, string>>): RunningWorker {
  const worker = new Worker(traffic, {
    argv: [...scriptArgs(driver), 'post and go on'],
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
  });
  const busy = new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  return { worker, busy };
}

forEachDriver('a worker is terminated with its connections open, again and again', async (driver) => {
  for (let i = 0; i < WORKERS; i++) {
    const { worker, busy } = startTraffic(driver);
    expect(await within('a worker to be busy', busy)).toBe('busy');
    expect(await within('a worker to end', worker.terminate())).toBe(1);
  }
});

test('two copies of the addon work in two workers at once', async () => {
  const require = createRequire(import.meta.url);
  const { path: find } = require('node-gyp-build') as { path: (root: string) => string };
  const folder = mkdtempSync(path.join(tmpdir(), 'connscale-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const copies = ['first.node', 'second.node'].map((name) => path.join(folder, name));
  for (const copy of copies) copyFileSync(process.env['CONNSCALE_ADDON'] ?? find(root), copy);
  const running = copies.flatMap((copy) => DRIVERS.map((driver) => startTraffic(driver, { CONNSCALE_ADDON: copy })));
  const greetings = await within('all workers to be busy', Promise.all(running.map(({ busy }) => busy)));
  expect(greetings).toEqual(running.map(() => 'busy'));
  await within('all workers to end', Promise.all(running.map(({ worker }) => worker.terminate())));
});

interface Held {
  readonly descriptors: number;
  readonly threads: number;
  readonly residentKib: number;
}

forEachDriver('a thousand loops opened and closed leave no descriptor, thread or memory', async (driver) => {
  const { before, after } = await runScriptForJson<{ before: Held; after: Held }>('failure/scripts/many-loops.mjs', {
    args: [...scriptArgs(driver), String(LOOPS)],
    nodeArgs: ['--expose-gc'],
  });
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(after.threads).toBeLessThanOrEqual(before.threads);
  expect(after.residentKib - before.residentKib).toBeLessThan(GROWTH_KIB_MAX);
});
