import { once } from 'node:events';
import { pattern } from '../helpers/bytes.js';
import { turn, within } from '../helpers/deadline.js';
import { type DriverCase, carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';
import type { ConnectionId, Loop, LoopOptions } from '../../lib/index.js';
import type { Socket } from 'node:net';

const HOST = '127.0.0.1';
const RESET = { name: 'SystemError', code: 'ECONNRESET', errno: -104 };

async function openPair(
  driver: DriverCase,
  options?: LoopOptions,
): Promise<{ loop: Loop; id: ConnectionId; peer: Socket; server: Recording }> {
  const loop = openLoop(driver, options);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  return { loop, id: await server.until('open'), peer, server };
}

forEachDriver(
  'a peer that resets with megabytes queued is one close with ECONNRESET, and the queue is gone',
  async (driver) => {
    const { loop, id, peer, server } = await openPair(driver);
    peer.pause();
    loop.write(id, pattern(20_000_000));
    await carriedOut(loop, id);
    expect(loop.stats.backlogged).toBe(1);
    peer.resetAndDestroy();
    await server.until('close');
    expect(server.count('close')).toBe(1);
    expect(server.closeError()).toMatchObject(RESET);
    expect(loop.stats).toMatchObject({ open: 0, backlogged: 0 });
  },
);

forEachDriver(
  'a peer that resets while we stream to it is ECONNRESET, or the EPIPE of a write behind it',
  async (driver) => {
    const { loop, id, peer, server } = await openPair(driver);
    const chunk = pattern(50_000);
    let written = 0;
    while (loop.isOpen(id)) {
      loop.write(id, chunk);
      if (++written === 20) peer.resetAndDestroy();
      await turn();
    }
    expect(written).toBeGreaterThanOrEqual(20);
    expect(server.count('close')).toBe(1);
    expect(['ECONNRESET', 'EPIPE']).toContain(server.closeError()?.code);
  },
);

forEachDriver('bytes that came before the reset are not asked for twice, and close is last', async (driver) => {
  const { id, peer, server } = await openPair(driver);
  peer.write('before the reset');
  await server.untilReceived(16);
  peer.resetAndDestroy();
  await server.until('close');
  expect(server.order(id)).toEqual(['open', 'data', 'close']);
  expect(server.closeError()).toMatchObject(RESET);
});

forEachDriver('a reset behind bytes is reported to a handler that pauses at the bytes', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ data: (id) => loop.pause(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  await server.until('open');
  peer.write('last words'); // both in one turn of Node's loop: the kernel reports them at once
  peer.resetAndDestroy();
  await server.until('close');
  expect(server.closeError()).toMatchObject(RESET);
  expect(loop.stats.open).toBe(0);
});

forEachDriver('a peer that asks for more than it reads and then resets is closed', async (driver) => {
  const answer = pattern(20_000_000);
  const highWaterMarkBytes = 32 * 1024 * 1024;
  const loop = openLoop(driver, { highWaterMarkBytes });
  const server = new Recording({
    data: (id) => {
      if (loop.write(id, answer) > highWaterMarkBytes) loop.pause(id);
    },
    drain: (id) => loop.resume(id),
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  await server.until('open');
  peer.write('one');
  await server.untilReceived(3);
  peer.write('two'); // the second answer is beyond the high-water mark
  peer.resetAndDestroy();
  await server.until('close');
  expect(server.count('close')).toBe(1);
  expect(loop.stats).toMatchObject({ open: 0, backlogged: 0 });
});

forEachDriver('a peer that ends and then closes with bytes unread is a close with an error', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ end: () => undefined });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  const id = await server.until('open');
  loop.write(id, pattern(20_000_000));
  peer.end();
  await within('FIN to be sent', once(peer, 'finish'));
  peer.destroy();
  await server.until('close');
  // After a FIN the kernel calls it a broken pipe: tcp_reset() in CLOSE_WAIT.
  expect(server.closeError()).toMatchObject({ code: 'EPIPE' });
  expect(loop.stats).toMatchObject({ open: 0, backlogged: 0 });
});

forEachDriver('a server that resets what it accepts is ECONNRESET for the client', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer((socket) => socket.resetAndDestroy());
  const client = new Recording();
  const count = 50;
  for (let i = 0; i < count; i++) loop.connect({ host: HOST, port: peer.port }, client.handlers);
  await client.until('close', count);
  const codes = client.happenings.filter((one) => one.what === 'close').map((one) => one.error?.code);
  expect(new Set(codes)).toEqual(new Set(['ECONNRESET']));
});

forEachDriver('a thousand peers that reset at once are a thousand closes', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const client = new Recording();
  const count = 1000;
  for (let i = 0; i < count; i++) loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  await Promise.all([client.until('open', count), server.until('open', count)]);
  for (const id of client.opened) loop.reset(id);
  await Promise.all([client.until('close', count), server.until('close', count)]);
  expect(server.happenings.filter((one) => one.what === 'close' && one.error?.code !== 'ECONNRESET')).toEqual([]);
  expect(client.happenings.filter((one) => one.error !== undefined)).toEqual([]);
  expect(loop.stats).toMatchObject({ open: 0, closed: 2 * count });
});

forEachDriver('the errors of closes are shared, frozen, and say what the kernel said', async (driver) => {
  const { peer, server } = await openPair(driver);
  peer.resetAndDestroy();
  await server.until('close');
  const error = server.closeError();
  expect(Object.isFrozen(error)).toBe(true);
  expect(error).toBeInstanceOf(Error);
  expect(error?.message).toBe('read ECONNRESET: connection reset by peer');
});
