import { expectBytes, pattern } from '../helpers/bytes.js';
import { until } from '../helpers/deadline.js';
import { carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, readExactly } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('a paused connection receives nothing until it is resumed, and loses nothing', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.pause(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  await carriedOut(loop, id);
  const sent = pattern(50_000);
  peer.write(sent);
  loop.write(id, 'I can still write');
  await readExactly(peer, 17);
  expect(server.order()).toEqual(['open']);
  loop.resume(id);
  await server.untilReceived(sent.length);
  expectBytes(server.received(), sent);
});

forEachDriver('while we are paused the peer is stopped by the kernel', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.pause(id) });
  const options = { receiveBufferBytes: 8192 };
  const listener = await loop.listen({ host: HOST, port: 0, options }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  await carriedOut(loop, id);
  const sent = pattern(10_000_000);
  expect(peer.write(sent)).toBe(false);
  for (let i = 0; i < 10; i++) await carriedOut(loop, id);
  expect(peer.writableLength).toBeGreaterThan(0);
  expect(loop.stats.bytesReceived).toBe(0);
  loop.resume(id);
  await server.untilReceived(sent.length);
  expectBytes(server.received(), sent);
});

forEachDriver(
  'pausing in the data handler stops the flow, and resuming later continues where it stopped',
  async (driver) => {
    const loop = openLoop(driver, { receiveSlabBytes: 65_536 });
    const server = new Recording({ data: (id) => loop.pause(id) });
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const peer = await connectNet(listener.address.port);
    const sent = pattern(2_000_000);
    peer.write(sent);
    const id = await server.until('open');
    await until('everything, a piece at a time', () => {
      loop.resume(id);
      return server.receivedBytes === sent.length;
    });
    expectBytes(server.received(), sent);
  },
);

forEachDriver('pause twice and resume once flows; resume without a pause changes nothing', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  loop.resume(id);
  loop.pause(id);
  loop.pause(id);
  await carriedOut(loop, id);
  peer.write('one');
  loop.write(id, 'x');
  await readExactly(peer, 1);
  expect(server.receivedBytes).toBe(0);
  loop.resume(id);
  await server.untilReceived(3);
  peer.write('two');
  await server.untilReceived(6);
});

forEachDriver('a connection can be paused before it is open', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.write(id, 'greeting') });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  loop.pause(id);
  await client.until('open');
  loop.write(id, 'ping');
  await server.untilReceived(4);
  expect(client.order()).toEqual(['open']);
  loop.resume(id);
  await client.untilReceived(8);
});
