// Slots for outbound connections: chosen here, so that connect() has an id at once on whatever thread the loop runs.

import { ConnscaleError } from '../connscale-error.js';
import { GENERATION_MAX, makeConnectionId, type ConnectionId } from './connection-id.js';

export class OutboundSlots {
  readonly #loop: number;
  readonly #first: number;
  readonly #count: number;
  readonly #free: number[] = [];
  readonly #generations: Uint32Array;
  #fresh = 0;

  constructor(loop: number, first: number, count: number) {
    this.#loop = loop;
    this.#first = first;
    this.#count = count;
    this.#generations = new Uint32Array(count);
  }

  /** An id for a new connection. */
  take(): ConnectionId {
    const index = this.#free.pop() ?? this.#takeFresh();
    const before = this.#generations[index] ?? 0;
    const generation = before === GENERATION_MAX ? 1 : before + 1;
    this.#generations[index] = generation;
    return makeConnectionId(this.#loop, generation, this.#first + index);
  }

  give(slot: number): void {
    this.#free.push(slot - this.#first);
  }

  #takeFresh(): number {
    if (this.#fresh < this.#count) return this.#fresh++;
    throw new ConnscaleError(
      'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED',
      `the loop holds its maximum of ${String(this.#count)} outbound connections (options.maxConnections)`,
    );
  }
}
