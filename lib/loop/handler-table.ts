// Numbers for sets of handlers: a completion carries the number, a connection costs no reference.

import type { Handlers } from './handlers.js';
import { checkHandlers } from './handlers.js';
import type { RunState } from './run-state.js';

/** What a completion has room for. */
const HANDLER_SETS_MAX = 2 ** 24 - 1;

export interface HandlerSet {
  readonly handlers: Handlers;
  readonly index: number;
  /** The run whose connections have these handlers. */
  readonly run: RunState | undefined;
  /** Listeners and connections that use it. At 0 its number is free. */
  uses: number;
}

export class HandlerTable {
  /** By number; read by dispatch. No set has 0: that is what a completion of the loop itself carries. */
  readonly sets: (HandlerSet | undefined)[] = [undefined];
  readonly #numbers = new Map<Handlers, number>();
  readonly #free: number[] = [];
  readonly #leaving: HandlerSet[] = [];

  /** Counts one more use of these handlers. */
  acquire(handlers: Handlers): HandlerSet {
    const known = this.#numbers.get(handlers);
    const existing = known === undefined ? undefined : this.sets[known];
    if (existing !== undefined) {
      existing.uses++;
      return existing;
    }
    const set = this.#add(handlers, undefined);
    this.#numbers.set(handlers, set.index);
    return set;
  }

  /** A number for a run alone, even if others have the same handlers: what happens to its connections is counted by it. */
  acquireForRun(handlers: Handlers, run: RunState): HandlerSet {
    return this.#add(handlers, run);
  }

  #add(handlers: Handlers, run: RunState | undefined): HandlerSet {
    checkHandlers(handlers);
    const index = this.#free.pop() ?? this.sets.length;
    if (index > HANDLER_SETS_MAX) throw new RangeError('more than 16,777,215 different sets of handlers are in use');
    const set = { handlers, index, run, uses: 1 };
    this.sets[index] = set;
    return set;
  }

  /** Counts one use less. */
  release(set: HandlerSet): void {
    if (--set.uses > 0) return;
    this.sets[set.index] = undefined;
    if (set.run === undefined) this.#numbers.delete(set.handlers);
    this.#free.push(set.index);
  }

  /** Counts one use less once the batch under way is delivered: it may hold opens, which are counted then. */
  releaseAfterBatch(set: HandlerSet): void {
    this.#leaving.push(set);
  }

  /** The batch under way is delivered. */
  batchDelivered(): void {
    for (let set = this.#leaving.pop(); set !== undefined; set = this.#leaving.pop()) this.release(set);
  }
}
