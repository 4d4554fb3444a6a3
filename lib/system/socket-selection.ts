// Which sockets a caller asks about, as the native half takes it.

import type { NativeSocketQuery } from '../binding.js';
import { checkOneOf, checkOptions, checkPort, checkString } from '../check.js';
import { ADDRESS_BYTES, encodeAddress, familyOf, networkOf, setPort } from './socket-record.js';
import { SOCKET_STATES, statesMask, type SocketState } from './socket-states.js';

/** Where connections lead. */
export interface SocketDestination {
  /** An IP address, or a network such as `'10.0.0.0/8'`. By default any. */
  readonly address?: string;
  /** By default any. */
  readonly port?: number;
}

/** What a selection may say; a question takes the part of it that it can answer. */
export interface SocketSelection {
  readonly source?: string | undefined;
  readonly destination?: SocketDestination | undefined;
  readonly states?: readonly SocketState[] | undefined;
}

type Pair = { readonly first: Uint8Array; readonly last: Uint8Array };

/** `10.1.2.3`, `10.0.0.0/8`, `2001:db8::1` or `2001:db8::/32`. */
function parseNetwork(name: string, text: string): Pair {
  const [address = '', prefix, ...rest] = text.split('/');
  const record = encodeAddress(address);
  if (record === undefined || rest.length > 0) throw new RangeError(`${name} is no IP address or network: '${text}'`);
  const bitsMax = familyOf(record) === 4 ? 32 : 128;
  const bits = prefix === undefined ? bitsMax : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  // The prefix of a mapped address counts from the start of 128 bits.
  const mapped = bitsMax === 32 && address.includes(':') && prefix !== undefined;
  const own = mapped ? bits - 96 : bits;
  if (!(own >= 0 && own <= bitsMax)) throw new RangeError(`${name} has no prefix of its family: '${text}'`);
  return networkOf(record, own);
}

function concat({ first, last }: Pair): Uint8Array {
  const bytes = new Uint8Array(2 * ADDRESS_BYTES);
  bytes.set(first);
  bytes.set(last, ADDRESS_BYTES);
  return bytes;
}

function encodeDestination(name: string, destination: SocketDestination): Pair {
  checkOptions(name, destination, ['address', 'port']);
  const { address, port = 0 } = destination;
  const any = { first: new Uint8Array(ADDRESS_BYTES), last: new Uint8Array(ADDRESS_BYTES) };
  const pair = address === undefined ? any : parseNetwork(`${name}.address`, checkString(`${name}.address`, address));
  setPort(pair.first, checkPort(`${name}.port`, port));
  return pair;
}

function encodeStates(states: readonly SocketState[] | undefined): number {
  if (states === undefined) return statesMask(SOCKET_STATES);
  if (!Array.isArray(states)) throw new TypeError('options.states must be an array');
  for (const state of states as readonly unknown[]) checkOneOf('options.states', state, SOCKET_STATES);
  return statesMask(states);
}

/**
 * A selection for the native half.
 *
 * @throws {TypeError | RangeError} an address, a port or a state is none, or the families differ.
 * @throws {ConnscaleError} `ERR_CONNSCALE_UNKNOWN_OPTION`
 */
export function encodeSelection(options: SocketSelection): NativeSocketQuery {
  const { source, destination } = options;
  const from = source === undefined ? undefined : parseNetwork('options.source', checkString('options.source', source));
  const to = destination === undefined ? undefined : encodeDestination('options.destination', destination);
  const [sourceFamily, destinationFamily] = [from, to].map((pair) => (pair === undefined ? 0 : familyOf(pair.first)));
  if (sourceFamily && destinationFamily && sourceFamily !== destinationFamily) {
    throw new RangeError('options.source and options.destination.address must be of one family');
  }
  return {
    family: sourceFamily || destinationFamily || 0,
    states: encodeStates(options.states),
    sources: from === undefined ? new Uint8Array() : concat(from),
    sourcePort: 0,
    destinations: to === undefined ? new Uint8Array() : concat(to),
  };
}
