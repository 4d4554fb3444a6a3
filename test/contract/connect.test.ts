import { type Loop } from '../../lib/index.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, freePort, openNetServer, readExactly, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('connect returns an open id at once, and open follows in a later turn', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  expect(Number.isSafeInteger(id) && id > 0).toBe(true);
  expect(loop.isOpen(id)).toBe(true);
  expect(client.happenings).toEqual([]);
  expect(await client.until('open')).toBe(id);
  expect((await peer.accept()).remotePort).toBe((await loop.localAddress(id)).port);
});

forEachDriver('what is written before open arrives when it is open', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  expect(loop.write(id, 'early ')).toBe(6);
  expect(loop.write(id, 'bird')).toBe(10);
  loop.end(id);
  expect((await readToEnd(await peer.accept())).toString()).toBe('early bird');
});

forEachDriver('the source address is the one asked for', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port, source: { address: '127.9.8.7' } }, client.handlers);
  const socket = await peer.accept();
  await client.until('open');
  expect(socket.remoteAddress).toBe('127.9.8.7');
  expect(await loop.localAddress(id)).toEqual({ address: '127.9.8.7', port: socket.remotePort, family: 'IPv4' });
});

forEachDriver('the source port is the one asked for, with and without an address', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const [one, two] = [await freePort(), await freePort()];
  loop.connect({ host: HOST, port: peer.port, source: { address: '127.0.0.2', port: one } }, client.handlers);
  loop.connect({ host: HOST, port: peer.port, source: { port: two } }, client.handlers);
  await client.until('open', 2);
  const seen = [await peer.accept(), await peer.accept()].map((s) => `${s.remoteAddress ?? ''}:${s.remotePort ?? ''}`);
  expect(seen.sort()).toEqual([`127.0.0.1:${two}`, `127.0.0.2:${one}`].sort());
});

forEachDriver('one source port serves two destinations', async (driver) => {
  const loop = openLoop(driver);
  const peers = [await openNetServer(), await openNetServer()];
  const client = new Recording();
  const source = { address: HOST, port: await freePort() };
  for (const { port } of peers) loop.connect({ host: HOST, port, source }, client.handlers);
  await client.until('open', 2);
  for (const peer of peers) expect((await peer.accept()).remotePort).toBe(source.port);
});

forEachDriver('IPv6 connects as IPv4 does', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer(undefined, { host: '::1' });
  const client = new Recording();
  const id = loop.connect({ host: '::1', port: peer.port, source: { address: '::1' } }, client.handlers);
  await client.until('open');
  expect(await loop.remoteAddress(id)).toEqual({ address: '::1', port: peer.port, family: 'IPv6' });
});

forEachDriver('a name is resolved, and the loop keeps the order of what was asked meanwhile', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer(undefined, { host: 'localhost' });
  const client = new Recording();
  const id = loop.connect({ host: 'localhost', port: peer.port }, client.handlers);
  expect(loop.isOpen(id)).toBe(true);
  const bytes = Buffer.from('one two ');
  expect(loop.write(id, bytes)).toBe(8);
  bytes.fill(0); // it was copied
  expect(loop.write(id, bytes.fill('x'), 1, 3)).toBe(11);
  expect(loop.write(id, ' three')).toBe(17);
  loop.end(id);
  expect((await readToEnd(await peer.accept())).toString()).toBe('one two xxx three');
  await client.until('open');
});

forEachDriver('a connection whose name is being resolved can be paused and resumed', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer(undefined, { host: 'localhost' });
  const client = new Recording();
  const id = loop.connect({ host: 'localhost', port: peer.port }, client.handlers);
  loop.pause(id);
  const socket = await peer.accept();
  socket.write('held back');
  loop.write(id, '?');
  expect((await readExactly(socket, 1)).toString()).toBe('?');
  expect(client.count('data')).toBe(0);
  loop.resume(id);
  await client.untilReceived(9);
});

for (const verb of ['destroy', 'reset'] as const) {
  forEachDriver(
    `${verb} while a name is being resolved is a close without open and without an error`,
    async (driver) => {
      const loop = openLoop(driver);
      const peer = await openNetServer(undefined, { host: 'localhost' });
      const client = new Recording();
      const id = loop.connect({ host: 'localhost', port: peer.port }, client.handlers);
      loop.write(id, 'never sent');
      loop[verb](id);
      loop[verb](id); // once is enough, twice is no harm
      expect(client.happenings).toEqual([]);
      await client.until('close');
      expect(client.order()).toEqual(['close']);
      expect(client.closeError()).toBeUndefined();
      expect(loop.isOpen(id)).toBe(false);
      // Nobody came: the next connection is the first one.
      const next = new Recording();
      loop.connect({ host: HOST, port: peer.port }, next.handlers);
      await next.until('open');
      expect(peer.sockets.length).toBeLessThanOrEqual(1);
    },
  );
}

forEachDriver('destroy before open is a close without open', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  loop.destroy(id);
  await client.until('close');
  expect(client.order()).toEqual(['close']);
  expect(client.closeError()).toBeUndefined();
});

forEachDriver('a connection of ours to ourselves works in one loop', async (driver) => {
  const loop: Loop = openLoop(driver);
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const client = new Recording({ open: (id) => loop.write(id, 'there and back') });
  const id = loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  await client.untilReceived(14);
  loop.end(id);
  await Promise.all([client.until('close'), server.until('close')]);
  expect(client.order()).toEqual(['open', 'data', 'close']);
  expect(server.order()).toEqual(['open', 'data', 'close']);
});

forEachDriver('node:net and the loop talk while the loop also connects', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.write(id, 'from the loop') });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peers = await Promise.all(Array.from({ length: 20 }, () => connectNet(listener.address.port)));
  const client = new Recording();
  for (let i = 0; i < 20; i++) loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  for (const peer of peers) expect((await readExactly(peer, 13)).toString()).toBe('from the loop');
  await client.untilReceived(20 * 13);
});
