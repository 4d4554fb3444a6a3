// The name of a connection. native/base/connection_id.h says the same.

import { native } from '../binding.js';

declare const brand: unique symbol;

/**
 * A connection, as a number: 8 bits of loop, 24 of generation, 21 of slot, together a safe integer.
 *
 * An id is valid from `open` (or from the call of `connect`) until its `close` handler is called. The generation of a slot
 * changes each time it is used, so an id that is stale does not name a later connection. The bounds of that: an id may come
 * again when its slot has been used 16,777,215 times and no other is left, and when its loop is closed and the 256 numbers
 * of loops have gone round.
 */
export type ConnectionId = number & { readonly [brand]: true };

const { slotBits, generationBits } = native.limits;

/** `id & SLOT_MASK` is the slot: the lowest bits of an id are the slot, and `&` looks at the lowest 32 bits. */
export const SLOT_MASK = 2 ** slotBits - 1;
const GENERATION_SPAN = 2 ** slotBits;
const LOOP_SPAN = 2 ** (slotBits + generationBits);

/** Generations go from 1 to this, so that no id is 0. */
export const GENERATION_MAX = 2 ** generationBits - 1;

export function makeConnectionId(loop: number, generation: number, slot: number): ConnectionId {
  return (loop * LOOP_SPAN + generation * GENERATION_SPAN + slot) as ConnectionId;
}

/** The loop's part of an id. */
export function loopOf(id: number): number {
  return Math.floor(id / LOOP_SPAN);
}
