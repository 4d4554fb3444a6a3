import { expectBytes, pattern } from '../helpers/bytes.js';
import { within } from '../helpers/deadline.js';
import { carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { closeCode, connectNet, openNetServer, readToEnd, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const CLOSED = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_LOOP_CLOSED' };
const STALE = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_STALE_ID' };

forEachDriver('close may be called often, and ends listeners', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  await within('three closes', Promise.all([loop.close(), loop.close(), loop[Symbol.asyncDispose]()]));
  await loop.close();
  expect(await closeCode(startNet(listener.address.port))).toBe('ECONNREFUSED');
});

forEachDriver(
  'close calls the close handler of every connection, without an error, before it resolves',
  async (driver) => {
    const loop = openLoop(driver);
    const [server, client] = [new Recording({ end: () => undefined }), new Recording({ end: () => undefined })];
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const count = 100;
    for (let i = 0; i < count; i++) loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
    await Promise.all([server.until('open', count), client.until('open', count)]);
    await within('close', loop.close());
    for (const side of [server, client]) {
      expect(side.count('close')).toBe(count);
      expect(side.happenings.filter((one) => one.error !== undefined && one.error.code !== 'ECONNRESET')).toEqual([]);
    }
    expect(loop.stats.open).toBe(0);
  },
);

forEachDriver('close sends what is queued before it ends a connection', async (driver) => {
  const loop = openLoop(driver, { closeTimeoutMs: 60_000 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  const sent = pattern(8_000_000);
  loop.write(id, sent);
  const closed = loop.close();
  expectBytes(await readToEnd(peer), sent);
  await within('close', closed);
  expect(server.closeError()).toBeUndefined();
});

forEachDriver('what was written in the turn of close goes out', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  loop.write(await server.until('open'), 'goodbye');
  const closed = loop.close();
  expect((await readToEnd(peer)).toString()).toBe('goodbye');
  await within('close', closed);
});

forEachDriver('after closeTimeoutMs a peer that does not read is waited for no longer', async (driver) => {
  const loop = openLoop(driver, { closeTimeoutMs: 50 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  const id = await server.until('open');
  loop.write(id, Buffer.alloc(30_000_000));
  await carriedOut(loop, id);
  await within('close', loop.close());
  expect(server.order()).toEqual(['open', 'close']);
  expect(server.closeError()).toBeUndefined();
});

forEachDriver('connects under way are closed, those whose names are being resolved too', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const ids = ['localhost', HOST].map((host) => loop.connect({ host, port: peer.port }, client.handlers));
  await within('close', loop.close());
  await client.until('close', 2);
  expect(ids.map((id) => client.order(id).at(-1))).toEqual(['close', 'close']);
  expect(ids.map((id) => client.closeError(id))).toEqual([undefined, undefined]);
});

forEachDriver('a closed loop says so', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(listener.address.port);
  const id = await server.until('open');
  await loop.close();
  expect(loop.isOpen(id)).toBe(false);
  await expect(loop.listen({ host: HOST, port: 0 }, {})).rejects.toMatchObject(CLOSED);
  expect(() => loop.connect({ host: HOST, port: 1 }, {})).toThrow(expect.objectContaining(CLOSED));
  expect(() => loop.poll(0)).toThrow(expect.objectContaining(CLOSED));
  expect(() => loop.write(id, 'x')).toThrow(expect.objectContaining(STALE));
  expect(() => loop.end(id)).toThrow(expect.objectContaining(STALE));
  await expect(loop.getOption(id, 'noDelay')).rejects.toMatchObject(STALE);
  await expect(listener.stats()).rejects.toMatchObject(CLOSED);
  await listener.close();
  loop.ref().unref();
});

forEachDriver('a loop that is closing takes nothing new', async (driver) => {
  const loop = openLoop(driver, { closeTimeoutMs: 60_000 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  loop.write(id, Buffer.alloc(8_000_000)); // keeps it closing
  await carriedOut(loop, id);
  const resolving = loop.listen({ host: 'localhost', port: 0 }, {});
  const closed = loop.close();
  await expect(loop.listen({ host: HOST, port: 0 }, {})).rejects.toMatchObject(CLOSED);
  expect(() => loop.connect({ host: HOST, port: 1 }, {})).toThrow(expect.objectContaining(CLOSED));
  await expect(within('a listen that came too late', resolving)).rejects.toMatchObject(CLOSED);
  await readToEnd(peer);
  await within('close', closed);
});

forEachDriver('questions that were asked before close are answered', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(listener.address.port);
  const id = await server.until('open');
  const questions = [loop.localAddress(id), loop.getOption(id, 'noDelay'), listener.stats()];
  const closed = loop.close();
  await within('answers', Promise.all(questions));
  await within('close', closed);
});

test('a manual loop that waits for its peers while it closes does not turn round and round', async () => {
  const closeTimeoutMs = 300;
  const loop = openLoop({ name: 'manual', options: { driver: 'manual' } }, { closeTimeoutMs });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  const id = await server.until('open');
  loop.write(id, Buffer.alloc(30_000_000));
  await carriedOut(loop, id);
  const before = loop.stats.turns;
  await within('close', loop.close());
  expect(loop.stats.turns - before).toBeLessThan(closeTimeoutMs / 2);
});
