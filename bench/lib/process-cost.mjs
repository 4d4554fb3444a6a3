// What a process has cost so far, read from /proc, in the same way for every server.
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;
const QUIET_POLLS = 5;
const QUIET_NS_PER_POLL = 100_000; // 1 % of a core
const SETTLE_MAX_MS = 10_000;

/** CPU time of all living threads in nanoseconds; /proc/<pid>/stat counts in steps of 10 ms. */
export function cpuNanoseconds(pid) {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    total += Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'), 10);
  }
  return total;
}

export function residentBytes(pid) {
  const kibibytes = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`no Rss in /proc/${pid}/smaps_rollup`);
  return Number(kibibytes) * 1024;
}

/** Time that these CPUs (none given: all) were not idle, in nanoseconds; counted in steps of 10 ms (proc(5)). */
export function busyNanoseconds(cpus) {
  const wanted = cpus.length === 0 ? ['cpu'] : cpus.map((cpu) => `cpu${cpu}`);
  const rows = readFileSync('/proc/stat', 'utf8').split('\n').map((line) => line.split(/\s+/));
  const ticks = rows
    .filter(([name]) => wanted.includes(name))
    .flatMap(([, user, nice, system, , , irq, softirq, steal]) => [user, nice, system, irq, softirq, steal]);
  return ticks.reduce((sum, count) => sum + Number(count), 0) * 10_000_000;
}

/** Waits until the process uses no CPU time and returns its CPU time then. */
export async function settledCpuNanoseconds(pid) {
  const deadline = Date.now() + SETTLE_MAX_MS;
  let used = cpuNanoseconds(pid);
  for (let quiet = 0; quiet < QUIET_POLLS; ) {
    await delay(POLL_MS);
    const now = cpuNanoseconds(pid);
    quiet = now - used < QUIET_NS_PER_POLL ? quiet + 1 : 0;
    used = now;
    if (Date.now() > deadline) throw new Error(`process ${pid} did not come to rest in ${SETTLE_MAX_MS} ms`);
  }
  return used;
}
