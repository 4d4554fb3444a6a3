// Asks the addon itself about the system, behind the façade's back, with whatever: node native-queries.mjs
import { native } from '../../../dist/binding.js';

const refused = {};
let answered = 0;
let asked = 0;

function attempt(body) {
  try {
    return body();
  } catch (error) {
    refused[error.name] = (refused[error.name] ?? 0) + 1;
    return undefined;
  }
}

const odd = [
  undefined, null, -1, 0.5, NaN, Infinity, 2 ** 32, 2 ** 53, '', 'x', {}, [], () => 1, true, Symbol('s'), 1n,
  new ArrayBuffer(8), new Uint8Array(1), new Uint8Array(24), new Uint8Array(48).fill(255), new Uint8Array(48 * 5000),
  new Float64Array(6), new DataView(new ArrayBuffer(48)), structuredClone(new Uint8Array(48), {}),
];
const detached = new Uint8Array(48);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
odd.push(detached);
const throwing = new Proxy({}, { get: () => { throw new RangeError('a getter that throws'); } });

const settled = () => answered++;
const ask = (name, parameters) => {
  const before = Object.values(refused).reduce((sum, count) => sum + count, 0);
  attempt(() => native.systemQuery(name, parameters, settled));
  if (Object.values(refused).reduce((sum, count) => sum + count, 0) === before) asked++;
};

const valid = {
  family: 4,
  states: 0xffff,
  sources: new Uint8Array(),
  sourcePort: 0,
  destinations: new Uint8Array(),
  rowsMax: 10,
  addressesMax: 10,
};
for (const value of [...odd, throwing]) {
  attempt(() => native.systemQuery(value, valid, settled));
  attempt(() => native.systemQuery('portCensus', valid, value === odd[12] ? undefined : value));
  attempt(() => native.acceptQueue(value));
  attempt(() => native.acceptQueue({ address: value, port: value }));
  attempt(() => native.acceptQueue({ address: '127.0.0.1', port: value }));
  for (const name of ['portCensus', 'portUsage', 'takenPorts']) {
    ask(name, value);
    for (const key of Object.keys(valid)) ask(name, { ...valid, [key]: value });
  }
}
attempt(() => native.systemQuery());
attempt(() => native.SocketCursor(valid));

for (const value of [...odd, throwing]) {
  attempt(() => new native.SocketCursor(value));
  for (const key of Object.keys(valid)) attempt(() => new native.SocketCursor({ ...valid, [key]: value }).close());
  const cursor = new native.SocketCursor(valid);
  attempt(() => cursor.next(value, value));
  attempt(() => native.SocketCursor.prototype.next.call(value, 1, settled));
  attempt(() => native.SocketCursor.prototype.close.call(value));
}

/** Steps that overlap, are closed meanwhile, or are asked of what is closed. */
async function misuse() {
  const cursor = new native.SocketCursor(valid);
  await new Promise((resolve) => {
    cursor.next(0, resolve);
    attempt(() => cursor.next(1, resolve));
  });
  await new Promise((resolve) => {
    cursor.next(2 ** 31, resolve);
    cursor.close();
    cursor.close();
  });
  attempt(() => cursor.next(1, settled));
}
await misuse();
while (answered < asked) await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ refused, allAnswered: answered === asked }));
