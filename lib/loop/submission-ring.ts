// Writes what JavaScript asks for where native code reads it, and flushes once for each turn.

import {
  CONNECT_RECORD_BYTES,
  LITTLE_ENDIAN,
  NOTIFY_DRAIN,
  OPTION_RECORD_BYTES,
  Request,
  SUBMISSION_HEAD_BYTES,
} from './layout.js';
import type { PortInterval } from '../system/port-range.js';
import type { LoopState } from './loop-state.js';

/** Below this a copy byte by byte beats a call of the engine's copying routine. */
const SMALL_COPY_BYTES = 16;

export interface ConnectRequest {
  /** Two AddressRecords: where to, and from where (family 0: the kernel's choice). */
  readonly addresses: Uint8Array;
  readonly handlers: number;
  readonly connectTimeoutTicks: number;
  readonly idleTimeoutTicks: number;
  /** Row and value, alternating. */
  readonly options: readonly number[];
  /** Ports that the kernel chooses from; undefined: the system's. */
  readonly portRange: PortInterval | undefined;
}

export class SubmissionRing {
  readonly #state: LoopState;
  readonly #flush: () => void;
  readonly #capacity: number;
  #scheduled = false;

  constructor(state: LoopState, flush: () => void) {
    this.#state = state;
    this.#flush = flush;
    this.#capacity = state.layout.submissionBytes;
  }

  /** A request without a payload. */
  push(id: number, request: number): void {
    this.#begin(id, request, 0, 0);
  }

  /** A drain when everything written so far is gone. */
  askForDrain(id: number): void {
    this.#begin(id, Request.Write, NOTIFY_DRAIN, 0);
  }

  /** Queues bytes of a connection, in as many records as they need. */
  write(id: number, bytes: Uint8Array, offset: number, length: number, notifyDrain: boolean): void {
    const flags = notifyDrain ? NOTIFY_DRAIN : 0;
    let done = 0;
    while (done < length) {
      const room = this.#room(SUBMISSION_HEAD_BYTES + Math.min(length - done, 8));
      const piece = Math.min(length - done, room - SUBMISSION_HEAD_BYTES);
      const at = this.#begin(id, Request.Write, flags, piece);
      this.#copy(at, bytes, offset + done, piece);
      done += piece;
    }
  }

  /** Queues text as UTF-8; `length` is its length in bytes. False: too long for one record. */
  writeText(id: number, text: string, length: number, notifyDrain: boolean): boolean {
    if (SUBMISSION_HEAD_BYTES + length > this.#capacity) return false;
    const at = this.#begin(id, Request.Write, notifyDrain ? NOTIFY_DRAIN : 0, length);
    this.#state.bytes.write(text, this.#state.layout.submissions + at, length, 'utf8');
    return true;
  }

  connect(id: number, request: ConnectRequest): void {
    const options = request.options;
    const length = CONNECT_RECORD_BYTES + (options.length / 2) * OPTION_RECORD_BYTES;
    const at = this.#begin(id, Request.Connect, 0, length);
    const { view, layout, bytes } = this.#state;
    bytes.set(request.addresses, layout.submissions + at);
    view.setUint32(at + 48, request.handlers, LITTLE_ENDIAN);
    view.setUint16(at + 52, request.connectTimeoutTicks, LITTLE_ENDIAN);
    view.setUint16(at + 54, request.idleTimeoutTicks, LITTLE_ENDIAN);
    view.setUint32(at + 56, options.length / 2, LITTLE_ENDIAN);
    view.setUint16(at + 60, request.portRange?.low ?? 0, LITTLE_ENDIAN);
    view.setUint16(at + 62, request.portRange?.high ?? 0, LITTLE_ENDIAN);
    for (let i = 0; i < options.length; i += 2) {
      const record = at + CONNECT_RECORD_BYTES + (i / 2) * OPTION_RECORD_BYTES;
      view.setUint32(record, options[i]!, LITTLE_ENDIAN);
      view.setUint32(record + 4, 0, LITTLE_ENDIAN);
      view.setFloat64(record + 8, options[i + 1]!, LITTLE_ENDIAN);
    }
  }

  /** Hands over what was written. */
  flush(): void {
    this.#scheduled = false;
    if (this.#state.submitted[0] !== 0) this.#flush();
  }

  /** Bytes free in the ring, after a flush if fewer than `wanted` are. */
  #room(wanted: number): number {
    const room = this.#capacity - this.#state.submitted[0]!;
    if (room >= wanted) return room;
    this.#flush();
    return this.#capacity - this.#state.submitted[0]!;
  }

  /** Writes a head and returns where its payload starts, in the ring. */
  #begin(id: number, request: number, flags: number, length: number): number {
    const total = SUBMISSION_HEAD_BYTES + ((length + 7) & ~7);
    const state = this.#state;
    if (this.#capacity - state.submitted[0]! < total) this.#flush();
    const at = state.submitted[0]!;
    state.view.setFloat64(at, id, LITTLE_ENDIAN);
    state.view.setUint16(at + 8, request, LITTLE_ENDIAN);
    state.view.setUint16(at + 10, flags, LITTLE_ENDIAN);
    state.view.setUint32(at + 12, length, LITTLE_ENDIAN);
    state.submitted[0] = at + total;
    this.#schedule();
    return at + SUBMISSION_HEAD_BYTES;
  }

  #copy(at: number, bytes: Uint8Array, offset: number, length: number): void {
    const { memory, layout, bytes: all } = this.#state;
    const target = layout.submissions + at;
    if (bytes.buffer === memory) {
      // Straight from the receive slab: no view has to be made for it.
      const source = bytes.byteOffset + offset;
      all.copyWithin(target, source, source + length);
    } else if (length <= SMALL_COPY_BYTES) {
      for (let i = 0; i < length; i++) all[target + i] = bytes[offset + i]!;
    } else if (offset === 0 && length === bytes.length) {
      all.set(bytes, target);
    } else {
      all.set(bytes.subarray(offset, offset + length), target);
    }
  }

  /** Inside dispatch the crossing itself flushes; elsewhere the end of this turn of JavaScript does. */
  #schedule(): void {
    if (this.#scheduled || this.#state.dispatching) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      if (this.#scheduled) this.flush();
    });
  }
}
