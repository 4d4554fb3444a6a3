import { expect, test } from 'vitest';
import { ownReports } from '../../scripts/lib/sanitizer-reports.mjs';

const NATIVE = '/checkout/native';
const OUR_FRAME = '    #1 0x7f78d898321c in Loop::open /checkout/native/engine/loop.cc:24';
const NODE_FRAME =
  '    #2 0xc45d94 in v8impl::(anonymous namespace)::FunctionCallbackWrapper::Invoke() (/usr/bin/node+0xc45d94)';
const ALLOCATOR =
  '    #0 0x7f78da6b89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69';

function leaks(...stacks: string[][]): string {
  const blocks = stacks.map((frames) =>
    ['Direct leak of 8 byte(s) in 1 object(s) allocated from:', ...frames].join('\n'),
  );
  const summary = 'SUMMARY: AddressSanitizer: 8 byte(s) leaked in 1 allocation(s).';
  return [
    '',
    '='.repeat(65),
    '==1==ERROR: LeakSanitizer: detected memory leaks',
    '',
    [...blocks, summary].join('\n\n'),
  ].join('\n');
}

function race(...stacks: [heading: string, ...frames: string[]][]): string {
  const rule = '='.repeat(18);
  const blocks = stacks.map(([heading, ...frames]) => [`  ${heading}`, ...frames].join('\n'));
  return [rule, 'WARNING: ThreadSanitizer: data race (pid=1)', blocks.join('\n\n'), '', 'SUMMARY: x', rule].join('\n');
}

test('a leak counts when our code allocated it, and only that leak', () => {
  const reports = ownReports(leaks([ALLOCATOR, NODE_FRAME], [ALLOCATOR, OUR_FRAME, NODE_FRAME]), NATIVE);
  expect(reports).toHaveLength(1);
  expect(reports[0]).toContain('Loop::open');
});

test("a leak of Node's does not count, even below a handler that our code called", () => {
  expect(ownReports(leaks([ALLOCATOR, NODE_FRAME, OUR_FRAME]), NATIVE)).toEqual([]);
});

test('a leak of an addon that a worker has unloaded counts', () => {
  const unloaded = '    #1 0x7f54a60b321c  (<unknown module>)';
  expect(ownReports(leaks([ALLOCATOR, unloaded, NODE_FRAME]), NATIVE)).toHaveLength(1);
});

test('a race counts when either access is ours, not when we only made the thread', () => {
  const ours = '    #0 Loop::run /checkout/native/engine/loop.cc:30 (connscale.node+0x254e)';
  const theirs = '    #0 v8::platform::DefaultJobWorker::Run() <null> (node+0x1d5aa65)';
  const created = ['Thread T5 (tid=9, running) created by main thread at:', ours] as const;
  expect(ownReports(race(['Write of size 8 by T1:', theirs], ['Previous read by T2:', ours]), NATIVE)).toHaveLength(1);
  expect(
    ownReports(race(['Write of size 8 by T1:', theirs], ['Previous read by T2:', theirs], [...created]), NATIVE),
  ).toEqual([]);
});

test('a memory error always counts', () => {
  const text = ['='.repeat(65), '==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1', NODE_FRAME].join(
    '\n',
  );
  expect(ownReports(text, NATIVE)).toHaveLength(1);
});
