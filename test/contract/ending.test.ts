import { expectBytes, pattern } from '../helpers/bytes.js';
import { within } from '../helpers/deadline.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { closeCode, connectNet, openNetServer, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('reset reaches an accepted peer as ECONNRESET, and is no error on our side', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  const code = closeCode(peer);
  loop.reset(id);
  expect(await code).toBe('ECONNRESET');
  await server.until('close');
  expect(server.closeError()).toBeUndefined();
  expect(server.order()).toEqual(['open', 'close']);
});

forEachDriver('reset of an outbound connection reaches the peer as ECONNRESET', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  const socket = await peer.accept();
  await client.until('open');
  const code = closeCode(socket);
  loop.reset(id);
  expect(await code).toBe('ECONNRESET');
  await client.until('close');
  expect(client.closeError()).toBeUndefined();
});

forEachDriver('a reset by the peer is a close with ECONNRESET', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  await server.until('open');
  peer.resetAndDestroy();
  await server.until('close');
  expect(server.order()).toEqual(['open', 'close']);
  expect(server.closeError()).toMatchObject({ name: 'SystemError', code: 'ECONNRESET', syscall: 'read' });
});

forEachDriver('a reset by the peer is noticed although we are paused', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.pause(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  await server.until('open');
  peer.resetAndDestroy();
  await server.until('close');
  expect(server.closeError()).toMatchObject({ code: 'ECONNRESET' });
});

forEachDriver(
  'destroy hands what was written in the same turn to the kernel, and nothing else follows but close',
  async (driver) => {
    const loop = openLoop(driver);
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const peer = await connectNet(listener.address.port);
    const id = await server.until('open');
    const sent = pattern(20_000);
    loop.write(id, sent);
    loop.destroy(id);
    loop.destroy(id);
    peer.write('not heard');
    expectBytes(await readToEnd(peer), sent);
    await server.until('close');
    expect(server.order()).toEqual(['open', 'close']);
    expect(server.closeError()).toBeUndefined();
    expect(loop.isOpen(id)).toBe(false);
  },
);

forEachDriver('destroy with more queued than the kernel takes drops the rest and closes at once', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  const id = await server.until('open');
  loop.write(id, pattern(20_000_000));
  loop.destroy(id);
  await server.until('close');
  expect(server.order()).toEqual(['open', 'close']);
  expect((await within('the peer to end', readToEnd(peer))).length).toBeLessThan(20_000_000);
});

forEachDriver('no data is delivered after destroy, though it was received already', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ data: (id) => loop.destroy(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.write(pattern(400_000)); // more than one receive takes
  await server.until('close');
  expect(server.happenings.map((one) => one.what)).toEqual(['open', 'data', 'close']);
});

forEachDriver('each of many connections is closed exactly once, whoever ends it and how', async (driver) => {
  const loop = openLoop(driver);
  const endings = ['end', 'destroy', 'reset'] as const;
  const server = new Recording({
    open: (id) => {
      const ending = endings[server.count('open') % 4];
      if (ending !== undefined) loop[ending](id); // else the client does
    },
  });
  const client = new Recording({
    open: (id) => {
      loop.write(id, 'x');
      const ending = endings[Math.floor(client.count('open') / 4) % 4];
      if (ending !== undefined) loop[ending](id);
      else if (client.count('open') % 4 === 3) loop.end(id);
    },
  });
  const count = 320;
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  for (let i = 0; i < count; i++) loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  await client.until('open', count);
  for (const id of client.opened) if (loop.isOpen(id)) loop.destroy(id);
  await Promise.all([client.until('close', count), server.until('close', count)]);
  for (const side of [server, client]) {
    const closed = side.happenings.filter((one) => one.what === 'close').map((one) => one.id);
    expect(new Set(closed).size).toBe(count);
    expect(closed).toHaveLength(count);
  }
  expect(loop.stats).toMatchObject({ open: 0, closed: 2 * count });
});
