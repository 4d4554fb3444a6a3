// A loop that talks to itself until it is stopped from outside or by its own: node traffic.mjs <driver> <descriptors> <end>
import { Loop } from '@connscale/native';
import { parentPort } from 'node:worker_threads';

const CONNECTIONS = 50;
const MESSAGES = 500;
const [driver, descriptors, end] = process.argv.slice(2);
const endings = {
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('thrown in a handler');
  },
  'post and go on': () => parentPort.postMessage('busy'),
};

const loop = new Loop({ driver, descriptors });
let messages = 0;
const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, {
  data(id, bytes) {
    loop.write(id, bytes);
    if (++messages === MESSAGES) endings[end]();
  },
});
const client = { open: (id) => loop.write(id, 'round and round'), data: (id, bytes) => loop.write(id, bytes) };
for (let i = 0; i < CONNECTIONS; i++) loop.connect({ host: '127.0.0.1', port: listener.address.port }, client);

function poll() {
  loop.poll(0);
  setImmediate(poll);
}
if (driver === 'manual') poll();
