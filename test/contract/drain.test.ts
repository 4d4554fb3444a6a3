import { expectBytes, pattern } from '../helpers/bytes.js';
import { type DriverCase, carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, readExactly } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';
import type { ConnectionId, Handlers, Loop, LoopOptions } from '../../lib/index.js';
import type { Socket } from 'node:net';

interface Pair {
  readonly loop: Loop;
  readonly id: ConnectionId;
  readonly peer: Socket;
  readonly server: Recording;
}

/** A connection whose kernel buffers are small, so that a peer that does not read is felt soon. */
async function openPair(driver: DriverCase, options?: LoopOptions, reactions?: Handlers): Promise<Pair> {
  const loop = openLoop(driver, options);
  const server = new Recording(reactions);
  const small = { sendBufferBytes: 65_536, noDelay: true };
  const listener = await loop.listen({ host: '127.0.0.1', port: 0, options: small }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.pause();
  return { loop, id: await server.until('open'), peer, server };
}

forEachDriver('drain comes when the kernel has taken what it had not taken at once', async (driver) => {
  const { loop, id, peer, server } = await openPair(driver);
  const sent = pattern(2_000_000);
  expect(loop.write(id, sent)).toBe(sent.length);
  const read = readExactly(peer, sent.length);
  await server.until('drain');
  expect(loop.write(id, '')).toBe(0);
  expectBytes(await read, sent);
  expect(server.count('drain')).toBe(1);
});

forEachDriver(
  'a write of many ring-fulls that the kernel takes at once causes one drain, when all of it is gone',
  async (driver) => {
    const queuedAtDrain: number[] = [];
    const { loop, id, peer, server } = await openPair(
      driver,
      { submissionRingBytes: 4096 },
      {
        drain: (each) => queuedAtDrain.push(loop.write(each, '')),
      },
    );
    const sent = pattern(100_000);
    const read = readExactly(peer, sent.length);
    loop.write(id, sent);
    expectBytes(await read, sent);
    await server.until('drain');
    for (let i = 0; i < 3; i++) await carriedOut(loop, id);
    expect(queuedAtDrain).toEqual([0]);
  },
);

forEachDriver('no drain before the queue is empty', async (driver) => {
  const { loop, id, peer, server } = await openPair(driver);
  const sent = pattern(2_000_000);
  loop.write(id, sent);
  await readExactly(peer, 1_000_000);
  await carriedOut(loop, id);
  expect(server.count('drain')).toBe(0);
  expect(loop.write(id, '')).toBeGreaterThan(0);
  const rest = readExactly(peer, 1_000_000);
  await server.until('drain');
  await rest;
});

forEachDriver(
  'a write above the high-water mark is answered by a drain although the kernel took it at once',
  async (driver) => {
    const { loop, id, peer, server } = await openPair(driver, { highWaterMarkBytes: 100 });
    expect(loop.write(id, 'x'.repeat(101))).toBe(101);
    await server.until('drain');
    await readExactly(peer, 101);
  },
);

forEachDriver('writes up to the high-water mark that the kernel takes cause no drain', async (driver) => {
  const { loop, id, peer, server } = await openPair(driver, { highWaterMarkBytes: 100 });
  expect(loop.write(id, 'x'.repeat(60))).toBe(60);
  expect(loop.write(id, 'x'.repeat(40))).toBe(100);
  await readExactly(peer, 100);
  loop.end(id);
  peer.end();
  await server.until('close');
  expect(server.order()).toEqual(['open', 'close']);
});

forEachDriver(
  'a sender that waits for drain gets everything across and never queues more than it wrote',
  async (driver) => {
    const total = 2_000_000;
    const sent = pattern(total);
    let at = 0;
    let most = 0;
    const fill = (id: ConnectionId): void => {
      for (let queued = 0; at < total && queued <= 64 * 1024; at += 10_000) {
        queued = pair.loop.write(id, sent, at, Math.min(10_000, total - at));
        most = Math.max(most, queued);
      }
    };
    const pair = await openPair(driver, {}, { drain: fill });
    fill(pair.id);
    expectBytes(await readExactly(pair.peer, total), sent);
    expect(most).toBeLessThanOrEqual(64 * 1024 + 10_000);
  },
);

forEachDriver(
  'while a peer does not read, the loop does not read from it, and goes on when it does',
  async (driver) => {
    const { loop, id, peer, server } = await openPair(driver, { highWaterMarkBytes: 10_000 });
    const sent = pattern(2_000_000);
    loop.write(id, sent);
    await carriedOut(loop, id);
    peer.write('are you listening?');
    for (let i = 0; i < 10; i++) await carriedOut(loop, id);
    expect(server.count('data')).toBe(0);
    expectBytes(await readExactly(peer, sent.length), sent);
    await server.untilReceived(18);
    expect(server.received().toString()).toBe('are you listening?');
  },
);

forEachDriver('a write in the drain handler goes out', async (driver) => {
  const { loop, id, peer } = await openPair(
    driver,
    { highWaterMarkBytes: 0 },
    {
      drain: (each) => {
        if (rounds-- > 0) loop.write(each, 'again ');
      },
    },
  );
  let rounds = 5;
  loop.write(id, 'first ');
  expect((await readExactly(peer, 36)).toString()).toBe('first again again again again again ');
});

forEachDriver('a drain that came before what was written since comes behind it, also when an end does', async (driver) => {
  const loop = openLoop(driver, { highWaterMarkBytes: 100 });
  const server = new Recording({
    drain: (id) => {
      // The other one's drain is in the same batch, behind this one.
      const other = server.opened.find((each) => each !== id);
      if (server.count('drain') > 1 || other === undefined) return;
      loop.write(other, 'last');
      loop.end(other);
    },
  });
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const peers = [await connectNet(listener.address.port), await connectNet(listener.address.port)];
  await server.until('open', 2);
  for (const id of server.opened) loop.write(id, 'x'.repeat(101));
  await server.until('drain', 2);
  for (const id of server.opened) await carriedOut(loop, id);
  for (const id of server.opened) expect(server.order(id)).toEqual(['open', 'drain']);
  await Promise.all(peers.map((peer) => readExactly(peer, 101)));
  expect(loop.stats.invalidSubmissions).toBe(0);
});
