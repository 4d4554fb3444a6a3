// Numbers for sets of handlers: a completion carries the number, a connection costs no reference.

import type { Handlers } from './handlers.js';
import { checkHandlers } from './handlers.js';

/** What a completion has room for. */
const HANDLER_SETS_MAX = 2 ** 24 - 1;

export interface HandlerSet {
  readonly handlers: Handlers;
  readonly index: number;
  /** Listeners and connections that use it. At 0 its number is free. */
  uses: number;
}

export class HandlerTable {
  /** By number; read by dispatch. No set has 0: that is what a completion of the loop itself carries. */
  readonly sets: (HandlerSet | undefined)[] = [undefined];
  readonly #numbers = new Map<Handlers, number>();
  readonly #free: number[] = [];

  /** Counts one more use of these handlers. */
  acquire(handlers: Handlers): HandlerSet {
    const known = this.#numbers.get(handlers);
    const existing = known === undefined ? undefined : this.sets[known];
    if (existing !== undefined) {
      existing.uses++;
      return existing;
    }
    checkHandlers(handlers);
    const index = this.#free.pop() ?? this.sets.length;
    if (index > HANDLER_SETS_MAX) throw new RangeError('more than 16,777,215 different sets of handlers are in use');
    const set = { handlers, index, uses: 1 };
    this.sets[index] = set;
    this.#numbers.set(handlers, index);
    return set;
  }

  /** Counts one use less. */
  release(set: HandlerSet): void {
    if (--set.uses > 0) return;
    this.sets[set.index] = undefined;
    this.#numbers.delete(set.handlers);
    this.#free.push(set.index);
  }
}
