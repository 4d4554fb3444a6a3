// More sockets than cross from native code at once, and the JavaScript thread while they are counted.
import { readdirSync } from 'node:fs';
import { Loop } from '@connscale/native';
import { ports } from '@connscale/native/system';

const CONNECTIONS = 2_600;
const address = process.env.SOURCE;
const loop = new Loop();
let open = 0;
let opened;
// Both ends of each: nothing is to be accepted any more while descriptors are counted.
const count = () => ++open === 2 * CONNECTIONS && opened();
const listener = await loop.listen({ host: address, port: 0 }, { open: count });
await new Promise((resolve, reject) => {
  opened = resolve;
  const handlers = { open: count, close: (_id, error) => reject(error) };
  for (let i = 0; i < CONNECTIONS; i++) {
    loop.connect({ host: address, port: listener.address.port, source: { address } }, handlers);
  }
});

while (loop.stats.accepted < CONNECTIONS) await new Promise((resolve) => setImmediate(resolve));

// Both ends of a connection have this address.
let rows = 0;
const distinct = new Set();
for await (const { local, remote, state } of ports.inUse({ source: address, states: ['ESTABLISHED'] })) {
  rows++;
  distinct.add(`${local.port} ${remote.port} ${state}`);
}

const descriptors = () => readdirSync('/proc/self/fd').length;
const before = descriptors();
for await (const row of ports.inUse({ source: address })) {
  if (row.local.address === address) break;
}
const abandoned = ports.inUse({ source: address });
await abandoned.next();
const whileOpen = descriptors() - before;
await abandoned.return();
const descriptorsLeft = descriptors() - before;

let turns = 0;
let counting = true;
const turn = () => {
  turns++;
  if (counting) setImmediate(turn);
};
setImmediate(turn);
const census = await ports.census();
counting = false;

const counted = census.byAddress.find((each) => each.address === address).sockets;
const report = { rows, distinct: distinct.size, whileOpen, descriptorsLeft, counted, threadWasFree: turns > 1 };
await loop.close();
console.log(JSON.stringify(report));
