// Errors of our own state, by code.

/**
 * The codes of {@link ConnscaleError}. They are API; messages are not.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_CONNSCALE_ADDON_MISSING` | The native half is not built, or does not load here. |
 * | `ERR_CONNSCALE_CONNECTIONS_EXHAUSTED` | `connect` on a loop that holds `maxConnections` outbound connections. |
 * | `ERR_CONNSCALE_IDLE_TIMEOUT` | Nothing was received or sent for `idleTimeoutMs`. |
 * | `ERR_CONNSCALE_INVALID_SUBMISSION` | The loop's memory was written over: a request made no sense. An uncaught exception; no call throws it. |
 * | `ERR_CONNSCALE_LISTENER_CLOSED` | The listener was closed. |
 * | `ERR_CONNSCALE_LISTENERS_EXHAUSTED` | The loop has 255 listeners, closed ones that have open connections included. |
 * | `ERR_CONNSCALE_LOOP_BROKEN` | The loop can no longer run: its poller failed, or its memory was detached. An uncaught exception, and the `close` error of connects whose names are being resolved; no call throws it. |
 * | `ERR_CONNSCALE_LOOP_CLOSED` | The loop was closed. |
 * | `ERR_CONNSCALE_LOOPS_EXHAUSTED` | 256 loops are open in this thread. |
 * | `ERR_CONNSCALE_REENTRANT` | `poll` inside a handler. |
 * | `ERR_CONNSCALE_STALE_ID` | The id names no connection of this loop: closed, or never one. |
 * | `ERR_CONNSCALE_UNKNOWN_OPTION` | An option name that does not exist. |
 * | `ERR_CONNSCALE_UNSUPPORTED` | This platform cannot do it. |
 * | `ERR_CONNSCALE_WRITE_AFTER_END` | `write` after `end`, `destroy` or `reset`, or after the peer's FIN where there is no `end` handler. |
 * | `ERR_CONNSCALE_WRITE_QUEUE_FULL` | The write would take the connection's queue over `writeQueueMaxBytes`; nothing was taken. |
 */
export type ConnscaleErrorCode =
  | 'ERR_CONNSCALE_ADDON_MISSING'
  | 'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED'
  | 'ERR_CONNSCALE_IDLE_TIMEOUT'
  | 'ERR_CONNSCALE_INVALID_SUBMISSION'
  | 'ERR_CONNSCALE_LISTENER_CLOSED'
  | 'ERR_CONNSCALE_LISTENERS_EXHAUSTED'
  | 'ERR_CONNSCALE_LOOP_BROKEN'
  | 'ERR_CONNSCALE_LOOP_CLOSED'
  | 'ERR_CONNSCALE_LOOPS_EXHAUSTED'
  | 'ERR_CONNSCALE_REENTRANT'
  | 'ERR_CONNSCALE_STALE_ID'
  | 'ERR_CONNSCALE_UNKNOWN_OPTION'
  | 'ERR_CONNSCALE_UNSUPPORTED'
  | 'ERR_CONNSCALE_WRITE_AFTER_END'
  | 'ERR_CONNSCALE_WRITE_QUEUE_FULL';

/** An error of this library's own state. What the kernel says comes as a {@link SystemError}. */
export class ConnscaleError extends Error {
  override readonly name = 'ConnscaleError';
  /** Which state it is, by name. */
  readonly code: ConnscaleErrorCode;

  /** @internal */
  constructor(code: ConnscaleErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
