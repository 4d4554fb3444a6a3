// What the kernel said, as Node says it.

import { native } from './binding.js';

/** What a call was about, where that is known. */
export interface SystemErrorDetails {
  /** The address. */
  readonly address?: string;
  /** The port. */
  readonly port?: number;
}

/**
 * An error that the kernel reported.
 *
 * Errors of established connections are shared between connections and frozen: do not write to them, and expect no stack.
 *
 * @see errno(3) https://man7.org/linux/man-pages/man3/errno.3.html
 */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** The error's name, such as `'EADDRINUSE'`. */
  readonly code: string;
  /** The negated error number, as in Node's own errors. */
  readonly errno: number;
  /** The call that reported it, by the name of its manual page, such as `'bind'`. */
  readonly syscall: string;
  /** The address the call was about, where there is one. */
  readonly address?: string;
  /** The port the call was about, where there is one. */
  readonly port?: number;

  /** @internal */
  constructor(errno: number, syscall: string, details: SystemErrorDetails = {}) {
    const [code, text] = native.errors[errno] ?? [`ERRNO_${String(errno)}`, 'unknown error'];
    const place = details.address === undefined ? '' : ` ${details.address}:${String(details.port ?? 0)}`;
    super(`${syscall} ${code}: ${text}${place}`);
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
    if (details.address !== undefined) this.address = details.address;
    if (details.port !== undefined) this.port = details.port;
  }
}
