// Node and V8 are not instrumented, so the sanitizers also report what is theirs: leaks at exit, and races whose
// synchronisation they cannot see. A suppression list cannot tell the two apart, because every stack of ours runs
// through Node as well; what counts is who made the access or the allocation.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const RUNTIME_FRAME = /libsanitizer|lib(a|t|ub)san\.so|libstdc\+\+\.so|libc\.so|\/include\/c\+\+\//;
const NODE_FRAME = /\bv8::|\bv8impl::|\bnode::|\buv_|Builtins_/;
const CONTEXT_STACK = /^\s*(Thread T|Location is|Mutex M|As if synchronized)/;

/** The reports below `folder` (one file for each process) that are about the code in `native`, an absolute path. */
export function readReports(folder, native) {
  if (!existsSync(folder)) return [];
  const texts = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
  return texts.flatMap((text) => ownReports(text, native));
}

/** The reports of one log that count: every memory error, and the leaks and races of our own code. */
export function ownReports(text, native) {
  return splitReports(text).filter((report) => {
    const filtered = /^\s*(Direct leak|Indirect leak)|ThreadSanitizer/m.test(report);
    return filtered
      ? stacks(report).some((stack) => isOurs(stack, native))
      : /ERROR: \w+Sanitizer|runtime error:/.test(report);
  });
}

function splitReports(text) {
  return text
    .split(/^=+$/m)
    .flatMap((part) => (part.includes('LeakSanitizer') ? part.split(/\n\n/) : [part]))
    .filter((report) => !/ERROR: LeakSanitizer|^\s*SUMMARY:/.test(report) && report.trim() !== '');
}

/** The stacks of a report, without those that only say where a thread, a block or a mutex came from. */
function stacks(report) {
  const found = [];
  let heading = '';
  for (const line of report.split('\n')) {
    if (!/^\s*#\d+ /.test(line)) {
      heading = line.trim() === '' ? heading : line;
    } else if (/^\s*#0 /.test(line)) {
      found.push({ heading, frames: [line] });
    } else {
      found.at(-1)?.frames.push(line);
    }
  }
  return found.filter((stack) => !CONTEXT_STACK.test(stack.heading)).map((stack) => stack.frames);
}

/** Whether our code is above Node's in a stack. The addon of a worker thread is unloaded when leaks are reported. */
function isOurs(frames, native) {
  const own = frames.filter((frame) => !RUNTIME_FRAME.test(frame));
  const boundary = own.findIndex((frame) => NODE_FRAME.test(frame));
  const above = boundary < 0 ? own : own.slice(0, boundary);
  return (
    above.some((frame) => frame.includes('connscale.node') || frame.includes(native)) ||
    own[0]?.includes('<unknown module>') === true
  );
}
