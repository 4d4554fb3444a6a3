// Opens and closes loops, each with a connection: node --expose-gc many-loops.mjs <driver> <descriptors> <count>
import { readFileSync, readdirSync } from 'node:fs';
import { Loop } from '@connscale/native';

const WARM_UP = 50;
const [driver, descriptors, count] = process.argv.slice(2);

async function openAndClose() {
  const loop = new Loop({ driver, descriptors });
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, {});
  let opened;
  const open = new Promise((resolve) => (opened = resolve));
  loop.connect({ host: '127.0.0.1', port: listener.address.port }, { open: opened });
  while (driver === 'manual' && loop.stats.connected === 0) loop.poll(100);
  await open;
  await loop.close();
}

async function openAndCloseMany(times) {
  for (let i = 0; i < times; i++) await openAndClose();
  // libuv lets go of handles in a later turn, and what they held is garbage then.
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
}

function held() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  return { descriptors: readdirSync('/proc/self/fd').length, threads: field('Threads'), residentKib: field('VmRSS') };
}

await openAndCloseMany(WARM_UP);
const before = held();
await openAndCloseMany(Number(count));
console.log(JSON.stringify({ before, after: held() }));
