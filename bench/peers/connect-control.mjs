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

/** Times the first and the last stretch: call `opened` with how many are open now, at every opening. */
export class Edges {
  #count;
  #edge;
  #startedAt = 0;
  #firstAt = 0;
  #lastAt = 0;

  constructor(count) {
    this.#count = count;
    this.#edge = Math.min(EDGE_MAX, Math.floor(count / 4));
  }

  start() {
    this.#startedAt = performance.now();
  }

  opened(number) {
    if (number === this.#edge) this.#firstAt = performance.now();
    else if (number === this.#count - this.#edge) this.#lastAt = performance.now();
  }

  /** null: not all opened. */
  end(opened) {
    if (opened < this.#count) return null;
    const firstSeconds = (this.#firstAt - this.#startedAt) / 1e3;
    return { count: this.#edge, firstSeconds, lastSeconds: (performance.now() - this.#lastAt) / 1e3 };
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
