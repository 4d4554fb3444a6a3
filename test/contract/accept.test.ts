import { expectBytes, pattern } from '../helpers/bytes.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer, readExactly, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

forEachDriver('an accepted connection opens, receives, sees the end and closes, in this order', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  await server.until('open');
  peer.end('hello');
  expect(await readToEnd(peer)).toHaveLength(0);
  peer.end();
  const id = await server.until('close');
  expect(server.order(id)).toEqual(['open', 'data', 'close']);
  expect(server.received(id).toString()).toBe('hello');
  expect(server.closeError(id)).toBeUndefined();
});

forEachDriver('an end handler is called between the last data and the close', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ end: (id) => loop.end(id) });
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.end('last words');
  await server.until('close');
  expect(server.order()).toEqual(['open', 'data', 'end', 'close']);
});

forEachDriver('an outbound connection opens, receives, sees the end and closes, in this order', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording({ end: (id) => loop.end(id) });
  const id = loop.connect({ host: '127.0.0.1', port: peer.port }, client.handlers);
  const socket = await peer.accept();
  socket.end('hello');
  await client.until('close');
  expect(client.order(id)).toEqual(['open', 'data', 'end', 'close']);
  expect(client.order()).toEqual(client.order(id));
  expect(client.received().toString()).toBe('hello');
});

forEachDriver('dataIn gets the slab, an offset and a length instead of a view', async (driver) => {
  const loop = openLoop(driver);
  const slabs = new Set<Buffer>();
  const server = new Recording({ dataIn: (_id, slab) => slabs.add(slab) });
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const [one, two] = [await connectNet(listener.address.port), await connectNet(listener.address.port)];
  one.end(pattern(1000, 1));
  two.end(pattern(1000, 2));
  await server.until('close', 2);
  const [first, second] = server.opened;
  expectBytes(server.received(first), pattern(1000, 1));
  expectBytes(server.received(second), pattern(1000, 2));
  expect(slabs.size).toBe(1);
});

forEachDriver('what is received can be written back from the slab itself', async (driver) => {
  const loop = openLoop(driver, { receiveSlabBytes: 4096 });
  const server = new Recording({ dataIn: (id, slab, offset, length) => loop.write(id, slab, offset, length) });
  // Without noDelay each piece would wait for the peer's delayed acknowledgement of the one before.
  const listener = await loop.listen({ host: '127.0.0.1', port: 0, options: { noDelay: true } }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const sent = pattern(100_000);
  peer.end(sent);
  expectBytes(await readToEnd(peer), sent);
});

forEachDriver('a thousand connections in a burst are all accepted, each with its own id', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const client = new Recording({ open: (id) => loop.write(id, String(id)) });
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const count = 1000;
  for (let i = 0; i < count; i++) loop.connect({ host: '127.0.0.1', port: listener.address.port }, client.handlers);
  await client.until('open', count);
  await client.untilReceived(client.opened.join('').length);
  expect(new Set([...server.opened, ...client.opened]).size).toBe(2 * count);
  for (const id of client.opened) expect(client.received(id).toString()).toBe(String(id));
  expect(await listener.stats()).toMatchObject({ accepted: count, open: count, rejected: 0, failures: 0 });
});

forEachDriver('handlers of different listeners and connects are kept apart', async (driver) => {
  const loop = openLoop(driver);
  const recordings = [new Recording(), new Recording(), new Recording()];
  for (const [i, recording] of recordings.entries()) {
    const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, recording.handlers);
    const peer = await connectNet(listener.address.port);
    peer.end(`for ${i}`);
  }
  await Promise.all(recordings.map((recording) => recording.until('close')));
  expect(recordings.map((recording) => recording.received().toString())).toEqual(['for 0', 'for 1', 'for 2']);
});

forEachDriver('handlers may be methods of a class', async (driver) => {
  const loop = openLoop(driver);
  class Greeter {
    readonly greeting = 'hello from a class';
    open(id: Parameters<typeof loop.end>[0]): void {
      loop.write(id, this.greeting);
    }
  }
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, new Greeter());
  const peer = await connectNet(listener.address.port);
  expect((await readExactly(peer, 18)).toString()).toBe('hello from a class');
});
