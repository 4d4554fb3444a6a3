// Writes over a loop's memory as only a program gone wrong would: node overwritten-memory.mjs <driver> <descriptors> <seed>
import { once } from 'node:events';
import net from 'node:net';
import { Loop } from '@connscale/native';
import { layOut } from '../../../dist/loop/layout.js';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors, seed] = process.argv.slice(2);
const host = '127.0.0.1';
const maxConnections = 32;
const sizes = { completionCapacity: 16, submissionBytes: 4096, slabBytes: 4096, slots: 2 * maxConnections };
const layout = layOut(sizes);
const options = {
  driver,
  descriptors,
  maxConnections,
  batchSize: sizes.completionCapacity,
  submissionRingBytes: sizes.submissionBytes,
  receiveSlabBytes: sizes.slabBytes,
  closeTimeoutMs: 100,
  writeQueueMaxBytes: 20_000,
};

let state = Number(seed);
function random(bound) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
}

const errors = {};
function note(error) {
  const name = error.code ?? error.name;
  errors[name] = (errors[name] ?? 0) + 1;
}

/** Does what may well be refused by now. */
function attempt(body) {
  try {
    body();
  } catch (error) {
    note(error);
  }
}

function poll(loop) {
  if (driver === 'manual') attempt(() => loop.poll(0));
}

const ids = [];

/** A request that might be one: a known id or none, any kind, and addresses of this machine if it connects. */
function writeRecord(view, at) {
  const id = random(4) === 0 ? random(2 ** 31) * 2 ** 21 : (ids[random(ids.length)] ?? 0);
  const request = random(9);
  const length = [0, 8, 64, 80, 200, 5000, 2 ** 32 - 1][random(7)];
  view.setFloat64(at, random(50) === 0 ? NaN : id + random(3) * 2 ** 21, true);
  view.setUint16(at + 8, request, true);
  view.setUint16(at + 10, random(4), true);
  view.setUint32(at + 12, length, true);
  if (request === 7) writeAddresses(view, at + 16);
  return at + 16 + (Math.min(length, 200) & ~7);
}

function writeAddresses(view, at) {
  for (const record of [at, at + 24]) {
    view.setUint8(record, [0, 4, 4, 6, 9][random(5)]);
    view.setUint16(record + 2, random(65_536), true);
    view.setUint32(record + 4, 0, true);
    for (let i = 8; i < 24; i++) view.setUint8(record + i, 0);
    view.setUint8(record + 8, view.getUint8(record) === 4 ? 127 : 0);
    view.setUint8(record + 23, view.getUint8(record) === 6 ? 1 : 0);
  }
  view.setUint32(at + 56, random(3), true);
}

const damages = [
  (buffer) => {
    const bytes = new Uint8Array(buffer);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random(256);
  },
  (buffer) => new Uint8Array(buffer).fill([0, 255, 1][random(3)]),
  (buffer) =>
    (new Uint32Array(buffer, 0, 1)[0] = random(2) === 0 ? random(sizes.submissionBytes + 64) : random(2 ** 32)),
  (buffer) => new Uint32Array(buffer, layout.queued, sizes.slots).fill(random(2) === 0 ? 0 : random(2 ** 32)),
  (buffer) => {
    const view = new DataView(buffer, layout.submissions, sizes.submissionBytes);
    let at = 0;
    while (at + 16 + 200 < sizes.submissionBytes) at = writeRecord(view, at);
    new Uint32Array(buffer, 0, 1)[0] = at;
  },
  (buffer) => {
    const doubles = new Float64Array(buffer, layout.completions, sizes.completionCapacity * 3);
    for (let i = 0; i < doubles.length; i++) doubles[i] = ids[random(ids.length)] ?? random(2 ** 32);
  },
];

let memory;
let enough = false;
function damage() {
  if (enough) return;
  if (memory !== undefined) damages[random(damages.length)](memory);
}

async function torment() {
  const loop = new Loop(options);
  const handlers = {
    open: (id) => ids.push(id),
    dataIn: (id, slab, offset, length) => {
      memory = slab.buffer;
      attempt(() => loop.write(id, slab, offset, length));
      if (random(3) === 0) damage();
    },
    close: () => {
      if (random(3) === 0) damage();
    },
  };
  const listener = await loop.listen({ host, port: 0, overload: 'reset' }, handlers);
  const peer = { host, port: listener.address.port };
  for (let round = 0; round < 1000; round++) {
    if (ids.length > 200) ids.splice(0, 100);
    attempt(() => ids.push(loop.connect(peer, handlers)));
    for (let i = 0; i < 4; i++) attempt(() => loop.write(ids[random(ids.length)], 'x'.repeat(random(3000))));
    if (random(2) === 0)
      attempt(() => loop[['end', 'destroy', 'reset', 'pause', 'resume'][random(5)]](ids[random(ids.length)]));
    if (random(4) !== 0) damage();
    poll(loop);
    if (random(4) === 0) {
      const call = net.connect(peer, () => call.write('hello')).on('error', () => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      call.resetAndDestroy();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  enough = true; // or the news that the loop is closed may be lost as well
  attempt(() => loop.stats.toJSON());
  keepPolling(loop);
  await loop.close();
}

/** A loop that nobody has harmed works as ever. */
async function expectOrder() {
  const loop = new Loop({ driver, descriptors });
  keepPolling(loop);
  const listener = await loop.listen({ host, port: 0 }, { data: (id, bytes) => loop.write(id, bytes) });
  const peer = net.connect(listener.address.port, host);
  peer.write('still in order');
  const [echo] = await once(peer, 'data');
  peer.destroy();
  await loop.close();
  return String(echo);
}

process.on('uncaughtException', note);
await torment();
console.log(JSON.stringify({ echo: await expectOrder(), errors }));
