import type { ConnectionId } from '../../lib/index.js';
import { GENERATION_MAX, SLOT_MASK } from '../../lib/loop/connection-id.js';
import { OutboundSlots } from '../../lib/loop/outbound-slots.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer, readExactly } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const STALE = expect.objectContaining({ name: 'ConnscaleError', code: 'ERR_CONNSCALE_STALE_ID' }) as Error;

forEachDriver('the slot of a closed connection is used again under another id', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 1 });
  const peer = await openNetServer((socket) => socket.end('hello'));
  const client = new Recording();
  const ids: ConnectionId[] = [];
  for (let i = 1; i <= 300; i++) {
    ids.push(loop.connect({ host: HOST, port: peer.port }, client.handlers));
    await client.until('close', i);
  }
  expect(new Set(ids).size).toBe(300);
  expect(client.received()).toHaveLength(300 * 5);
  for (const id of ids) expect(loop.isOpen(id)).toBe(false);
});

forEachDriver('an accepted connection in a used slot has another id, and the old one stays stale', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 1 });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  for (let i = 1; i <= 50; i++) {
    const peer = await connectNet(listener.address.port);
    const id = await server.until('open', i);
    for (const old of server.opened.slice(0, -1)) {
      expect(loop.isOpen(old)).toBe(false);
      expect(() => loop.write(old, 'not for you')).toThrow(STALE);
    }
    loop.write(id, 'for you');
    expect((await readExactly(peer, 7)).toString()).toBe('for you');
    peer.destroy();
    await server.until('close', i);
  }
  expect(new Set(server.opened).size).toBe(50);
});

forEachDriver('an id is open from connect or open on, and no longer in its close handler', async (driver) => {
  const loop = openLoop(driver);
  const seen: [string, boolean][] = [];
  const handlers = (side: string): Recording =>
    new Recording({
      open: (id) => seen.push([`${side} open`, loop.isOpen(id)]),
      close: (id) => seen.push([`${side} close`, loop.isOpen(id)]),
    });
  const [server, client] = [handlers('server'), handlers('client')];
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const id = loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  await Promise.all([client.until('open'), server.until('open')]);
  loop.destroy(id);
  expect(loop.isOpen(id)).toBe(true); // until its close is called
  await Promise.all([client.until('close'), server.until('close')]);
  expect(seen.sort()).toEqual([
    ['client close', false],
    ['client open', true],
    ['server close', false],
    ['server open', true],
  ]);
});

forEachDriver('an id of one loop is stale in another', async (driver) => {
  const [one, two] = [openLoop(driver), openLoop(driver)];
  const peer = await openNetServer();
  const recordings = [new Recording(), new Recording()] as const;
  const first = one.connect({ host: HOST, port: peer.port }, recordings[0].handlers);
  const second = two.connect({ host: HOST, port: peer.port }, recordings[1].handlers);
  await Promise.all(recordings.map((recording) => recording.until('open')));
  expect(first).not.toBe(second);
  expect(one.isOpen(second)).toBe(false);
  expect(() => one.destroy(second)).toThrow(STALE);
  expect(() => two.destroy(first)).toThrow(STALE);
  expect(two.isOpen(second)).toBe(true);
});

forEachDriver('an id of a closed loop is stale in the loops that come after it', async (driver) => {
  const peer = await openNetServer();
  const client = new Recording();
  const before = openLoop(driver);
  const id = before.connect({ host: HOST, port: peer.port }, client.handlers);
  await client.until('open');
  await before.close();
  const after = openLoop(driver);
  const next = after.connect({ host: HOST, port: peer.port }, client.handlers);
  expect(next).not.toBe(id);
  expect(() => after.write(id, 'x')).toThrow(STALE);
});

forEachDriver('numbers that are no ids name no connection', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  await client.until('open');
  const wrong = [
    0,
    -0,
    -1,
    1,
    NaN,
    Infinity,
    -Infinity,
    0.5,
    2 ** 53,
    -Number(id),
    id + 0.5,
    id + 1,
    id - 1,
    id + 2 ** 32,
  ];
  for (const number of wrong) {
    expect({ number, open: loop.isOpen(number) }).toEqual({ number, open: false });
    expect(() => loop.write(number as ConnectionId, 'x')).toThrow(STALE);
  }
  expect(loop.isOpen(id)).toBe(true);
});

test('a slot whose generations are used up rests until no other is free, the longest first', () => {
  const slots = new OutboundSlots(0, 0, 2);
  const slotOf = (id: ConnectionId): number => id & SLOT_MASK;
  const generationOf = (id: ConnectionId): number => Math.floor(id / (SLOT_MASK + 1));
  const useUp = (): ConnectionId => {
    for (;;) {
      const id = slots.take();
      slots.give(slotOf(id));
      if (generationOf(id) === GENERATION_MAX) return id;
    }
  };
  expect([slotOf(useUp()), slotOf(useUp())]).toEqual([0, 1]);
  const again = [slots.take(), slots.take()];
  expect(again.map((id) => ({ slot: slotOf(id), generation: generationOf(id) }))).toEqual([
    { slot: 0, generation: 1 },
    { slot: 1, generation: 1 },
  ]);
  expect(() => slots.take()).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED' }));
});
