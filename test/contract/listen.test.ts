import net from 'node:net';
import { capabilities } from '../../lib/index.js';
import { turn } from '../helpers/deadline.js';
import { forEachDriver, openLoop, openUnpolled } from '../helpers/drivers.js';
import { closeCode, connectNet, readExactly, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('port 0 becomes a port of the kernel, which the frozen address names', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  expect(listener.address).toEqual({ address: HOST, port: expect.any(Number), family: 'IPv4' });
  expect(listener.address.port).toBeGreaterThan(1023);
  expect(Object.isFrozen(listener.address)).toBe(true);
  await connectNet(listener.address.port);
});

forEachDriver('without a host IPv6 and IPv4 are taken', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ port: 0 }, server.handlers);
  expect(listener.address).toMatchObject({ address: '::', family: 'IPv6' });
  const sockets = [
    await connectNet(listener.address.port, { host: '::1' }),
    await connectNet(listener.address.port, { host: HOST }),
  ];
  await server.until('open', sockets.length);
});

forEachDriver('ipv6Only refuses IPv4', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: '::', port: 0, ipv6Only: true }, {});
  await connectNet(listener.address.port, { host: '::1' });
  expect(await closeCode(startNet(listener.address.port, { host: HOST }))).toBe('ECONNREFUSED');
});

forEachDriver('a name is resolved', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: 'localhost', port: 0 }, {});
  expect(['127.0.0.1', '::1']).toContain(listener.address.address);
  await connectNet(listener.address.port, { host: listener.address.address });
});

forEachDriver('a closed listener refuses new connections and leaves accepted ones alone', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  await server.until('open');
  await listener.close();
  expect(await closeCode(startNet(listener.address.port))).toBe('ECONNREFUSED');
  peer.write('still here');
  expect((await readExactly(peer, 10)).toString()).toBe('still here');
});

forEachDriver('a listener may be closed twice, and is disposed of by await using', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  await Promise.all([listener.close(), listener.close()]);
  await listener[Symbol.asyncDispose]();
  expect(await closeCode(startNet(listener.address.port))).toBe('ECONNREFUSED');
});

forEachDriver('the port of a closed listener is free at once', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const first = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(first.address.port);
  const id = await server.until('open');
  await first.close();
  const second = await loop.listen({ host: HOST, port: first.address.port }, {});
  expect(second.address.port).toBe(first.address.port);
  expect(loop.isOpen(id)).toBe(true);
});

forEachDriver(
  'stats tell the length of the queue and the limit that the kernel made of the backlog',
  async (driver) => {
    const loop = openLoop(driver);
    // With one connection open nothing more is accepted, so that the queue stands still.
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0, backlog: 7, maxConnections: 1 }, server.handlers);
    await connectNet(listener.address.port);
    await server.until('open');
    for (let i = 0; i < 3; i++) await connectNet(listener.address.port);
    expect(await listener.stats()).toEqual({
      accepted: 1,
      rejected: 0,
      failures: 0,
      lastFailure: null,
      pauses: 1,
      open: 1,
      queueDepth: 3,
      queueLimit: 7,
    });
    expect(loop.stats.acceptPauses).toBe(1);
  },
);

forEachDriver('the default backlog is what the system allows', async (driver) => {
  const loop = openLoop(driver);
  const [ours, asked] = [
    await loop.listen({ host: HOST, port: 0 }, {}),
    await loop.listen({ host: HOST, port: 0, backlog: 2 ** 31 - 1 }, {}),
  ];
  const { queueLimit } = await ours.stats();
  expect(queueLimit).toBe((await asked.stats()).queueLimit);
  expect(queueLimit).toBeGreaterThan(0);
});

forEachDriver('reusePort spreads connections over the listeners of one port', async (driver) => {
  expect(capabilities().reusePort.supported).toBe(true);
  const [one, two] = [openLoop(driver), openLoop(driver)];
  const servers = [new Recording(), new Recording()] as const;
  const first = await one.listen({ host: HOST, port: 0, reusePort: true }, servers[0].handlers);
  const second = await two.listen({ host: HOST, port: first.address.port, reusePort: true }, servers[1].handlers);
  const count = 64; // all on one side: once in 2^63 runs
  await Promise.all(Array.from({ length: count }, () => connectNet(first.address.port)));
  const accepted = await Promise.all([first, second].map(async (listener) => (await listener.stats()).accepted));
  expect(accepted[0]).toBeGreaterThan(0);
  expect(accepted[1]).toBeGreaterThan(0);
  await Promise.all(servers.map((server, i) => server.until('open', accepted[i])));
});

forEachDriver('deferAcceptMs leaves a connection in the kernel until it has sent something', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, deferAcceptMs: 60_000 }, server.handlers);
  const silent = await connectNet(listener.address.port);
  const talking = await connectNet(listener.address.port);
  talking.write('first');
  await server.untilReceived(5);
  expect(server.count('open')).toBe(1);
  silent.write('second');
  await server.untilReceived(11);
  expect(server.received().toString()).toBe('firstsecond');
});

test('acceptBatch bounds what one turn accepts', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, acceptBatch: 2 }, server.handlers);
  for (let i = 0; i < 5; i++) await connectNet(listener.address.port);
  const opened: number[] = [];
  while (server.count('open') < 5) {
    const before = server.count('open');
    expect(loop.poll(1000)).toBeGreaterThan(0);
    opened.push(server.count('open') - before);
    await turn();
  }
  expect(opened).toEqual([2, 2, 1]);
});

forEachDriver('many listeners live in one loop, and their places are used again', async (driver) => {
  const loop = openLoop(driver);
  for (let round = 0; round < 3; round++) {
    const listeners = await Promise.all(Array.from({ length: 100 }, () => loop.listen({ host: HOST, port: 0 }, {})));
    expect(new Set(listeners.map((listener) => listener.address.port)).size).toBe(100);
    await Promise.all(listeners.map((listener) => listener.close()));
  }
});

forEachDriver('node:net meets EADDRINUSE on a port of ours', async (driver) => {
  const loop = openLoop(driver);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  const taken = net.createServer();
  onTestFinished(() => void taken.close());
  const code = await new Promise((resolve) => {
    taken.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    taken.listen(listener.address.port, HOST, () => resolve('listening'));
  });
  expect(code).toBe('EADDRINUSE');
});
