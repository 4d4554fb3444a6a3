// Workers that end with connections open leave nothing behind: node ended-workers.mjs <driver> <descriptors> <how>
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { countOwn, countOwnOnceIt } from './own-resources.mjs';

const [driver, descriptors, how] = process.argv.slice(2);

async function endOne() {
  const worker = new Worker(new URL('./busy-worker.mjs', import.meta.url), {
    workerData: { options: { driver, descriptors }, how },
  });
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.on('error', (error) => {
    if (how !== 'an exception') throw error;
  });
  if (how === 'terminate') {
    await once(worker, 'message');
    await worker.terminate();
  }
  await exit;
}

await endOne(); // what Node sets up for its first worker stays
const before = countOwn();
for (let i = 0; i < 2; i++) await endOne();
await Promise.all([endOne(), endOne()]);
const after = await countOwnOnceIt((own) => own.threads <= before.threads && own.descriptors <= before.descriptors);
console.log(JSON.stringify({ before, after }));
