import { capabilities, type ConnectionId, type LoopGroupOptions } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { openGroup } from '../helpers/drivers.js';
import { answerLookups } from '../helpers/names.js';
import { closeCode, connectNet, openNetServer, readExactly, readToEnd, startNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

function forEachTable(name: string, body: (options: LoopGroupOptions) => Promise<void>): void {
  for (const descriptors of ['shared', 'private'] as const) {
    const missing = descriptors === 'private' && !capabilities().privateDescriptors.supported;
    test.skipIf(missing)(`${name} [${descriptors} descriptors]`, () => body({ loops: 3, descriptors }));
  }
}

forEachTable('a group has as many loops as asked for, each on a thread', async (options) => {
  const group = openGroup(options);
  expect(group.loops.map((loop) => loop.driver)).toEqual(['thread', 'thread', 'thread']);
  expect(group.loops.map((loop) => loop.descriptors)).toEqual(Array(3).fill(options.descriptors));
});

forEachTable('all loops listen on one port, and each is counted', async (options) => {
  const group = openGroup(options);
  const server = new Recording({ data: (id, bytes) => group.write(id, bytes) });
  const listener = await group.listen({ host: HOST, port: 0 }, server.handlers);
  expect(new Set(listener.listeners.map((one) => one.address.port))).toEqual(new Set([listener.address.port]));
  const count = 90; // some loop without any: once in 10^15 runs
  const peers = await Promise.all(Array.from({ length: count }, () => connectNet(listener.address.port)));
  await server.until('open', count);
  const accepted = await Promise.all(listener.listeners.map(async (one) => (await one.stats()).accepted));
  expect(Math.min(...accepted)).toBeGreaterThan(0);
  expect(accepted.reduce((sum, one) => sum + one)).toBe(count);
  expect(group.loops.map((loop) => loop.stats.accepted)).toEqual(accepted);
  expect(await listener.stats()).toMatchObject({
    accepted: count,
    open: count,
    rejected: 0,
    lastFailure: null,
    queueDepth: 0,
  });
  expect(new Set(server.opened.map((id) => group.loopOf(id)))).toEqual(new Set(group.loops));
  for (const [i, peer] of peers.entries()) {
    peer.write(`${i};`);
    expect((await readExactly(peer, `${i};`.length)).toString()).toBe(`${i};`);
  }
});

forEachTable('connects go round, and each id is routed to its loop', async (options) => {
  const group = openGroup(options);
  const peer = await openNetServer();
  const client = new Recording();
  const ids = Array.from({ length: 6 }, () => group.connect({ host: HOST, port: peer.port }, client.handlers));
  expect(ids.map((id) => group.loops.indexOf(group.loopOf(id)))).toEqual([0, 1, 2, 0, 1, 2]);
  await client.until('open', 6);
  expect(ids.map((id) => group.isOpen(id))).toEqual(Array(6).fill(true));
  const ports = new Map(await Promise.all(ids.map(async (id) => [(await group.localAddress(id)).port, id] as const)));
  for (let i = 0; i < 6; i++) {
    const socket = await peer.accept();
    const id = ports.get(socket.remotePort ?? 0) ?? expect.fail();
    group.write(id, `you are ${id}`);
    group.end(id);
    expect((await readToEnd(socket)).toString()).toBe(`you are ${id}`);
  }
});

forEachTable('every verb of a loop is a verb of the group', async (options) => {
  const group = openGroup(options);
  const server = new Recording();
  const listener = await group.listen({ host: HOST, port: 0 }, server.handlers);
  const open = async (): Promise<{ id: ConnectionId; peer: ReturnType<typeof startNet> }> => {
    const before = server.count('open');
    const peer = await connectNet(listener.address.port);
    return { id: await server.until('open', before + 1), peer };
  };
  const { id, peer } = await open();
  expect(await group.setOption(id, 'noDelay', true)).toBe(true);
  expect(await group.getOption(id, 'noDelay')).toBe(true);
  expect(await group.localAddress(id)).toEqual({ ...listener.address });
  expect((await group.remoteAddress(id)).port).toBe(peer.localPort);
  group.pause(id);
  await group.localAddress(id);
  peer.write('held');
  group.write(id, Buffer.from('-part-'), 1, 4);
  expect((await readExactly(peer, 4)).toString()).toBe('part');
  expect(server.count('data')).toBe(0);
  group.resume(id);
  await server.untilReceived(4);
  group.destroy(id);
  expect(await readToEnd(peer)).toHaveLength(0);
  const other = await open();
  const code = closeCode(other.peer);
  group.reset(other.id);
  expect(await code).toBe('ECONNRESET');
  await server.until('close', 2);
  expect(group.isOpen(id)).toBe(false);
  expect(group.unref().ref()).toBe(group);
});

forEachTable('ids of other loops are stale in a group', async (options) => {
  const [one, two] = [openGroup(options), openGroup(options)];
  const peer = await openNetServer();
  const id = one.connect({ host: HOST, port: peer.port }, {});
  expect(two.isOpen(id)).toBe(false);
  expect(() => two.write(id, 'x')).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_STALE_ID' }));
  expect(() => one.loopOf(NaN as ConnectionId)).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_STALE_ID' }));
});

forEachTable(
  'closing the listener of a group frees the port, closing the group ends its connections',
  async (options) => {
    const group = openGroup(options);
    const server = new Recording();
    const listener = await group.listen({ port: 0 }, server.handlers);
    const peers = await Promise.all(Array.from({ length: 10 }, () => connectNet(listener.address.port)));
    await server.until('open', 10);
    await listener.close();
    await listener[Symbol.asyncDispose]();
    expect(await closeCode(startNet(listener.address.port))).toBe('ECONNREFUSED');
    const ended = Promise.all(peers.map(readToEnd));
    await within('the group to close', group[Symbol.asyncDispose]());
    await ended;
    expect(server.count('close')).toBe(10);
    await group.close();
  },
);

test('a listener that one loop cannot open is opened by none', async () => {
  const group = openGroup({ loops: 3 });
  const taken = await openNetServer();
  await expect(group.listen({ host: HOST, port: taken.port }, {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await group.listen({ host: HOST, port: 0 }, {});
});

test('a group resolves the name to listen on once: all its loops listen on that address', async () => {
  const group = openGroup({ loops: 3 });
  const asked = answerLookups(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  const listener = await group.listen({ host: 'many.example', port: 0 }, {});
  expect(listener.listeners.map((one) => one.address.address)).toEqual(Array(3).fill('127.0.0.1'));
  expect(asked).toEqual(['many.example']);
});
