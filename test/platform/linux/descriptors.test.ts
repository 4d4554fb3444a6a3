// Whose descriptor table a socket is in, and what else Linux tells of a loop under /proc.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { capabilities } from '../../../lib/index.js';
import { runScriptForJson } from '../../helpers/child.js';
import { forEachDriver, openLoop, openUnpolled } from '../../helpers/drivers.js';
import { Recording } from '../../helpers/recording.js';
import { expect, test } from '../../helpers/runner.js';

const HOST = '127.0.0.1';
const PRIVATE = { name: 'thread', options: { driver: 'thread', descriptors: 'private' } } as const;
const SHARED = { name: 'thread', options: { driver: 'thread' } } as const;

function status(task = 'self'): string {
  const path = task === 'self' ? '/proc/self/status' : `/proc/self/task/${task}/status`;
  return readFileSync(path, 'utf8');
}

function field(text: string, name: string): string {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? expect.fail(`no ${name}`);
}

/** The threads of our loops. */
function loopThreads(): string[] {
  return readdirSync('/proc/self/task').filter((task) => field(status(task), 'Name') === 'connscale');
}

test('this kernel can do all that the documentation promises', () => {
  expect(capabilities()).toMatchObject({
    nodeDriver: { supported: true },
    privateDescriptors: { supported: true },
    reusePort: { supported: true },
  });
});

test('sockets of a loop with private descriptors are in the table of its thread alone', async () => {
  const loop = openLoop(PRIVATE);
  const [thread] = loopThreads();
  const own = (): number => readdirSync(`/proc/self/task/${thread ?? ''}/fd`).length;
  const [mainBefore, ownBefore] = [readdirSync('/proc/self/fd').length, own()];
  const both = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, both.handlers);
  for (let i = 0; i < 50; i++) loop.connect({ host: HOST, port: listener.address.port }, both.handlers);
  await both.until('open', 100);
  expect(readdirSync('/proc/self/fd')).toHaveLength(mainBefore);
  expect(own()).toBeGreaterThanOrEqual(ownBefore + 101);
  expect(own()).toBeLessThanOrEqual(ownBefore + 102); // the listener's reserve
});

test('a thread with private descriptors starts with its wake-ups and the standard streams, nothing else', async () => {
  const stranger = await openLoop(SHARED).listen({ host: HOST, port: 0 }, {});
  expect(stranger.address.port).toBeGreaterThan(0);
  const before = loopThreads();
  openLoop(PRIVATE);
  const [thread] = loopThreads().filter((task) => !before.includes(task));
  const links = readdirSync(`/proc/self/task/${thread ?? ''}/fd`)
    .filter((descriptor) => Number(descriptor) > 2)
    .map((descriptor) => readlinkSync(`/proc/self/task/${thread ?? ''}/fd/${descriptor}`));
  expect(links.sort()).toEqual(['anon_inode:[eventfd]', 'anon_inode:[eventfd]', 'anon_inode:[eventpoll]']);
});

test('each loop of a group with private descriptors has the whole limit to itself', async () => {
  const report = await runScriptForJson('platform/linux/scripts/beyond-the-limit.mjs', { descriptors: 128 });
  expect(report).toEqual({ limit: 128, loops: 3, held: 300 });
});

test('the threads of loops leave signals to the application', () => {
  openLoop(SHARED);
  openLoop(PRIVATE);
  const threads = loopThreads();
  expect(threads.length).toBeGreaterThanOrEqual(2);
  for (const thread of threads) {
    // All but SIGKILL, SIGSTOP (which cannot be blocked) and the two that glibc keeps for itself.
    expect(field(status(thread), 'SigBlk')).toBe('fffffffe7ffbfeff');
  }
});

/** The sockets, eventfds and epolls of this process, and what they are. */
function descriptors(): { descriptor: string; link: string }[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${descriptor}`);
      return /^(socket:|anon_inode:\[event)/.test(link) ? [{ descriptor, link }] : [];
    } catch {
      return []; // the one that listed the folder
    }
  });
}

forEachDriver('all descriptors of a loop close on exec', async (driver) => {
  const inherited = new Set(
    descriptors()
      .map(({ link }) => link)
      .filter((link) => link.startsWith('socket:')),
  );
  const loop = openLoop(driver);
  const both = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, both.handlers);
  loop.connect({ host: HOST, port: listener.address.port }, both.handlers);
  await both.until('open', 2);
  const O_CLOEXEC = 0o2000000;
  const added = descriptors().filter(({ link }) => !inherited.has(link));
  for (const each of added) {
    const flags = Number.parseInt(field(readFileSync(`/proc/self/fdinfo/${each.descriptor}`, 'utf8'), 'flags'), 8);
    expect({ ...each, closesOnExec: (flags & O_CLOEXEC) !== 0 }).toEqual({ ...each, closesOnExec: true });
  }
  const sockets = added.filter(({ link }) => link.startsWith('socket:'));
  expect(sockets).toHaveLength(driver.options.descriptors === 'private' ? 0 : 3);
});

test('the descriptor table is sized once, at the start', () => {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  openUnpolled({ driver: 'manual', maxConnections: 3000 });
  expect(Number(field(status(), 'FDSize'))).toBeGreaterThanOrEqual(Math.min(limit, 6000));
});

test('the backlog is lowered to net.core.somaxconn', async () => {
  const somaxconn = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  const loop = openUnpolled({});
  const listener = await loop.listen({ host: HOST, port: 0, backlog: 2 ** 30 }, {});
  expect((await listener.stats()).queueLimit).toBe(somaxconn);
});

forEachDriver('a reset leaves no TIME_WAIT on either side, an orderly end one', async ({ options }) => {
  const args = [options.driver ?? 'thread', options.descriptors ?? 'shared'];
  const report = await runScriptForJson('platform/linux/scripts/time-waits.mjs', { args });
  expect(report).toEqual({ reset: 0, end: 1 });
});
