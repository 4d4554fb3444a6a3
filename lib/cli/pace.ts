// How many connections may be started by now.

/** When work falls behind, this many seconds of it are made up for; the rest is given up. */
const CATCH_UP_SECONDS = 1;

/** Permits at an even rate, or any number of them. */
export class Pace {
  readonly #perSecond: number;
  #startedAtMs = performance.now();
  #taken = 0;

  /** @param perSecond - Undefined: flat out. */
  constructor(perSecond: number | undefined) {
    this.#perSecond = perSecond ?? Infinity;
  }

  get isLimited(): boolean {
    return this.#perSecond !== Infinity;
  }

  /** Takes a permit, if there is one by now. */
  take(): boolean {
    if (!this.isLimited) return true;
    const due = ((performance.now() - this.#startedAtMs) / 1000) * this.#perSecond;
    if (due - this.#taken > this.#perSecond * CATCH_UP_SECONDS + 1) {
      this.#startedAtMs = performance.now() - CATCH_UP_SECONDS * 1000;
      this.#taken = 0;
    }
    if (this.#taken >= due) return false;
    this.#taken++;
    return true;
  }
}
