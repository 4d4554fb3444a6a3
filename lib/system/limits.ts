// What bounds the connections of this process, as the kernel has it now.

import { statSync } from 'node:fs';

import { cgroupMemoryAvailableBytes } from './cgroup-memory.js';
import { readMeminfo } from './meminfo.js';
import { readReservedPorts, readUnprivilegedStart } from './port-range.js';
import { readProcFile, readProcNumber } from './proc-file.js';

function descriptorsMax(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readProcFile('/proc/self/limits'))?.[1];
  if (soft === undefined) throw new Error('/proc/self/limits: no line "Max open files"');
  // fs.nr_open caps whatever the limit says (getrlimit(2)).
  const cap = readProcNumber('/proc/sys/fs/nr_open');
  return soft === 'unlimited' ? cap : Math.min(Number(soft), cap);
}

/**
 * Descriptors of the main table that are open.
 *
 * @throws {Error} before Linux 6.2, which does not count them.
 */
export function descriptorsOpen(): number {
  // The size of this directory is the exact count since Linux 6.2 (proc_pid_fd(5)); listing it would cost 900 bytes of
  // kernel memory for each descriptor.
  const { size } = statSync('/proc/self/fd');
  if (size === 0) throw new Error('/proc/self/fd: counts descriptors only since Linux 6.2');
  return size;
}

function trackedConnectionsFree(): number {
  const used = readProcNumber('/proc/sys/net/netfilter/nf_conntrack_count');
  if (used === 0) throw new Error('connection tracking is not active: it counts no connection');
  return readProcNumber('/proc/sys/net/netfilter/nf_conntrack_max') - used;
}

const SOURCES = {
  /** RLIMIT_NOFILE, soft: descriptors of one table. Node raises the soft limit to the hard one when it starts. */
  descriptorsMax,
  /** Descriptors of the main table that are open. */
  descriptorsOpen,
  /** fs.file-max: open files of the whole system. */
  systemFilesMax: () => readProcNumber('/proc/sys/fs/file-max'),
  systemFilesOpen: () => readProcNumber('/proc/sys/fs/file-nr'),
  memoryTotalBytes: () => readMeminfo('MemTotal'),
  memoryAvailableBytes: () => readMeminfo('MemAvailable'),
  /** What the tightest control group above this process still grants. */
  cgroupMemoryAvailableBytes: () => cgroupMemoryAvailableBytes(),
  /** net.ipv4.ip_local_port_range: the ports that the kernel chooses from. */
  portsLow: () => readProcNumber('/proc/sys/net/ipv4/ip_local_port_range', 0),
  portsHigh: () => readProcNumber('/proc/sys/net/ipv4/ip_local_port_range', 1),
  /** net.ipv4.ip_unprivileged_port_start: the lowest port that anybody may bind. */
  unprivilegedPortStart: readUnprivilegedStart,
  /** net.ipv4.ip_local_reserved_ports: how many there are. */
  reservedPorts: () => readReservedPorts().reduce((sum, { low, high }) => sum + high - low + 1, 0),
  /** net.core.somaxconn: connections that may wait to be accepted, for each listener. */
  acceptQueueMax: () => readProcNumber('/proc/sys/net/core/somaxconn'),
  /** fs.epoll.max_user_watches: registrations of one user. */
  epollWatchesMax: () => readProcNumber('/proc/sys/fs/epoll/max_user_watches'),
  /** nf_conntrack_max less what is tracked already. */
  trackedConnectionsFree,
} as const satisfies Readonly<Record<string, () => number>>;

export type LimitName = keyof typeof SOURCES;

/** The limits in force. Null: it cannot be had here, or there is none; `unknown` says which of them and why. */
export type Limits = Readonly<Record<LimitName, number | null>> & {
  readonly unknown: Readonly<Partial<Record<LimitName, string>>>;
};

/** Reads every limit; what cannot be read is null with a reason. */
export function readLimits(): Limits {
  const values: Partial<Record<LimitName, number | null>> = {};
  const unknown: Partial<Record<LimitName, string>> = {};
  for (const name of Object.keys(SOURCES) as LimitName[]) {
    try {
      values[name] = SOURCES[name]();
    } catch (error) {
      values[name] = null;
      unknown[name] = (error as Error).message;
    }
  }
  return { ...(values as Record<LimitName, number | null>), unknown };
}
