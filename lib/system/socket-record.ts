// Addresses and rows of the socket table as bytes: AddressRecord of native/base/submission.h, and two of them for a row.

import { native } from '../binding.js';

/** Bytes of one address. */
export const ADDRESS_BYTES = native.limits.addressRecordBytes;
/** Bytes of one row. */
export const ROW_BYTES = native.limits.socketRecordBytes;

const FAMILY_AT = 0;
const PORT_AT = 2;
const SCOPE_AT = 4;
const BYTES_AT = 8;
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** An address as bytes; undefined: it is none. An IPv4-mapped IPv6 address is the IPv4 address. */
export function encodeAddress(address: string): Uint8Array | undefined {
  const record = new Uint8Array(ADDRESS_BYTES);
  if (!native.encodeAddress(address, record)) return undefined;
  if (record[FAMILY_AT] === 6 && MAPPED.every((byte, i) => record[BYTES_AT + i] === byte)) {
    const ipv4 = record.slice(BYTES_AT + MAPPED.length, BYTES_AT + MAPPED.length + 4);
    record.fill(0, BYTES_AT);
    record.set(ipv4, BYTES_AT);
    record[FAMILY_AT] = 4;
  }
  return record;
}

/** 4 or 6. */
export function familyOf(record: Uint8Array): number {
  return record[FAMILY_AT] ?? 0;
}

export function setPort(record: Uint8Array, port: number): void {
  new DataView(record.buffer, record.byteOffset).setUint16(PORT_AT, port, true);
}

/**
 * The addresses of a network: its first and its last.
 *
 * @param prefixBits - 0 to 32, or to 128 for IPv6.
 */
export function networkOf(record: Uint8Array, prefixBits: number): { first: Uint8Array; last: Uint8Array } {
  const [first, last] = [record.slice(), record.slice()];
  const bytes = familyOf(record) === 4 ? 4 : 16;
  for (let i = 0; i < bytes; i++) {
    const kept = Math.min(8, Math.max(0, prefixBits - 8 * i));
    const hostMask = 0xff >> kept;
    first[BYTES_AT + i] = (record[BYTES_AT + i] ?? 0) & ~hostMask;
    last[BYTES_AT + i] = (record[BYTES_AT + i] ?? 0) | hostMask;
  }
  return { first, last };
}

function ipv6Text(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i).toString(16));
  // RFC 5952: the first of the longest runs of zeros, two or more, is left out.
  const runs = [...groups.join(':').matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce<RegExpExecArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  );
  if (longest === undefined) return groups.join(':');
  const text = groups.join(':');
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const behind = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${behind}`;
}

/** An address and a port of a row. */
export interface RowAddress {
  /** The IP address, as text. */
  readonly address: string;
  /** The port. */
  readonly port: number;
  /** Its family. */
  readonly family: 'IPv4' | 'IPv6';
}

/** The address at an offset; null: there is none. */
export function decodeAddress(view: DataView, at: number): RowAddress | null {
  const family = view.getUint8(at + FAMILY_AT);
  if (family === 0) return null;
  const port = view.getUint16(at + PORT_AT, true);
  if (family === 4) {
    const bytes = [0, 1, 2, 3].map((i) => view.getUint8(at + BYTES_AT + i));
    return { address: bytes.join('.'), port, family: 'IPv4' };
  }
  const scope = view.getUint32(at + SCOPE_AT, true);
  const text = ipv6Text(view, at + BYTES_AT);
  return { address: scope === 0 ? text : `${text}%${scope}`, port, family: 'IPv6' };
}
