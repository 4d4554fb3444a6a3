// Two copies of the addon in one process, as two versions of the package would be: nothing is shared between them.
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { LoopOptions } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { DRIVERS } from '../helpers/drivers.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function addonPath(): string {
  const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as { path(root: string): string };
  return path.resolve(root, process.env['CONNSCALE_ADDON'] ?? nodeGypBuild.path(root));
}

async function copyAddon(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'connscale-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const copy = path.join(folder, 'copy.node');
  await cp(addonPath(), copy);
  return copy;
}

function openWorker(options: LoopOptions, addon: string): Worker {
  const worker = new Worker(new URL('../contract/scripts/worker-echo.mjs', import.meta.url), {
    workerData: { options },
    env: { ...process.env, CONNSCALE_ADDON: addon },
  });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return worker;
}

async function messageOf(worker: Worker): Promise<unknown> {
  const [message] = (await within('a message of a worker', once(worker, 'message'))) as [unknown];
  return message;
}

for (const { name, options } of DRIVERS.filter((driver) => driver.options.driver !== 'manual')) {
  test(`two copies of the addon in two workers talk to each other and end apart [${name}]`, async () => {
    const workers = [openWorker(options, addonPath()), openWorker(options, await copyAddon())] as const;
    const ports = await Promise.all(workers.map(messageOf));
    const count = 50;
    const answers = workers.map(messageOf);
    workers[0].postMessage({ port: ports[1], count });
    workers[1].postMessage({ port: ports[0], count });
    const expected = { echoed: count * 'over the fence'.length, connected: count };
    expect(await Promise.all(answers)).toEqual([expected, expected]);
    await workers[1].terminate(); // with its addon; the other one lives on
    const again = messageOf(workers[0]);
    workers[0].postMessage('close');
    expect(await again).toBe('closed');
  });
}
