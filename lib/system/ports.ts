// What ports there are, what uses them, and what is left.

import { checkInteger, checkOneOf, checkOptions, checkString } from '../check.js';
import {
  DYNAMIC_RANGE_PATH,
  readDynamicRange,
  readReservedPorts,
  readUnprivilegedStart,
  RESERVED_PORTS_PATH,
  UNPRIVILEGED_START_PATH,
  type PortInterval,
} from './port-range.js';
import { automaticPorts, explicitPorts, type AutomaticPorts, type ExplicitPorts } from './port-usage.js';
import { portsInUse, type PortInUse } from './ports-in-use.js';
import { encodeSelection, type SocketDestination } from './socket-selection.js';
import { countsByState, type SocketState } from './socket-states.js';
import { boundReason, networkNamespace, systemQuery, type NetworkNamespace } from './system-query.js';

/** Where a result comes from. */
export interface PortSource {
  /** The kernel's interface: a path under /proc/sys, or `'sock_diag'` (sock_diag(7)). */
  readonly source: string;
  /** The namespace that it is about: the caller's. */
  readonly networkNamespace: NetworkNamespace;
}

/** The ports that the kernel chooses from. */
export interface DynamicRange extends PortInterval, PortSource {
  /** Ports in it. */
  readonly size: number;
  /** What a socket of its own may change about it. */
  readonly perSocket: string;
}

/** Ports that the kernel never chooses by itself. */
export interface ReservedPorts extends PortSource {
  /** Ascending. None by default. */
  readonly intervals: readonly PortInterval[];
  /** Ports in them. */
  readonly size: number;
}

/** The lowest port that needs no privilege. */
export interface UnprivilegedStart extends PortSource {
  /** The port. */
  readonly port: number;
}

/** What a walk through the socket table says of itself. */
export interface SocketTableResult extends PortSource {
  /** The kernel's interface, sock_diag(7). */
  readonly source: 'sock_diag';
  /** Sockets by TCP state. `BOUND` is null where the kernel does not list such sockets; `boundReason` says why. */
  readonly byState: Readonly<Record<Exclude<SocketState, 'BOUND'>, number>> & { readonly BOUND: number | null };
  /** Why `byState.BOUND` is null. */
  readonly boundReason?: string;
  /** The kernel lost its place in the table: some sockets may be missing, or counted twice. */
  readonly interrupted: boolean;
}

/** The sockets of a network namespace. */
export interface PortCensus extends SocketTableResult {
  /** Sockets in all. */
  readonly sockets: number;
  /** Sockets by family; one of a dual-stack listener's IPv4 connections is IPv6. */
  readonly byFamily: { readonly IPv4: number; readonly IPv6: number };
  /** The local addresses with the most sockets, the fullest first. `0.0.0.0` and `::` are sockets of every address. */
  readonly byAddress: readonly { readonly address: string; readonly sockets: number }[];
  /** Addresses that are not in `byAddress`. Null beyond 262,144 addresses, which are not told apart. */
  readonly otherAddresses: number | null;
  /** Why `otherAddresses` is null. */
  readonly otherAddressesReason?: string;
  /** Sockets of these other addresses. */
  readonly otherSockets: number;
}

/** What is used and what is left of the ports, from one address to one destination. */
export interface PortUsage extends SocketTableResult {
  /** The source address; null means any, and a port counts as used when one address uses it. */
  readonly from: string | null;
  /** The destination; null: one that has no connection yet. */
  readonly to: SocketDestination | null;
  /** Sockets of the source, and to the destination if one was given; listeners and bound sockets among them. */
  readonly inUse: number;
  /** Of these in TIME_WAIT. */
  readonly timeWait: number;
  /** Of these listening. */
  readonly listeners: number;
  /** What is left when the kernel chooses the port. */
  readonly automatic: AutomaticPorts;
  /** What is left when the program does. */
  readonly explicit: ExplicitPorts;
}

/** What `ports.usage` is asked about. */
export interface PortUsageOptions {
  /** A local IP address, whether or not it exists. Default: all. */
  readonly source?: string;
  /** Default: one that has no connection yet. */
  readonly destination?: SocketDestination;
}

/** What `ports.inUse` selects. */
export interface PortsInUseOptions {
  /** A local IP address, or a network such as `'10.0.0.0/8'`. By default any. */
  readonly source?: string;
  /** By default any, and sockets without a peer. */
  readonly destination?: SocketDestination;
  /** Default: all. `'BOUND'` finds nothing before Linux 6.8. */
  readonly states?: readonly SocketState[];
}

const ADDRESSES_DEFAULT = 1_000;
const ADDRESSES_MAX = 262_144;

const PER_SOCKET = {
  IPv4: 'IP_LOCAL_PORT_RANGE (Linux 6.3) narrows it for one socket; what lies outside the range is ignored',
  IPv6: 'the sysctl is one for both families, and IP_LOCAL_PORT_RANGE (Linux 6.3) narrows it for an IPv6 socket too',
} as const;

function sizeOf({ low, high }: PortInterval): number {
  return high - low + 1;
}

function bySocketState(counts: readonly number[], boundListed: boolean | null): Pick<SocketTableResult, 'byState' | 'boundReason'> {
  const byState = countsByState(counts);
  const reason = boundReason(boundListed);
  return reason === undefined ? { byState } : { byState: { ...byState, BOUND: null }, boundReason: reason };
}

function checkAddress(name: string, value: string): void {
  if (checkString(name, value).includes('/')) throw new RangeError(`${name} must be an address, not a network: '${value}'`);
}

/** Questions about TCP ports, answered for the network namespace of the caller. No privilege is needed. */
export const ports = {
  /**
   * The ports that the kernel chooses from when a program does not: net.ipv4.ip_local_port_range, 32768 to 60999 unless
   * it was changed.
   *
   * @param options.family - The rule is one for both families; the note about single sockets differs. Default `'IPv4'`.
   * @throws {RangeError | TypeError} `options.family` is neither.
   * @throws {Error} the sysctl cannot be read; the message says why.
   * @see ip(7) https://man7.org/linux/man-pages/man7/ip.7.html
   */
  dynamicRange(options: { readonly family?: 'IPv4' | 'IPv6' } = {}): DynamicRange {
    checkOptions('options', options, ['family']);
    const family = checkOneOf('options.family', options.family ?? 'IPv4', ['IPv4', 'IPv6']);
    const range = readDynamicRange();
    return {
      ...range,
      size: sizeOf(range),
      perSocket: PER_SOCKET[family],
      source: DYNAMIC_RANGE_PATH,
      networkNamespace: networkNamespace(),
    };
  },

  /**
   * Ports that the kernel never chooses by itself: net.ipv4.ip_local_reserved_ports. A program may still bind them.
   *
   * @throws {Error} the sysctl cannot be read; the message says why.
   * @see Documentation/networking/ip-sysctl.rst
   */
  reserved(): ReservedPorts {
    const intervals = readReservedPorts();
    const size = intervals.reduce((sum, interval) => sum + sizeOf(interval), 0);
    return { intervals, size, source: RESERVED_PORTS_PATH, networkNamespace: networkNamespace() };
  },

  /**
   * The lowest port that needs no privilege: net.ipv4.ip_unprivileged_port_start, 1024 unless it was changed.
   *
   * @throws {Error} the sysctl cannot be read; the message says why.
   * @see Documentation/networking/ip-sysctl.rst
   */
  unprivilegedStart(): UnprivilegedStart {
    return { port: readUnprivilegedStart(), source: UNPRIVILEGED_START_PATH, networkNamespace: networkNamespace() };
  },

  /**
   * What uses the ports of a source address, and how many more connections fit to a destination: when the kernel chooses
   * the port, and when the program does. Off the JavaScript thread; about 1 µs for each socket of the source.
   *
   * @throws {TypeError | RangeError} an address or a port is none, or the families differ.
   * @throws {ConnscaleError} `ERR_CONNSCALE_UNKNOWN_OPTION`
   * @throws {SystemError} `EMFILE` or `ENFILE` from `socket`; `ENOENT` from `sock_diag` where the kernel is built without
   *   CONFIG_INET_DIAG; `EPERM` or `EACCES` under a seccomp filter; `ENOBUFS` from `recv`.
   * @see sock_diag(7) https://man7.org/linux/man-pages/man7/sock_diag.7.html
   */
  async usage(options: PortUsageOptions = {}): Promise<PortUsage> {
    checkOptions('options', options, ['source', 'destination']);
    if (options.source !== undefined) checkAddress('options.source', options.source);
    const query = encodeSelection(options);
    const { marks, states, boundListed, interrupted } = await systemQuery('portUsage', query);
    const table = { ...bySocketState(states, boundListed), interrupted };
    const bytes = new Uint8Array(marks);
    const boundKnown = boundListed === true;
    return {
      from: options.source ?? null,
      to: options.destination ?? null,
      inUse: states.reduce((sum, count) => sum + count, 0),
      timeWait: table.byState.TIME_WAIT,
      listeners: table.byState.LISTEN,
      ...table,
      automatic: automaticPorts(bytes, { range: readDynamicRange(), reserved: readReservedPorts(), boundKnown }),
      explicit: explicitPorts(bytes, { unprivilegedStart: readUnprivilegedStart(), boundKnown }),
      source: 'sock_diag',
      networkNamespace: networkNamespace(),
    };
  },

  /**
   * Counts the TCP sockets of the network namespace: by state, by family and by local address. Off the JavaScript
   * thread; about 1 µs for each socket.
   *
   * @param options.addressesMax - Addresses listed, those with the most sockets. Default 1,000; 0 to 262,144.
   * @throws {TypeError | RangeError} `options.addressesMax` is out of bounds.
   * @throws {ConnscaleError} `ERR_CONNSCALE_UNKNOWN_OPTION`
   * @throws {SystemError} as `usage`.
   * @see sock_diag(7) https://man7.org/linux/man-pages/man7/sock_diag.7.html
   */
  async census(options: { readonly addressesMax?: number } = {}): Promise<PortCensus> {
    checkOptions('options', options, ['addressesMax']);
    const wanted = options.addressesMax ?? ADDRESSES_DEFAULT;
    const addressesMax = checkInteger('options.addressesMax', wanted, 0, ADDRESSES_MAX);
    const census = await systemQuery('portCensus', { addressesMax });
    const byAddress = [];
    for (let i = 0; i < census.fullest.length; i += 2) {
      byAddress.push({ address: String(census.fullest[i]), sockets: Number(census.fullest[i + 1]) });
    }
    const listed = byAddress.reduce((sum, { sockets }) => sum + sockets, 0);
    return {
      sockets: census.total,
      byFamily: { IPv4: census.total - census.ipv6, IPv6: census.ipv6 },
      byAddress,
      otherAddresses: census.overflowed ? null : census.addresses - byAddress.length,
      ...(census.overflowed && { otherAddressesReason: `more than ${ADDRESSES_MAX} addresses are not told apart` }),
      otherSockets: census.total - listed,
      ...bySocketState(census.states, census.boundListed),
      interrupted: census.interrupted,
      source: 'sock_diag',
      networkNamespace: networkNamespace(),
    };
  },

  /**
   * The sockets themselves. The kernel's table is read on only as rows are taken, 4,096 at a time; it is no snapshot, so
   * a socket that moves meanwhile may be told twice or not at all. Leaving the loop early ends the walk.
   *
   * @throws {TypeError | RangeError} at once: an address, a port or a state is none, or the families differ.
   * @throws {ConnscaleError} at once: `ERR_CONNSCALE_UNKNOWN_OPTION`
   * @throws {SystemError} from the iterator: as `usage`.
   * @see sock_diag(7) https://man7.org/linux/man-pages/man7/sock_diag.7.html
   */
  inUse(options: PortsInUseOptions = {}): AsyncGenerator<PortInUse, void, undefined> {
    checkOptions('options', options, ['source', 'destination', 'states']);
    return portsInUse(options);
  },
} as const;
