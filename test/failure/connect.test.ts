import type { ConnectOptions, Loop } from '../../lib/index.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { freePort, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const HOST = '127.0.0.1';

async function failureOf(loop: Loop, options: ConnectOptions): Promise<Recording> {
  const client = new Recording();
  const id = loop.connect(options, client.handlers);
  await client.until('close');
  expect(client.order(id)).toEqual(['close']);
  expect(loop.isOpen(id)).toBe(false);
  return client;
}

forEachDriver('a port where nobody listens is ECONNREFUSED, with address and port', async (driver) => {
  const loop = openLoop(driver);
  const port = await freePort();
  const client = await failureOf(loop, { host: HOST, port });
  expect(client.closeError()).toMatchObject({
    name: 'SystemError',
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
    address: HOST,
    port,
  });
});

forEachDriver('what was written to a connection that fails is dropped with it', async (driver) => {
  const loop = openLoop(driver);
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: await freePort() }, client.handlers);
  loop.write(id, Buffer.alloc(1_000_000));
  loop.end(id);
  await client.until('close');
  expect(client.order()).toEqual(['close']);
  expect(client.closeError()).toMatchObject({ code: 'ECONNREFUSED' });
  expect(loop.stats).toMatchObject({ open: 0, backlogged: 0, bytesSent: 0 });
});

forEachDriver('a name that does not resolve is a close with the error of node:dns', async (driver) => {
  const loop = openLoop(driver);
  const client = await failureOf(loop, { host: 'nobody.invalid', port: 80 });
  expect(client.closeError()).toMatchObject({
    code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    syscall: 'getaddrinfo',
    hostname: 'nobody.invalid',
  });
});

forEachDriver('a source address that is not ours is EADDRNOTAVAIL from bind', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = await failureOf(loop, { host: HOST, port: peer.port, source: { address: '192.0.2.1' } });
  expect(client.closeError()).toMatchObject({ name: 'SystemError', code: 'EADDRNOTAVAIL', syscall: 'bind' });
});

forEachDriver('a connection that exists already is EADDRNOTAVAIL from connect', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const source = { address: HOST, port: await freePort() };
  const first = new Recording();
  loop.connect({ host: HOST, port: peer.port, source }, first.handlers);
  await first.until('open');
  const client = await failureOf(loop, { host: HOST, port: peer.port, source });
  expect(client.closeError()).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'connect' });
});

forEachDriver('a source port that somebody listens on is EADDRINUSE from bind', async (driver) => {
  const loop = openLoop(driver);
  const [peer, other] = [await openNetServer(), await openNetServer()];
  const client = await failureOf(loop, { host: HOST, port: peer.port, source: { address: HOST, port: other.port } });
  expect(client.closeError()).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind' });
});

forEachDriver('an option that the kernel refuses is a close with its error from setsockopt', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = await failureOf(loop, { host: HOST, port: peer.port, options: { keepAliveCount: 1000 } });
  expect(client.closeError()).toMatchObject({ code: 'EINVAL', syscall: 'setsockopt' });
});

forEachDriver('a source of another family than the destination is a RangeError at once', async (driver) => {
  const loop = openLoop(driver);
  const connect = (host: string, address: string) => () => loop.connect({ host, port: 80, source: { address } }, {});
  expect(connect(HOST, '::1')).toThrow(RangeError);
  expect(connect('::1', HOST)).toThrow(RangeError);
  expect(connect(HOST, 'localhost')).toThrow('options.source.address is not an IP address');
});

forEachDriver('a connect too many throws, and one that closes makes room', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 3 });
  const peer = await openNetServer();
  const client = new Recording();
  const to = { host: HOST, port: peer.port };
  const ids = [1, 2, 3].map(() => loop.connect(to, client.handlers));
  expect(() => loop.connect(to, client.handlers)).toThrow(
    expect.objectContaining({ code: 'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED' }),
  );
  loop.destroy(ids[1] ?? expect.fail());
  await client.until('close');
  loop.connect(to, client.handlers);
  await client.until('open', client.count('open') + 1);
});

forEachDriver(
  'connects that are refused by the hundred each close once, and their slots are used again',
  async (driver) => {
    const loop = openLoop(driver, { maxConnections: 100 });
    const port = await freePort();
    const client = new Recording();
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 100; i++) loop.connect({ host: HOST, port }, client.handlers);
      await client.until('close', round * 100);
    }
    expect(client.order()).toEqual(Array(300).fill('close'));
    expect(new Set(client.happenings.map((one) => one.id)).size).toBe(300);
    expect(loop.stats).toMatchObject({ connectFailures: 300, open: 0, closed: 300 });
  },
);
