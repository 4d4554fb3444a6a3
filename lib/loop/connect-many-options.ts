// The options of connectMany: names, bounds and defaults.

import { native } from '../binding.js';
import { checkInteger, checkNumber, checkOneOf, checkOptions, checkPortRange, checkString } from '../check.js';
import type { PortInterval } from '../system/port-range.js';
import type { SourceAddresses } from './address-pool.js';
import { timeoutTicks } from './listen-options.js';
import type { PortStrategy } from './port-plan.js';
import { encodeOptions, type SocketOptions } from './socket-options.js';

/** Where a run connects to. */
export interface Destination {
  /** Address or name. A name is resolved once, when the run starts, to its first address. */
  readonly host: string;
  /** Port, 1 to 65535. */
  readonly port: number;
}

/** Which connects of a run are tried again. */
export interface RetryOptions {
  /** Names of errors after which a connect is tried again, such as `'ECONNREFUSED'`. */
  readonly codes: readonly string[];
  /** Tries of one connection, the first included, 2 to 65,535. */
  readonly attempts: number;
  /** From a failure to the next try, 0 to 3,600,000. Default 100. */
  readonly delayMs?: number;
}

/** What {@link Loop.connectMany} takes. */
export interface ConnectManyOptions {
  /** Where to connect to, in turn: one or up to 65,535, all of one address family. */
  readonly destinations: Destination | readonly Destination[];
  /**
   * Local addresses to connect from, up to 16,777,216, none of them twice, of the destinations' family. Default: the
   * kernel's choice.
   */
  readonly sources?: SourceAddresses | readonly SourceAddresses[];
  /**
   * `'round-robin'`: the addresses in turn. `'least-used'`: the one with the fewest connections of this run. Default
   * `'round-robin'`.
   */
  readonly sourceStrategy?: 'round-robin' | 'least-used';
  /** Connections in all, 1 to the loop's `maxConnections`; they count among its accepted ones. */
  readonly count: number;
  /**
   * Who chooses the source ports.
   *
   * - `'explicit'`: this library, from all unprivileged ports (up to 64,512 for each source address and destination), with
   *   SO_REUSEADDR, so that one port serves many destinations and TIME_WAIT is no obstacle. It takes ports outside
   *   `net.ipv4.ip_local_port_range` first: while a port is bound like this, the kernel gives it to nobody by itself.
   * - `'range'`: the kernel, when it connects, from a range of the socket's own (IP_LOCAL_PORT_RANGE, Linux 6.3), which
   *   has no slow half since Linux 6.8.
   * - `'kernel'`: the kernel, when it connects (IP_BIND_ADDRESS_NO_PORT). Before half of the range is used this is
   *   quick, after that a connect takes milliseconds.
   * - a number: this port, for each source address and destination once.
   *
   * Default `'auto'`: the first of `'range'` (Linux 6.8), `'kernel'` and `'explicit'` that is quick for so many.
   */
  readonly ports?: 'auto' | PortStrategy | number;
  /** Only these source ports, both included, for `'explicit'` and `'range'`. Default: all that there are. */
  readonly portRange?: readonly [low: number, high: number];
  /** Connects under way at once, 1 to 1,048,576. Default 256. */
  readonly maxInFlight?: number;
  /** Connects started per second, 0.001 to 10,000,000. Default: as many as go. */
  readonly ratePerSecond?: number;
  /** Gives one attempt up after this long with `ETIMEDOUT`, 1 to 6,553,500. Coarse: up to 200 ms late. Default: the kernel's timeout. */
  readonly timeoutMs?: number;
  /** Closes a connection when it neither receives nor sends for this long, 1 to 6,553,500. Default: never. */
  readonly idleTimeoutMs?: number;
  /** Which failures are tried again. Default: none. */
  readonly retry?: RetryOptions;
  /** Options set before each connect. */
  readonly options?: SocketOptions;
  /** Stops the run: nothing new is started, what is under way fails with `ECANCELED`, what is open stays open. */
  readonly signal?: AbortSignal;
}

export interface ResolvedConnectManyOptions {
  readonly destinations: readonly Destination[];
  readonly sources: readonly SourceAddresses[] | undefined;
  readonly leastUsed: boolean;
  readonly count: number;
  readonly ports: 'auto' | PortStrategy | number;
  readonly portRange: PortInterval | undefined;
  readonly maxInFlight: number;
  readonly ratePerSecond: number;
  readonly connectTimeoutTicks: number;
  readonly idleTimeoutTicks: number;
  readonly retryCodes: readonly number[];
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  readonly options: readonly number[];
  readonly signal: AbortSignal | undefined;
}

const NAMES = [
  'destinations',
  'sources',
  'sourceStrategy',
  'count',
  'ports',
  'portRange',
  'maxInFlight',
  'ratePerSecond',
  'timeoutMs',
  'idleTimeoutMs',
  'retry',
  'options',
  'signal',
] as const satisfies readonly (keyof ConnectManyOptions)[];
const DESTINATION_NAMES = ['host', 'port'] as const satisfies readonly (keyof Destination)[];
const RETRY_NAMES = ['codes', 'attempts', 'delayMs'] as const satisfies readonly (keyof RetryOptions)[];
const PORT_WORDS = ['auto', 'explicit', 'range', 'kernel'] as const;
const DESTINATIONS_MAX = 65_535;
const IN_FLIGHT_DEFAULT = 256;
const RETRY_DELAY_DEFAULT_MS = 100;

function checkDestination(name: string, value: Destination): Destination {
  checkOptions(name, value, DESTINATION_NAMES);
  return {
    host: checkString(`${name}.host`, value.host),
    port: checkInteger(`${name}.port`, value.port, 1, 65_535),
  };
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function destinationsOf(value: ConnectManyOptions['destinations']): Destination[] {
  const list = isList(value) ? value : [value];
  checkInteger('options.destinations.length', list.length, 1, DESTINATIONS_MAX);
  return list.map((destination, i) => checkDestination(`options.destinations[${String(i)}]`, destination));
}

function checkPorts(value: NonNullable<ConnectManyOptions['ports']>): ResolvedConnectManyOptions['ports'] {
  if (typeof value === 'number') return checkInteger('options.ports', value, 1, 65_535);
  return checkOneOf('options.ports', value, PORT_WORDS);
}

function errorNumber(name: string, code: unknown): number {
  const text = checkString(name, code);
  const found = Object.entries(native.errors).find(([, [known]]) => known === text);
  if (found === undefined) throw new RangeError(`${name}: there is no error '${text}'`);
  return Number(found[0]);
}

function checkRetry(retry: RetryOptions | undefined): { codes: number[]; attempts: number; delayMs: number } {
  if (retry === undefined) return { codes: [], attempts: 1, delayMs: 0 };
  checkOptions('options.retry', retry, RETRY_NAMES);
  if (!Array.isArray(retry.codes)) throw new TypeError('options.retry.codes must be an array');
  return {
    codes: retry.codes.map((code, i) => errorNumber(`options.retry.codes[${String(i)}]`, code)),
    attempts: checkInteger('options.retry.attempts', retry.attempts, 2, 65_535),
    delayMs: checkInteger('options.retry.delayMs', retry.delayMs ?? RETRY_DELAY_DEFAULT_MS, 0, 3_600_000),
  };
}

function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new TypeError('options.signal must be an AbortSignal');
}

export function resolveConnectManyOptions(options: ConnectManyOptions): ResolvedConnectManyOptions {
  checkOptions('options', options, NAMES);
  const { sources, ports = 'auto' } = options;
  const retry = checkRetry(options.retry);
  const portRange = options.portRange === undefined ? undefined : checkPortRange('options.portRange', options.portRange);
  if (portRange !== undefined && (ports === 'kernel' || typeof ports === 'number')) {
    throw new TypeError(`options.portRange does not go with ports: ${String(ports)}`);
  }
  return {
    destinations: destinationsOf(options.destinations),
    sources: sources === undefined ? undefined : isList(sources) ? sources : [sources],
    leastUsed:
      checkOneOf('options.sourceStrategy', options.sourceStrategy ?? 'round-robin', ['round-robin', 'least-used']) ===
      'least-used',
    count: checkInteger('options.count', options.count, 1, 2 ** 31 - 1),
    ports: checkPorts(ports),
    portRange,
    maxInFlight: checkInteger('options.maxInFlight', options.maxInFlight ?? IN_FLIGHT_DEFAULT, 1, 2 ** 20),
    ratePerSecond: options.ratePerSecond === undefined ? 0 : checkNumber('options.ratePerSecond', options.ratePerSecond, 0.001, 1e7),
    connectTimeoutTicks: timeoutTicks('options.timeoutMs', options.timeoutMs),
    idleTimeoutTicks: timeoutTicks('options.idleTimeoutMs', options.idleTimeoutMs),
    retryCodes: retry.codes,
    retryAttempts: retry.attempts,
    retryDelayMs: retry.delayMs,
    options: encodeOptions(options.options),
    signal: checkSignal(options.signal),
  };
}
