// Asks the native half, off the JavaScript thread, and names whose sockets were looked at.

import { readlinkSync } from 'node:fs';

import { native, type NativeFailure, type NativeQueries } from '../binding.js';
import { SystemError } from '../system-error.js';

/** The network namespace whose sockets, sysctls and ports a result is about. */
export interface NetworkNamespace {
  /** Its inode, as `ls -l /proc/self/ns/net` shows it; null: it cannot be had, and `reason` says why. */
  readonly inode: number | null;
  /** Where it was read. */
  readonly source: '/proc/thread-self/ns/net';
  /** Why it could not be. */
  readonly reason?: string;
}

/**
 * The caller's network namespace.
 *
 * @see namespaces(7) https://man7.org/linux/man-pages/man7/namespaces.7.html
 */
export function networkNamespace(): NetworkNamespace {
  const source = '/proc/thread-self/ns/net';
  try {
    const link = readlinkSync(source);
    const inode = /^net:\[(\d+)\]$/.exec(link)?.[1];
    return inode === undefined ? { inode: null, source, reason: `it leads to ${link}` } : { inode: Number(inode), source };
  } catch (error) {
    return { inode: null, source, reason: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

/** Whether an outcome of the native half is a failure. */
export function isFailure(outcome: object): outcome is NativeFailure {
  return 'errno' in outcome;
}

/**
 * Asks a question; a thread of Node's pool answers.
 *
 * @throws {SystemError} `EMFILE`, `ENFILE` from `socket`; `ENOENT` from `sock_diag` where the kernel is built without it;
 *   `EPERM` or `EACCES` under a seccomp filter; `ENOBUFS` from `recv`.
 */
export async function systemQuery<Name extends keyof NativeQueries>(
  name: Name,
  parameters: Parameters<NativeQueries[Name]>[0],
): Promise<ReturnType<NativeQueries[Name]>> {
  const outcome = await new Promise<ReturnType<NativeQueries[Name]> | NativeFailure>((resolve) => {
    native.systemQuery(name, parameters, resolve);
  });
  if (isFailure(outcome)) throw new SystemError(outcome.errno, outcome.syscall);
  return outcome;
}

/** Why bound sockets are not counted; undefined: they are. */
export function boundReason(listed: boolean | null): string | undefined {
  if (listed === true) return undefined;
  return listed === false
    ? 'this kernel does not list sockets that are bound and idle (Linux 6.8 does)'
    : 'whether this kernel lists sockets that are bound and idle could not be tried: no port or descriptor was free';
}
