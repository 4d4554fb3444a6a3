// What handlers may do to the loop, and to other connections, in the middle of a batch.
import type { ConnectionId, Handlers, Loop } from '../../lib/index.js';
import { turn, within } from '../helpers/deadline.js';
import { forEachDriver, openLoop, openUnpolled } from '../helpers/drivers.js';
import { closeCode, connectNet, freePort, openNetServer, readToEnd, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

/** What happens to a connection on which all kinds of events come, each with the same reaction. */
function reactAt(kind: keyof Handlers, react: (id: ConnectionId) => void, loop: () => Loop): Handlers {
  const at = (what: keyof Handlers, id: ConnectionId): void => {
    if (what === kind) react(id);
  };
  return {
    open: (id) => at('open', id),
    data: (id, bytes) => {
      if (loop().isOpen(id)) loop().write(id, bytes);
      at('data', id);
    },
    drain: (id) => at('drain', id),
    end: (id) => {
      if (loop().isOpen(id)) loop().end(id);
      at('end', id);
    },
    close: (id) => at('close', id),
  };
}

for (const kind of ['open', 'data', 'drain', 'end', 'close'] as const) {
  forEachDriver(`the loop may be closed in a handler: ${kind}`, async (driver) => {
    const loop: Loop = openLoop(driver, { highWaterMarkBytes: 0 });
    let closed: Promise<void> | undefined;
    const server = new Recording(
      reactAt(
        kind,
        () => void (closed ??= loop.close()),
        () => loop,
      ),
    );
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    // Not all are accepted before the loop closes: the others are reset.
    const peers = Array.from({ length: 10 }, () => startNet(listener.address.port));
    for (const peer of peers) {
      peer.write('x');
      peer.once('data', () => peer.end());
    }
    await server.until(kind);
    await within('the loop to close', closed ?? expect.fail());
    const opens = server.count('open');
    expect(opens).toBeGreaterThan(0);
    expect(server.count('close')).toBe(opens);
    for (const id of server.opened) expect(server.order(id).at(-1)).toBe('close');
  });
}

for (const ending of ['destroy', 'reset'] as const) {
  test(`${ending} of others in the same batch: no more events of theirs but one close`, async () => {
    const loop = openUnpolled({ driver: 'manual' });
    const server = new Recording({
      data: (id) => {
        for (const other of server.opened) if (other !== id && loop.isOpen(other)) loop[ending](other);
      },
    });
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const peers = await Promise.all(Array.from({ length: 5 }, () => connectNet(listener.address.port)));
    while (server.count('open') < 5) loop.poll(1000);
    for (const peer of peers) await new Promise((resolve) => peer.write('all at once', resolve));
    while (server.count('close') < 4) loop.poll(1000);
    expect(server.count('data')).toBe(1);
    expect(server.happenings.filter((one) => one.what === 'close' && one.error !== undefined)).toEqual([]);
    expect(loop.stats.open).toBe(1);
  });
}

forEachDriver('handlers may end each other’s connections, connect, write and close listeners', async (driver) => {
  const loop: Loop = openLoop(driver);
  const peer = await openNetServer((socket) => socket.end('hello'));
  const called = new Recording();
  const server = new Recording({
    open: (id) => {
      void listener.close();
      loop.connect({ host: HOST, port: peer.port }, called.handlers);
      for (const other of server.opened) if (other !== id && loop.isOpen(other)) loop.destroy(other);
    },
    close: () => loop.connect({ host: HOST, port: peer.port }, called.handlers),
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const callers = await Promise.all(Array.from({ length: 3 }, () => connectNet(listener.address.port)));
  await server.until('open');
  for (const caller of callers) caller.destroy();
  await server.when('everybody to be gone', () => server.count('close') === server.count('open'));
  await called.until('close', 2 * server.count('open'));
  expect(called.happenings.filter((one) => one.error !== undefined)).toEqual([]);
  expect(called.receivedBytes).toBe(5 * called.count('open'));
});

forEachDriver('in its close handler a connection is a stale id', async (driver) => {
  const loop: Loop = openLoop(driver);
  const refusals: unknown[] = [];
  const server = new Recording({
    close: (id) => {
      for (const verb of [() => loop.write(id, 'x'), () => loop.end(id), () => loop.destroy(id)]) {
        try {
          verb();
        } catch (error) {
          refusals.push((error as { code: string }).code);
        }
      }
    },
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  (await connectNet(listener.address.port)).resetAndDestroy();
  await server.until('close');
  expect(refusals).toEqual(Array(3).fill('ERR_CONNSCALE_STALE_ID'));
});

forEachDriver('a close handler may connect again, for as long as it is refused', async (driver) => {
  const loop: Loop = openLoop(driver, { maxConnections: 1 });
  const port = await freePort();
  const client = new Recording({
    close: () => {
      if (client.count('close') < 200) loop.connect({ host: HOST, port }, client.handlers);
    },
  });
  loop.connect({ host: HOST, port }, client.handlers);
  await client.until('close', 200);
  expect(new Set(client.happenings.map((one) => one.id)).size).toBe(200);
});

forEachDriver('handlers that are shared by a listener and a connect are called for both', async (driver) => {
  const loop: Loop = openLoop(driver);
  const both = new Recording({ open: (id) => loop.write(id, 'x'), data: (id) => loop.end(id) });
  const listener = await loop.listen({ host: HOST, port: 0 }, both.handlers);
  loop.connect({ host: HOST, port: listener.address.port }, both.handlers);
  await both.until('close', 2);
  await listener.close();
  // Nobody uses them any more; they may be given again.
  const again = await loop.listen({ host: HOST, port: 0 }, both.handlers);
  startNet(again.address.port).end('x');
  await both.until('close', 3);
});

test('poll inside a handler is refused, and the batch goes on', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const other = openUnpolled({ driver: 'manual' });
  await other.listen({ host: HOST, port: 0 }, {});
  const refusals: unknown[] = [];
  const server = new Recording({
    open: () => {
      try {
        loop.poll(0);
      } catch (error) {
        refusals.push((error as { code: string }).code);
      }
      other.poll(0); // another loop's is another matter
    },
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peers = await Promise.all(Array.from({ length: 3 }, () => connectNet(listener.address.port)));
  for (const peer of peers) peer.end();
  while (server.count('close') < 3) {
    loop.poll(1000);
    await turn();
  }
  expect(refusals).toEqual(Array(3).fill('ERR_CONNSCALE_REENTRANT'));
  await Promise.all(peers.map(readToEnd));
});

test('what a handler throws comes out of poll, and the next poll goes on behind it', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording({
    open: () => {
      throw new Error(`open ${server.count('open')}`);
    },
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  for (let i = 0; i < 3; i++) await connectNet(listener.address.port);
  for (let i = 1; i <= 3; i++) expect(() => loop.poll(1000)).toThrow(`open ${i}`);
  const late = await connectNet(listener.address.port);
  expect(() => {
    while (server.count('open') < 4) loop.poll(1000);
  }).toThrow('open 4');
  const code = closeCode(late);
  loop.reset(server.opened[3] ?? expect.fail());
  while (server.count('close') === 0) loop.poll(1000);
  expect(await code).toBe('ECONNRESET');
});

test('a listener that is closed between a handler that threw and the next poll loses no open', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const throwing = (): Recording =>
    new Recording({
      open: () => {
        if (servers[0].count('open') + servers[1].count('open') === 1) throw new Error('the first');
      },
    });
  const servers = [throwing(), throwing()] as const;
  const listeners = await Promise.all(servers.map((server) => loop.listen({ host: HOST, port: 0 }, server.handlers)));
  const peers = [];
  for (const { address } of listeners) peers.push(await connectNet(address.port), await connectNet(address.port));
  expect(() => loop.poll(1000)).toThrow('the first');
  // All four are in one batch: the opens of the listener that had none yet are behind the one that threw.
  const waiting = servers[0].count('open') === 0 ? 0 : 1;
  await listeners[waiting]?.close();
  for (const peer of peers) peer.end();
  while (servers[0].count('close') + servers[1].count('close') < 4) {
    expect(loop.poll(1000)).toBeGreaterThan(0);
    await turn();
  }
  expect(servers.map((server) => server.order().sort())).toEqual(Array(2).fill(['close', 'close', 'open', 'open']));
});
