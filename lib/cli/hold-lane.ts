// The connecting side of one lane of `hold`: a loop, a destination, and the connections between them.

import type { ConnectManyOptions } from '../loop/connect-many-options.js';
import type { ConnectRun } from '../loop/connect-many.js';
import type { ConnectionId } from '../loop/connection-id.js';
import type { ConnectionError } from '../loop/handlers.js';
import type { Loop } from '../loop/loop.js';

/** What a lane tells its run. */
export interface LaneEvents {
  opened(lane: HoldLane): void;
  /** An established connection has closed; the code is that of the error, or PEER_CLOSED. */
  closed(lane: HoldLane, code: string): void;
  /** Bytes came back. */
  answered(bytes: number): void;
}

export interface LaneSettings {
  readonly loop: Loop;
  readonly options: ConnectManyOptions;
  readonly events: LaneEvents;
}

const PING = new Uint8Array([0]);

/** Holds its connections as numbers in one typed array: a connection costs JavaScript 8 bytes. */
export class HoldLane {
  readonly #loop: Loop;
  readonly #options: ConnectManyOptions;
  readonly #events: LaneEvents;
  readonly #ids: Float64Array;
  #run: ConnectRun | undefined;
  #opened = 0;
  #failedBeforeLast = 0;
  #reset = 0;
  #pinged = 0;

  constructor(settings: LaneSettings) {
    this.#loop = settings.loop;
    this.#options = settings.options;
    this.#events = settings.events;
    this.#ids = new Float64Array(settings.options.count);
  }

  /** Opens all of its connections; settles when each has been opened, has failed, or will not be tried. */
  async open(): Promise<void> {
    this.#run = this.#loop.connectMany(this.#options, {
      open: (id) => {
        this.#ids[this.#opened++] = id;
        this.#failedBeforeLast = this.failed;
        this.#events.opened(this);
      },
      dataIn: (_id, _slab, _offset, length) => {
        this.#events.answered(length);
      },
      close: (_id, error?: ConnectionError) => {
        this.#events.closed(this, error?.code ?? 'PEER_CLOSED');
      },
    });
    await this.#run.done;
  }

  /** Connections that were not established. */
  get failed(): number {
    return this.#run?.counters.failed ?? 0;
  }

  /** Those of them since the last one that was. */
  get failedInARow(): number {
    return this.failed - this.#failedBeforeLast;
  }

  /** Failures by code. */
  get codes(): Readonly<Record<string, number>> {
    return this.#run?.codes ?? {};
  }

  /** Opens no more. */
  stop(): void {
    this.#run?.stop();
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

  /** Connections that it opened. */
  get opened(): number {
    return this.#opened;
  }

  /**
   * Sends a byte on the next `count` connections, and begins again with the first at the end.
   *
   * @returns how many were sent.
   */
  pingSome(count: number): number {
    let sent = 0;
    for (let i = 0; i < count && this.#opened > 0; i++) {
      const id = this.#ids[this.#pinged] as ConnectionId;
      this.#pinged = (this.#pinged + 1) % this.#opened;
      if (!this.#loop.isOpen(id)) continue; // lost before
      this.#loop.write(id, PING);
      sent++;
    }
    return sent;
  }
}
