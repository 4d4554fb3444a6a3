import { DRIVERS, openLoop, openUnpolled, withAllDrivers } from '../helpers/drivers.js';
import { closeCode, connectNet, openNetServer, readExactly } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

withAllDrivers('an accepted connection that is idle is closed with ERR_CONNSCALE_IDLE_TIMEOUT', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 100 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const closed = closeCode(peer);
  await server.until('close');
  expect(server.closeError()).toMatchObject({ name: 'ConnscaleError', code: 'ERR_CONNSCALE_IDLE_TIMEOUT' });
  expect(server.order()).toEqual(['open', 'close']);
  expect(loop.stats.timeouts).toBe(1);
  peer.end();
  expect(await closed).toBeNull();
});

withAllDrivers('an outbound connection that is idle is closed too', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  loop.connect({ host: HOST, port: peer.port, idleTimeoutMs: 100 }, client.handlers);
  await client.until('close');
  expect(client.order()).toEqual(['open', 'close']);
  expect(client.closeError()).toMatchObject({ code: 'ERR_CONNSCALE_IDLE_TIMEOUT' });
});

withAllDrivers('an idle timeout is never early', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 250 }, server.handlers);
  const since = performance.now();
  await connectNet(listener.address.port);
  await server.until('close');
  expect(performance.now() - since).toBeGreaterThanOrEqual(250);
});

// A thread goes on reading for a while: who was read first is idle in the end.
for (const driver of DRIVERS.filter(({ options }) => options.driver !== 'thread')) {
  test(`nobody is idle whose bytes wait in the kernel while JavaScript is busy [${driver.name}]`, async () => {
    const count = 60; // more than one turn takes with this batch
    const loop = openLoop(driver, { batchSize: 16 });
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 1000 }, server.handlers);
    const peers = await Promise.all(Array.from({ length: count }, () => connectNet(listener.address.port)));
    await server.until('open', count);
    for (const peer of peers) peer.write('x');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    await server.untilReceived(count);
    expect(loop.stats.timeouts).toBe(0);
  });
}

withAllDrivers('what is received, and what is sent, postpones the idle timeout', async (driver) => {
  const loop = openLoop(driver);
  const brief = new Recording();
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 2000 }, server.handlers);
  const clock = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 100 }, brief.handlers);
  /** Lets the loop's own clock go on by more than a tick. */
  const pass = async (): Promise<void> => {
    const closed = brief.count('close');
    await connectNet(clock.address.port);
    await brief.until('close', closed + 1);
  };
  const receiving = await connectNet(listener.address.port);
  const first = await server.until('open', 1);
  const sending = await connectNet(listener.address.port);
  const second = await server.until('open', 2);
  await pass();
  await connectNet(listener.address.port);
  const untouched = await server.until('open', 3);
  await pass();
  receiving.write('x');
  loop.write(second, 'x');
  await Promise.all([server.untilReceived(1), readExactly(sending, 1)]);
  // The two that opened first close last.
  expect(await server.until('close', 1)).toBe(untouched);
  const others = [await server.until('close', 2), await server.until('close', 3)];
  expect(new Set(others)).toEqual(new Set([first, second]));
});

withAllDrivers('a connect that nobody answers is given up after timeoutMs with ETIMEDOUT', async (driver) => {
  // A listener whose queue is full drops what would make it longer.
  const full = openUnpolled({ driver: 'manual', maxConnections: 1 });
  const listener = await full.listen({ host: HOST, port: 0, backlog: 1 }, {});
  const peer = { host: HOST, port: listener.address.port };
  const filling = openLoop({ name: 'node', options: { driver: 'node' } });
  const filler = new Recording();
  for (let i = 0; i < 8; i++) filling.connect(peer, filler.handlers);
  await filler.until('open', 2); // the queue holds one more than the backlog

  const loop = openLoop(driver);
  const client = new Recording();
  const id = loop.connect({ ...peer, timeoutMs: 100 }, client.handlers);
  await client.until('close');
  expect(client.order(id)).toEqual(['close']);
  expect(client.closeError()).toMatchObject({
    name: 'SystemError',
    code: 'ETIMEDOUT',
    syscall: 'connect',
    address: HOST,
    port: peer.port,
  });
  expect(loop.stats).toMatchObject({ timeouts: 1, connectFailures: 1, connected: 0 });
});

withAllDrivers('a connect that is answered in time is not touched by its timeout', async (driver) => {
  const loop = openLoop(driver);
  const quiet = new Recording();
  const reference = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 300 }, quiet.handlers);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port, timeoutMs: 100 }, client.handlers);
  await client.until('open');
  await connectNet(reference.address.port);
  await quiet.until('close'); // later than the connect timeout would have been
  expect(loop.isOpen(id)).toBe(true);
});
