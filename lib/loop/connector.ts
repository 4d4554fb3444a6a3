// Outbound connections: an id at once, the name resolved meanwhile, and everything asked of it until then kept in order.

import { lookup } from 'node:dns/promises';

import { encodeAddresses, resolveConnectOptions, wantedFamily, type ConnectOptions } from './connect-options.js';
import type { ResolvedConnectOptions } from './connect-options.js';
import type { ConnectionId } from './connection-id.js';
import { SLOT_MASK } from './connection-id.js';
import type { HandlerSet } from './handler-table.js';
import type { Handlers } from './handlers.js';
import { isAddress } from './listen-options.js';
import type { LoopCore } from './loop-core.js';
import { Flag } from './loop-state.js';

/** A connection whose name is being resolved. */
interface Resolving {
  readonly id: ConnectionId;
  readonly set: HandlerSet;
  /** What was asked of it meanwhile, in order. */
  readonly postponed: (() => void)[];
}

export class Connector {
  readonly #core: LoopCore;
  readonly #resolving = new Map<number, Resolving>();

  constructor(core: LoopCore) {
    this.#core = core;
    core.broke = (error) => {
      this.abandonAll(error);
    };
  }

  connect(options: ConnectOptions, handlers: Handlers): ConnectionId {
    const resolved = resolveConnectOptions(options);
    const set = this.#core.state.table.acquire(handlers);
    try {
      return this.#start(resolved, set);
    } catch (error) {
      this.#core.state.table.release(set);
      throw error;
    }
  }

  #start(options: ResolvedConnectOptions, set: HandlerSet): ConnectionId {
    const { state, slots } = this.#core;
    const addresses = isAddress(options.host) ? encodeAddresses(options.host, options) : undefined;
    const id = slots.take();
    const slot = id & SLOT_MASK;
    state.ids[slot] = id;
    state.queued[slot] = 0;
    state.flags[slot] = addresses === undefined ? Flag.Resolving : 0;
    state.open++;
    if (addresses !== undefined) {
      this.#submit(id, set, options, addresses, options.host);
    } else {
      const resolving = { id, set, postponed: [] };
      this.#resolving.set(slot, resolving);
      void this.#resolve(resolving, options);
    }
    this.#core.updateRef();
    return id;
  }

  /** Postpones what is asked of a connection whose name is being resolved. */
  postpone(id: ConnectionId, action: () => void): void {
    this.#resolving.get(id & SLOT_MASK)?.postponed.push(action);
  }

  /** Ends a connection whose name is being resolved. Its `close` handler is called before the next event. */
  abandon(id: ConnectionId, error?: Error): void {
    const slot = id & SLOT_MASK;
    const resolving = this.#resolving.get(slot);
    if (resolving === undefined) return;
    this.#resolving.delete(slot);
    const { state } = this.#core;
    state.flags[slot] = Flag.Closing;
    // In a turn of its own, like every other event: never from inside the call that caused it.
    process.nextTick(() => {
      // A loop that broke meanwhile has forgotten all ids.
      if (state.ids[slot] === id) {
        state.ids[slot] = 0;
        state.open--;
      }
      state.table.release(resolving.set);
      this.#core.slots.give(slot);
      this.#core.updateRef();
      if (error === undefined) resolving.set.handlers.close?.(id);
      else resolving.set.handlers.close?.(id, error);
    });
  }

  abandonAll(error?: Error): void {
    for (const { id } of [...this.#resolving.values()]) this.abandon(id, error);
  }

  #submit(id: ConnectionId, set: HandlerSet, options: ResolvedConnectOptions, addresses: Uint8Array, host: string): void {
    this.#core.state.targets.set(id & SLOT_MASK, { address: host, port: options.port });
    this.#core.ring.connect(id, {
      addresses,
      handlers: set.index,
      connectTimeoutTicks: options.connectTimeoutTicks,
      idleTimeoutTicks: options.idleTimeoutTicks,
      options: options.options,
      portRange: options.portRange,
    });
  }

  async #resolve(resolving: Resolving, options: ResolvedConnectOptions): Promise<void> {
    const { id, set, postponed } = resolving;
    const slot = id & SLOT_MASK;
    try {
      const { address } = await lookup(options.host, { family: wantedFamily(options) });
      if (this.#resolving.get(slot) !== resolving) return; // abandoned
      const addresses = encodeAddresses(address, options);
      this.#resolving.delete(slot);
      this.#core.state.flags[slot]! &= ~Flag.Resolving;
      this.#submit(id, set, options, addresses, address);
      for (const action of postponed) action();
    } catch (error) {
      if (this.#resolving.get(slot) === resolving) this.abandon(id, error as Error);
    }
  }
}
