// The local addresses that connections are made from.

import { AddressPool } from '../loop/address-pool.js';
import { CommandError } from './command-error.js';

/**
 * Addresses of one family, from text.
 *
 * @param text - Addresses, CIDR blocks and ranges, separated by commas.
 * @throws {CommandError} one of them is none of these, is there twice, or is of another family.
 */
export function parseSources(text: string): AddressPool {
  try {
    return AddressPool.parse(
      '--source',
      text.split(',').map((word) => word.trim()),
    );
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

/**
 * The loopback addresses to connect from when none are given: 65,534, which every Linux machine has. Each process uses a
 * network of its own, so that two runs at once do not search each other's ports.
 */
export function loopbackSources(processId: number): AddressPool {
  return parseSources(`127.${String(1 + (processId % 254))}.0.0/16`);
}

/**
 * What connections are made from.
 *
 * @param text - The value of --source, if it was given.
 * @param target - A server elsewhere, if there is one.
 * @returns undefined: the kernel is to choose.
 */
export function chooseSources(
  text: string | undefined,
  target: { readonly family: 'IPv4' | 'IPv6'; readonly isLoopback: boolean } | undefined,
): AddressPool | undefined {
  const family = target?.family ?? 'IPv4';
  if (text === undefined) {
    return family === 'IPv4' && (target?.isLoopback ?? true) ? loopbackSources(process.pid) : undefined;
  }
  const sources = parseSources(text);
  if (`IPv${String(sources.family)}` !== family) throw new CommandError(`--source: the server has an ${family} address`);
  return sources;
}
