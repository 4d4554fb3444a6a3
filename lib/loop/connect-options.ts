// The options of a connect: names, bounds and defaults, and their form for native code.

import { native } from '../binding.js';
import { checkOneOf, checkOptions, checkPort, checkPortRange, checkString } from '../check.js';
import { ConnscaleError } from '../connscale-error.js';
import type { PortInterval } from '../system/port-range.js';
import { ADDRESS_RECORD_BYTES, LITTLE_ENDIAN } from './layout.js';
import { timeoutTicks } from './listen-options.js';
import { quickRange, readPortFacts } from './port-facts.js';
import { encodeOptions, type SocketOptions } from './socket-options.js';

/** Where to connect from. */
export interface ConnectSource {
  /** Local address to connect from. Default: the kernel's choice. */
  readonly address?: string;
  /**
   * Local port, 1 to 65535. Default: the kernel's choice, made when the destination is known
   * (IP_BIND_ADDRESS_NO_PORT), so that one port serves many destinations.
   */
  readonly port?: number;
  /**
   * How the kernel chooses the port. `'range'`: from a range of the socket's own (IP_LOCAL_PORT_RANGE), which Linux 6.8
   * searches without a slow half. `'kernel'`: from `net.ipv4.ip_local_port_range`; when half of it is used for the
   * destination, a connect takes milliseconds. Default: `'range'` where it is quick, else `'kernel'`.
   */
  readonly ports?: 'range' | 'kernel';
  /**
   * The range for `'range'`, both ends included, within `net.ipv4.ip_local_port_range`: the kernel ignores an end that is
   * outside. Default: all of it.
   */
  readonly portRange?: readonly [low: number, high: number];
}

/** What {@link Loop.connect} takes. */
export interface ConnectOptions {
  /**
   * Address or name to connect to. Of a name the first address is tried that `node:dns` gives (of the source address's
   * family, where there is one), and no other.
   */
  readonly host: string;
  /** Port, 1 to 65535. */
  readonly port: number;
  /** Where to connect from. */
  readonly source?: ConnectSource;
  /**
   * Gives up after this long with `ETIMEDOUT`, 1 to 6,553,500. Coarse: up to 200 ms late. Default: the kernel's timeout.
   * Counted from when the address is known and the kernel is asked: a name takes as long as `node:dns` takes, besides.
   */
  readonly timeoutMs?: number;
  /**
   * Closes the connection when, once open, it neither receives nor sends for this long, 1 to 6,553,500. Coarse: up to
   * 200 ms late. Default: never.
   */
  readonly idleTimeoutMs?: number;
  /** Options set before the connect. */
  readonly options?: SocketOptions;
}

export interface ResolvedConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly sourceAddress: string | undefined;
  readonly sourcePort: number;
  /** From which the kernel chooses; undefined: the system's. */
  readonly portRange: PortInterval | undefined;
  readonly connectTimeoutTicks: number;
  readonly idleTimeoutTicks: number;
  readonly options: readonly number[];
}

const NAMES = [
  'host',
  'port',
  'source',
  'timeoutMs',
  'idleTimeoutMs',
  'options',
] as const satisfies readonly (keyof ConnectOptions)[];
const SOURCE_NAMES = ['address', 'port', 'ports', 'portRange'] as const satisfies readonly (keyof ConnectSource)[];

export function resolveConnectOptions(options: ConnectOptions): ResolvedConnectOptions {
  checkOptions('options', options, NAMES);
  const port = checkPort('options.port', options.port);
  if (port === 0) throw new RangeError('options.port must be an integer from 1 to 65535, not 0');
  const source = options.source ?? {};
  checkOptions('options.source', source, SOURCE_NAMES);
  return {
    host: checkString('options.host', options.host),
    port,
    sourceAddress: source.address === undefined ? undefined : checkString('options.source.address', source.address),
    sourcePort: source.port === undefined ? 0 : checkPort('options.source.port', source.port),
    portRange: resolvePortRange(source),
    connectTimeoutTicks: timeoutTicks('options.timeoutMs', options.timeoutMs),
    idleTimeoutTicks: timeoutTicks('options.idleTimeoutMs', options.idleTimeoutMs),
    options: encodeOptions(options.options),
  };
}

/** The range of the socket's own, where it is to have one. */
function resolvePortRange({ port, ports, portRange }: ConnectSource): PortInterval | undefined {
  if (ports !== undefined) checkOneOf('options.source.ports', ports, ['range', 'kernel']);
  const range = portRange === undefined ? undefined : checkPortRange('options.source.portRange', portRange);
  if (port !== undefined && (ports !== undefined || range !== undefined)) {
    throw new TypeError('options.source.port does not go with ports or portRange');
  }
  if (ports === 'kernel' && range !== undefined) {
    throw new TypeError("options.source.portRange does not go with ports: 'kernel'");
  }
  if (ports === 'kernel' || (port !== undefined && port !== 0)) return undefined;
  if (ports === undefined && range === undefined) return quickRange();
  const facts = readPortFacts();
  if (!facts.hasSocketRange) {
    throw new ConnscaleError(
      'ERR_CONNSCALE_UNSUPPORTED',
      "options.source.ports 'range': this kernel has no IP_LOCAL_PORT_RANGE (Linux 6.3)",
    );
  }
  return range ?? facts.dynamicRange;
}

const PORT_AT = 2;
const FAMILY_AT = 0;
const IPV4 = 4;
const IPV6 = 6;

// One pair of records for all connects: it is copied into the submission ring before anything else runs.
const records = new Uint8Array(2 * ADDRESS_RECORD_BYTES);
const view = new DataView(records.buffer);
const remoteRecord = records.subarray(0, ADDRESS_RECORD_BYTES);
const sourceRecord = records.subarray(ADDRESS_RECORD_BYTES);

function encodeAddress(name: string, address: string, port: number, into: Uint8Array): void {
  if (!native.encodeAddress(address, into)) throw new RangeError(`${name} is not an IP address: '${address}'`);
  view.setUint16(into.byteOffset + PORT_AT, port, LITTLE_ENDIAN);
}

/** Remote and source address as two AddressRecords, in memory that the next call writes over. */
export function encodeAddresses(remote: string, options: ResolvedConnectOptions): Uint8Array {
  records.fill(0);
  encodeAddress('options.host', remote, options.port, remoteRecord);
  const family = remoteRecord[FAMILY_AT];
  if (options.sourceAddress !== undefined) {
    encodeAddress('options.source.address', options.sourceAddress, options.sourcePort, sourceRecord);
    if (sourceRecord[FAMILY_AT] !== family) {
      throw new RangeError(`options.source.address ${options.sourceAddress} is of another family than ${remote}`);
    }
  } else if (options.sourcePort !== 0) {
    encodeAddress('options.source', family === IPV4 ? '0.0.0.0' : '::', options.sourcePort, sourceRecord);
  }
  return records;
}

/** The family that a name must resolve to: that of the source address, or any. */
export function wantedFamily(options: ResolvedConnectOptions): 0 | 4 | 6 {
  if (options.sourceAddress === undefined) return 0;
  return options.sourceAddress.includes(':') ? IPV6 : IPV4;
}
