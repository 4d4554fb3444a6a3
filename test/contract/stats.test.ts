import { LoopStats } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { closeCode, connectNet, freePort, openNetServer, readExactly, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

forEachDriver('a new loop has counted nothing but its turns', async (driver) => {
  const loop = openLoop(driver);
  await loop.listen({ host: HOST, port: 0 }, {});
  const { turns, ...others } = loop.stats.toJSON();
  expect(turns).toBeGreaterThanOrEqual(0);
  expect(Object.entries(others).filter(([, count]) => count !== 0)).toEqual([]);
});

forEachDriver('connections and bytes are counted, each where it belongs', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const other = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: other.port }, client.handlers);
  await Promise.all([server.until('open'), client.until('open')]);
  expect(loop.stats).toMatchObject({ open: 2, accepted: 1, connected: 1, closed: 0, connectFailures: 0 });

  peer.write('12345');
  await readExactly(peer, 5);
  loop.write(id, '678');
  await readExactly(await other.accept(), 3);
  await carriedOut(loop, id);
  expect(loop.stats).toMatchObject({ bytesReceived: 5, bytesSent: 8, backlogged: 0 });

  peer.end();
  loop.destroy(id);
  await Promise.all([server.until('close'), client.until('close')]);
  expect(loop.stats).toMatchObject({ open: 0, accepted: 1, connected: 1, closed: 2, rejected: 0, timeouts: 0 });
  expect(loop.stats.completions).toBe(server.happenings.length + client.happenings.length + 1); // `end` of the server
});

forEachDriver('what a listener resets is counted although nothing else happens', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, maxConnections: 1, overload: 'reset' }, server.handlers);
  await connectNet(listener.address.port);
  await server.until('open');
  for (let i = 1; i <= 2; i++) {
    expect(await closeCode(startNet(listener.address.port))).toBe('ECONNRESET');
    await until('the reset to be counted', () => loop.stats.rejected === i);
  }
});

forEachDriver('failed connects are counted as such', async (driver) => {
  const loop = openLoop(driver);
  const client = new Recording();
  loop.connect({ host: HOST, port: await freePort() }, client.handlers);
  await client.until('close');
  expect(loop.stats).toMatchObject({ connectFailures: 1, connected: 0, open: 0, closed: 1 });
});

forEachDriver('the view is live, and names say what is where', async (driver) => {
  const loop = openLoop(driver);
  const { stats } = loop;
  const view = stats.view;
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const accepted = LoopStats.names.indexOf('accepted');
  expect(view[accepted]).toBe(0);
  await connectNet(listener.address.port);
  await server.until('open');
  expect(view[accepted]).toBe(1);
  expect(loop.stats).toBe(stats);
  expect(stats.view).toBe(view);
});

forEachDriver('backlogged counts the connections whose peers do not read', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  loop.write(id, Buffer.alloc(20_000_000));
  await carriedOut(loop, id);
  expect(loop.stats.backlogged).toBe(1);
  const before = loop.stats.bytesSent;
  const queued = loop.write(id, '');
  expect(before + queued).toBe(20_000_000);
  await readExactly(peer, 20_000_000);
  await server.until('drain');
  await carriedOut(loop, id);
  expect(loop.stats).toMatchObject({ backlogged: 0, bytesSent: 20_000_000 });
});

forEachDriver('listener stats agree with the loop', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  for (let i = 0; i < 5; i++) await connectNet(listener.address.port);
  await server.until('open', 5);
  loop.destroy(server.opened[0] ?? expect.fail());
  await server.until('close');
  expect(await listener.stats()).toMatchObject({ accepted: 5, open: 4, queueDepth: 0 });
  expect(loop.stats).toMatchObject({ accepted: 5, open: 4 });
});

test('each name is a property, and toJSON has them all', () => {
  const view = Float64Array.from(LoopStats.names, (_, i) => i + 1);
  const stats = new LoopStats(view);
  expect(stats.toJSON()).toEqual(Object.fromEntries(LoopStats.names.map((name, i) => [name, i + 1])));
  for (const [i, name] of LoopStats.names.entries()) {
    expect({ name, value: stats[name as keyof LoopStats] }).toEqual({ name, value: i + 1 });
  }
});
