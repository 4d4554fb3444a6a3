import type { ListenOptions, Loop } from '../../lib/index.js';
import { forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

/** The loop lives when it listens and accepts. */
async function expectAlive(loop: Loop): Promise<void> {
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(listener.address.port);
  await server.until('open');
}

forEachDriver('a port that node:net holds is EADDRINUSE from bind, and the loop lives', async (driver) => {
  const loop = openLoop(driver);
  const taken = await openNetServer();
  await expect(loop.listen({ host: HOST, port: taken.port }, {})).rejects.toMatchObject({
    name: 'SystemError',
    code: 'EADDRINUSE',
    errno: -98,
    syscall: 'bind',
    address: HOST,
    port: taken.port,
    message: `bind EADDRINUSE: address already in use ${HOST}:${taken.port}`,
  });
  await expectAlive(loop);
});

forEachDriver('a port that a loop holds is EADDRINUSE, reusePort or not on one side only', async (driver) => {
  const loop = openLoop(driver);
  const plain = await loop.listen({ host: HOST, port: 0 }, {});
  const shared = await loop.listen({ host: HOST, port: 0, reusePort: true }, {});
  const tries: ListenOptions[] = [
    { host: HOST, port: plain.address.port },
    { host: HOST, port: plain.address.port, reusePort: true },
    { host: HOST, port: shared.address.port },
    { host: '0.0.0.0', port: plain.address.port },
  ];
  for (const options of tries) {
    await expect(loop.listen(options, {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  }
  await expectAlive(loop);
});

forEachDriver('an address that is not ours is EADDRNOTAVAIL from bind', async (driver) => {
  const loop = openLoop(driver);
  // 192.0.2.0/24 and 2001:db8::/32 are for documentation (RFC 5737, RFC 3849): nobody has them.
  for (const host of ['192.0.2.1', '2001:db8::1']) {
    await expect(loop.listen({ host, port: 0 }, {})).rejects.toMatchObject({
      name: 'SystemError',
      code: 'EADDRNOTAVAIL',
      syscall: 'bind',
      address: host,
    });
  }
  await expectAlive(loop);
});

forEachDriver('a name that does not resolve is the error of node:dns', async (driver) => {
  const loop = openLoop(driver);
  await expect(loop.listen({ host: 'nobody.invalid', port: 0 }, {})).rejects.toMatchObject({
    code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    syscall: 'getaddrinfo',
    hostname: 'nobody.invalid',
  });
  await expectAlive(loop);
});

forEachDriver('a port out of range is a RangeError that names it', async (driver) => {
  const loop = openLoop(driver);
  for (const port of [-1, 65_536, 80.5, NaN, Infinity]) {
    await expect(loop.listen({ host: HOST, port }, {})).rejects.toThrow(RangeError);
    await expect(loop.listen({ host: HOST, port }, {})).rejects.toThrow('options.port');
  }
  await expectAlive(loop);
});

forEachDriver('an option that the kernel refuses is its error from setsockopt', async (driver) => {
  const loop = openLoop(driver);
  // tcp(7): TCP_KEEPCNT goes to 127.
  await expect(loop.listen({ host: HOST, port: 0, options: { keepAliveCount: 1000 } }, {})).rejects.toMatchObject({
    name: 'SystemError',
    code: 'EINVAL',
    syscall: 'setsockopt',
  });
  await expectAlive(loop);
});

forEachDriver('a listener too many is refused by the loop, not the kernel, and one that closes makes room', async (driver) => {
  const loop = openLoop(driver);
  const listeners = await Promise.all(Array.from({ length: 255 }, () => loop.listen({ host: HOST, port: 0 }, {})));
  await expect(loop.listen({ host: HOST, port: 0 }, {})).rejects.toMatchObject({
    code: 'ERR_CONNSCALE_LISTENERS_EXHAUSTED',
  });
  await listeners[7]?.close();
  await expectAlive(loop);
});

forEachDriver('a closed listener says so, also when another has taken its place', async (driver) => {
  const loop = openLoop(driver);
  const closed = await loop.listen({ host: HOST, port: 0 }, {});
  await closed.close();
  const said = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_LISTENER_CLOSED' };
  await expect(closed.stats()).rejects.toMatchObject(said);
  const next = await loop.listen({ host: HOST, port: 0 }, {});
  await expect(closed.stats()).rejects.toMatchObject(said);
  await closed.close();
  await expect(next.stats()).resolves.toMatchObject({ accepted: 0 });
  await connectNet(next.address.port);
});

test('a group whose port is taken for one loop closes those that were opened', async () => {
  const group = openGroup({ loops: 2 });
  const listener = await group.listen({ host: HOST, port: 0 }, {});
  await listener.listeners[1]?.close();
  // The first loop's port is free for others who share; the second finds a plain holder there.
  await listener.listeners[0]?.close();
  const taken = await openNetServer();
  await expect(group.listen({ host: HOST, port: taken.port }, {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const again = await group.listen({ host: HOST, port: listener.address.port }, {});
  expect(again.listeners).toHaveLength(2);
});

test('a group whose loops are not to share the port is refused', async () => {
  const group = openGroup({ loops: 2 });
  const alone = group.listen({ host: HOST, port: 0, reusePort: false }, {});
  await expect(alone).rejects.toMatchObject({
    name: 'RangeError',
    message: 'options.reusePort must not be false: the loops of a group share the port',
  });
  const wrong = group.listen({ host: HOST, port: 0, reusePort: 'yes' as unknown as boolean }, {});
  await expect(wrong).rejects.toThrow(TypeError);
  await group.listen({ host: HOST, port: 0, reusePort: true }, {});
});
