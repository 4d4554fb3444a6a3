// A loop: the verbs of its connections and listeners.

import { lookup } from 'node:dns/promises';

import type { NativeListenArguments } from '../binding.js';
import { checkInteger } from '../check.js';
import { ConnscaleError } from '../connscale-error.js';
import { SystemError } from '../system-error.js';
import { ConnectRun } from './connect-many.js';
import type { ConnectManyOptions } from './connect-many-options.js';
import type { ConnectOptions } from './connect-options.js';
import type { ConnectionId } from './connection-id.js';
import { Connector } from './connector.js';
import type { Handlers } from './handlers.js';
import { Request } from './layout.js';
import { isAddress, resolveListenOptions, type ListenOptions } from './listen-options.js';
import { Listener, type SocketAddress } from './listener.js';
import { LoopCore } from './loop-core.js';
import { resolveLoopOptions, type Descriptors, type Driver, type LoopOptions } from './loop-options.js';
import { Flag, type LoopState } from './loop-state.js';
import { LoopStats } from './loop-stats.js';
import { decodeOption, encodeOption, optionRow } from './socket-options.js';
import type { SocketOptionName, SocketOptionValue } from './socket-options.js';
import type { SubmissionRing } from './submission-ring.js';

/** The inside of a loop, for the other classes of this folder. */
export let coreOf: (loop: Loop) => LoopCore;

/**
 * One event loop of the kernel's own kind, outside libuv's defaults, with its connections and listeners.
 *
 * A connection is a number ({@link ConnectionId}); what happens to it comes to handlers that were given once. Requests
 * gather and are handed over when the current turn of JavaScript ends. A loop keeps the process alive while it has listeners
 * or connections, unless it is a `'manual'` one: that is up to whoever polls it. `close` ends it.
 *
 * A loop that can no longer run, or whose memory was written over, says so by an uncaught exception
 * (`ERR_CONNSCALE_LOOP_BROKEN`, `ERR_CONNSCALE_INVALID_SUBMISSION`): no call throws these.
 *
 * @see epoll(7) https://man7.org/linux/man-pages/man7/epoll.7.html
 */
export class Loop {
  static {
    coreOf = (loop) => loop.#core;
  }
  readonly #core: LoopCore;
  readonly #connector: Connector;
  readonly #state: LoopState;
  readonly #ring: SubmissionRing;
  readonly #highWaterMarkBytes: number;
  readonly #writeQueueMaxBytes: number;

  /** Who runs the loop; `'thread'` where `'node'` was asked for and Node's loop cannot be watched. */
  readonly driver: Driver;
  /** Whose descriptor table its sockets are in. */
  readonly descriptors: Descriptors;
  /** @internal Its part of every id. */
  readonly number: number;
  /** Counters, live. */
  readonly stats: LoopStats;

  /**
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range.
   * @throws {ConnscaleError} `ERR_CONNSCALE_UNKNOWN_OPTION`; `ERR_CONNSCALE_LOOPS_EXHAUSTED`.
   * @throws {SystemError} `EMFILE` or `ENFILE` from `epoll_create1` or `eventfd`; `EAGAIN` from `pthread_create`; `ENOSYS` or
   *   `EPERM` from `close_range` (`descriptors: 'private'`).
   */
  constructor(options: LoopOptions = {}) {
    const resolved = resolveLoopOptions(options);
    this.#core = new LoopCore(resolved);
    this.#connector = new Connector(this.#core);
    this.#state = this.#core.state;
    this.#ring = this.#core.ring;
    this.#highWaterMarkBytes = resolved.highWaterMarkBytes;
    this.#writeQueueMaxBytes = resolved.writeQueueMaxBytes;
    this.driver = this.#core.native.driverName();
    this.descriptors = resolved.descriptors;
    this.number = this.#core.number;
    this.stats = new LoopStats(this.#state.counters);
  }

  /**
   * Listens, and accepts connections from then on.
   *
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range.
   * @throws {SystemError} `EADDRINUSE`, `EADDRNOTAVAIL` or `EACCES` from `bind`; `EADDRINUSE` from `listen`; `EMFILE` or
   *   `ENFILE` from `socket`; what `setsockopt` says of an option.
   * @throws {Error} what `node:dns` says of a name, such as `ENOTFOUND` or `EAI_AGAIN` from `getaddrinfo`.
   * @throws {ConnscaleError} `ERR_CONNSCALE_LISTENERS_EXHAUSTED`, `ERR_CONNSCALE_UNKNOWN_OPTION`,
   *   `ERR_CONNSCALE_UNSUPPORTED`, `ERR_CONNSCALE_LOOP_CLOSED`.
   * @see listen(2) https://man7.org/linux/man-pages/man2/listen.2.html
   */
  async listen(options: ListenOptions, handlers: Handlers): Promise<Listener> {
    this.#core.requireOpen();
    const resolved = resolveListenOptions(options, this.#core.options.maxConnections);
    const set = this.#state.table.acquire(handlers);
    try {
      const address = isAddress(resolved.address) ? resolved.address : (await lookup(resolved.address)).address;
      this.#core.requireOpen(); // it may have been closed meanwhile
      const request = { ...resolved, address, handlers: set.index };
      const { listener, ...bound } = await this.#listenOn(request, options.host === undefined);
      this.#core.listeners++;
      this.#core.updateRef();
      const owner = {
        reportListener: (index: number) => this.#core.task('reportListener', { listener: index }),
        closeListener: async (index: number) => {
          // After close() the loop has closed it already.
          const closed = await this.#core.task('closeListener', { listener: index }).catch(ignoreLoopClosed);
          if (!closed) return;
          this.#state.releaseListening(set);
          this.#core.listeners--;
          this.#core.updateRef();
        },
      };
      return new Listener(owner, listener, bound);
    } catch (error) {
      this.#state.table.release(set);
      throw error;
    }
  }

  async #listenOn(request: NativeListenArguments, anyAddress: boolean): Promise<SocketAddress & { listener: number }> {
    try {
      return await this.#core.task('listen', request, request);
    } catch (error) {
      // A kernel without IPv6: then every address is every IPv4 address.
      const noIPv6 = error instanceof SystemError && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(error.code);
      if (!anyAddress || !noIPv6) throw error;
      return this.#core.task('listen', { ...request, address: '0.0.0.0' }, { ...request, address: '0.0.0.0' });
    }
  }

  /**
   * Connects. The id is there at once and may be written to; `open` says that it is established. A connect that fails is
   * `close(id, error)` without `open`.
   *
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range, or the source address is of another
   *   family than the destination.
   * @throws {ConnscaleError} `ERR_CONNSCALE_CONNECTIONS_EXHAUSTED`, `ERR_CONNSCALE_UNKNOWN_OPTION`,
   *   `ERR_CONNSCALE_UNSUPPORTED`, `ERR_CONNSCALE_LOOP_CLOSED`.
   * @see connect(2) https://man7.org/linux/man-pages/man2/connect.2.html
   */
  connect(options: ConnectOptions, handlers: Handlers): ConnectionId {
    this.#core.requireOpen();
    return this.#connector.connect(options, handlers);
  }

  /**
   * Connects many times with one plan: destinations, source addresses and ports in turn, a bound on what is under way, a
   * rate, retries. It costs no promise and no object for a connection. An id is known from its `open` on; connects that
   * fail are counted by code, and no handler hears of them.
   *
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range; addresses are of different families,
   *   or there more than once.
   * @throws {SystemError} `EADDRNOTAVAIL` from `bind`: a source address is not local.
   * @throws {ConnscaleError} `ERR_CONNSCALE_CONNECTIONS_EXHAUSTED`: more than the loop may hold;
   *   `ERR_CONNSCALE_UNKNOWN_OPTION`, `ERR_CONNSCALE_UNSUPPORTED`, `ERR_CONNSCALE_LOOP_CLOSED`. Where a destination is a
   *   name, what is wrong with addresses and ports rejects {@link ConnectRun.done} instead, as does the name's own error.
   * @see ip(7) https://man7.org/linux/man-pages/man7/ip.7.html
   */
  connectMany(options: ConnectManyOptions, handlers: Handlers): ConnectRun {
    this.#core.requireOpen();
    return new ConnectRun([this.#core], options, handlers);
  }

  /**
   * Queues bytes, copying them; all writes of a turn to one connection leave in one system call.
   *
   * @param bytes - A Uint8Array, or a string (sent as UTF-8).
   * @param offset - First byte to send. Default 0. Not for strings.
   * @param length - Bytes to send. Default: the rest. Not for strings.
   * @returns the bytes now queued for this connection. Above `highWaterMarkBytes` stop, and go on at `drain`.
   * @throws {TypeError} `bytes` is neither; `offset` or `length` with a string; an id that is no number.
   * @throws {RangeError} `offset` and `length` reach past the bytes.
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`; `ERR_CONNSCALE_WRITE_AFTER_END`, also when the peer's FIN has ended our
   *   side because there is no `end` handler; `ERR_CONNSCALE_WRITE_QUEUE_FULL`, nothing was taken.
   */
  write(id: ConnectionId, bytes: Uint8Array | string, offset?: number, length?: number): number {
    const state = this.#state;
    const slot = state.slotOf(id);
    const text = typeof bytes === 'string';
    const start = offset === undefined ? 0 : offset;
    let size: number;
    if (text) {
      if (offset !== undefined || length !== undefined) throw new TypeError('offset and length are not for a string');
      size = Buffer.byteLength(bytes);
    } else {
      if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array or a string');
      size = length === undefined ? bytes.length - start : length;
      const whole = Number.isInteger(start) && Number.isInteger(size);
      if (!whole || start < 0 || size < 0 || start + size > bytes.length) throw outsideBytes(start, size, bytes.length);
    }
    const special = state.flags[slot]! & ~Flag.AskedForDrain;
    if (special !== 0 && this.#refuseOrPostponeWrite(id, slot, bytes, start, size)) return state.queued[slot]!;
    const queued = state.queued[slot]! + size;
    if (queued > this.#writeQueueMaxBytes) throw queueFull(queued, this.#writeQueueMaxBytes);
    if (size === 0) return queued;
    state.queued[slot] = queued;
    const notify = queued > this.#highWaterMarkBytes;
    if (!text) this.#ring.write(id, bytes, start, size, notify);
    else if (!this.#ring.writeText(id, bytes, size, notify)) this.#ring.write(id, Buffer.from(bytes), 0, size, notify);
    return queued;
  }

  #refuseOrPostponeWrite(
    id: ConnectionId,
    slot: number,
    bytes: Uint8Array | string,
    start: number,
    size: number,
  ): boolean {
    const flags = this.#state.flags[slot]!;
    if ((flags & (Flag.Closing | Flag.Ended)) !== 0) {
      throw new ConnscaleError('ERR_CONNSCALE_WRITE_AFTER_END', 'write after end, destroy or reset');
    }
    const queued = this.#state.queued[slot]! + size;
    if (queued > this.#writeQueueMaxBytes) throw queueFull(queued, this.#writeQueueMaxBytes);
    this.#state.queued[slot] = queued;
    const copy = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.subarray(start, start + size));
    this.#connector.postpone(id, () => {
      this.#ring.write(id, copy, 0, size, queued > this.#highWaterMarkBytes);
    });
    return true;
  }

  /**
   * Sends FIN after what is queued; the peer may go on sending. When both sides have ended, the connection closes: not
   * before the peer's FIN is read, for which a paused connection has to be resumed.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`.
   * @see shutdown(2) https://man7.org/linux/man-pages/man2/shutdown.2.html
   */
  end(id: ConnectionId): void {
    const slot = this.#state.slotOf(id);
    if ((this.#state.flags[slot]! & (Flag.Closing | Flag.Ended)) !== 0) return;
    this.#state.flags[slot]! |= Flag.Ended;
    this.#request(id, slot, Request.End);
  }

  /**
   * Closes at once. Bytes written in this turn are still handed to the kernel; what it did not take is dropped. `close`
   * follows, without an error; no other event does.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`.
   */
  destroy(id: ConnectionId): void {
    this.#closeNow(id, Request.Destroy);
  }

  /**
   * Closes at once with RST: nothing lingers on either side, and there is no TIME_WAIT.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`.
   * @see SO_LINGER, socket(7) https://man7.org/linux/man-pages/man7/socket.7.html
   */
  reset(id: ConnectionId): void {
    this.#closeNow(id, Request.Reset);
  }

  #closeNow(id: ConnectionId, request: number): void {
    const slot = this.#state.slotOf(id);
    const flags = this.#state.flags[slot]!;
    if ((flags & Flag.Closing) !== 0) return;
    if ((flags & Flag.Resolving) !== 0) {
      this.#connector.abandon(id);
      return;
    }
    this.#state.flags[slot] = flags | Flag.Closing;
    this.#ring.push(id, request);
  }

  /**
   * Stops reading: the kernel's buffer fills, and the peer stops sending. Data that this turn had received already may still
   * come. The peer's FIN is only remembered: `end`, our own FIN where there is no `end` handler, and `close` wait for
   * `resume`. A reset by the peer is reported all the same.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`.
   */
  pause(id: ConnectionId): void {
    this.#request(id, this.#state.slotOf(id), Request.Pause);
  }

  /**
   * Reads again.
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`.
   */
  resume(id: ConnectionId): void {
    this.#request(id, this.#state.slotOf(id), Request.Resume);
  }

  #request(id: ConnectionId, slot: number, request: number): void {
    const flags = this.#state.flags[slot]!;
    if ((flags & Flag.Closing) !== 0) return;
    if ((flags & Flag.Resolving) === 0) {
      this.#ring.push(id, request);
    } else {
      this.#connector.postpone(id, () => {
        this.#ring.push(id, request);
      });
    }
  }

  /** Whether the id names a connection of this loop whose `close` has not been called. */
  isOpen(id: number): boolean {
    return this.#state.has(id);
  }

  /**
   * Sets a socket option of a connection.
   *
   * @returns the value now in force: kernels double and clamp.
   * @throws {TypeError | RangeError} `name` is no string, or `value` has the wrong type or is out of range.
   * @throws {SystemError} what `setsockopt` says.
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`, also while the name of its host is being resolved;
   *   `ERR_CONNSCALE_UNKNOWN_OPTION`; `ERR_CONNSCALE_UNSUPPORTED`; `ERR_CONNSCALE_LOOP_CLOSED`.
   * @see setsockopt(2) https://man7.org/linux/man-pages/man2/setsockopt.2.html
   */
  async setOption<Name extends SocketOptionName>(
    id: ConnectionId,
    name: Name,
    value: SocketOptionValue<Name>,
  ): Promise<SocketOptionValue<Name>> {
    this.#state.slotOf(id);
    const row = optionRow(name);
    const inForce = await this.#core.task('setOption', { id, row, value: encodeOption('value', row, value) });
    return decodeOption(row, inForce) as SocketOptionValue<Name>;
  }

  /**
   * Reads a socket option of a connection.
   *
   * @throws {TypeError} `name` is no string.
   * @throws {SystemError} what `getsockopt` says.
   * @throws {ConnscaleError} as {@link Loop.setOption}.
   * @see getsockopt(2) https://man7.org/linux/man-pages/man2/getsockopt.2.html
   */
  async getOption<Name extends SocketOptionName>(id: ConnectionId, name: Name): Promise<SocketOptionValue<Name>> {
    this.#state.slotOf(id);
    const row = optionRow(name);
    return decodeOption(row, await this.#core.task('getOption', { id, row })) as SocketOptionValue<Name>;
  }

  /**
   * Our address of a connection.
   *
   * @throws {SystemError} what `getsockname` says.
   * @throws {ConnscaleError} `ERR_CONNSCALE_STALE_ID`, also while the name of its host is being resolved;
   *   `ERR_CONNSCALE_LOOP_CLOSED`.
   * @see getsockname(2) https://man7.org/linux/man-pages/man2/getsockname.2.html
   */
  async localAddress(id: ConnectionId): Promise<SocketAddress> {
    this.#state.slotOf(id);
    return this.#core.task('localAddress', { id });
  }

  /**
   * The peer's address.
   *
   * @throws {SystemError} `ENOTCONN` from `getpeername` while it is connecting, and when the peer has gone.
   * @throws {ConnscaleError} as {@link Loop.localAddress}.
   * @see getpeername(2) https://man7.org/linux/man-pages/man2/getpeername.2.html
   */
  async remoteAddress(id: ConnectionId): Promise<SocketAddress> {
    this.#state.slotOf(id);
    return this.#core.task('remoteAddress', { id });
  }

  /** Lets the loop keep the process alive while it has listeners or connections, as at first. Nothing for `'manual'`. */
  ref(): this {
    this.#core.setWantsRef(true);
    return this;
  }

  /** Lets the process end although the loop has listeners or connections. Nothing for `'manual'`. */
  unref(): this {
    this.#core.setWantsRef(false);
    return this;
  }

  /**
   * One turn of a `'manual'` loop: waits until something happens and calls the handlers. What a handler throws comes out
   * here; the events behind it are delivered by the next call.
   *
   * @param timeoutMs - Longest wait; 0: do not wait; -1: wait for ever. JavaScript stands still meanwhile.
   * @returns the completions delivered; 0: the time ran out.
   * @throws {ConnscaleError} `ERR_CONNSCALE_UNSUPPORTED` for the other drivers; `ERR_CONNSCALE_REENTRANT` inside a handler;
   *   `ERR_CONNSCALE_LOOP_CLOSED`.
   */
  poll(timeoutMs: number): number {
    this.#core.requireOpen();
    checkInteger('timeoutMs', timeoutMs, -1, 2 ** 31 - 1);
    if (this.driver !== 'manual') {
      throw new ConnscaleError('ERR_CONNSCALE_UNSUPPORTED', `poll is for the 'manual' driver; this is '${this.driver}'`);
    }
    if (this.#state.dispatching) throw new ConnscaleError('ERR_CONNSCALE_REENTRANT', 'poll inside a handler');
    this.#ring.flush();
    return this.#core.native.poll(timeoutMs);
  }

  /**
   * Closes listeners and connections: what has bytes queued gets `closeTimeoutMs` to send them. Every connection's `close`
   * handler is called. Safe to call again.
   */
  async close(): Promise<void> {
    return this.#core.close(() => {
      this.#connector.abandonAll();
    });
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function outsideBytes(start: number, size: number, length: number): TypeError | RangeError {
  if (typeof start !== 'number' || typeof size !== 'number') return new TypeError('offset and length must be numbers');
  return new RangeError(`offset ${String(start)} and length ${String(size)} reach outside the ${String(length)} bytes`);
}

function queueFull(queued: number, max: number): ConnscaleError {
  return new ConnscaleError(
    'ERR_CONNSCALE_WRITE_QUEUE_FULL',
    `${String(queued)} bytes would be queued, more than writeQueueMaxBytes (${String(max)}); nothing was taken`,
  );
}

function ignoreLoopClosed(error: unknown): false {
  if (error instanceof ConnscaleError && error.code === 'ERR_CONNSCALE_LOOP_CLOSED') return false;
  throw error;
}
