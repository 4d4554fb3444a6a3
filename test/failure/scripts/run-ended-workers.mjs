// Workers that end in the middle of runs: node run-ended-workers.mjs <driver> <descriptors> <port> <stalled port>
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { countOwn, countOwnOnceIt } from './own-resources.mjs';

const [driver, descriptors, port, stalled] = process.argv.slice(2);

async function endOne() {
  const worker = new Worker(new URL('./run-in-worker.mjs', import.meta.url), {
    workerData: { options: { driver, descriptors }, port: Number(port), stalled: Number(stalled) },
  });
  await once(worker, 'message');
  await worker.terminate();
}

await endOne(); // what Node sets up for its first worker stays
const before = countOwn();
for (let i = 0; i < 3; i++) await endOne();
const after = await countOwnOnceIt((own) => own.threads <= before.threads && own.descriptors <= before.descriptors);
console.log(JSON.stringify({ before, after }));
