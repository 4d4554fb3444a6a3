// The numbers of the loops of this thread: they are part of every id, so that an id of one loop is stale in another.

import { native } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';

/** Loops of one JavaScript thread: what the loop's part of an id has room for. */
export const LOOPS_MAX = 2 ** native.limits.loopBits;

const used = new Set<number>();
let last = -1;

/** A number that no open loop has; the one unused the longest, so that ids of a closed loop stay stale. */
export function takeLoopNumber(): number {
  for (let i = 1; i <= LOOPS_MAX; i++) {
    const number = (last + i) % LOOPS_MAX;
    if (used.has(number)) continue;
    used.add(number);
    last = number;
    return number;
  }
  throw new ConnscaleError('ERR_CONNSCALE_LOOPS_EXHAUSTED', `${String(LOOPS_MAX)} loops are open in this thread`);
}

export function giveLoopNumber(number: number): void {
  used.delete(number);
}
