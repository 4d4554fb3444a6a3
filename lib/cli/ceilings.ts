// How many connections each limit of a machine allows. Pure: limits in, numbers out.

import { LOOPS_MAX } from '../loop/loop-numbers.js';
import type { Limits } from '../system/limits.js';
import { formatBytes, formatCount, plural } from './format.js';

/** Descriptors of a table that are not for connections: standard streams, epoll, listener, reserve, wake-ups. */
export const RESERVED_DESCRIPTORS = 64;
/** Descriptors that a loop with a table of its own keeps in the main one, to be woken and to wake. */
const MAIN_TABLE_PER_LOOP = 4;

/** What an idle end takes in kernel memory with its epoll registration, and a little of the process's own (x86-64). */
const BYTES_PER_END = 4.25 * 1024;
/** The share of available memory that is taken at most: the rest of the machine goes on living. */
const MEMORY_SHARE = 0.75;

/**
 * Connections from one address to one destination before the kernel's search for a free port turns slow: it looks
 * through one half of the range first, at 90 ns for each busy port. 70 % of that half, and never more than this.
 */
const PORTS_PER_SOURCE_MAX = 10_000;
const PORTS_PER_SOURCE_SHARE = 0.35;
const PORTS = 65_536;
const PORT_LOWEST = 1_024;
/** The share of all ports that a plan counts on: listeners and others have some of them. */
const PORTS_USABLE_SHARE = 0.98;

export type CeilingName =
  | 'descriptors'
  | 'memory'
  | 'control group memory'
  | 'open files of the system'
  | 'epoll registrations'
  | 'connection tracking'
  | 'source ports';

/** One limit, in connections. */
export interface Ceiling {
  readonly name: CeilingName;
  /** Connections that it allows. */
  readonly connections: number;
  /** Where the number comes from. */
  readonly because: string;
  /** What to do about it. */
  readonly raise: string;
}

/** Where the two ends of a connection are. */
export interface Ends {
  /** Ends of each connection in this process: 2 when it is both server and client. */
  readonly here: 1 | 2;
  /** Ends of each connection on this machine. */
  readonly onThisMachine: 1 | 2;
}

/** Ports of one source address for one destination that the kernel finds quickly. */
export function automaticPortsPerSource(limits: Limits): number {
  if (limits.portsLow === null || limits.portsHigh === null) return PORTS_PER_SOURCE_MAX;
  const range = Math.max(0, limits.portsHigh - limits.portsLow + 1);
  return Math.max(1, Math.min(PORTS_PER_SOURCE_MAX, Math.floor(range * PORTS_PER_SOURCE_SHARE)));
}

/** Ports of one source address for one destination that can be bound, less what listeners and others may have. */
export function explicitPortsPerSource(limits: Limits): number {
  const lowest = Math.max(PORT_LOWEST, limits.unprivilegedPortStart ?? PORT_LOWEST);
  const ports = PORTS - lowest - (limits.reservedPorts ?? 0);
  return Math.max(1, Math.floor(ports * PORTS_USABLE_SHARE));
}

function memoryCeiling(name: 'memory' | 'control group memory', bytes: number, ends: number): Ceiling {
  const each = BYTES_PER_END * ends;
  return {
    name,
    connections: Math.floor((bytes * MEMORY_SHARE) / each),
    because: `${MEMORY_SHARE * 100} % of ${formatBytes(bytes)} available, at ${formatBytes(each)} for each connection`,
    raise: name === 'memory' ? 'free memory' : "raise the control group's memory limit",
  };
}

/** The ceilings that hold whichever loops there are. A limit that is not known, or does not exist, is none. */
export function machineCeilings(limits: Limits, ends: Ends): Ceiling[] {
  const found: Ceiling[] = [];
  const { memoryAvailableBytes, cgroupMemoryAvailableBytes, systemFilesMax, systemFilesOpen } = limits;
  if (memoryAvailableBytes !== null) found.push(memoryCeiling('memory', memoryAvailableBytes, ends.onThisMachine));
  if (cgroupMemoryAvailableBytes !== null) {
    found.push(memoryCeiling('control group memory', cgroupMemoryAvailableBytes, ends.onThisMachine));
  }
  if (systemFilesMax !== null) {
    const open = systemFilesOpen ?? 0;
    found.push({
      name: 'open files of the system',
      connections: Math.floor(Math.max(0, systemFilesMax - open) / ends.onThisMachine),
      because: `fs.file-max is ${formatCount(systemFilesMax)}, ${formatCount(open)} are open`,
      raise: 'raise fs.file-max',
    });
  }
  if (limits.epollWatchesMax !== null) {
    found.push({
      name: 'epoll registrations',
      connections: Math.floor(limits.epollWatchesMax / ends.onThisMachine),
      because: `fs.epoll.max_user_watches is ${formatCount(limits.epollWatchesMax)}`,
      raise: 'raise fs.epoll.max_user_watches',
    });
  }
  if (limits.trackedConnectionsFree !== null) {
    found.push({
      name: 'connection tracking',
      connections: Math.max(0, limits.trackedConnectionsFree),
      because: `${formatCount(limits.trackedConnectionsFree)} entries of the firewall's table are free`,
      raise: 'raise net.netfilter.nf_conntrack_max',
    });
  }
  return found;
}

/** One table for all ends in this process. */
export function sharedTableCeiling(limits: Limits, ends: Ends): Ceiling {
  const max = limits.descriptorsMax ?? 0;
  const open = limits.descriptorsOpen ?? 0;
  const room = Math.max(0, max - open - RESERVED_DESCRIPTORS);
  return {
    name: 'descriptors',
    connections: Math.floor(room / ends.here),
    because: `${formatCount(max)} for this process (ulimit -n), ${ends.here} for each connection`,
    raise: 'raise "ulimit -n", or use --descriptors private',
  };
}

/** Ends that a loop with a table of its own can hold. */
export function endsPerPrivateTable(limits: Limits): number {
  return Math.max(0, (limits.descriptorsMax ?? 0) - RESERVED_DESCRIPTORS);
}

/** Loops on each side that this process can have. */
export function loopsMax(limits: Limits, ends: Ends): number {
  const room = Math.max(0, (limits.descriptorsMax ?? 0) - (limits.descriptorsOpen ?? 0));
  return Math.max(1, Math.floor(Math.min(LOOPS_MAX, room / MAIN_TABLE_PER_LOOP) / ends.here));
}

/** `loops` tables on each side. */
export function privateTablesCeiling(limits: Limits, loops: number): Ceiling {
  const perTable = endsPerPrivateTable(limits);
  return {
    name: 'descriptors',
    connections: loops * perTable,
    because: `at most ${plural(loops, 'loop')} on a side, with ${formatCount(perTable)} descriptors each (ulimit -n)`,
    raise: 'raise "ulimit -n"',
  };
}

/** `sources` addresses to `destinations` different addresses and ports. */
export function portsCeiling(limits: Limits, sources: number, destinations: number): Ceiling {
  const all = explicitPortsPerSource(limits);
  return {
    name: 'source ports',
    connections: sources * destinations * all,
    because:
      `${plural(sources, 'source address', 'source addresses')} with ${formatCount(all)} ports ` +
      `for each of ${plural(destinations, 'destination')}`,
    raise: 'give more addresses with --source',
  };
}

/** The ceiling that is reached first. */
export function lowest(ceilings: readonly [Ceiling, ...Ceiling[]]): Ceiling {
  return ceilings.reduce((low, ceiling) => (ceiling.connections < low.connections ? ceiling : low));
}
