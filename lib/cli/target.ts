// Where --target leads to.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { CommandError } from './command-error.js';

/** A server to connect to. */
export interface Target {
  /** An address, not a name. */
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
  /** Whether it is an address of this machine's loopback. */
  readonly isLoopback: boolean;
}

/**
 * Resolves `host:port`; an IPv6 address stands in brackets.
 *
 * @param option - The option that it is the value of, for the error.
 * @throws {CommandError} the text is not of this form, or the name does not resolve.
 */
export async function resolveTarget(text: string, option = '--target'): Promise<Target> {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CommandError(`${option}: '${text}' is not host:port, such as 127.0.0.1:7000 or [::1]:7000`);
  }
  const address = isIP(host) === 0 ? await resolve(host, option) : host;
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return { address, port, family, isLoopback: address.startsWith('127.') || address === '::1' };
}

async function resolve(name: string, option: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch (error) {
    throw new CommandError(
      `${option}: '${name}' does not resolve (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
}
