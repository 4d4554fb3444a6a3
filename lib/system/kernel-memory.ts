// Memory that the kernel spends on connections.

import { readFileSync, readlinkSync } from 'node:fs';

import { readMeminfo } from './meminfo.js';
import { readProcFile, readProcNumber } from './proc-file.js';

/**
 * The caches that TCP connections and their descriptors are allocated from. Everything else in the slabs of the system
 * is somebody else's.
 */
const CACHES = [
  'TCP',
  'TCPv6',
  'sock_inode_cache',
  'filp',
  'dentry',
  'lsm_inode_cache',
  'lsm_file_cache',
  'tcp_bind_bucket',
  'tcp_bind2_bucket',
  'eventpoll_epi',
  'eventpoll_pwq',
  'ep_head',
  'request_sock_TCP',
  'request_sock_TCPv6',
  'tw_sock_TCP',
  'tw_sock_TCPv6',
  'skbuff_head_cache',
  'skbuff_small_head',
  'skbuff_fclone_cache',
] as const;

const SLAB = '/sys/kernel/slab';
const AUXV_PAGE_SIZE = 6n; // AT_PAGESZ, getauxval(3)

/** A way to see the kernel's memory grow; how much it holds in all says nothing. */
export interface KernelMemory {
  /** 'slab caches': those of TCP connections alone. 'meminfo': all slabs of the system, whoever filled them. */
  readonly source: 'slab caches' | 'meminfo';
  /** Bytes now. */
  bytes(): number;
}

function pageBytes(): number {
  const vector = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AUXV_PAGE_SIZE) return Number(vector.readBigUInt64LE(at + 8));
  }
  throw new Error('/proc/self/auxv: no page size');
}

/** The cache's folder. Caches of equal size and flags are one, under a name of its own that links lead to. */
function cacheFolder(name: string): string {
  try {
    return `${SLAB}/${readlinkSync(`${SLAB}/${name}`)}`;
  } catch {
    return `${SLAB}/${name}`; // no link: a cache by itself, or one that this kernel does not have
  }
}

function openSlabCaches(): KernelMemory {
  const page = pageBytes();
  const caches: { readonly slabs: string; readonly slabBytes: number }[] = [];
  // Root only: this throws for others.
  readProcFile(`${SLAB}/TCP/slabs`);
  for (const folder of new Set(CACHES.map(cacheFolder))) {
    try {
      caches.push({ slabs: `${folder}/slabs`, slabBytes: page * 2 ** readProcNumber(`${folder}/order`) });
    } catch {
      continue; // this kernel is built without what needs the cache
    }
  }
  const bytes = (): number => caches.reduce((sum, { slabs, slabBytes }) => sum + readProcNumber(slabs) * slabBytes, 0);
  return { source: 'slab caches', bytes };
}

function openMeminfo(): KernelMemory {
  const bytes = (): number => readMeminfo('Slab');
  bytes();
  return { source: 'meminfo', bytes };
}

/**
 * The best way that this process may use.
 *
 * @throws {Error} there is none; the message says why.
 */
export function openKernelMemory(): KernelMemory {
  try {
    return openSlabCaches();
  } catch {
    return openMeminfo(); // an ordinary user: less exact, and the source says so
  }
}
