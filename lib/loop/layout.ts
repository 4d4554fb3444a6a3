// Where things are in a loop's memory, and what the records in it look like. native/base/{completion,submission}.h say
// the same; test/contract/layout.test.ts compares.

import { native, type NativeLayout } from '../binding.js';

/** native/base/completion.h */
export const Operation = {
  Open: 1,
  Data: 2,
  Drain: 3,
  End: 4,
  Close: 5,
  LoopClosed: 6,
  AttemptFailed: 7,
  RunProgress: 8,
  RunDone: 9,
} as const;

export const COMPLETION_WORDS = 6;
export const COMPLETION_DOUBLES = 3;
export const COMPLETION_SLOT = 2;
export const COMPLETION_OPERATION = 3;
export const COMPLETION_RESULT = 4;
export const COMPLETION_OFFSET = 5;

/** native/base/submission.h */
export const Request = { Write: 1, End: 2, Destroy: 3, Reset: 4, Pause: 5, Resume: 6, Connect: 7 } as const;

/** Native code reads words as this machine has them. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export const NOTIFY_DRAIN = 1;
export const SUBMISSION_HEAD_BYTES = 16;
export const ADDRESS_RECORD_BYTES = 24;
export const CONNECT_RECORD_BYTES = 64;
export const OPTION_RECORD_BYTES = 16;

const HEADER_BYTES = 64; // the first word counts the bytes of submissions
const SLAB_ALIGNMENT = 64;

export interface LayoutSizes {
  readonly completionCapacity: number;
  readonly submissionBytes: number;
  readonly slabBytes: number;
  readonly slots: number;
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** Lays a loop's memory out; `totalBytes` is what it takes. */
export function layOut(sizes: LayoutSizes): NativeLayout & { readonly totalBytes: number } {
  const counters = HEADER_BYTES;
  const completions = align(counters + native.counterNames.length * 8, SLAB_ALIGNMENT);
  const submissions = align(completions + sizes.completionCapacity * COMPLETION_WORDS * 4, SLAB_ALIGNMENT);
  const slab = align(submissions + sizes.submissionBytes, SLAB_ALIGNMENT);
  const queued = align(slab + sizes.slabBytes, SLAB_ALIGNMENT);
  return { ...sizes, counters, completions, submissions, slab, queued, totalBytes: queued + sizes.slots * 4 };
}
