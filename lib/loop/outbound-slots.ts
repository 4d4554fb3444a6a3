// Slots for outbound connections: chosen here, so that connect() has an id at once on whatever thread the loop runs.

import { ConnscaleError } from '../connscale-error.js';
import { GENERATION_MAX, makeConnectionId, type ConnectionId } from './connection-id.js';

const NONE = 2 ** 32 - 1;

export class OutboundSlots {
  readonly #loop: number;
  readonly #first: number;
  readonly #count: number;
  readonly #generations: Uint32Array;
  /** By index: the one behind it in the list that it is in. */
  readonly #next: Uint32Array;
  #free = NONE; // the one freed last comes first: its memory is warm
  #fresh = 0;
  // Slots whose generations are used up, the one that has rested longest first. Taken last, as in
  // native/engine/connection_table.cc: their ids come again.
  #resting = NONE;
  #lastResting = NONE;

  constructor(loop: number, first: number, count: number) {
    this.#loop = loop;
    this.#first = first;
    this.#count = count;
    this.#generations = new Uint32Array(count);
    this.#next = new Uint32Array(count);
  }

  /** An id for a new connection. */
  take(): ConnectionId {
    const index = this.#takeIndex();
    const before = this.#generations[index]!;
    const generation = before === GENERATION_MAX ? 1 : before + 1;
    this.#generations[index] = generation;
    return makeConnectionId(this.#loop, generation, this.#first + index);
  }

  give(slot: number): void {
    const index = slot - this.#first;
    if (this.#generations[index]! < GENERATION_MAX) {
      this.#next[index] = this.#free;
      this.#free = index;
      return;
    }
    this.#next[index] = NONE;
    if (this.#resting === NONE) this.#resting = index;
    else this.#next[this.#lastResting] = index;
    this.#lastResting = index;
  }

  #takeIndex(): number {
    if (this.#free !== NONE) {
      const index = this.#free;
      this.#free = this.#next[index]!;
      return index;
    }
    if (this.#fresh < this.#count) return this.#fresh++;
    if (this.#resting !== NONE) {
      const index = this.#resting;
      this.#resting = this.#next[index]!;
      return index;
    }
    throw new ConnscaleError(
      'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED',
      `the loop holds its maximum of ${String(this.#count)} outbound connections (options.maxConnections)`,
    );
  }
}
