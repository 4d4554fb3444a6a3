// Peers that do not read, or send without end: memory stays bounded, and nothing is lost.
import { expectBytes, pattern } from '../helpers/bytes.js';
import { until } from '../helpers/deadline.js';
import { carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, readExactly } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const HIGH_WATER = 64 * 1024;
const SLAB = 256 * 1024;

forEachDriver('an echo to a peer that does not read queues no more than the mark and one slab', async (driver) => {
  const loop = openLoop(driver, { highWaterMarkBytes: HIGH_WATER, receiveSlabBytes: SLAB });
  let most = 0;
  const server = new Recording({ data: (id, bytes) => (most = Math.max(most, loop.write(id, bytes))) });
  const options = { sendBufferBytes: 32_768, receiveBufferBytes: 32_768, noDelay: true };
  const listener = await loop.listen({ host: HOST, port: 0, options }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  const sent = pattern(12_000_000);
  const taken = new Promise((resolve) => peer.write(sent, resolve));
  const id = await server.until('open');
  await until('the loop to stop reading', async () => {
    const before = loop.stats.bytesReceived;
    for (let i = 0; i < 5; i++) await carriedOut(loop, id);
    return loop.stats.backlogged === 1 && loop.stats.bytesReceived === before && before > 0;
  });
  expect(loop.stats.bytesReceived).toBeLessThan(sent.length);
  const queued = loop.stats.bytesReceived - loop.stats.bytesSent;
  expect(loop.write(id, '')).toBe(queued);
  expect(queued).toBeLessThanOrEqual(HIGH_WATER + SLAB);
  expectBytes(await readExactly(peer, sent.length), sent);
  await taken;
  // Between two system calls JavaScript may count what the kernel has taken already: one slab on its way, one queued.
  expect(most).toBeLessThanOrEqual(HIGH_WATER + 3 * SLAB);
});

forEachDriver('a hundred peers that do not read are a hundred bounded queues', async (driver) => {
  const loop = openLoop(driver, { highWaterMarkBytes: HIGH_WATER, receiveSlabBytes: SLAB });
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const options = { sendBufferBytes: 4608, receiveBufferBytes: 4608 };
  const listener = await loop.listen({ host: HOST, port: 0, options }, server.handlers);
  const count = 100;
  const chunk = pattern(600_000);
  const peers = await Promise.all(Array.from({ length: count }, () => connectNet(listener.address.port)));
  for (const peer of peers) {
    peer.pause();
    peer.write(chunk);
  }
  await server.until('open', count);
  const one = server.opened[0] ?? expect.fail();
  await until('the loop to stop reading', async () => {
    const before = loop.stats.bytesReceived;
    for (let i = 0; i < 5; i++) await carriedOut(loop, one);
    return loop.stats.bytesReceived === before && before > 0;
  });
  expect(loop.stats.bytesReceived - loop.stats.bytesSent).toBeLessThanOrEqual(count * (HIGH_WATER + SLAB));
  for (const id of server.opened) expect(loop.write(id, '')).toBeLessThanOrEqual(HIGH_WATER + SLAB);
});

forEachDriver('one peer that sends without end does not keep the others from being served', async (driver) => {
  const loop = openLoop(driver, { receiveSlabBytes: 4096 });
  const server = new Recording({
    data: (id, bytes) => {
      if (id !== server.opened[0]) loop.write(id, bytes);
    },
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const flood = await connectNet(listener.address.port);
  await server.until('open');
  const chunk = pattern(1_000_000);
  const keepSending = (): void => {
    if (!flood.destroyed) flood.write(chunk, keepSending);
  };
  keepSending();
  await server.untilReceived(1);
  for (let i = 0; i < 5; i++) {
    const peer = await connectNet(listener.address.port);
    peer.write('me too');
    expect((await readExactly(peer, 6)).toString()).toBe('me too');
  }
  flood.destroy();
});

forEachDriver('a hundred peers share a slab too small for one of them', async (driver) => {
  const loop = openLoop(driver, { receiveSlabBytes: 4096, batchSize: 16 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const count = 100;
  const peers = await Promise.all(Array.from({ length: count }, () => connectNet(listener.address.port)));
  for (const [i, peer] of peers.entries()) peer.end(pattern(20_000, i));
  await server.until('close', count);
  const bySeed = peers.map((_, i) => pattern(20_000, i).toString('latin1'));
  const received = server.opened.map((id) => server.received(id).toString('latin1'));
  expect(new Set(received)).toEqual(new Set(bySeed));
});
