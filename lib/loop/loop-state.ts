// What the façade, the submission ring and dispatch share of one loop: views of its memory and a few numbers by slot.

import { native, type NativeLayout } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';
import { SLOT_MASK } from './connection-id.js';
import { HandlerTable, type HandlerSet } from './handler-table.js';
import { COMPLETION_DOUBLES, COMPLETION_WORDS, layOut } from './layout.js';
import type { ResolvedLoopOptions } from './loop-options.js';

/** Bits of LoopState.flags. */
export const Flag = { Closing: 1, Ended: 2, Resolving: 4, AskedForDrain: 8 } as const;

/** Where a connect was going, until it is known how it went. */
export interface ConnectTarget {
  readonly address: string;
  readonly port: number;
}

export class LoopState {
  readonly memory: ArrayBuffer;
  readonly layout: NativeLayout;
  readonly words: Int32Array; // completions
  readonly doubles: Float64Array; // the same completions
  readonly bytes: Buffer; // everything
  readonly view: DataView; // submissions
  readonly submitted: Uint32Array; // how many bytes of them
  readonly slab: Buffer;
  readonly counters: Float64Array;
  /** By slot: bytes written and not yet taken by the kernel. Native code subtracts. */
  readonly queued: Uint32Array;
  /** By slot: the connection's id, or 0. */
  readonly ids: Float64Array;
  /** By slot: Flag bits. */
  readonly flags: Uint8Array;
  readonly table = new HandlerTable();
  /** By slot, for connects under way. */
  readonly targets = new Map<number, ConnectTarget>();
  readonly firstOutboundSlot: number;

  /** The completion that dispatch is to look at next. */
  cursor = 0;
  dispatching = false;
  /** Connections that JavaScript knows of. */
  open = 0;
  /** Called when the last completion of the loop has come. */
  loopClosed: () => void = () => undefined;
  /** Called with the slot of an outbound connection that has closed. */
  outboundClosed: (slot: number) => void = () => undefined;
  /** Called when the peer has ended a connection whose handlers do not care. */
  peerEnded: (id: number) => void = () => undefined;

  /** Called when a drain came before what was written since. */
  drainAgain: (id: number) => void = () => undefined;

  constructor(options: ResolvedLoopOptions) {
    const slots = 2 * options.maxConnections;
    const layout = layOut({
      completionCapacity: options.batchSize,
      submissionBytes: options.submissionRingBytes,
      slabBytes: options.receiveSlabBytes,
      slots,
    });
    this.layout = layout;
    this.memory = new ArrayBuffer(layout.totalBytes);
    this.words = new Int32Array(this.memory, layout.completions, layout.completionCapacity * COMPLETION_WORDS);
    this.doubles = new Float64Array(this.memory, layout.completions, layout.completionCapacity * COMPLETION_DOUBLES);
    this.bytes = Buffer.from(this.memory);
    this.view = new DataView(this.memory, layout.submissions, layout.submissionBytes);
    this.submitted = new Uint32Array(this.memory, 0, 1);
    this.slab = Buffer.from(this.memory, layout.slab, layout.slabBytes);
    this.counters = new Float64Array(this.memory, layout.counters, native.counterNames.length);
    this.queued = new Uint32Array(this.memory, layout.queued, slots);
    this.ids = new Float64Array(slots);
    this.flags = new Uint8Array(slots);
    this.firstOutboundSlot = options.maxConnections;
  }

  /** Whether the id names an open or connecting connection of this loop. */
  has(id: number): boolean {
    return id !== 0 && this.ids[id & SLOT_MASK] === id;
  }

  /** Counts one use less of the handlers of a listener that has closed. */
  releaseListening(set: HandlerSet): void {
    if (this.cursor === 0) this.table.release(set);
    else this.table.releaseAfterBatch(set); // a handler has thrown, and opens of the listener may be behind it
  }

  /** The slot of an id that names an open or connecting connection of this loop. */
  slotOf(id: number): number {
    const slot = id & SLOT_MASK;
    if (id === 0 || this.ids[slot] !== id) throw staleId(id);
    return slot;
  }
}

function staleId(id: unknown): Error {
  if (typeof id !== 'number') return new TypeError(`a connection id is a number, not ${typeof id}`);
  return new ConnscaleError('ERR_CONNSCALE_STALE_ID', `${String(id)} names no connection of this loop: it has closed, or never was one`);
}
