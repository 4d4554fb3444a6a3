// Several loops, each on a thread of its own, behind the verbs of one.

import { checkBoolean, checkInteger, checkOptions } from '../check.js';
import { ConnscaleError } from '../connscale-error.js';
import { ConnectRun } from './connect-many.js';
import type { ConnectManyOptions } from './connect-many-options.js';
import type { ConnectOptions } from './connect-options.js';
import { loopOf, type ConnectionId } from './connection-id.js';
import type { Handlers } from './handlers.js';
import type { ListenOptions } from './listen-options.js';
import type { Listener, ListenerStats, SocketAddress } from './listener.js';
import { LOOPS_MAX } from './loop-numbers.js';
import { coreOf, Loop } from './loop.js';
import { LOOP_OPTION_NAMES, type LoopOptions } from './loop-options.js';
import type { SocketOptionName, SocketOptionValue } from './socket-options.js';

/** What the constructor of {@link LoopGroup} takes. */
export interface LoopGroupOptions extends Omit<LoopOptions, 'driver'> {
  /** Loops, each on a thread of its own, 1 to 256. */
  readonly loops: number;
}

/** One listener for each loop of a group, on one port. */
export class GroupListener {
  /** The address that was bound. */
  readonly address: SocketAddress;
  /** The listener of each loop, in the order of `group.loops`. */
  readonly listeners: readonly Listener[];

  /** @internal */
  constructor(listeners: readonly [Listener, ...Listener[]]) {
    this.listeners = listeners;
    this.address = listeners[0].address;
  }

  /** The sums over all loops; `lastFailure` is the first that there is. */
  async stats(): Promise<ListenerStats> {
    const all = await Promise.all(this.listeners.map((listener) => listener.stats()));
    const sum = (pick: (stats: ListenerStats) => number): number => all.reduce((total, one) => total + pick(one), 0);
    const known = all.every((one) => one.queueDepth !== null);
    return {
      accepted: sum((one) => one.accepted),
      rejected: sum((one) => one.rejected),
      failures: sum((one) => one.failures),
      lastFailure: all.find((one) => one.lastFailure !== null)?.lastFailure ?? null,
      pauses: sum((one) => one.pauses),
      open: sum((one) => one.open),
      queueDepth: known ? sum((one) => one.queueDepth ?? 0) : null,
      queueLimit: known ? sum((one) => one.queueLimit ?? 0) : null,
    };
  }

  /** Closes the listeners of all loops. */
  async close(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Loops on threads of their own: one SO_REUSEPORT listener each, over which the kernel spreads connections by hash; connects
 * go round. Handlers run on this thread. With `descriptors: 'private'` each loop has a descriptor table, and so a descriptor
 * limit, of its own.
 *
 * The verbs are those of {@link Loop}; an id says which loop it belongs to.
 */
export class LoopGroup {
  /** The loops. */
  readonly loops: readonly Loop[];
  readonly #byNumber = new Map<number, Loop>();
  #next = 0;

  /**
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range.
   * @throws {ConnscaleError} `ERR_CONNSCALE_UNKNOWN_OPTION`; `ERR_CONNSCALE_LOOPS_EXHAUSTED`, the loops that had opened are
   *   closed.
   * @throws {SystemError} as for {@link Loop}; the loops that had opened are closed.
   */
  constructor(options: LoopGroupOptions) {
    checkOptions('options', options, ['loops', ...LOOP_OPTION_NAMES.filter((name) => name !== 'driver')]);
    const { loops: count, ...rest } = options;
    checkInteger('options.loops', count, 1, LOOPS_MAX);
    const loops: Loop[] = [];
    try {
      while (loops.length < count) loops.push(new Loop({ ...rest, driver: 'thread' }));
    } catch (error) {
      for (const loop of loops) void loop.close();
      throw error;
    }
    this.loops = loops;
    for (const loop of loops) this.#byNumber.set(loop.number, loop);
  }

  /**
   * Listens with every loop on one port of one address: a name is resolved once. When one loop cannot, none does.
   *
   * @throws as {@link Loop.listen}, and {RangeError} for `reusePort: false`.
   */
  async listen(options: ListenOptions, handlers: Handlers): Promise<GroupListener> {
    const [first, ...others] = this.loops;
    if (first === undefined) throw new ConnscaleError('ERR_CONNSCALE_LOOP_CLOSED', 'the group has no loops');
    const { reusePort = true } = options;
    if (!checkBoolean('options.reusePort', reusePort)) {
      throw new RangeError('options.reusePort must not be false: the loops of a group share the port');
    }
    const listener = await first.listen({ ...options, reusePort }, handlers);
    const listeners: [Listener, ...Listener[]] = [listener];
    try {
      for (const loop of others) {
        // Where the first is: a name may resolve to another address the next time.
        const { address: host, port } = listener.address;
        listeners.push(await loop.listen({ ...options, host, port, reusePort }, handlers));
      }
    } catch (error) {
      await Promise.all(listeners.map((opened) => opened.close()));
      throw error;
    }
    return new GroupListener(listeners);
  }

  /** Connects with the next loop in turn. */
  connect(options: ConnectOptions, handlers: Handlers): ConnectionId {
    const loop = this.loops[this.#next]!;
    this.#next = (this.#next + 1) % this.loops.length;
    return loop.connect(options, handlers);
  }

  /**
   * As {@link Loop.connectMany}, spread over the loops. Each has source addresses of its own where there are as many as
   * loops, or else, with `'explicit'` ports, ports of its own; `maxInFlight` and `ratePerSecond` hold for all together.
   */
  connectMany(options: ConnectManyOptions, handlers: Handlers): ConnectRun {
    return new ConnectRun(this.loops.map(coreOf), options, handlers);
  }

  /** As {@link Loop.write}. */
  write(id: ConnectionId, bytes: Uint8Array | string, offset?: number, length?: number): number {
    return this.loopOf(id).write(id, bytes, offset, length);
  }

  /** As {@link Loop.end}. */
  end(id: ConnectionId): void {
    this.loopOf(id).end(id);
  }

  /** As {@link Loop.destroy}. */
  destroy(id: ConnectionId): void {
    this.loopOf(id).destroy(id);
  }

  /** As {@link Loop.reset}. */
  reset(id: ConnectionId): void {
    this.loopOf(id).reset(id);
  }

  /** As {@link Loop.pause}. */
  pause(id: ConnectionId): void {
    this.loopOf(id).pause(id);
  }

  /** As {@link Loop.resume}. */
  resume(id: ConnectionId): void {
    this.loopOf(id).resume(id);
  }

  /** As {@link Loop.isOpen}. */
  isOpen(id: number): boolean {
    return this.#byNumber.get(loopOf(id))?.isOpen(id) ?? false;
  }

  /** As {@link Loop.setOption}. */
  async setOption<Name extends SocketOptionName>(
    id: ConnectionId,
    name: Name,
    value: SocketOptionValue<Name>,
  ): Promise<SocketOptionValue<Name>> {
    return this.loopOf(id).setOption(id, name, value);
  }

  /** As {@link Loop.getOption}. */
  async getOption<Name extends SocketOptionName>(id: ConnectionId, name: Name): Promise<SocketOptionValue<Name>> {
    return this.loopOf(id).getOption(id, name);
  }

  /** As {@link Loop.localAddress}. */
  async localAddress(id: ConnectionId): Promise<SocketAddress> {
    return this.loopOf(id).localAddress(id);
  }

  /** As {@link Loop.remoteAddress}. */
  async remoteAddress(id: ConnectionId): Promise<SocketAddress> {
    return this.loopOf(id).remoteAddress(id);
  }

  /** As {@link Loop.ref}, for all loops. */
  ref(): this {
    for (const loop of this.loops) loop.ref();
    return this;
  }

  /** As {@link Loop.unref}, for all loops. */
  unref(): this {
    for (const loop of this.loops) loop.unref();
    return this;
  }

  /** Closes all loops, as {@link Loop.close}. */
  async close(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.close()));
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The loop that a connection belongs to.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID` for an id of no loop of this group.
   */
  loopOf(id: ConnectionId): Loop {
    const loop = this.#byNumber.get(loopOf(id));
    if (loop !== undefined) return loop;
    throw new ConnscaleError('ERR_CONNSCALE_STALE_ID', `${String(id)} names no connection of this group`);
  }
}
