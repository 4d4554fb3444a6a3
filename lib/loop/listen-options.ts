// The options of a listener: names, bounds and defaults.

import { isIP } from 'node:net';

import { native, type NativeListenArguments } from '../binding.js';
import { checkBoolean, checkInteger, checkOneOf, checkOptions, checkPort, checkString } from '../check.js';
import { encodeOptions, type SocketOptions } from './socket-options.js';

/** What {@link Loop.listen} takes. */
export interface ListenOptions {
  /** Address or name to bind. Default `'::'`, which takes IPv4 as well (`'0.0.0.0'` where the kernel has no IPv6). */
  readonly host?: string;
  /** Port, 0 to 65535. 0: the kernel chooses; read `listener.address.port`. */
  readonly port: number;
  /**
   * Connections that the kernel may hold for us before they are accepted, 1 to 2,147,483,647. Linux lowers it to
   * `net.core.somaxconn` without telling; `listener.stats()` has the limit in force. Default 65,535, so that the sysctl
   * decides. A queue that overflows costs the peer a retransmit of 1, 3, 7 seconds.
   */
  readonly backlog?: number;
  /** SO_REUSEPORT: several listeners, of several loops or processes, share the port. Default false. */
  readonly reusePort?: boolean;
  /** IPV6_V6ONLY: an IPv6 listener takes no IPv4. Default false. */
  readonly ipv6Only?: boolean;
  /**
   * TCP_DEFER_ACCEPT: accept when the first bytes are there, or after this long, 0 to 2,147,483,647. Rounded up to seconds.
   * Default 0: off.
   */
  readonly deferAcceptMs?: number;
  /**
   * TCP_FASTOPEN: pending fast-open requests, 0 to 2,147,483,647; Linux lowers it to `net.core.somaxconn`. Default 0: off.
   */
  readonly fastOpenQueue?: number;
  /** Connections accepted in one turn of the loop, at most, 1 to 65,536. Default 256. */
  readonly acceptBatch?: number;
  /** Connections of this listener that may be open at once, 1 to 1,048,576. Default: the loop's `maxConnections`. */
  readonly maxConnections?: number;
  /**
   * When no more connections can be held, or descriptors have run out: `'pause'` leaves them in the kernel's queue until
   * there is room, `'reset'` accepts and resets them. Default `'pause'`.
   */
  readonly overload?: 'pause' | 'reset';
  /**
   * Closes a connection that neither receives nor sends for this long, 1 to 6,553,500. Coarse: up to 200 ms late. Default:
   * never.
   */
  readonly idleTimeoutMs?: number;
  /** Options that accepted connections inherit. */
  readonly options?: SocketOptions;
}

const BACKLOG_DEFAULT = 65_535;
const ACCEPT_BATCH_DEFAULT = 256; // half of a default batch: what else happens has its share
const NAMES = [
  'host',
  'port',
  'backlog',
  'reusePort',
  'ipv6Only',
  'deferAcceptMs',
  'fastOpenQueue',
  'acceptBatch',
  'maxConnections',
  'overload',
  'idleTimeoutMs',
  'options',
] as const satisfies readonly (keyof ListenOptions)[];

/** Milliseconds as ticks of the coarse timers, rounded up; 0 for none. */
export function timeoutTicks(name: string, value: unknown): number {
  if (value === undefined) return 0;
  const { tickMs, timeoutTicksMax } = native.limits;
  return Math.ceil(checkInteger(name, value, 1, tickMs * timeoutTicksMax) / tickMs);
}

/** The options checked, with the host still to be resolved and the handlers to be numbered. */
export function resolveListenOptions(
  options: ListenOptions,
  loopMaxConnections: number,
): Omit<NativeListenArguments, 'handlers'> {
  checkOptions('options', options, NAMES);
  const { connectionsMax, batchMax } = native.limits;
  return {
    address: checkString('options.host', options.host ?? '::'),
    port: checkPort('options.port', options.port),
    backlog: checkInteger('options.backlog', options.backlog ?? BACKLOG_DEFAULT, 1, 2 ** 31 - 1),
    reusePort: checkBoolean('options.reusePort', options.reusePort ?? false),
    ipv6Only: checkBoolean('options.ipv6Only', options.ipv6Only ?? false),
    deferAcceptMs: checkInteger('options.deferAcceptMs', options.deferAcceptMs ?? 0, 0, 2 ** 31 - 1),
    fastOpenQueue: checkInteger('options.fastOpenQueue', options.fastOpenQueue ?? 0, 0, 2 ** 31 - 1),
    acceptBatch: checkInteger('options.acceptBatch', options.acceptBatch ?? ACCEPT_BATCH_DEFAULT, 1, batchMax),
    maxConnections: checkInteger(
      'options.maxConnections',
      options.maxConnections ?? loopMaxConnections,
      1,
      connectionsMax,
    ),
    resetOverload: checkOneOf('options.overload', options.overload ?? 'pause', ['pause', 'reset']) === 'reset',
    idleTimeoutTicks: timeoutTicks('options.idleTimeoutMs', options.idleTimeoutMs),
    options: encodeOptions(options.options),
  };
}

/** Whether the text is an address already, and needs no resolving. */
export function isAddress(host: string): boolean {
  const percent = host.indexOf('%');
  return isIP(percent < 0 ? host : host.slice(0, percent)) !== 0;
}
