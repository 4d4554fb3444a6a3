// The options of a loop: names, bounds and defaults.

import { native } from '../binding.js';
import { checkInteger, checkOneOf, checkOptions } from '../check.js';

/** Who runs a loop. */
export type Driver = 'node' | 'thread' | 'manual';

/** Whose descriptor table a loop's sockets are in. */
export type Descriptors = 'shared' | 'private';

/** What the constructor of {@link Loop} takes. */
export interface LoopOptions {
  /**
   * Who runs the loop. `'node'`: Node's own event loop, on this thread (lowest cost). `'thread'`: a native thread; batches
   * cross to this one. `'manual'`: whoever calls {@link Loop.poll}. Default `'node'`; where Node's loop cannot be watched it
   * becomes `'thread'`, and `loop.driver` says so.
   */
  readonly driver?: Driver;
  /**
   * `'private'`: the loop's thread leaves the process's descriptor table for one of its own, so that `RLIMIT_NOFILE` counts
   * for it alone. Needs the `'thread'` driver and Linux 5.9. Default `'shared'`.
   *
   * @see close_range(2) https://man7.org/linux/man-pages/man2/close_range.2.html
   */
  readonly descriptors?: Descriptors;
  /**
   * Connections of each direction (accepted, connected) that the loop may hold, 1 to 1,048,576. Default: the descriptor
   * limit. Beyond it listeners act as their `overload` says, and `connect` throws.
   */
  readonly maxConnections?: number;
  /** Bytes that one turn can receive, 4,096 to 16 MiB. Default 256 KiB. */
  readonly receiveSlabBytes?: number;
  /** Completions that cross to JavaScript at once, 16 to 65,536. Default 512. */
  readonly batchSize?: number;
  /**
   * Bytes of requests that JavaScript gathers before they are handed over, 4,096 to 64 MiB, rounded down to a multiple of 8.
   * Default 256 KiB.
   */
  readonly submissionRingBytes?: number;
  /**
   * Queued bytes of a connection above which `write` promises a `drain`, and above which the loop stops reading from that
   * connection until half of them are gone: memory does not grow with a peer that does not read. 0 to 4 GiB - 1. Default
   * 64 KiB.
   */
  readonly highWaterMarkBytes?: number;
  /** Queued bytes of a connection that no `write` may exceed, 1 to 4 GiB - 1. Default 64 MiB. */
  readonly writeQueueMaxBytes?: number;
  /** How long `close` waits for queued bytes to leave, 0 to 2,147,483,647. Default 5,000. */
  readonly closeTimeoutMs?: number;
}

export interface ResolvedLoopOptions {
  readonly driver: Driver;
  readonly descriptors: Descriptors;
  readonly maxConnections: number;
  readonly receiveSlabBytes: number;
  readonly batchSize: number;
  readonly submissionRingBytes: number;
  readonly highWaterMarkBytes: number;
  readonly writeQueueMaxBytes: number;
  readonly closeTimeoutMs: number;
  /** Entries that the descriptor table is sized to at the start. */
  readonly descriptorsWanted: number;
}

const MIB = 2 ** 20;
const RECEIVE_SLAB_BYTES_DEFAULT = 256 * 1024; // four of the largest receives; fits a second-level cache
const BATCH_SIZE_DEFAULT = 512; // kernel events of one wait, native/base/limits.h
const SUBMISSION_RING_BYTES_DEFAULT = 256 * 1024; // the answer to a full slab
const HIGH_WATER_MARK_BYTES_DEFAULT = 64 * 1024; // stream.getDefaultHighWaterMark() of Node 22
const WRITE_QUEUE_MAX_BYTES_DEFAULT = 64 * MIB;
const CLOSE_TIMEOUT_MS_DEFAULT = 5_000;
const U32_MAX = 2 ** 32 - 1;

export const LOOP_OPTION_NAMES = [
  'driver',
  'descriptors',
  'maxConnections',
  'receiveSlabBytes',
  'batchSize',
  'submissionRingBytes',
  'highWaterMarkBytes',
  'writeQueueMaxBytes',
  'closeTimeoutMs',
] as const satisfies readonly (keyof LoopOptions)[];

function integer(options: LoopOptions, name: keyof LoopOptions, fallback: number, min: number, max: number): number {
  const value = options[name];
  return value === undefined ? fallback : checkInteger(`options.${name}`, value, min, max);
}

export function resolveLoopOptions(options: LoopOptions): ResolvedLoopOptions {
  checkOptions('options', options, LOOP_OPTION_NAMES);
  const driver = checkOneOf('options.driver', options.driver ?? 'node', ['node', 'thread', 'manual']);
  const descriptors = checkOneOf('options.descriptors', options.descriptors ?? 'shared', ['shared', 'private']);
  if (descriptors === 'private' && driver !== 'thread') {
    throw new RangeError("options.descriptors 'private' needs options.driver 'thread': this thread must keep its table");
  }
  const { connectionsMax, batchMin, batchMax, receiveMin, descriptorTablePresizeMax } = native.limits;
  const descriptorLimit = native.descriptorLimit();
  const maxConnections = integer(options, 'maxConnections', Math.min(descriptorLimit, connectionsMax), 1, connectionsMax);
  const presize = options.maxConnections === undefined ? descriptorTablePresizeMax : 2 * maxConnections;
  return {
    driver,
    descriptors,
    maxConnections,
    receiveSlabBytes: integer(options, 'receiveSlabBytes', RECEIVE_SLAB_BYTES_DEFAULT, receiveMin, 16 * MIB),
    batchSize: integer(options, 'batchSize', BATCH_SIZE_DEFAULT, batchMin, batchMax),
    // Records are padded to 8 bytes: one that ends behind the ring's last multiple of 8 would end outside.
    submissionRingBytes:
      integer(options, 'submissionRingBytes', SUBMISSION_RING_BYTES_DEFAULT, 4096, 64 * MIB) & ~7,
    highWaterMarkBytes: integer(options, 'highWaterMarkBytes', HIGH_WATER_MARK_BYTES_DEFAULT, 0, U32_MAX),
    writeQueueMaxBytes: integer(options, 'writeQueueMaxBytes', WRITE_QUEUE_MAX_BYTES_DEFAULT, 1, U32_MAX),
    closeTimeoutMs: integer(options, 'closeTimeoutMs', CLOSE_TIMEOUT_MS_DEFAULT, 0, 2 ** 31 - 1),
    descriptorsWanted: Math.min(descriptorLimit, presize),
  };
}
