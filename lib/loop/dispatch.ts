// Hands a batch of completions to the handlers: one loop over numbers, nothing allocated but what a handler asks for.

import { closeError } from './close-errors.js';
import { SystemError } from '../system-error.js';
import { native } from '../binding.js';
import type { ConnectionId } from './connection-id.js';
import type { HandlerSet } from './handler-table.js';
import type { Handlers } from './handlers.js';
import {
  COMPLETION_DOUBLES,
  COMPLETION_OFFSET,
  COMPLETION_OPERATION,
  COMPLETION_RESULT,
  COMPLETION_SLOT,
  COMPLETION_WORDS,
  Operation,
} from './layout.js';
import { Flag, type LoopState } from './loop-state.js';

/**
 * Goes through the first `count` completions. When a handler throws, the caller calls again, and it goes on behind that
 * one: the cursor moves before each handler.
 */
export function dispatch(state: LoopState, count: number): void {
  const { words, doubles } = state;
  const sets = state.table.sets;
  state.dispatching = true;
  try {
    for (let i = state.cursor; i < count; i++) {
      state.cursor = i + 1;
      const at = i * COMPLETION_WORDS;
      const operation = words[at + COMPLETION_OPERATION]! >>> 0;
      const id = doubles[i * COMPLETION_DOUBLES]! as ConnectionId;
      const slot = words[at + COMPLETION_SLOT]!;
      const set = sets[operation >>> 8];
      if (set === undefined) {
        if (operation === Operation.LoopClosed) state.loopClosed();
        continue;
      }
      deliver(state, operation & 0xff, set, id, slot, words[at + COMPLETION_RESULT]!, words[at + COMPLETION_OFFSET]!);
    }
    state.cursor = 0;
    state.table.batchDelivered();
  } finally {
    state.dispatching = false;
  }
}

function deliver(
  state: LoopState,
  operation: number,
  set: HandlerSet,
  id: ConnectionId,
  slot: number,
  result: number,
  offset: number,
): void {
  const handlers = set.handlers;
  if (operation === Operation.Data) {
    if (state.flags[slot] !== 0 && (state.flags[slot]! & Flag.Closing) !== 0) return;
    if (handlers.dataIn !== undefined) handlers.dataIn(id, state.slab, offset, result);
    else if (handlers.data !== undefined) handlers.data(id, state.slab.subarray(offset, offset + result));
    return;
  }
  if (operation === Operation.Open) {
    onOpen(state, set, id, slot);
    return;
  }
  if (operation === Operation.Close) {
    onClose(state, set, id, slot, result, offset);
    return;
  }
  if (operation >= Operation.AttemptFailed) {
    onRun(set, operation, id, result, offset);
    return;
  }
  if ((state.flags[slot]! & Flag.Closing) !== 0) return;
  if (operation === Operation.Drain) onDrain(state, handlers, id, slot, result === 1);
  else if (handlers.end !== undefined) handlers.end(id);
  else state.peerEnded(id);
}

/**
 * More may have been written since native code found the queue empty. Then it is asked again, behind that, and until the
 * answer comes nothing else counts: one drain, and at a time when nothing is queued.
 */
function onDrain(state: LoopState, handlers: Handlers, id: ConnectionId, slot: number, isAnswer: boolean): void {
  if (handlers.drain === undefined) return;
  if (isAnswer) state.flags[slot]! &= ~Flag.AskedForDrain;
  else if ((state.flags[slot]! & Flag.AskedForDrain) !== 0) return;
  if (state.queued[slot] === 0) {
    handlers.drain(id);
  } else {
    state.flags[slot]! |= Flag.AskedForDrain;
    state.drainAgain(id);
  }
}

/** What concerns a run, and no connection that JavaScript knows. */
function onRun(set: HandlerSet, operation: number, portsSkipped: number, result: number, offset: number): void {
  if (set.run === undefined) return;
  if (operation === Operation.AttemptFailed) {
    set.run.fail(-result, offset === 1);
    return;
  }
  if (operation === Operation.RunProgress) set.run.progress(result, offset, portsSkipped);
  else set.run.end(portsSkipped, result);
}

function onOpen(state: LoopState, set: HandlerSet, id: ConnectionId, slot: number): void {
  if (slot < state.firstOutboundSlot) {
    state.ids[slot] = id;
    state.flags[slot] = 0;
    state.queued[slot] = 0;
    state.open++;
    set.uses++;
    if (set.run !== undefined) set.run.opened++;
  } else {
    state.targets.delete(slot);
    if ((state.flags[slot]! & Flag.Closing) !== 0) return;
  }
  set.handlers.open?.(id);
}

function onClose(state: LoopState, set: HandlerSet, id: ConnectionId, slot: number, result: number, call: number): void {
  const outbound = slot >= state.firstOutboundSlot;
  const target = outbound ? state.targets.get(slot) : undefined;
  state.ids[slot] = 0;
  state.open--;
  state.table.release(set);
  if (outbound) {
    state.targets.delete(slot);
    state.outboundClosed(slot);
  }
  if (set.handlers.close === undefined) return;
  if (result === 0) set.handlers.close(id);
  else if (target === undefined) set.handlers.close(id, closeError(-result, call));
  else set.handlers.close(id, new SystemError(-result, native.calls[call] ?? '', target));
}
