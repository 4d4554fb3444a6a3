// What a user of the loop gives once, for all connections of a listen or connect.

import type { ConnscaleError } from '../connscale-error.js';
import type { SystemError } from '../system-error.js';
import { checkOptions } from '../check.js';
import type { ConnectionId } from './connection-id.js';

/**
 * Why a connection closed: the kernel's reason, ours, or that of `node:dns` when a name did not resolve. Told apart by
 * `code`.
 */
export type ConnectionError = SystemError | ConnscaleError | NodeJS.ErrnoException;

/**
 * What happens to connections. Given once to `listen` or `connect`, and shared by all connections of that call.
 *
 * A handler that throws ends nothing: the error goes to `uncaughtException` like that of any callback (out of `poll` with
 * the `'manual'` driver), and the events behind it are delivered.
 */
export interface Handlers {
  /** The connection is established: accepted, or connected. */
  open?(id: ConnectionId): void;
  /** Bytes came. They lie in the loop's receive slab and are valid until the handler returns: copy what is to stay. */
  data?(id: ConnectionId, bytes: Buffer): void;
  /** The same without a view being made: `length` bytes of `slab` from `offset`. Give this or `data`, not both. */
  dataIn?(id: ConnectionId, slab: Buffer, offset: number, length: number): void;
  /**
   * Everything queued was taken by the kernel. Called after a `write` that returned more than `highWaterMarkBytes`, and
   * whenever the kernel had not taken everything at once.
   */
  drain?(id: ConnectionId): void;
  /**
   * The peer sent FIN and will send no more. Without this handler our side is ended too, as by `loop.end(id)`.
   *
   * Not while nothing is read from the connection, because it is paused or more than `highWaterMarkBytes` are queued for it:
   * FIN is then remembered until reading goes on.
   */
  end?(id: ConnectionId): void;
  /**
   * The connection is gone; the last event of an id. `error` says why, and is absent after an orderly end or when this
   * side closed it. A connect that fails is `close` without `open`.
   *
   * Codes of a connection: `ECONNRESET`, `EPIPE`, `ETIMEDOUT` or `EHOSTUNREACH` from `read` or `write`;
   * `ERR_CONNSCALE_IDLE_TIMEOUT`; `ENOMEM` from `malloc`, no memory for what is queued. Codes of a connect:
   * `ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH` or `EHOSTUNREACH` from `connect`; `EADDRNOTAVAIL` or `EADDRINUSE` from
   * `bind` or `connect`; `EMFILE` or `ENFILE` from `socket`; `ENOSPC` from `epoll_ctl`; what `setsockopt` says of an
   * option; what `node:dns` says of a name, such as `ENOTFOUND` or `EAI_AGAIN` from `getaddrinfo`.
   *
   * A loop that breaks (`ERR_CONNSCALE_LOOP_BROKEN`, an uncaught exception) delivers no `close` for its ids: all are stale
   * from then on. Only a connect whose name is being resolved gets it, with that error.
   */
  close?(id: ConnectionId, error?: ConnectionError): void;
}

const NAMES = ['open', 'data', 'dataIn', 'drain', 'end', 'close'] as const satisfies readonly (keyof Handlers)[];

/** Refuses what is not a set of handlers. Methods of classes are welcome, so unknown names are refused on plain objects only. */
export function checkHandlers(handlers: Handlers): void {
  if (typeof handlers !== 'object' || handlers === null) throw new TypeError('handlers must be an object');
  if (Object.getPrototypeOf(handlers) === Object.prototype) checkOptions('handlers', handlers, NAMES);
  for (const name of NAMES) {
    const handler: unknown = Reflect.get(handlers, name);
    if (handler !== undefined && typeof handler !== 'function') {
      throw new TypeError(`handlers.${name} must be a function, not ${typeof handler}`);
    }
  }
  if (handlers.data !== undefined && handlers.dataIn !== undefined) {
    throw new TypeError('handlers.data and handlers.dataIn exclude each other');
  }
}
