// Finds the native half and says what it looks like. The only place that asks which platform this is.

import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ConnscaleError } from './connscale-error.js';

/** Where things are in a loop's memory, in bytes. */
export interface NativeLayout {
  readonly counters: number;
  readonly completions: number;
  readonly completionCapacity: number;
  readonly submissions: number;
  readonly submissionBytes: number;
  readonly slab: number;
  readonly slabBytes: number;
  readonly queued: number;
  readonly slots: number;
}

export interface NativeLoopSettings {
  readonly memory: ArrayBuffer;
  readonly layout: NativeLayout;
  readonly dispatch: (count: number) => void;
  readonly fail: (errno: number, syscall: string, reason: 'submission' | 'detached' | 'poller') => void;
  readonly loop: number;
  readonly maxConnections: number;
  readonly highWaterMarkBytes: number;
  readonly writeQueueMaxBytes: number;
  readonly driver: 'node' | 'thread' | 'manual';
  readonly privateDescriptors: boolean;
  readonly useLibuv: boolean;
  readonly descriptorsWanted: number;
}

export interface NativeFailure {
  readonly errno: number;
  readonly syscall: string;
}

export interface NativeAddress {
  /** The address as text, an IPv6 one with its zone where it has one. */
  readonly address: string;
  /** The port, 0 to 65535. */
  readonly port: number;
  /** What `address` is. */
  readonly family: 'IPv4' | 'IPv6';
}

export interface NativeListenArguments {
  readonly address: string;
  readonly port: number;
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly ipv6Only: boolean;
  readonly deferAcceptMs: number;
  readonly fastOpenQueue: number;
  /** Row and value, alternating. */
  readonly options: readonly number[];
  readonly acceptBatch: number;
  readonly maxConnections: number;
  readonly resetOverload: boolean;
  readonly handlers: number;
  readonly idleTimeoutTicks: number;
}

export interface NativeListenerReport {
  readonly accepted: number;
  readonly rejected: number;
  readonly failures: number;
  readonly pauses: number;
  readonly open: number;
  readonly lastFailure: string | null;
  readonly queueDepth: number | null;
  readonly queueLimit: number | null;
}

export interface NativeConnectManyArguments {
  /** AddressRecords, at least one. */
  readonly destinations: Uint8Array;
  /** For each range an AddressRecord and its length; see address-pool.ts. */
  readonly sources: Uint8Array;
  /** Pairs of AddressRecords, source and destination, that are connected already. */
  readonly taken: Uint8Array;
  readonly leastUsed: boolean;
  readonly explicitPorts: boolean;
  /** Low and high, alternating. */
  readonly intervals: readonly number[];
  readonly count: number;
  readonly inFlightMax: number;
  readonly ratePerSecond: number;
  readonly retryCodes: readonly number[];
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  readonly connectTimeoutTicks: number;
  readonly idleTimeoutTicks: number;
  readonly handlers: number;
  /** Row and value, alternating. */
  readonly options: readonly number[];
}

/** What a loop answers when it has asked its thread: arguments and result. */
export interface NativeTasks {
  listen(o: NativeListenArguments): NativeAddress & { readonly listener: number };
  closeListener(o: { readonly listener: number }): boolean;
  reportListener(o: { readonly listener: number }): NativeListenerReport;
  setOption(o: { readonly id: number; readonly row: number; readonly value: number }): number;
  getOption(o: { readonly id: number; readonly row: number }): number;
  localAddress(o: { readonly id: number }): NativeAddress;
  remoteAddress(o: { readonly id: number }): NativeAddress;
  connectMany(o: NativeConnectManyArguments): { readonly run: number };
  stopRun(o: { readonly run: number }): boolean;
  shutdown(o: { readonly timeoutMs: number }): undefined;
}

export interface NativeLoop {
  start(): NativeFailure | undefined;
  flush(): void;
  poll(timeoutMs: number): number;
  task<Name extends keyof NativeTasks>(
    name: Name,
    parameters: Parameters<NativeTasks[Name]>[0],
    settled: (outcome: ReturnType<NativeTasks[Name]> | NativeFailure) => void,
  ): void;
  ref(): void;
  unref(): void;
  stop(): void;
  driverName(): 'node' | 'thread' | 'manual';
}

/** Which sockets a question is about. Ranges are pairs of address records: the first address and the last. */
export interface NativeSocketQuery {
  /** 4, 6, or 0 for both. */
  readonly family: number;
  /** A bit for each state's number. */
  readonly states: number;
  /** Local addresses; empty means any. */
  readonly sources: Uint8Array;
  /** 0 means any. */
  readonly sourcePort: number;
  /** Remote addresses, each with the port of its first record; empty means any, or none. */
  readonly destinations: Uint8Array;
}

/** Whether the kernel lists sockets that are bound and idle; null: it could not be tried. */
type BoundListed = boolean | null;

/** Questions about the system that a thread of Node's pool answers: arguments and result. */
export interface NativeQueries {
  portCensus(o: { readonly addressesMax: number }): {
    readonly total: number;
    readonly ipv6: number;
    /** By the state's number. */
    readonly states: readonly number[];
    readonly addresses: number;
    readonly overflowed: boolean;
    /** Address and count, alternating. */
    readonly fullest: readonly (string | number)[];
    readonly boundListed: BoundListed;
    readonly interrupted: boolean;
  };
  portUsage(o: NativeSocketQuery): {
    /** A byte of marks for each port: PortMark in native/engine/port_marks.h. */
    readonly marks: ArrayBuffer;
    readonly states: readonly number[];
    readonly boundListed: BoundListed;
    readonly interrupted: boolean;
  };
  takenPorts(o: NativeSocketQuery & { readonly rowsMax: number }): {
    /** Socket records: two address records each, the state's number in byte 1. */
    readonly rows: ArrayBuffer;
    readonly truncated: boolean;
    readonly boundListed: BoundListed;
    readonly interrupted: boolean;
  };
}

/** A walk through the system's sockets, step by step. */
export interface NativeSocketCursor {
  /** The next socket records, at most `rowsMax`; none: that was all. One call at a time. */
  next(rowsMax: number, settled: (outcome: ArrayBuffer | NativeFailure) => void): void;
  close(): void;
}

export interface NativeAddon {
  readonly NativeLoop: new (settings: NativeLoopSettings) => NativeLoop;
  readonly SocketCursor: new (query: NativeSocketQuery) => NativeSocketCursor;
  /** By number; '' where there is none. */
  readonly socketStates: readonly string[];
  readonly counterNames: readonly string[];
  readonly errors: Readonly<Record<number, readonly [name: string, text: string]>>;
  readonly calls: readonly string[];
  readonly socketOptions: readonly { readonly name: string; readonly unit: 'flag' | 'count' | 'bytes' | 'milliseconds' }[];
  readonly limits: Readonly<Record<NativeLimit, number>>;
  encodeAddress(host: string, into: Uint8Array): boolean;
  checkSource(record: Uint8Array): NativeFailure | undefined;
  hasSocketPortRange(): boolean;
  descriptorLimit(): number;
  canLeaveDescriptorTable(): boolean;
  systemQuery<Name extends keyof NativeQueries>(
    name: Name,
    parameters: Parameters<NativeQueries[Name]>[0],
    settled: (outcome: ReturnType<NativeQueries[Name]> | NativeFailure) => void,
  ): void;
  /** The fullest accept queue of the listeners at an address of this machine; null: nobody listens there. */
  acceptQueue(o: {
    readonly address: string;
    readonly port: number;
  }): { readonly depth: number; readonly limit: number } | NativeFailure | null;
}

type NativeLimit =
  | 'slotBits'
  | 'generationBits'
  | 'loopBits'
  | 'connectionsMax'
  | 'batchMin'
  | 'batchMax'
  | 'receiveMin'
  | 'tickMs'
  | 'timeoutTicksMax'
  | 'descriptorTablePresizeMax'
  | 'completionBytes'
  | 'submissionHeadBytes'
  | 'connectRecordBytes'
  | 'optionRecordBytes'
  | 'addressRecordBytes'
  | 'connectionBytes'
  | 'socketRecordBytes'
  | 'socketRowsMax'
  | 'queryRangesMax';

const PLATFORMS = ['linux'];

/** Whether Node's loop is the libuv that the 'node' driver knows. `CONNSCALE_LIBUV=off` says no, for tests. */
export const libuvUsable: boolean =
  process.env['CONNSCALE_LIBUV'] !== 'off' && /^1\.\d+/.test(process.versions.uv ?? '');

/** The kernel's name, for capability reports. */
export const platformName: string = process.platform;

function load(): NativeAddon {
  const require = createRequire(import.meta.url);
  // A build of one's own, for example with sanitizers.
  const override = process.env['CONNSCALE_ADDON'];
  if (override !== undefined) return require(resolve(override)) as NativeAddon;
  if (!PLATFORMS.includes(process.platform)) {
    throw new ConnscaleError(
      'ERR_CONNSCALE_UNSUPPORTED',
      `@connscale/native does not support ${process.platform} yet; see SUPPORTED_PLATFORMS.md`,
    );
  }
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
  const nodeGypBuild = require('node-gyp-build') as (root: string) => NativeAddon;
  try {
    return nodeGypBuild(root);
  } catch (cause) {
    throw new ConnscaleError(
      'ERR_CONNSCALE_ADDON_MISSING',
      `the native half of @connscale/native was not found or does not load; build it with "npm run build:native" in ${root}`,
      { cause },
    );
  }
}

export const native: NativeAddon = load();
