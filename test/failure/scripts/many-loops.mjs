// Opens and closes a thousand loops, each with a listener and a connection: node many-loops.mjs <driver> <descriptors>
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';
import { countOwn, countOwnOnceIt } from './own-resources.mjs';

const [driver, descriptors] = process.argv.slice(2);
const LOOPS = 1000;
const AT_ONCE = 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

async function useOne() {
  const loop = new Loop({ driver, descriptors });
  keepPolling(loop);
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, { data: (id, bytes) => loop.write(id, bytes) });
  const peer = { host: '127.0.0.1', port: listener.address.port };
  await new Promise((resolve) => {
    loop.write(loop.connect(peer, { data: resolve }), 'x');
  });
  await loop.close();
  return loop.stats.closed;
}

async function useMany(count) {
  let closed = 0;
  for (let i = 0; i < count; i += AT_ONCE) {
    for (const each of await Promise.all(Array.from({ length: AT_ONCE }, useOne))) closed += each;
  }
  return closed;
}

/** After a few turns, so that what is closed is gone. */
async function measure() {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, arrayBuffers } = process.memoryUsage();
  return { ...countOwn(), rss, arrayBuffers };
}

await useMany(LOOPS / 2); // arenas and caches have their size by now
const before = await measure();
const closed = await useMany(LOOPS / 2);
const after = await measure();
Object.assign(after, await countOwnOnceIt((own) => own.threads <= before.threads));
console.log(JSON.stringify({ before, after, closed }));
