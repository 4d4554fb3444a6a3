// How fast a count grows now.

interface Point {
  readonly value: number;
  readonly atMs: number;
}

/** The rate over the last updates, however they are spaced. */
export class Rate {
  readonly #window: Point[] = [];
  readonly #updates: number;

  /** @param updates - How many updates to look back on. */
  constructor(updates: number) {
    this.#updates = updates;
  }

  /** Takes the count as it is now; returns what it grew by per second. */
  update(value: number): number {
    const atMs = performance.now();
    this.#window.push({ value, atMs });
    if (this.#window.length > this.#updates) this.#window.shift();
    const first = this.#window[0];
    if (first === undefined || first.atMs === atMs) return 0;
    return ((value - first.value) * 1000) / (atMs - first.atMs);
  }
}
