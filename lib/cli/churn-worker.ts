// One connection at a time: connect, perhaps an echo, close; then the next.

import type { ConnectOptions } from '../loop/connect-options.js';
import type { ConnectionId } from '../loop/connection-id.js';
import type { ConnectionError } from '../loop/handlers.js';
import type { Loop } from '../loop/loop.js';
import type { Latency } from './latency.js';

/** What a worker's connections do, and where their durations go. */
export interface ChurnWork {
  /** Sent, and awaited back. Empty: no echo. */
  readonly payload: Uint8Array;
  readonly close: 'reset' | 'end';
  readonly connectLatency: Latency;
  readonly echoLatency: Latency;
  /** A connection did all of it. */
  completed(worker: ChurnWorker): void;
  /** A connection ended before it had. */
  failed(worker: ChurnWorker, code: string): void;
}

export class ChurnWorker {
  readonly #loop: Loop;
  readonly #work: ChurnWork;
  #startedAt = 0;
  #received = 0;
  #finished = false;

  constructor(loop: Loop, work: ChurnWork) {
    this.#loop = loop;
    this.#work = work;
  }

  /** Starts a connection. The one before has closed. */
  start(route: ConnectOptions): void {
    this.#received = 0;
    this.#finished = false;
    this.#startedAt = performance.now();
    this.#loop.connect(route, this);
  }

  /** @internal Handler of the loop. */
  open(id: ConnectionId): void {
    const now = performance.now();
    this.#work.connectLatency.record(now - this.#startedAt);
    if (this.#work.payload.length === 0) {
      this.#finish(id);
      return;
    }
    this.#startedAt = now;
    this.#loop.write(id, this.#work.payload);
  }

  /** @internal Handler of the loop. */
  dataIn(id: ConnectionId, _slab: Buffer, _offset: number, length: number): void {
    this.#received += length;
    if (this.#finished || this.#received < this.#work.payload.length) return;
    this.#work.echoLatency.record(performance.now() - this.#startedAt);
    this.#finish(id);
  }

  /** @internal Handler of the loop. */
  close(_id: ConnectionId, error?: ConnectionError): void {
    if (this.#finished && error === undefined) this.#work.completed(this);
    else this.#work.failed(this, error?.code ?? 'PEER_CLOSED');
  }

  #finish(id: ConnectionId): void {
    this.#finished = true;
    if (this.#work.close === 'reset') this.#loop.reset(id);
    else this.#loop.end(id);
  }
}
