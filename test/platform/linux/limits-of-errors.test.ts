// error.limit: which limit made a call fail, with its numbers, from the failures themselves.
import { readFileSync } from 'node:fs';
import { SystemError, type ConnectionError, type Limit } from '../../../lib/index.js';
import { closeError } from '../../../lib/loop/close-errors.js';
import { runScriptForJson } from '../../helpers/child.js';
import { openLoop, openUnpolled } from '../../helpers/drivers.js';
import { freePort } from '../../helpers/peers.js';
import { expect, test } from '../../helpers/runner.js';

const HOST = '127.0.0.1';
const NODE = { name: 'node', options: { driver: 'node' } } as const;
const EMFILE = 24;
const ENFILE = 23;
const ENOMEM = 12;
const ENOSPC = 28;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;
const ECONNRESET = 104;
const ENOBUFS = 105;
const ETIMEDOUT = 110;
const ECONNREFUSED = 111;

function procNumber(path: string, field = 0): number {
  return Number(readFileSync(path, 'utf8').trim().split(/\s+/)[field]);
}

function limitOf(errno: number, syscall: string, details?: { address?: string; port?: number }): Limit | undefined {
  return new SystemError(errno, syscall, details).limit;
}

test('EMFILE names RLIMIT_NOFILE with what is used and what there is', async () => {
  const report = await runScriptForJson<{ limit: Limit }>('platform/linux/scripts/limit-of-emfile.mjs', {
    descriptors: 64,
  });
  expect(report).toMatchObject({
    code: 'EMFILE',
    limit: { name: 'RLIMIT_NOFILE', max: 64, raise: expect.stringContaining('ulimit -n') },
    keptAfterwards: true,
  });
  // A descriptor that was opened before the limit was lowered may lie above it.
  expect(report.limit.used).toBeGreaterThanOrEqual(64);
});

test('EMFILE where the table has room again says why it does not know', () => {
  expect(limitOf(EMFILE, 'accept4')).toMatchObject({
    name: 'RLIMIT_NOFILE',
    used: null,
    usedReason: expect.stringContaining("a loop's own"),
  });
});

test('ENFILE names fs.file-max', () => {
  const limit = limitOf(ENFILE, 'socket');
  expect(limit).toMatchObject({ name: 'fs.file-max', max: procNumber('/proc/sys/fs/file-max') });
  expect(limit?.used).toBeGreaterThan(0);
});

test('EADDRNOTAVAIL names the source ports, from connect; from bind it is no limit', () => {
  const [low, high] = [0, 1].map((field) => procNumber('/proc/sys/net/ipv4/ip_local_port_range', field));
  expect(limitOf(EADDRNOTAVAIL, 'connect', { address: HOST, port: 1 })).toMatchObject({
    name: 'source ports',
    max: (high ?? 0) - (low ?? 0) + 1,
    used: null,
    usedReason: expect.stringContaining('ports.usage'),
  });
  expect(limitOf(EADDRNOTAVAIL, 'bind', { address: '192.0.2.1', port: 1 })).toBeUndefined();
});

test('EADDRINUSE is about source ports when any port would have done, and no limit when one was asked for', async () => {
  expect(limitOf(EADDRINUSE, 'bind', { address: HOST, port: 0 })).toMatchObject({ name: 'source ports' });
  const loop = openLoop(NODE);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  const error = await loop.listen({ host: HOST, port: listener.address.port }, {}).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'EADDRINUSE', limit: undefined });
});

test('ENOMEM and ENOBUFS name the fullest of the memory limits', () => {
  for (const errno of [ENOMEM, ENOBUFS]) {
    const limit = limitOf(errno, 'connect');
    expect(limit?.name).toMatch(/^(net\.ipv4\.tcp_mem|memory|control group memory)$/);
    expect(limit?.max).toBeGreaterThan(0);
    expect(limit?.used).toBeLessThanOrEqual(limit?.max ?? 0);
  }
});

test('ENOSPC of epoll_ctl names the epoll registrations of a user', () => {
  expect(limitOf(ENOSPC, 'epoll_ctl')).toMatchObject({
    name: 'fs.epoll.max_user_watches',
    max: procNumber('/proc/sys/fs/epoll/max_user_watches'),
  });
  expect(limitOf(ENOSPC, 'write')).toBeUndefined();
});

test('a connect that times out on a full accept queue of this machine says so', async () => {
  const loop = openUnpolled({ driver: 'node' });
  // Nothing accepts: connections stay in the queue, which holds one more than its limit.
  const paused = openUnpolled({ driver: 'manual' });
  const listener = await paused.listen({ host: HOST, port: 0, backlog: 2 }, {});
  const error = await new Promise<ConnectionError | undefined>((resolve) => {
    const close = (_id: number, reason?: ConnectionError): void => resolve(reason);
    for (let i = 0; i < 5; i++) {
      loop.connect({ host: HOST, port: listener.address.port, timeoutMs: 300 }, { close });
    }
  });
  expect(error).toMatchObject({
    code: 'ETIMEDOUT',
    limit: { name: 'accept queue', used: 3, max: 2, raise: expect.stringContaining('net.core.somaxconn') },
  });
});

test('a connect that is refused because nobody listens, or times out elsewhere, met no limit', async () => {
  const port = await freePort();
  const loop = openLoop(NODE);
  const error = await new Promise<ConnectionError | undefined>((resolve) => {
    loop.connect({ host: HOST, port }, { close: (_id, reason) => resolve(reason) });
  });
  expect(error).toMatchObject({ code: 'ECONNREFUSED', limit: undefined });
  expect(limitOf(ETIMEDOUT, 'connect', { address: '192.0.2.1', port: 80 })).toBeUndefined();
  expect(limitOf(ECONNREFUSED, 'connect')).toBeUndefined();
  expect(limitOf(ETIMEDOUT, 'read')).toBeUndefined();
});

test('a queue with room is no cause', async () => {
  const loop = openLoop(NODE);
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  expect(limitOf(ETIMEDOUT, 'connect', { address: HOST, port: listener.address.port })).toBeUndefined();
});

test('other errors have none', () => {
  expect(limitOf(ECONNRESET, 'read')).toBeUndefined();
  expect(limitOf(12345, 'read')).toBeUndefined();
});

test('what was found is kept, except by the errors that connections share', () => {
  const own = new SystemError(ENFILE, 'socket');
  expect(own.limit).toBe(own.limit);
  const shared = closeError(ENFILE, 1);
  expect(shared).toBe(closeError(ENFILE, 1));
  expect(shared).toMatchObject({ limit: { name: 'fs.file-max' } });
});

