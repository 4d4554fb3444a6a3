import type { LoopOptions } from '../../lib/index.js';
import { openUnpolled } from '../helpers/drivers.js';
import { connectNet } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

test('nothing happens in a manual loop but in poll, which returns what it delivered', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  peer.write('hello');
  await expect(listener.stats()).resolves.toMatchObject({ accepted: 0, queueDepth: 1 });
  expect(server.happenings).toEqual([]);
  let delivered = 0;
  while (server.receivedBytes < 5) delivered += loop.poll(1000);
  expect(delivered).toBe(server.happenings.length);
  expect(server.order()).toEqual(['open', 'data']);
});

test('poll(0) does not wait, and returns 0 when there is nothing', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  await loop.listen({ host: HOST, port: 0 }, {});
  expect(loop.poll(0)).toBe(0);
});

test('poll waits as long as it is told to', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  await loop.listen({ host: HOST, port: 0 }, {});
  const since = performance.now();
  expect(loop.poll(50)).toBe(0);
  expect(performance.now() - since).toBeGreaterThanOrEqual(49); // the two clocks round differently
});

test('poll(-1) returns when something has come', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(listener.address.port);
  expect(loop.poll(-1)).toBe(1);
  expect(server.order()).toEqual(['open']);
});

test('poll wakes up for a timeout of ours', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0, idleTimeoutMs: 100 }, server.handlers);
  await connectNet(listener.address.port);
  while (server.count('close') === 0) expect(loop.poll(-1)).toBeGreaterThanOrEqual(0);
  expect(server.closeError()).toMatchObject({ code: 'ERR_CONNSCALE_IDLE_TIMEOUT' });
});

test('poll hands over what was asked for in the same turn of JavaScript', async () => {
  const loop = openUnpolled({ driver: 'manual' });
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const client = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const id = loop.connect({ host: HOST, port: listener.address.port }, client.handlers);
  loop.write(id, 'no turn of Node’s loop needed');
  for (let i = 0; i < 1000 && client.receivedBytes < 31; i++) loop.poll(100);
  expect(client.received().toString()).toBe('no turn of Node’s loop needed');
});

test('poll is for the manual driver only', () => {
  for (const driver of ['node', 'thread'] satisfies LoopOptions['driver'][]) {
    const loop = openUnpolled({ driver });
    expect(() => loop.poll(0)).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_UNSUPPORTED' }));
  }
});

test('poll refuses times that are none', () => {
  const loop = openUnpolled({ driver: 'manual' });
  for (const wrong of [-2, 0.5, NaN, 2 ** 31]) expect(() => loop.poll(wrong)).toThrow(RangeError);
  expect(() => loop.poll('0' as unknown as number)).toThrow(TypeError);
});
