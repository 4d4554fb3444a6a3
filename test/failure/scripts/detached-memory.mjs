// Takes a loop's memory away from it: node detached-memory.mjs <driver> <descriptors> <in a handler | outside>
import net from 'node:net';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors, where] = process.argv.slice(2);
const host = '127.0.0.1';
const loop = new Loop({ driver, descriptors });
const uncaught = [];
process.on('uncaughtException', ({ name, code }) => uncaught.push({ name, code }));

function detach(slab) {
  structuredClone(slab.buffer, { transfer: [slab.buffer] });
}

let served;
const serving = new Promise((resolve) => (served = resolve));
const listener = await loop.listen(
  { host, port: 0 },
  {
    dataIn: (id, slab) => {
      if (where === 'in a handler') detach(slab);
      served({ id, slab });
    },
  },
);
keepPolling(loop);
const peers = Array.from({ length: 5 }, () => net.connect(listener.address.port, host).on('error', () => undefined));
// Not events.once(): it rejects when the peer is told of a reset first.
const closed = peers.map((peer) => new Promise((resolve) => peer.on('close', resolve)));
for (const peer of peers) peer.write('hello');
const { id, slab } = await serving;
if (where === 'outside') {
  loop.write(id, 'never sent');
  detach(slab);
}
for (const peer of peers) peer.resume();
await Promise.all(closed);

const refused = {};
for (const [verb, body] of Object.entries({
  write: () => loop.write(id, 'x'),
  connect: () => loop.connect({ host, port: 1 }, {}),
  listen: () => loop.listen({ host, port: 0 }, {}),
  stats: () => listener.stats(),
  isOpen: () => loop.isOpen(id),
  close: () => loop.close(),
})) {
  try {
    refused[verb] = (await body()) ?? null;
  } catch (error) {
    refused[verb] = error.code;
  }
}
const next = new Loop({ driver, descriptors });
keepPolling(next);
await next.listen({ host, port: 0 }, {});
await next.close();
console.log(JSON.stringify({ uncaught, refused }));
