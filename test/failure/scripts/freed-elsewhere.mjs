// Descriptors run out, and become free where the loop does not see it: node freed-elsewhere.mjs <driver>
import { closeSync, openSync } from 'node:fs';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver] = process.argv.slice(2);
const loop = new Loop({ driver });
keepPolling(loop);
const taken = [];
let opened = 0;
const listener = await loop.listen(
  { host: '127.0.0.1', port: 0 },
  {
    open: (id) => {
      opened++;
      loop.write(id, '!');
    },
  },
);
for (;;) {
  try {
    taken.push(openSync('/dev/null'));
  } catch {
    break; // no more
  }
}
console.log(`port ${listener.address.port}`);
for (;;) {
  const { lastFailure } = await listener.stats();
  if (lastFailure !== null) break;
  await new Promise((resolve) => setImmediate(resolve));
}
const before = opened;
// It must not turn round and round meanwhile: the kernel reports the waiting connection for as long as it waits.
// A 'manual' loop turns as often as it is polled.
const turned = loop.stats.turns;
if (driver !== 'manual') await new Promise((resolve) => setTimeout(resolve, 250));
const turns = loop.stats.turns - turned;
for (const descriptor of taken) closeSync(descriptor);
while (opened === before) await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ before, turns, ...(await listener.stats()) }));
await loop.close();
