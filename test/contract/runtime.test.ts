// The surroundings that a loop may find itself in.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LoopOptions } from '../../lib/index.js';
import { runScriptForJson } from '../helpers/child.js';
import { within } from '../helpers/deadline.js';
import { DRIVERS } from '../helpers/drivers.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

interface Report {
  readonly loops: readonly { readonly driver: string; readonly descriptors: string; readonly echoed: string }[];
  readonly nodeDriver: { readonly supported: boolean; readonly reason?: string };
}

const echoed = 'there and back';

test('where Node’s loop can be watched, the driver is the one asked for', async () => {
  const report = await runScriptForJson<Report>('contract/scripts/report.mjs');
  expect(report.loops).toEqual([
    { driver: 'node', descriptors: 'shared', echoed },
    { driver: 'thread', descriptors: 'shared', echoed },
    { driver: 'thread', descriptors: 'private', echoed },
  ]);
  expect(report.nodeDriver).toEqual({ supported: true });
});

test('where it cannot, node becomes thread, the loop says so, and private descriptors work all the same', async () => {
  const report = await runScriptForJson<Report>('contract/scripts/report.mjs', { env: { CONNSCALE_LIBUV: 'off' } });
  expect(report.loops).toEqual([
    { driver: 'thread', descriptors: 'shared', echoed },
    { driver: 'thread', descriptors: 'shared', echoed },
    { driver: 'thread', descriptors: 'private', echoed },
  ]);
  expect(report.nodeDriver).toEqual({ supported: false, reason: expect.stringContaining('libuv') });
});

test('CommonJS can require the package, and gets what import gets', async () => {
  expect(await runScriptForJson('contract/scripts/require.cjs')).toEqual({
    names: { Loop: 'function', SystemError: 'function', capabilities: 'function' },
    sameAsImport: true,
    port: expect.any(Number),
  });
});

function openWorker(options: LoopOptions): Worker {
  const worker = new Worker(new URL('./scripts/worker-echo.mjs', import.meta.url), { workerData: { options } });
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
  test(`loops of two workers talk to each other, and the workers end when they close [${name}]`, async () => {
    const workers = [openWorker(options), openWorker(options)] as const;
    const ports = await Promise.all(workers.map(messageOf));
    const count = 50;
    const answers = workers.map(messageOf);
    workers[0].postMessage({ port: ports[1], count });
    workers[1].postMessage({ port: ports[0], count });
    const expected = { echoed: count * 'over the fence'.length, connected: count };
    expect(await Promise.all(answers)).toEqual([expected, expected]);
    const ends = workers.map((worker) => within('a worker to end', once(worker, 'exit')));
    for (const worker of workers) worker.postMessage('close');
    expect(await Promise.all(ends)).toEqual([[0], [0]]);
  });
}
