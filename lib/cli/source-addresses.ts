// The local addresses that connections are made from.

import { isIPv4, isIPv6 } from 'node:net';

import { CommandError } from './command-error.js';

/** Addresses that follow each other; an IPv6 address is a range of one. */
interface Range {
  readonly count: number;
  at(index: number): string;
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

function ipv4Text(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

function ipv4Range(address: string, bits: number): Range {
  const size = 2 ** (32 - bits);
  const network = Math.floor(ipv4Number(address) / size) * size;
  // Neither the network's own address nor its broadcast address, where a network has them.
  const [first, count] = size > 2 ? [network + 1, size - 2] : [network, size];
  return { count, at: (index) => ipv4Text(first + index) };
}

function parseRange(text: string): Range {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = prefix === undefined ? 32 : Number(prefix);
  if (isIPv4(address) && rest.length === 0 && /^\d*$/.test(prefix ?? '') && prefix !== '' && bits >= 8 && bits <= 32) {
    return ipv4Range(address, bits);
  }
  if (isIPv6(text)) return { count: 1, at: () => text };
  throw new CommandError(`--source: '${text}' is neither an address nor an IPv4 network from /8 to /32`);
}

/** Any number of addresses, without a list of them. */
export class SourceAddresses {
  readonly #ranges: readonly Range[];
  /** How many there are. */
  readonly count: number;
  readonly family: 'IPv4' | 'IPv6';

  /**
   * @param text - Addresses and IPv4 networks, separated by commas.
   * @throws {CommandError} one of them is neither.
   */
  constructor(text: string) {
    const words = text.split(',').map((word) => word.trim());
    this.#ranges = words.map(parseRange);
    this.count = this.#ranges.reduce((sum, range) => sum + range.count, 0);
    const families = new Set(words.map((word) => (word.includes(':') ? 'IPv6' : 'IPv4')));
    if (families.size > 1) throw new CommandError('--source: addresses of one family only');
    this.family = families.has('IPv6') ? 'IPv6' : 'IPv4';
  }

  /** The `index`th address, from 0. */
  at(index: number): string {
    let left = index;
    for (const range of this.#ranges) {
      if (left < range.count) return range.at(left);
      left -= range.count;
    }
    throw new RangeError(`there are ${String(this.count)} source addresses, no number ${String(index)}`);
  }
}

/**
 * The loopback addresses to connect from when none are given: 65,534, which every Linux machine has. Each process uses a
 * network of its own, so that two runs at once do not search each other's ports.
 */
export function loopbackSources(processId: number): SourceAddresses {
  return new SourceAddresses(`127.${String(1 + (processId % 254))}.0.0/16`);
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
): SourceAddresses | undefined {
  const family = target?.family ?? 'IPv4';
  if (text === undefined) {
    return family === 'IPv4' && (target?.isLoopback ?? true) ? loopbackSources(process.pid) : undefined;
  }
  const sources = new SourceAddresses(text);
  if (sources.family !== family) throw new CommandError(`--source: the server has an ${family} address`);
  return sources;
}
