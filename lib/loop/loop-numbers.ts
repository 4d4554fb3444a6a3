// The numbers of the loops of this thread: they are part of every id, so that an id of one loop is stale in another.

import { native } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';

const used = new Set<number>();
let last = -1;

/** A number that no open loop has; the one unused the longest, so that ids of a closed loop stay stale. */
export function takeLoopNumber(): number {
  const count = 2 ** native.limits.loopBits;
  for (let i = 1; i <= count; i++) {
    const number = (last + i) % count;
    if (used.has(number)) continue;
    used.add(number);
    last = number;
    return number;
  }
  throw new ConnscaleError('ERR_CONNSCALE_LOOPS_EXHAUSTED', `${String(count)} loops are open in this thread`);
}

export function giveLoopNumber(number: number): void {
  used.delete(number);
}
