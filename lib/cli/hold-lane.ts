// The connecting side of one lane of `hold`: a loop, a destination, and the connections between them.

import type { ConnectOptions } from '../loop/connect-options.js';
import type { ConnectionId } from '../loop/connection-id.js';
import type { ConnectionError } from '../loop/handlers.js';
import type { Loop } from '../loop/loop.js';

/** What a lane tells its run. */
export interface LaneEvents {
  opened(lane: HoldLane): void;
  failed(lane: HoldLane, code: string): void;
  /** An established connection has closed; the code is that of the error, or PEER_CLOSED. */
  closed(lane: HoldLane, code: string): void;
}

export interface LaneSettings {
  readonly loop: Loop;
  /** One for each source address; they are used in turn. */
  readonly routes: readonly ConnectOptions[];
  readonly connections: number;
  /** Connects under way at once. */
  readonly inFlightMax: number;
  readonly events: LaneEvents;
}

/**
 * Holds its connections as numbers in one typed array: a connection costs JavaScript 8 bytes, and only those that are
 * still connecting are known by more.
 */
export class HoldLane {
  readonly #loop: Loop;
  readonly #routes: readonly ConnectOptions[];
  readonly #events: LaneEvents;
  readonly #inFlightMax: number;
  readonly #ids: Float64Array;
  readonly #connecting = new Set<ConnectionId>();
  #started = 0;
  #opened = 0;
  #reset = 0;

  constructor(settings: LaneSettings) {
    this.#loop = settings.loop;
    this.#routes = settings.routes;
    this.#inFlightMax = settings.inFlightMax;
    this.#events = settings.events;
    this.#ids = new Float64Array(settings.connections);
  }

  /** Whether there is one more to start, and room for it among those that are connecting. */
  get mayStart(): boolean {
    return this.#started < this.#ids.length && this.#connecting.size < this.#inFlightMax;
  }

  start(): void {
    const route = this.#routes[this.#started % this.#routes.length];
    if (route === undefined) throw new RangeError('a lane needs a route');
    this.#started++;
    this.#connecting.add(this.#loop.connect(route, this));
  }

  /** Resets the next `count` connections that are still open, in the order in which they were opened. */
  resetSome(count: number): void {
    let left = count;
    while (left > 0 && this.#reset < this.#opened) {
      const id = this.#ids[this.#reset++] as ConnectionId;
      if (!this.#loop.isOpen(id)) continue; // lost before
      this.#loop.reset(id);
      left--;
    }
  }

  /** @internal Handler of the loop. */
  open(id: ConnectionId): void {
    this.#connecting.delete(id);
    this.#ids[this.#opened] = id;
    this.#opened++;
    this.#events.opened(this);
  }

  /** @internal Handler of the loop. */
  close(id: ConnectionId, error?: ConnectionError): void {
    if (this.#connecting.delete(id)) {
      this.#events.failed(this, error?.code ?? 'ECONNABORTED');
      return;
    }
    this.#events.closed(this, error?.code ?? 'PEER_CLOSED');
  }
}
