// What every connecting client owes the harness: {"ready":true}; at the line "go" its connections and what they cost;
// at the line "release" their reset; its end at the end of standard input.
import { createInterface } from 'node:readline';

const EDGE_MAX = 1_000;

const monotonicSeconds = () => Number(process.hrtime.bigint()) / 1e9;

/** Of all threads of the process. */
function processCpuMicros() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return userCPUTime + systemCPUTime;
}

/**
 * Times the first and the last stretch: call `opened` with how many are open now, at every opening. As many as may be in
 * flight are left out at both ends, where connects begin and none opens, or the other way round. Several openings can
 * come at one moment: a stretch begins and ends between such batches, a little later than asked for, and its count is told.
 */
export class Edges {
  #marks;
  #moments = [];
  #nextMark = Infinity;
  #opened = 0;

  constructor({ count, concurrency }) {
    const edge = Math.min(EDGE_MAX, Math.floor((count - 2 * concurrency) / 4));
    const end = count - concurrency;
    this.#marks = edge > 0 ? [concurrency, concurrency + edge, end - edge, end] : [];
  }

  start() {
    this.#moments = [];
    this.#awaitNextMark();
  }

  opened(number) {
    this.#opened = number;
    if (number < this.#nextMark) return;
    this.#nextMark = Infinity;
    queueMicrotask(this.#note); // when the batch of this moment has been delivered
  }

  #note = () => {
    const moment = { at: performance.now(), opened: this.#opened };
    while (this.#opened >= this.#marks[this.#moments.length]) this.#moments.push(moment);
    this.#awaitNextMark();
  };

  #awaitNextMark() {
    this.#nextMark = this.#marks[this.#moments.length] ?? Infinity;
  }

  /** null: too few opened. */
  end() {
    if (this.#moments.length < 4) return null;
    const [a, b, c, d] = this.#moments;
    const stretch = (from, to) => ({ count: to.opened - from.opened, seconds: (to.at - from.at) / 1e3 });
    return { first: stretch(a, b), last: stretch(c, d) };
  }
}

async function measure(open, limitSeconds) {
  const watchdog = setTimeout(() => {
    console.error(`took longer than ${limitSeconds} s`);
    process.exit(1);
  }, limitSeconds * 1_000);
  const cpuBefore = processCpuMicros();
  const startedSeconds = monotonicSeconds();
  const result = await open();
  const endedSeconds = monotonicSeconds();
  const cpuMicros = processCpuMicros() - cpuBefore;
  clearTimeout(watchdog);
  return { startedSeconds, endedSeconds, cpuMicros, ...result() };
}

/**
 * @param {object} client
 * @param {() => Promise<() => object>} client.open opens all; what it returns is called after the clocks have been read
 * @param {() => Promise<void>} client.release resets all
 * @param {() => unknown} client.close
 */
export function serveConnects({ limitSeconds, open, release, close }) {
  const commands = {
    go: () => measure(open, limitSeconds),
    release: async () => {
      await release();
      return { released: true };
    },
  };
  const input = createInterface({ input: process.stdin });
  input.on('line', async (line) => console.log(JSON.stringify(await commands[line]())));
  input.on('close', close);
  console.log(JSON.stringify({ ready: true }));
}

export function count(failures, code, by = 1) {
  failures[code] = (failures[code] ?? 0) + by;
}
