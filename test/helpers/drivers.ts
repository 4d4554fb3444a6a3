// The same test for every way to run a loop.
import { ConnscaleError, Loop, LoopGroup, capabilities } from '../../lib/index.js';
import type { ConnectionId, LoopGroupOptions, LoopOptions } from '../../lib/index.js';
import { within } from './deadline.js';
import { onTestFinished, test } from './runner.js';

export interface DriverCase {
  readonly name: string;
  readonly options: Pick<LoopOptions, 'driver' | 'descriptors'>;
}

const ALL: readonly DriverCase[] = [
  { name: 'node', options: { driver: 'node' } },
  { name: 'thread', options: { driver: 'thread' } },
  { name: 'thread, private descriptors', options: { driver: 'thread', descriptors: 'private' } },
  { name: 'manual', options: { driver: 'manual' } },
];

const { supported: canBePrivate, reason } = capabilities().privateDescriptors;
if (!canBePrivate && process.platform === 'linux' && process.env['CI'] !== undefined) {
  throw new Error(`private descriptors cannot be tested: ${reason ?? ''}. In CI nothing is left out.`);
}

/** What this kernel can do of them; test/platform/linux/descriptors.test.ts says that it can do all where it should. */
export const DRIVERS: readonly DriverCase[] = ALL.filter(
  ({ options }) => options.descriptors !== 'private' || canBePrivate,
);

/** Declares a test for each driver. */
export function forEachDriver(name: string, body: (driver: DriverCase) => Promise<void>): void {
  for (const driver of DRIVERS) test(`${name} [${driver.name}]`, () => body(driver));
}

/** The same with all drivers at once, for what takes its time. */
export function withAllDrivers(name: string, body: (driver: DriverCase) => Promise<void>): void {
  test(`${name} [all drivers]`, async () => {
    await Promise.all(DRIVERS.map(body));
  });
}

/** A loop that is closed with the test; a `'manual'` one is polled in every turn of Node's loop. */
export function openLoop(driver: DriverCase, options: LoopOptions = {}): Loop {
  const loop = openUnpolled({ closeTimeoutMs: 200, ...options, ...driver.options });
  if (loop.driver === 'manual') keepPolling(loop);
  return loop;
}

/** The same, but a `'manual'` loop is the test's to poll. */
export function openUnpolled(options: LoopOptions): Loop {
  const loop = new Loop(options);
  onTestFinished(() => within('the loop to close', loop.close()));
  return loop;
}

export function openGroup(options: LoopGroupOptions): LoopGroup {
  const group = new LoopGroup({ closeTimeoutMs: 200, ...options });
  onTestFinished(() => within('the group to close', group.close()));
  return group;
}

/** Waits until the loop has carried out what was asked so far: a question asked later is answered later. */
export async function carriedOut(loop: Loop, id: ConnectionId): Promise<void> {
  await loop.localAddress(id);
}

/** Polls until the loop is closed. What a handler throws becomes an uncaught exception. */
function keepPolling(loop: Loop): void {
  try {
    loop.poll(0);
  } catch (error) {
    if (error instanceof ConnscaleError && error.code === 'ERR_CONNSCALE_LOOP_CLOSED') return;
    throw error;
  }
  setImmediate(keepPolling, loop);
}
