// A loop's counters, read where native code writes them.

import { native } from '../binding.js';

/**
 * Counters of a loop. They are read from memory that native code writes: at the end of each turn, for the `'thread'`
 * driver when a batch crosses. Reading one costs no call.
 */
export class LoopStats {
  /** All counters, in the order of {@link LoopStats.names}. Live; writing to it changes nothing but what you read. */
  readonly view: Float64Array;

  /** @internal */
  constructor(view: Float64Array) {
    this.view = view;
  }

  /** Names of the counters in `view`. */
  static get names(): readonly string[] {
    return native.counterNames;
  }

  /** Connections open or connecting now. */
  get open(): number {
    return this.#at(0);
  }
  /** Connections accepted. */
  get accepted(): number {
    return this.#at(1);
  }
  /** Outbound connections established. */
  get connected(): number {
    return this.#at(2);
  }
  /** Outbound connections that failed. */
  get connectFailures(): number {
    return this.#at(3);
  }
  /** Connections whose close was reported. */
  get closed(): number {
    return this.#at(4);
  }
  /** Connections closed by a connect or idle timeout. */
  get timeouts(): number {
    return this.#at(5);
  }
  /** Payload bytes received. */
  get bytesReceived(): number {
    return this.#at(6);
  }
  /** Payload bytes taken by the kernel. */
  get bytesSent(): number {
    return this.#at(7);
  }
  /** Connections with bytes that the kernel has not taken yet, now. */
  get backlogged(): number {
    return this.#at(8);
  }
  /** Connections reset because of an overload policy. */
  get rejected(): number {
    return this.#at(9);
  }
  /** Accepts that the kernel refused. */
  get acceptFailures(): number {
    return this.#at(10);
  }
  /** Times that a listener stopped accepting. */
  get acceptPauses(): number {
    return this.#at(11);
  }
  /** Requests for a connection that had just closed. */
  get staleSubmissions(): number {
    return this.#at(12);
  }
  /** Requests that no honest program writes. */
  get invalidSubmissions(): number {
    return this.#at(13);
  }
  /** Turns of the loop. */
  get turns(): number {
    return this.#at(14);
  }
  /** Completions reported to JavaScript. */
  get completions(): number {
    return this.#at(15);
  }

  /** All counters by name, as they are now. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(native.counterNames.map((name, i) => [name, this.#at(i)]));
  }

  #at(index: number): number {
    return this.view[index] ?? 0;
  }
}
