// Verbs given what they cannot take: wrong types, stale ids, bytes behind the end.
import type { ConnectionId, Loop, LoopGroup } from '../../lib/index.js';
import { pattern } from '../helpers/bytes.js';
import { until } from '../helpers/deadline.js';
import { type DriverCase, carriedOut, forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer, readExactly, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const STALE = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_STALE_ID' };
const AFTER_END = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_WRITE_AFTER_END' };

type Verb = (loop: Loop | LoopGroup, id: ConnectionId) => unknown;

const SYNCHRONOUS: Readonly<Record<string, Verb>> = {
  write: (loop, id) => loop.write(id, 'x'),
  'write nothing': (loop, id) => loop.write(id, ''),
  end: (loop, id) => loop.end(id),
  destroy: (loop, id) => loop.destroy(id),
  reset: (loop, id) => loop.reset(id),
  pause: (loop, id) => loop.pause(id),
  resume: (loop, id) => loop.resume(id),
};

const ASKING: Readonly<Record<string, (loop: Loop | LoopGroup, id: ConnectionId) => Promise<unknown>>> = {
  setOption: (loop, id) => loop.setOption(id, 'noDelay', true),
  getOption: (loop, id) => loop.getOption(id, 'noDelay'),
  localAddress: (loop, id) => loop.localAddress(id),
  remoteAddress: (loop, id) => loop.remoteAddress(id),
};

async function expectRefused(loop: Loop | LoopGroup, id: ConnectionId, error: object): Promise<void> {
  for (const [name, verb] of Object.entries(SYNCHRONOUS)) {
    expect(() => verb(loop, id), name).toThrow(expect.objectContaining(error));
  }
  for (const [name, ask] of Object.entries(ASKING)) await expect(ask(loop, id), name).rejects.toMatchObject(error);
}

async function openPair(
  driver: DriverCase,
): Promise<{ loop: Loop; id: ConnectionId; peer: Awaited<ReturnType<typeof connectNet>>; server: Recording }> {
  const loop = openLoop(driver);
  const server = new Recording({ end: () => undefined });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  return { loop, id: await server.until('open'), peer, server };
}

forEachDriver('every verb refuses the id of a closed connection, whoever closed it', async (driver) => {
  const { loop, id, peer, server } = await openPair(driver);
  peer.resetAndDestroy();
  await server.until('close');
  await expectRefused(loop, id, STALE);
  const other = await openNetServer();
  const client = new Recording();
  const mine = loop.connect({ host: HOST, port: other.port }, client.handlers);
  loop.destroy(mine);
  await client.until('close');
  await expectRefused(loop, mine, STALE);
});

test('every verb of a group refuses a stale id', async () => {
  const group = openGroup({ loops: 2 });
  const server = new Recording();
  const listener = await group.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  peer.resetAndDestroy();
  await server.until('close');
  await expectRefused(group, id, STALE);
  await expectRefused(group, (id + 2 ** 50) as ConnectionId, STALE);
});

forEachDriver('an id that is no number is a TypeError for every verb', async (driver) => {
  const { loop, id } = await openPair(driver);
  const wrong: unknown[] = [String(id), undefined, null, {}, [], true, BigInt(id), Symbol('id'), [id]];
  for (const value of wrong) {
    for (const [name, verb] of Object.entries(SYNCHRONOUS)) {
      expect(() => verb(loop, value as ConnectionId), name).toThrow(TypeError);
    }
    for (const [name, ask] of Object.entries(ASKING)) {
      await expect(ask(loop, value as ConnectionId), name).rejects.toThrow(TypeError);
    }
  }
  expect(loop.isOpen(id)).toBe(true);
  expect(loop.isOpen(String(id) as unknown as number)).toBe(false);
});

forEachDriver('write refuses what is neither bytes nor text, and takes nothing of it', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const wrong: unknown[] = [
    undefined,
    null,
    1,
    {},
    [1, 2],
    new ArrayBuffer(4),
    new Uint16Array(4),
    new DataView(new ArrayBuffer(4)),
  ];
  for (const bytes of wrong) expect(() => loop.write(id, bytes as Uint8Array)).toThrow(TypeError);
  loop.write(id, 'only this');
  loop.end(id);
  expect((await readToEnd(peer)).toString()).toBe('only this');
});

forEachDriver('write refuses an offset and length that are no part of the bytes, and takes nothing', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const bytes = pattern(10);
  const outside: [offset: unknown, length: unknown][] = [
    [-1, 1],
    [0, -1],
    [0, 11],
    [11, undefined],
    [5, 6],
    [NaN, 1],
    [1, NaN],
    [0.5, 2],
    [1, 2.5],
    [Infinity, 0],
    [2 ** 32, 0],
  ];
  for (const [offset, length] of outside) {
    expect(
      () => loop.write(id, bytes, offset as number, length as number),
      `${String(offset)}, ${String(length)}`,
    ).toThrow(RangeError);
  }
  for (const wrong of ['1', null, {}, [2], true]) {
    expect(() => loop.write(id, bytes, wrong as number), `offset ${JSON.stringify(wrong)}`).toThrow(/offset|length/);
    expect(() => loop.write(id, bytes, 0, wrong as number), `length ${JSON.stringify(wrong)}`).toThrow(/offset|length/);
  }
  expect(loop.write(id, 'x')).toBe(1);
  loop.end(id);
  expect((await readToEnd(peer)).toString()).toBe('x');
});

forEachDriver('write refuses an offset or a length of a string, and takes nothing', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  for (const part of [[1, 1], [0], [undefined, 3]]) expect(() => loop.write(id, 'abc', ...part)).toThrow(TypeError);
  expect(loop.write(id, 'whole')).toBe(5);
  loop.end(id);
  expect((await readToEnd(peer)).toString()).toBe('whole');
});

forEachDriver('setOption and getOption refuse names and values that do not exist', async (driver) => {
  const { loop, id } = await openPair(driver);
  const message = 'there is no option nodelay; did you mean noDelay?';
  const unknown = { code: 'ERR_CONNSCALE_UNKNOWN_OPTION', message };
  await expect(loop.getOption(id, 'nodelay' as 'noDelay')).rejects.toMatchObject(unknown);
  await expect(loop.setOption(id, 'nodelay' as 'noDelay', true)).rejects.toMatchObject(unknown);
  for (const name of [undefined, null, 1, {}, Symbol('noDelay')]) {
    const refused = { name: 'TypeError', message: `name must be a string, not ${typeof name}` };
    await expect(loop.getOption(id, name as 'noDelay')).rejects.toMatchObject(refused);
    await expect(loop.setOption(id, name as 'noDelay', true)).rejects.toMatchObject(refused);
  }
  await expect(loop.setOption(id, 'noDelay', 1 as unknown as boolean)).rejects.toThrow(TypeError);
  await expect(loop.setOption(id, 'userTimeoutMs', '1' as unknown as number)).rejects.toThrow(TypeError);
  await expect(loop.setOption(id, 'userTimeoutMs', -1)).rejects.toThrow(RangeError);
  const refused = { name: 'SystemError', code: 'EINVAL', syscall: 'setsockopt' };
  await expect(loop.setOption(id, 'keepAliveCount', 1000)).rejects.toMatchObject(refused);
  expect(await loop.getOption(id, 'noDelay')).toBe(false);
});

for (const ending of ['end', 'destroy', 'reset'] as const) {
  forEachDriver(`write after ${ending} is refused, and what was written before is unharmed`, async (driver) => {
    const { loop, id, peer } = await openPair(driver);
    loop.write(id, 'before');
    loop[ending](id);
    expect(() => loop.write(id, 'after')).toThrow(expect.objectContaining(AFTER_END));
    expect(() => loop.write(id, Buffer.from('after'))).toThrow(expect.objectContaining(AFTER_END));
    expect(loop.isOpen(id)).toBe(true);
    if (ending !== 'reset') expect((await readToEnd(peer)).toString()).toBe('before');
    expect(loop.stats.invalidSubmissions).toBe(0);
  });
}

forEachDriver('write is refused after end while the name is being resolved', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer(undefined, { host: 'localhost' });
  const refused: unknown[] = [];
  const client = new Recording({
    open: (each) => {
      try {
        loop.write(each, 'after');
      } catch (error) {
        refused.push(error);
      }
    },
  });
  const id = loop.connect({ host: 'localhost', port: peer.port }, client.handlers);
  loop.write(id, 'before');
  loop.end(id);
  expect(() => loop.write(id, 'after')).toThrow(expect.objectContaining(AFTER_END));
  expect((await readToEnd(await peer.accept())).toString()).toBe('before');
  await client.until('open');
  expect(refused).toEqual([expect.objectContaining(AFTER_END)]);
  expect(loop.stats.invalidSubmissions).toBe(0);
});

forEachDriver('write is refused once the peer has ended, and so our side behind what is queued', async (driver) => {
  // High enough that the loop goes on reading although the peer does not.
  const loop = openLoop(driver, { highWaterMarkBytes: 64_000_000 });
  const server = new Recording(); // no end handler
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  const id = await server.until('open');
  const sent = pattern(12_000_000);
  loop.write(id, sent);
  peer.end();
  await until('the end to be dispatched', () => loop.stats.completions === 2);
  await carriedOut(loop, id);
  expect(() => loop.write(id, 'lost')).toThrow(expect.objectContaining(AFTER_END));
  expect((await readToEnd(peer)).equals(sent)).toBe(true);
  await server.until('close');
  expect(server.order().filter((what) => what !== 'drain')).toEqual(['open', 'close']);
  expect(loop.stats.invalidSubmissions).toBe(0);
});

forEachDriver(
  'a write beyond writeQueueMaxBytes is refused, nothing of it is taken, and what was queued arrives',
  async (driver) => {
    const loop = openLoop(driver, { writeQueueMaxBytes: 100_000 });
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const peer = await connectNet(listener.address.port);
    const id = await server.until('open');
    const full = { name: 'ConnscaleError', code: 'ERR_CONNSCALE_WRITE_QUEUE_FULL' };
    const sent = pattern(100_000);
    expect(() => loop.write(id, Buffer.alloc(100_001))).toThrow(expect.objectContaining(full));
    expect(loop.write(id, sent, 0, 60_000)).toBe(60_000);
    expect(() => loop.write(id, 'x'.repeat(40_001))).toThrow(expect.objectContaining(full));
    expect(loop.write(id, sent, 60_000)).toBe(100_000);
    expect(() => loop.write(id, 'x')).toThrow(expect.objectContaining(full));
    expect((await readExactly(peer, 100_000)).equals(sent)).toBe(true);
    await carriedOut(loop, id);
    expect(loop.write(id, 'room again')).toBe(10);
    expect((await readExactly(peer, 10)).toString()).toBe('room again');
  },
);

forEachDriver('a write beyond writeQueueMaxBytes is refused while the name is being resolved', async (driver) => {
  const loop = openLoop(driver, { writeQueueMaxBytes: 10 });
  const peer = await openNetServer(undefined, { host: 'localhost' });
  const id = loop.connect({ host: 'localhost', port: peer.port }, {});
  expect(loop.write(id, '12345678')).toBe(8);
  expect(() => loop.write(id, 'abc')).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_WRITE_QUEUE_FULL' }));
  loop.write(id, '90');
  loop.end(id);
  expect((await readToEnd(await peer.accept())).toString()).toBe('1234567890');
});
