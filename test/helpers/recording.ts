// Handlers that remember what came, and let a test wait for it.
import type { ConnectionError, ConnectionId, Handlers } from '../../lib/index.js';
import { within } from './deadline.js';

export type What = keyof Handlers;

export interface Happening {
  readonly what: What;
  readonly id: ConnectionId;
  readonly bytes?: Buffer;
  readonly error?: ConnectionError | undefined;
}

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

export class Recording {
  readonly happenings: Happening[] = [];
  /** To be given to `listen` or `connect`. */
  readonly handlers: Handlers;
  readonly #waiters = new Set<Waiter>();
  readonly #counts = new Map<What, number>();
  /** Bytes of all connections so far. */
  receivedBytes = 0;

  /**
   * @param reactions - What to do besides remembering. There is an `end` handler only when one is given, since without one
   *   the loop ends our side too; and `dataIn` takes the place of `data` when given.
   */
  constructor(reactions: Handlers = {}) {
    const handlers: Handlers = {
      open: (id) => {
        this.#add({ what: 'open', id }, () => reactions.open?.(id));
      },
      drain: (id) => {
        this.#add({ what: 'drain', id }, () => reactions.drain?.(id));
      },
      close: (id, error) => {
        this.#add({ what: 'close', id, error }, () => reactions.close?.(id, error));
      },
    };
    if (reactions.dataIn === undefined) {
      handlers.data = (id, bytes) => {
        this.#add({ what: 'data', id, bytes: Buffer.from(bytes) }, () => reactions.data?.(id, bytes));
      };
    } else {
      handlers.dataIn = (id, slab, offset, length) => {
        const bytes = Buffer.from(slab.subarray(offset, offset + length));
        this.#add({ what: 'dataIn', id, bytes }, () => reactions.dataIn?.(id, slab, offset, length));
      };
    }
    if (reactions.end !== undefined) {
      handlers.end = (id) => {
        this.#add({ what: 'end', id }, () => reactions.end?.(id));
      };
    }
    this.handlers = handlers;
  }

  /** All that was recorded, of one connection if given, data apart: how it is cut into pieces is the kernel's affair. */
  order(id?: ConnectionId): string[] {
    const mine = this.happenings.filter((one) => id === undefined || one.id === id);
    return mine.map((one) => one.what).filter((what, i, all) => what !== 'data' || all[i - 1] !== 'data');
  }

  count(what: What): number {
    return this.#counts.get(what) ?? 0;
  }

  /** The ids in the order they opened. */
  get opened(): ConnectionId[] {
    return this.happenings.filter((one) => one.what === 'open').map((one) => one.id);
  }

  /** The bytes of one connection, or of all. */
  received(id?: ConnectionId): Buffer {
    const mine = this.happenings.filter((one) => id === undefined || one.id === id);
    return Buffer.concat(mine.flatMap((one) => one.bytes ?? []));
  }

  /** The error of a connection's close; undefined when it had none. */
  closeError(id?: ConnectionId): ConnectionError | undefined {
    const close = this.happenings.find((one) => one.what === 'close' && (id === undefined || one.id === id));
    if (close === undefined) throw new Error('no close was recorded');
    return close.error;
  }

  /** Waits until something was recorded that many times. Returns the last one's id. */
  async until(what: What, times = 1): Promise<ConnectionId> {
    await this.when(`${times} × ${what}`, () => this.count(what) >= times);
    const found = this.happenings.filter((one) => one.what === what)[times - 1];
    if (found === undefined) throw new Error('unreachable: it was counted');
    return found.id;
  }

  async untilReceived(bytes: number): Promise<void> {
    await this.when(`${bytes} bytes`, () => this.receivedBytes >= bytes);
  }

  /** Waits until a condition on what was recorded holds. */
  async when(description: string, condition: () => boolean): Promise<void> {
    if (condition()) return;
    let waiter: Waiter | undefined;
    const held = new Promise<void>((resolve) => {
      waiter = { condition, resolve };
      this.#waiters.add(waiter);
    });
    try {
      await within(description, held);
    } catch (error) {
      throw new Error(`${(error as Error).message}; recorded: ${this.order().join(', ')}`, { cause: error });
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  #add(happening: Happening, reaction: () => void): void {
    this.happenings.push(happening);
    this.#counts.set(happening.what, this.count(happening.what) + 1);
    this.receivedBytes += happening.bytes?.length ?? 0;
    try {
      reaction();
    } finally {
      for (const waiter of this.#waiters) if (waiter.condition()) waiter.resolve();
    }
  }
}
