// How memory grows with the number of connections.

import { setTimeout as delay } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';

import { openKernelMemory, type KernelMemory } from '../system/kernel-memory.js';
import { collectGarbage } from './collect-garbage.js';
import { formatCount } from './format.js';

/** Fewer say nothing about the kernel, which allocates slabs of 32 KiB and keeps some in reserve. */
const KERNEL_CONNECTIONS_MIN = 5_000;
/** Fewer say nothing about this process, whose memory moves by a megabyte for other reasons. */
const USER_CONNECTIONS_MIN = 30_000;
/** How often the ramp is looked at. */
const SAMPLES = 20;
const KERNEL_SAMPLES_MIN = 5;
/** The share of the ramp after which everything has run for a while, and what still grows grows with connections. */
const WARM_UP_SHARE = 0.1;
/** Until V8 has given back the pages of what it collected. Measured: less than 400 ms for 10 MB. */
const SETTLE_MS = 500;

type Point = readonly [connections: number, bytes: number];

/** Bytes for each connection, or the reason why they are not known. */
export type BytesPerConnection =
  { readonly bytes: number; readonly reason: null } | { readonly bytes: null; readonly reason: string };

function unknown(reason: string): BytesPerConnection {
  return { bytes: null, reason };
}

function tooFewBelow(connections: number): BytesPerConnection {
  return unknown(`takes ${formatCount(connections)} connections to tell`);
}

/** Least squares. */
function slope(points: readonly Point[]): BytesPerConnection {
  const mean = (pick: 0 | 1): number => points.reduce((sum, point) => sum + point[pick], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { bytes: Math.round(covariance / variance), reason: null };
}

/** Collects garbage, and returns what is left. */
function liveHeapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Watches this process's memory and the kernel's while connections are opened. */
export class Growth {
  readonly #expected: number;
  readonly #every: number;
  readonly #user: Point[] = [];
  readonly #kernel: Point[] = [];
  readonly #kernelMemory: KernelMemory | undefined;
  readonly #kernelReason: string = '';
  #next: number;
  #liveHeapBytes: number | undefined;

  /** @param expected - Connections that the ramp ends with. */
  constructor(expected: number) {
    this.#expected = expected;
    this.#every = Math.max(1, Math.floor(expected / SAMPLES));
    this.#next = this.#every;
    try {
      this.#kernelMemory = openKernelMemory();
    } catch (error) {
      this.#kernelReason = (error as Error).message;
    }
  }

  /** Where the kernel's figure comes from; null: nowhere. */
  get kernelSource(): KernelMemory['source'] | null {
    return this.#kernelMemory?.source ?? null;
  }

  /** To be called for each connection that was opened; looks at every twentieth part of the ramp. */
  onOpened(connections: number): void {
    if (connections < this.#next || this.#expected < KERNEL_CONNECTIONS_MIN) return;
    this.#next = connections + this.#every;
    if (this.#kernelMemory !== undefined) this.#kernel.push([connections, this.#kernelMemory.bytes()]);
    if (connections < this.#expected * WARM_UP_SHARE || this.#expected < USER_CONNECTIONS_MIN) return;
    // The pages of garbage go back in the background: they are gone at the sample after the collection, not at once.
    if (this.#liveHeapBytes === undefined) this.#liveHeapBytes = liveHeapBytes();
    else if (this.#user.length === 0) this.#sampleUser(connections, this.#liveHeapBytes);
  }

  /** To be called while all connections are held. */
  async finish(connections: number): Promise<void> {
    if (this.#user.length === 0) return;
    const live = liveHeapBytes();
    await delay(SETTLE_MS);
    this.#sampleUser(connections, live);
  }

  /** Growth of this process for one more connection. */
  userBytesPerConnection(): BytesPerConnection {
    if (this.#expected < USER_CONNECTIONS_MIN) return tooFewBelow(USER_CONNECTIONS_MIN);
    return this.#user.length < 2 ? unknown('the run was cut short') : slope(this.#user);
  }

  /** Growth of the kernel's memory for one more connection. */
  kernelBytesPerConnection(): BytesPerConnection {
    if (this.#kernelMemory === undefined) return unknown(this.#kernelReason);
    if (this.#expected < KERNEL_CONNECTIONS_MIN) return tooFewBelow(KERNEL_CONNECTIONS_MIN);
    return this.#kernel.length < KERNEL_SAMPLES_MIN ? unknown('the run was cut short') : slope(this.#kernel);
  }

  /** Resident memory, with V8's heap as small as it could be: its reserve follows the speed, not the connections. */
  #sampleUser(connections: number, live: number): void {
    this.#user.push([connections, process.memoryUsage.rss() - getHeapStatistics().total_physical_size + live]);
  }
}
