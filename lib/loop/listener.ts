// A listening socket of a loop.

import type { NativeAddress } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';

/** An address and a port, as the kernel has them. */
export type SocketAddress = NativeAddress;

/** What a listener has counted, and the state of its queue. */
export interface ListenerStats {
  /** Connections accepted. */
  readonly accepted: number;
  /** Connections reset because of the overload policy. */
  readonly rejected: number;
  /** Accepts that the kernel refused, for want of descriptors for instance. */
  readonly failures: number;
  /** The error of the last of these, such as `'EMFILE'`; null: none yet. */
  readonly lastFailure: string | null;
  /** Times that accepting stopped because no more connections could be held. */
  readonly pauses: number;
  /** Connections of this listener that are open now. */
  readonly open: number;
  /** Connections that wait in the kernel to be accepted; null where the kernel does not say. */
  readonly queueDepth: number | null;
  /** Connections that may wait: the backlog as the kernel lowered it; null where the kernel does not say. */
  readonly queueLimit: number | null;
}

/** What a loop lets its listeners ask. */
export interface ListenerOwner {
  reportListener(index: number): Promise<ListenerStats>;
  closeListener(index: number): Promise<void>;
}

/** A listening socket. Made by `loop.listen`. */
export class Listener {
  /** The address that was bound, with the port that the kernel chose if it was asked to. */
  readonly address: SocketAddress;
  readonly #owner: ListenerOwner;
  readonly #index: number;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(owner: ListenerOwner, index: number, address: SocketAddress) {
    this.#owner = owner;
    this.#index = index;
    this.address = Object.freeze(address);
  }

  /**
   * What was accepted and refused, and how long the kernel's queue is (TCP_INFO of the listening socket).
   *
   * @throws {ConnscaleError} `ERR_CONNSCALE_LISTENER_CLOSED`, `ERR_CONNSCALE_LOOP_CLOSED`
   */
  async stats(): Promise<ListenerStats> {
    // Its place may be another listener's by now.
    if (this.#closed !== undefined) throw new ConnscaleError('ERR_CONNSCALE_LISTENER_CLOSED', 'the listener is closed');
    return this.#owner.reportListener(this.#index);
  }

  /**
   * Stops listening. Accepted connections stay; those that wait in the kernel's queue are reset by it. Safe to call again,
   * and after the loop was closed, which closes its listeners.
   */
  async close(): Promise<void> {
    this.#closed ??= this.#owner.closeListener(this.#index);
    return this.#closed;
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
