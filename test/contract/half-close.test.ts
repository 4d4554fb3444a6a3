import { expectBytes, pattern } from '../helpers/bytes.js';
import { carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer, readExactly, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('after our end the peer may go on sending', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  loop.write(id, 'question');
  loop.end(id);
  const socket = await peer.accept();
  expect((await readToEnd(socket)).toString()).toBe('question');
  const answer = pattern(300_000);
  socket.end(answer);
  await client.until('close');
  expectBytes(client.received(), answer);
  expect(client.closeError()).toBeUndefined();
});

forEachDriver('after the peer has ended we may go on sending, given an end handler', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ end: () => undefined });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.end('question');
  const id = await server.until('end');
  expect(loop.isOpen(id)).toBe(true);
  const answer = pattern(300_000);
  loop.write(id, answer.subarray(0, 1000));
  expectBytes(await readExactly(peer, 1000), answer.subarray(0, 1000));
  expect(server.count('close')).toBe(0);
  loop.write(id, answer, 1000);
  loop.end(id);
  expectBytes(await readToEnd(peer), answer.subarray(1000));
  await server.until('close');
  expect(server.order().filter((what) => what !== 'drain')).toEqual(['open', 'data', 'end', 'close']);
});

forEachDriver('without an end handler our side ends too, behind what is queued', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  const sent = pattern(4_000_000);
  loop.write(id, sent);
  peer.end('enough');
  expectBytes(await readToEnd(peer), sent);
  await server.until('close');
  expect(server.received().toString()).toBe('enough');
  expect(server.closeError()).toBeUndefined();
});

forEachDriver('end is behind what is queued, however long the peer takes to read it', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, options: { sendBufferBytes: 65_536 } }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  const sent = pattern(4_000_000);
  loop.write(id, sent);
  loop.end(id);
  expectBytes(await readToEnd(peer), sent);
  expect(loop.isOpen(id)).toBe(true); // the peer has not ended
  peer.end();
  await server.until('close');
});

forEachDriver('end twice is end once', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  const socket = await peer.accept();
  await client.until('open');
  loop.end(id);
  loop.end(id);
  await readToEnd(socket);
  loop.end(id);
  socket.end();
  await client.until('close');
  expect(client.closeError()).toBeUndefined();
});

forEachDriver('both sides ending at once is an orderly close', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.end(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const client = new Recording({ open: (id) => loop.end(id) });
  for (let i = 0; i < 50; i++) loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  await Promise.all([server.until('close', 50), client.until('close', 50)]);
  const errors = [...server.happenings, ...client.happenings].filter((one) => one.error !== undefined);
  expect(errors).toEqual([]);
});

forEachDriver('a peer that ends while we are paused is noticed when we resume', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.pause(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  await carriedOut(loop, id);
  peer.end('unread');
  loop.write(id, 'x');
  await readExactly(peer, 1);
  expect(server.order()).toEqual(['open']);
  loop.resume(id);
  await server.until('close');
  expect(server.order()).toEqual(['open', 'data', 'close']);
  expect(server.received().toString()).toBe('unread');
});

forEachDriver('after our end and the peer’s, a paused connection closes when it is resumed', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ open: (id) => loop.pause(id), end: () => undefined });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  loop.end(id);
  await readToEnd(peer);
  await new Promise<void>((sent) => peer.end(() => sent()));
  for (let i = 0; i < 10; i++) await carriedOut(loop, id);
  expect(server.order()).toEqual(['open']);
  expect(loop.isOpen(id)).toBe(true);
  loop.resume(id);
  await server.until('close');
  expect(server.order()).toEqual(['open', 'end', 'close']);
  expect(server.closeError()).toBeUndefined();
});
