// A server with few descriptors: node few-descriptors.mjs <driver> <descriptors> <overload>
// It greets everybody with '!', says when descriptors have run out, and ends when a peer sends 'end'.
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors, overload] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
keepPolling(loop);

let toldToEnd = false;
const listener = await loop.listen(
  { host: '127.0.0.1', port: 0, overload },
  {
    open: (id) => loop.write(id, '!'),
    data: (_id, bytes) => (toldToEnd ||= String(bytes) === 'end'),
  },
);
console.log(`port ${listener.address.port}`);

let exhausted = false;
while (!toldToEnd) {
  const { lastFailure } = await listener.stats();
  if (!exhausted && lastFailure !== null) console.log(`exhausted ${lastFailure}`);
  exhausted ||= lastFailure !== null;
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(JSON.stringify(await listener.stats()));
await loop.close();
