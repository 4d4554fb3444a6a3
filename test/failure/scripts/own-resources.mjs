import { readFileSync, readdirSync } from 'node:fs';

/** Descriptors and threads of this process; null where the system does not tell. */
export function countOwn() {
  if (process.platform !== 'linux') return { descriptors: null, threads: null };
  const threads = /^Threads:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return { descriptors: readdirSync('/proc/self/fd').length, threads: Number(threads[1]) };
}

/** The same once it is as it should be, or as it is after five seconds: the kernel counts a thread for a little longer
 * than pthread_join(3) waits for it. */
export async function countOwnOnceIt(is) {
  const end = performance.now() + 5_000;
  let own = countOwn();
  while (!is(own) && performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
    own = countOwn();
  }
  return own;
}
