import { turn, until } from '../helpers/deadline.js';
import { forEachDriver, openLoop, openUnpolled } from '../helpers/drivers.js';
import { closeCode, connectNet, readExactly, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver(
  'with overload pause a listener accepts no more than maxConnections, and goes on when one closes',
  async (driver) => {
    const loop = openLoop(driver);
    const server = new Recording({ open: (id) => loop.write(id, '!') });
    const listener = await loop.listen({ host: HOST, port: 0, maxConnections: 2 }, server.handlers);
    const peers = [];
    for (let i = 0; i < 6; i++) peers.push(await connectNet(listener.address.port));
    await server.until('open', 2);
    expect(await listener.stats()).toMatchObject({ accepted: 2, open: 2, queueDepth: 4, rejected: 0 });
    for (const [i, peer] of peers.entries()) {
      await readExactly(peer, 1); // served in the order of the queue
      expect(server.count('open')).toBeLessThanOrEqual(i + 2);
      peer.destroy();
      await server.until('close', i + 1);
    }
    expect(await listener.stats()).toMatchObject({ accepted: 6, open: 0, queueDepth: 0, rejected: 0, failures: 0 });
  },
);

forEachDriver(
  'with overload reset a listener resets what is too much, and accepts again when one closes',
  async (driver) => {
    const loop = openLoop(driver);
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0, maxConnections: 2, overload: 'reset' }, server.handlers);
    const first = await connectNet(listener.address.port);
    await connectNet(listener.address.port);
    await server.until('open', 2);
    for (let i = 1; i <= 3; i++) {
      expect(await closeCode(startNet(listener.address.port))).toBe('ECONNRESET');
    }
    expect(await listener.stats()).toMatchObject({ accepted: 2, open: 2, rejected: 3, queueDepth: 0 });
    expect(loop.stats.rejected).toBe(3);
    first.destroy();
    await server.until('close');
    await connectNet(listener.address.port);
    await server.until('open', 3);
  },
);

forEachDriver('a listener that resets resets nobody while the loop has places', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 3 });
  const server = new Recording();
  // Nobody comes to these: they need no places.
  for (let i = 0; i < 4; i++) await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const listener = await loop.listen({ host: HOST, port: 0, overload: 'reset' }, server.handlers);
  for (let i = 0; i < 3; i++) await connectNet(listener.address.port);
  await server.until('open', 3);
  expect(await closeCode(startNet(listener.address.port))).toBe('ECONNRESET');
  expect(await listener.stats()).toMatchObject({ accepted: 3, rejected: 1 });
});

forEachDriver('maxConnections of the loop bounds all its listeners together', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 3 });
  const server = new Recording();
  const listeners = [
    await loop.listen({ host: HOST, port: 0 }, server.handlers),
    await loop.listen({ host: HOST, port: 0 }, server.handlers),
  ];
  const peers = [];
  for (let i = 0; i < 5; i++) peers.push(await connectNet(listeners[i % 2]?.address.port ?? 0));
  await server.until('open', 3);
  const waiting = await Promise.all(listeners.map(async (listener) => (await listener.stats()).queueDepth ?? 0));
  expect(waiting.reduce((sum, one) => sum + one)).toBe(2);
  expect(loop.stats.accepted).toBe(3);
  // Outbound connections have room of their own.
  const client = new Recording();
  const target = await openUnpolled({ driver: 'manual' }).listen({ host: HOST, port: 0 }, {});
  for (let i = 0; i < 3; i++) loop.connect({ host: HOST, port: target.address.port }, client.handlers);
  await client.until('open', 3);
  for (const peer of peers) peer.destroy();
  await server.until('close', 5);
  expect(server.count('open')).toBe(5);
});

test('slots that are freed in a turn are no reason for that turn to fail an accept', async () => {
  const loop = openUnpolled({ driver: 'manual', maxConnections: 4 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, overload: 'reset' }, server.handlers);
  const peers = [];
  for (let i = 0; i < 4; i++) peers.push(await connectNet(listener.address.port));
  while (server.count('open') < 4) loop.poll(100);
  for (const id of server.opened.slice(0, 3)) loop.destroy(id);
  for (let i = 0; i < 3; i++) peers.push(await connectNet(listener.address.port));
  for (let i = 0; i < 100 && server.count('open') < 7; i++) {
    loop.poll(1);
    await turn();
  }
  const stats = await listener.stats();
  expect(stats).toMatchObject({ failures: 0, lastFailure: null });
  expect(stats.accepted + stats.rejected).toBe(7);
});

forEachDriver('listeners that compete for the last places reset nobody, and each has its turn', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 1 });
  const servers = [new Recording(), new Recording(), new Recording()] as const;
  const listeners = await Promise.all(servers.map((server) => loop.listen({ host: HOST, port: 0 }, server.handlers)));
  const peers = await Promise.all([...listeners, ...listeners].map((listener) => connectNet(listener.address.port)));
  const opened = (): number => servers.reduce((sum, server) => sum + server.count('open'), 0);
  for (let i = 1; i <= peers.length; i++) {
    await until(`connection ${i} to be accepted`, () => opened() === i);
    for (const server of servers) for (const id of server.opened) if (loop.isOpen(id)) loop.destroy(id);
  }
  expect(servers.map((server) => server.count('open'))).toEqual([2, 2, 2]);
  expect(loop.stats).toMatchObject({ accepted: 6, rejected: 0, acceptFailures: 0 });
});

forEachDriver('a thousand peers at a listener for fifty are all served, fifty at a time', async (driver) => {
  const loop = openLoop(driver);
  let open = 0;
  let most = 0;
  const server = new Recording({
    open: () => {
      most = Math.max(most, ++open);
    },
    data: (id, bytes) => {
      loop.write(id, bytes);
      loop.end(id);
    },
    close: () => open--,
  });
  const listener = await loop.listen({ host: HOST, port: 0, maxConnections: 50 }, server.handlers);
  const calling = openLoop(driver);
  const client = new Recording();
  const count = 1000;
  for (let i = 0; i < count; i++) {
    const id = calling.connect({ host: HOST, port: listener.address.port }, client.handlers);
    calling.write(id, 'x');
  }
  await client.until('close', count);
  expect(client.receivedBytes).toBe(count);
  expect(most).toBe(50);
});
