import { readFileSync } from 'node:fs';
import { LoopStats } from '../../lib/index.js';
import { native } from '../../lib/binding.js';
import { GENERATION_MAX, SLOT_MASK, makeConnectionId } from '../../lib/loop/connection-id.js';
import {
  ADDRESS_RECORD_BYTES,
  COMPLETION_DOUBLES,
  COMPLETION_WORDS,
  CONNECT_RECORD_BYTES,
  NOTIFY_DRAIN,
  OPTION_RECORD_BYTES,
  Operation,
  Request,
  SUBMISSION_HEAD_BYTES,
  layOut,
} from '../../lib/loop/layout.js';
import { expect, test } from '../helpers/runner.js';

function header(name: string): string {
  return readFileSync(new URL(`../../native/base/${name}.h`, import.meta.url), 'utf8');
}

/** The constants of a C++ enumeration, without their k. */
function enumeration(text: string, name: string): Record<string, number> {
  const body = new RegExp(`enum class ${name}[^{]*\\{([^}]*)\\}`).exec(text)?.[1] ?? '';
  return Object.fromEntries([...body.matchAll(/k(\w+) = (\d+),/g)].map((match) => [match[1] ?? '', Number(match[2])]));
}

test('the records have the same size in both languages', () => {
  expect({
    completionBytes: COMPLETION_WORDS * 4,
    submissionHeadBytes: SUBMISSION_HEAD_BYTES,
    connectRecordBytes: CONNECT_RECORD_BYTES,
    optionRecordBytes: OPTION_RECORD_BYTES,
    addressRecordBytes: ADDRESS_RECORD_BYTES,
  }).toEqual({
    completionBytes: native.limits.completionBytes,
    submissionHeadBytes: native.limits.submissionHeadBytes,
    connectRecordBytes: native.limits.connectRecordBytes,
    optionRecordBytes: native.limits.optionRecordBytes,
    addressRecordBytes: native.limits.addressRecordBytes,
  });
  expect(COMPLETION_DOUBLES * 8).toBe(COMPLETION_WORDS * 4);
});

test('operations, requests and flags have the same numbers in both languages', () => {
  expect(enumeration(header('completion'), 'Operation')).toEqual({ ...Operation });
  expect(enumeration(header('submission'), 'Request')).toEqual({ ...Request });
  expect(Number(/kNotifyDrain = (\d+);/.exec(header('submission'))?.[1])).toBe(NOTIFY_DRAIN);
});

test('an id is a safe integer that takes all the bits there are', () => {
  const { slotBits, generationBits, loopBits } = native.limits;
  expect(slotBits + generationBits + loopBits).toBe(53);
  const greatest = makeConnectionId(2 ** loopBits - 1, GENERATION_MAX, SLOT_MASK);
  expect(greatest).toBe(Number.MAX_SAFE_INTEGER);
  expect(greatest & SLOT_MASK).toBe(SLOT_MASK);
  expect(2 * native.limits.connectionsMax).toBe(SLOT_MASK + 1);
});

test('an idle connection takes at most 64 bytes of the table', () => {
  expect(native.limits.connectionBytes).toBeLessThanOrEqual(64);
});

test('the counters of native code are the properties of LoopStats, in the same order', () => {
  const declared = Object.entries(Object.getOwnPropertyDescriptors(LoopStats.prototype))
    .filter(([, descriptor]) => descriptor.get !== undefined)
    .map(([name]) => name);
  expect(declared).toEqual([...native.counterNames]);
});

test('the parts of the memory are aligned, do not overlap and fill it', () => {
  const sizes = [
    { completionCapacity: 16, submissionBytes: 4096, slabBytes: 4096, slots: 2 },
    { completionCapacity: 513, submissionBytes: 4104, slabBytes: 4097, slots: 6 },
    { completionCapacity: 65_536, submissionBytes: 2 ** 26, slabBytes: 2 ** 24, slots: 2 ** 21 },
  ];
  for (const size of sizes) {
    const layout = layOut(size);
    const parts = [
      [0, 4],
      [layout.counters, native.counterNames.length * 8],
      [layout.completions, size.completionCapacity * native.limits.completionBytes],
      [layout.submissions, size.submissionBytes],
      [layout.slab, size.slabBytes],
      [layout.queued, size.slots * 4],
    ] as const;
    let end = 0;
    for (const [at, bytes] of parts) {
      expect(at).toBeGreaterThanOrEqual(end);
      expect(at % 8).toBe(0);
      end = at + bytes;
    }
    expect(layout.totalBytes).toBe(end);
  }
});
