// Which limit made a call fail. Asked after the failure, and only when somebody reads `error.limit`: a failure that
// nobody looks at costs nothing.

import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

import { native } from '../binding.js';
import { cgroupMemoryAvailableBytes } from './cgroup-memory.js';
import { descriptorsOpen } from './limits.js';
import { readMeminfo } from './meminfo.js';
import { readDynamicRange } from './port-range.js';
import { readProcFile, readProcNumber } from './proc-file.js';

/** A limit that made a call fail, as it is when it is read. */
export interface Limit {
  /** Its name: a sysctl, `'RLIMIT_NOFILE'`, `'source ports'`, `'accept queue'`, `'memory'` or `'control group memory'`. */
  readonly name: string;
  /** How much of it is used: descriptors, files, ports, connections, pages (`'net.ipv4.tcp_mem'`) or bytes (memory).
   * Null: not known, and `usedReason` says why. */
  readonly used: number | null;
  /** Why `used` is null. */
  readonly usedReason?: string;
  /** How much there is, in the same unit. Null: it cannot be read here. */
  readonly max: number | null;
  /** What raises it, or needs less of it. */
  readonly raise: string;
}

/** What is known of a failed call. */
export interface FailedCall {
  readonly code: string;
  readonly syscall: string;
  /** For `bind` and `listen` the local address, for `connect` the remote one. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

type Explanation = (call: FailedCall) => Limit | undefined;

/** Less than this of the limit in use, and the limit that was met must have been another table's. */
const NEARLY_ALL = 0.9;
const COUNTED_BY = 'counting them takes a walk through the socket table: await ports.usage({ source, destination })';

function orNull(read: () => number): number | null {
  try {
    return read();
  } catch {
    return null; // this kernel does not have it, or not for us
  }
}

function descriptors(): Limit {
  // Neither opens a file: there may be no descriptor for it.
  const max = native.descriptorLimit();
  const open = orNull(descriptorsOpen);
  const limit = {
    name: 'RLIMIT_NOFILE',
    max,
    raise: 'raise "ulimit -n" (up to fs.nr_open), or give each loop a table of its own: descriptors: \'private\'',
  };
  if (open === null) return { ...limit, used: null, usedReason: 'this kernel counts descriptors only since Linux 6.2' };
  if (open < max * NEARLY_ALL) {
    const usedReason = `the table of this process holds ${open}: the full one is a loop's own, or has been emptied since`;
    return { ...limit, used: null, usedReason };
  }
  return { ...limit, used: open };
}

function systemFiles(): Limit {
  const used = orNull(() => readProcNumber('/proc/sys/fs/file-nr'));
  const max = orNull(() => readProcNumber('/proc/sys/fs/file-max'));
  return {
    name: 'fs.file-max',
    used,
    ...(used === null && { usedReason: '/proc/sys/fs/file-nr cannot be opened' }),
    max,
    raise: 'raise fs.file-max',
  };
}

function sourcePorts(): Limit {
  const size = (): number => {
    const { low, high } = readDynamicRange();
    return high - low + 1;
  };
  return {
    name: 'source ports',
    used: null,
    usedReason: COUNTED_BY,
    max: orNull(size),
    raise: 'use more source addresses, or widen net.ipv4.ip_local_port_range',
  };
}

/** Of `bind`, the address is not of this machine; that is no limit. */
const exhaustedPorts: Explanation = ({ syscall }) => (syscall === 'connect' ? sourcePorts() : undefined);

/** A port that was asked for by number is taken by somebody; port 0 is any, and there was none. */
const noPortLeft: Explanation = ({ syscall, port }) =>
  (syscall === 'bind' || syscall === 'listen') && port === 0 ? sourcePorts() : undefined;

interface Fullness {
  readonly limit: Limit;
  readonly share: number;
}

function fullness(name: string, raise: string, read: () => { used: number; max: number }): Fullness[] {
  try {
    const { used, max } = read();
    return [{ limit: { name, used, max, raise }, share: used / max }];
  } catch {
    return []; // such a limit does not exist here
  }
}

function tcpPages(): { used: number; max: number } {
  const pages = /^TCP:.*\bmem (\d+)/m.exec(readProcFile('/proc/net/sockstat'))?.[1];
  if (pages === undefined) throw new Error('/proc/net/sockstat: no TCP memory');
  return { used: Number(pages), max: readProcNumber('/proc/sys/net/ipv4/tcp_mem', 2) };
}

function systemMemory(): { used: number; max: number } {
  const max = readMeminfo('MemTotal');
  return { used: max - readMeminfo('MemAvailable'), max };
}

function groupMemory(): { used: number; max: number } {
  const left = cgroupMemoryAvailableBytes();
  const { used } = systemMemory();
  return { used, max: used + left };
}

/** The fullest of what a socket's memory counts against. */
const memory: Explanation = () => {
  const found = [
    ...fullness('net.ipv4.tcp_mem', 'raise net.ipv4.tcp_mem, or send less at once', tcpPages),
    ...fullness('memory', 'free memory, or hold fewer connections', systemMemory),
    ...fullness('control group memory', "raise the control group's memory limit", groupMemory),
  ];
  return found.reduce<Fullness | undefined>((most, each) => (most && most.share >= each.share ? most : each), undefined)
    ?.limit;
};

function isLocal(address: string): boolean {
  if (isIPv4(address) && address.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((each) => each.address === address));
}

/** A listener of this machine that drops what comes, because those that wait for it fill its queue. */
const acceptQueue: Explanation = ({ syscall, address, port }) => {
  if (syscall !== 'connect' || address === undefined || port === undefined || !isLocal(address)) return undefined;
  const queue = native.acceptQueue({ address, port });
  if (queue === null || 'errno' in queue || queue.depth < queue.limit) return undefined;
  return {
    name: 'accept queue',
    used: queue.depth,
    max: queue.limit,
    raise: 'accept faster, or raise both the listener\'s backlog and net.core.somaxconn',
  };
};

const epollWatches: Explanation = ({ syscall }) =>
  syscall === 'epoll_ctl'
    ? {
        name: 'fs.epoll.max_user_watches',
        used: null,
        usedReason: 'the kernel does not say how many a user has',
        max: orNull(() => readProcNumber('/proc/sys/fs/epoll/max_user_watches')),
        raise: 'raise fs.epoll.max_user_watches',
      }
    : undefined;

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  EADDRINUSE: noPortLeft,
  EADDRNOTAVAIL: exhaustedPorts,
  ECONNREFUSED: acceptQueue,
  EMFILE: descriptors,
  ENFILE: systemFiles,
  ENOBUFS: memory,
  ENOMEM: memory,
  ENOSPC: epollWatches,
  ETIMEDOUT: acceptQueue,
};

/**
 * The limit behind a failure, with its numbers as they are now; undefined: no limit is the cause, or it is not met any
 * more. It reads some files of /proc, and for a connect to this machine its listeners: microseconds, at once.
 *
 * @see proc(5) https://man7.org/linux/man-pages/man5/proc.5.html
 */
export function explainLimit(call: FailedCall): Limit | undefined {
  return Object.hasOwn(EXPLANATIONS, call.code) ? EXPLANATIONS[call.code]?.(call) : undefined;
}
