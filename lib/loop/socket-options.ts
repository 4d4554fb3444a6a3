// Socket options by name. What the running platform lacks is an error with that name.

import { native } from '../binding.js';
import { checkBoolean, checkInteger, checkString, unknownOption } from '../check.js';
import { ConnscaleError } from '../connscale-error.js';

/**
 * Options of a TCP socket. On `listen` they are set on the listening socket, once, and inherited by every connection that it
 * accepts; on `connect` they are set before the connect.
 *
 * Numbers are integers from 0 (`lingerMs`: -1) to 2,147,483,647; where the kernel takes less, what is outside is a
 * {@link SystemError} with `EINVAL` from `setsockopt`. Defaults are the kernel's: those named here are Linux's.
 *
 * @see socket(7) https://man7.org/linux/man-pages/man7/socket.7.html
 * @see tcp(7) https://man7.org/linux/man-pages/man7/tcp.7.html
 */
export interface SocketOptions {
  /** TCP_NODELAY: send small segments at once. Default false. */
  readonly noDelay?: boolean;
  /** SO_KEEPALIVE: probe an idle connection. Default false. */
  readonly keepAlive?: boolean;
  /**
   * TCP_KEEPIDLE: idle time before the first probe. Rounded up to seconds, of which the kernel takes 1 to 32,767. Default
   * `net.ipv4.tcp_keepalive_time`, two hours.
   */
  readonly keepAliveIdleMs?: number;
  /**
   * TCP_KEEPINTVL: time between probes. Rounded up to seconds, of which the kernel takes 1 to 32,767. Default
   * `net.ipv4.tcp_keepalive_intvl`, 75 s.
   */
  readonly keepAliveIntervalMs?: number;
  /**
   * TCP_KEEPCNT: probes without an answer before the connection is dropped. The kernel takes 1 to 127. Default
   * `net.ipv4.tcp_keepalive_probes`, 9.
   */
  readonly keepAliveCount?: number;
  /**
   * TCP_USER_TIMEOUT: how long sent data may stay unacknowledged before the connection is dropped. Default 0: as long as
   * `net.ipv4.tcp_retries2` allows.
   */
  readonly userTimeoutMs?: number;
  /**
   * SO_LINGER: how long a close waits for unsent data; 0 makes it a reset, -1 turns it off. Rounded up to seconds.
   * Default -1.
   */
  readonly lingerMs?: number;
  /**
   * TCP_NOTSENT_LOWAT: unsent bytes in the kernel above which a socket is not writable. Default 0: what
   * `net.ipv4.tcp_notsent_lowat` says, no bound.
   */
  readonly notSentLowWaterBytes?: number;
  /** SO_RCVBUF. The kernel lowers it to `net.core.rmem_max`, then doubles it. Default: tuned within `net.ipv4.tcp_rmem`. */
  readonly receiveBufferBytes?: number;
  /** SO_SNDBUF. The kernel lowers it to `net.core.wmem_max`, then doubles it. Default: tuned within `net.ipv4.tcp_wmem`. */
  readonly sendBufferBytes?: number;
  /** SO_INCOMING_CPU: of several SO_REUSEPORT listeners, the one for this processor's packets. Default: none. */
  readonly incomingCpu?: number;
}

/** The name of a socket option. */
export type SocketOptionName = keyof SocketOptions;

/** The type of an option's value. */
export type SocketOptionValue<Name extends SocketOptionName> = NonNullable<SocketOptions[Name]>;

export const SOCKET_OPTION_NAMES = [
  'noDelay',
  'keepAlive',
  'keepAliveIdleMs',
  'keepAliveIntervalMs',
  'keepAliveCount',
  'userTimeoutMs',
  'lingerMs',
  'notSentLowWaterBytes',
  'receiveBufferBytes',
  'sendBufferBytes',
  'incomingCpu',
] as const satisfies readonly SocketOptionName[];

const VALUE_MAX = 2 ** 31 - 1;

/** The row of an option in the platform's table. `place` is what an error calls it. */
export function optionRow(name: string, place = name): number {
  checkString('name', name);
  const known: readonly string[] = SOCKET_OPTION_NAMES;
  if (!known.includes(name)) throw unknownOption(place, name, known);
  const row = native.socketOptions.findIndex((option) => option.name === name);
  if (row < 0) throw new ConnscaleError('ERR_CONNSCALE_UNSUPPORTED', `this platform has no socket option ${name}`);
  return row;
}

/** An option's value as native code takes it. */
export function encodeOption(place: string, row: number, value: unknown): number {
  const option = native.socketOptions[row];
  if (option?.unit === 'flag') return checkBoolean(place, value) ? 1 : 0;
  return checkInteger(place, value, option?.name === 'lingerMs' ? -1 : 0, VALUE_MAX);
}

/** A value from native code as JavaScript takes it. */
export function decodeOption(row: number, value: number): number | boolean {
  return native.socketOptions[row]?.unit === 'flag' ? value !== 0 : value;
}

/** All options of an object as rows and values, alternating. */
export function encodeOptions(options: SocketOptions | undefined): number[] {
  if (options === undefined) return [];
  if (typeof options !== 'object' || options === null) throw new TypeError('options.options must be an object');
  const encoded: number[] = [];
  for (const [name, value] of Object.entries(options)) {
    const place = `options.options.${name}`;
    const row = optionRow(name, place);
    if (value !== undefined) encoded.push(row, encodeOption(place, row, value));
  }
  return encoded;
}
