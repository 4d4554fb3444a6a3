// Local addresses to connect from, given as addresses, blocks, ranges or interfaces; kept as ranges, never as a list.

import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

import { native } from '../binding.js';
import { checkOptions, checkString } from '../check.js';
import { SystemError } from '../system-error.js';
import { ADDRESS_RECORD_BYTES, LITTLE_ENDIAN } from './layout.js';

/**
 * Local addresses to connect from: an address, a CIDR block (`'10.0.0.0/24'`; without its network and broadcast address
 * where it has more than two), a range (`'10.0.0.5-10.0.0.20'`, both ends included), or the addresses of a network
 * interface.
 */
export type SourceAddresses = string | { readonly interface: string };

/** Addresses that follow each other, as numbers. */
interface AddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly count: number;
}

/** One run may connect from so many addresses: an IPv4 /8. */
const ADDRESSES_MAX = 2 ** 24;
/** Of a range with more addresses so many are tried, evenly spread. The others show in the run. */
const CHECKED_MAX = 256;
const BITS = { 4: 32, 6: 128 } as const;
const FAMILY_AT = 0;
const BYTES_AT = 8;

/** Where a range is in a plan: an AddressRecord, and how many addresses. */
const RANGE_RECORD_BYTES = ADDRESS_RECORD_BYTES + 8;

function familyOf(address: string): 4 | 6 {
  return isIP(address) === 4 ? 4 : 6;
}

function numberOf(address: string): bigint {
  const record = new Uint8Array(ADDRESS_RECORD_BYTES);
  native.encodeAddress(address, record);
  const bytes = record.subarray(BYTES_AT, BYTES_AT + BITS[familyOf(address)] / 8);
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function textOf(family: 4 | 6, value: bigint): string {
  const hex = value.toString(16).padStart(BITS[family] / 4, '0');
  if (family === 6) return (hex.match(/.{4}/g) ?? []).join(':');
  return Buffer.from(hex, 'hex').join('.');
}

function rangeOf(name: string, text: string, family: 4 | 6, first: bigint, last: bigint): AddressRange {
  const count = last - first + 1n;
  if (count < 1n) throw new RangeError(`${name}: '${text}' ends before it begins`);
  if (count > BigInt(ADDRESSES_MAX)) {
    throw new RangeError(`${name}: '${text}' has ${String(count)} addresses, more than ${String(ADDRESSES_MAX)}`);
  }
  return { family, first, count: Number(count) };
}

function blockOf(name: string, text: string, address: string, prefix: string): AddressRange {
  const family = familyOf(address);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
  if (bits > BITS[family]) {
    throw new RangeError(`${name}: '${text}': a prefix is an integer from 0 to ${String(BITS[family])}`);
  }
  const size = 1n << BigInt(BITS[family] - bits);
  const first = (numberOf(address) / size) * size;
  const last = first + size - 1n;
  // IPv4 knows broadcast: neither the network's own address nor that one is a host's.
  const isNetwork = family === 4 && size > 2n;
  return isNetwork ? rangeOf(name, text, family, first + 1n, last - 1n) : rangeOf(name, text, family, first, last);
}

function parse(name: string, text: string): AddressRange {
  const [left = '', right, ...rest] = text.split(/[/-]/).map((word) => word.trim());
  const isBlock = text.includes('/');
  const sound = isIP(left) !== 0 && rest.length === 0 && (right === undefined || isBlock || isIP(right) === isIP(left));
  if (!sound) throw new RangeError(`${name}: '${text}' is no IP address, no CIDR block and no range of addresses`);
  if (right === undefined) return rangeOf(name, text, familyOf(left), numberOf(left), numberOf(left));
  if (isBlock) return blockOf(name, text, left, right);
  return rangeOf(name, text, familyOf(left), numberOf(left), numberOf(right));
}

function ofInterface(name: string, wanted: string): AddressRange[] {
  const addresses = networkInterfaces()[wanted];
  if (addresses === undefined) throw new RangeError(`${name}: there is no interface '${wanted}' with an address`);
  // A link-local address is one only together with its link.
  return addresses.filter(({ scopeid }) => !scopeid).map(({ address }) => parse(name, address));
}

function checkLocal({ family, first, count }: AddressRange): void {
  const record = new Uint8Array(ADDRESS_RECORD_BYTES);
  const checked = Math.min(count, CHECKED_MAX);
  for (let i = 0; i < checked; i++) {
    const index = checked === 1 ? 0 : Math.floor((i * (count - 1)) / (checked - 1));
    const address = textOf(family, first + BigInt(index));
    native.encodeAddress(address, record);
    const failure = native.checkSource(record);
    if (failure !== undefined) throw new SystemError(failure.errno, failure.syscall, { address, port: 0 });
  }
}

/** Any number of addresses of one family. */
export class AddressPool {
  readonly #ranges: readonly AddressRange[];
  readonly count: number;
  readonly family: 4 | 6 | undefined;

  private constructor(ranges: readonly AddressRange[]) {
    this.#ranges = ranges;
    this.count = ranges.reduce((sum, range) => sum + range.count, 0);
    this.family = ranges[0]?.family;
  }

  /** No address: the kernel chooses. */
  static readonly none = new AddressPool([]);

  /**
   * Addresses to connect from to destinations of one family.
   *
   * @throws {RangeError} empty, overlapping, of another family, or no addresses at all.
   * @throws {SystemError} `EADDRNOTAVAIL` from `bind`, with the address: it is not local.
   */
  static of(name: string, sources: readonly SourceAddresses[], family: 4 | 6): AddressPool {
    const pool = AddressPool.parse(name, sources, family);
    if (pool.family !== family) {
      const families = `IPv${String(pool.family)} addresses to connect from, and destinations of IPv${String(family)}`;
      throw new RangeError(`${name}: ${families}`);
    }
    for (const range of pool.#ranges) checkLocal(range);
    return pool;
  }

  /**
   * Addresses of one family, whether or not they are local.
   *
   * @param family - An interface gives its addresses of this family only. Default: IPv4.
   * @throws {RangeError} empty, overlapping, of two families, or no addresses at all.
   */
  static parse(name: string, sources: readonly SourceAddresses[], family: 4 | 6 = 4): AddressPool {
    const ranges = sources.flatMap((source) => rangesOf(name, source, family));
    if (ranges.length === 0) throw new RangeError(`${name} is empty`);
    const other = ranges.find((range) => range.family !== ranges[0]?.family);
    if (other !== undefined) {
      throw new RangeError(`${name}: ${textOf(other.family, other.first)} is of another family than the others`);
    }
    checkOverlap(name, ranges);
    const pool = new AddressPool(ranges);
    if (pool.count > ADDRESSES_MAX) throw new RangeError(`${name} has more than ${String(ADDRESSES_MAX)} addresses`);
    return pool;
  }

  /** The `index`th address, from 0. */
  at(index: number): string {
    let left = index;
    for (const { family, first, count } of this.#ranges) {
      if (left < count) return textOf(family, first + BigInt(left));
      left -= count;
    }
    throw new RangeError(`there are ${String(this.count)} addresses, no number ${String(index)}`);
  }

  /** As options take them: a text for each range. */
  texts(): string[] {
    return this.#ranges.map(({ family, first, count }) => {
      const text = textOf(family, first);
      return count === 1 ? text : `${text}-${textOf(family, first + BigInt(count - 1))}`;
    });
  }

  /** The addresses from one index up to another. */
  slice(from: number, to: number): AddressPool {
    const parts: AddressRange[] = [];
    let before = 0;
    for (const { family, first, count } of this.#ranges) {
      const [low, high] = [Math.max(from, before), Math.min(to, before + count)];
      if (low < high) parts.push({ family, first: first + BigInt(low - before), count: high - low });
      before += count;
    }
    return new AddressPool(parts);
  }

  /** First and last address of each range, as AddressRecords; none when there are more than `rangesMax`. */
  encodeEnds(rangesMax: number): Uint8Array {
    if (this.#ranges.length > rangesMax) return new Uint8Array(0);
    const records = new Uint8Array(2 * this.#ranges.length * ADDRESS_RECORD_BYTES);
    this.#ranges.forEach(({ family, first, count }, i) => {
      const at = 2 * i * ADDRESS_RECORD_BYTES;
      native.encodeAddress(textOf(family, first), records.subarray(at, at + ADDRESS_RECORD_BYTES));
      native.encodeAddress(textOf(family, first + BigInt(count - 1)), records.subarray(at + ADDRESS_RECORD_BYTES));
    });
    return records;
  }

  /** As native code reads it: for each range an AddressRecord and, as 32 bits each, its length and 0. */
  encode(): Uint8Array {
    const records = new Uint8Array(this.#ranges.length * RANGE_RECORD_BYTES);
    const view = new DataView(records.buffer);
    this.#ranges.forEach(({ family, first, count }, i) => {
      const at = i * RANGE_RECORD_BYTES;
      native.encodeAddress(textOf(family, first), records.subarray(at, at + ADDRESS_RECORD_BYTES));
      view.setUint32(at + ADDRESS_RECORD_BYTES, count, LITTLE_ENDIAN);
    });
    return records;
  }
}

function rangesOf(name: string, source: SourceAddresses, family: 4 | 6): AddressRange[] {
  if (typeof source === 'string') return [parse(name, source)];
  checkOptions(name, source, ['interface']);
  return ofInterface(name, checkString(`${name}.interface`, source.interface)).filter((range) => range.family === family);
}

function checkOverlap(name: string, ranges: readonly AddressRange[]): void {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1));
  sorted.forEach((range, i) => {
    const next = sorted[i + 1];
    if (next === undefined || range.first + BigInt(range.count) <= next.first) return;
    throw new RangeError(`${name}: ${textOf(next.family, next.first)} is there more than once`);
  });
}

/** The family byte of an encoded address: 4 or 6. */
export function encodedFamily(record: Uint8Array): 4 | 6 {
  return record[FAMILY_AT] === 4 ? 4 : 6;
}
