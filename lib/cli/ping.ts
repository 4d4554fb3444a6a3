// A byte on every connection, once in a while: what an idle connection of the real world does.

import type { HoldLane } from './hold-lane.js';

const TICK_MS = 20;

/** What was sent and what came back. */
export interface PingOutcome {
  readonly sent: number;
  readonly answered: number;
}

/** Goes through all connections of all lanes, evenly, once for each interval. */
export class Pinger {
  readonly #lanes: readonly HoldLane[];
  readonly #intervalMs: number;
  readonly #timer: NodeJS.Timeout;
  #owed: readonly number[];
  #lastMs = performance.now();
  #sent = 0;
  #answered = 0;

  constructor(lanes: readonly HoldLane[], intervalMs: number) {
    this.#lanes = lanes;
    this.#intervalMs = intervalMs;
    this.#owed = lanes.map(() => 0);
    this.#timer = setInterval(() => this.#turn(), Math.min(TICK_MS, intervalMs));
  }

  /** Answers came. */
  onAnswered(bytes: number): void {
    this.#answered += bytes;
  }

  get outcome(): PingOutcome {
    return { sent: this.#sent, answered: this.#answered };
  }

  /** Whether every byte came back. */
  get complete(): boolean {
    return this.#answered === this.#sent;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #turn(): void {
    const now = performance.now();
    // A turn that comes late makes up for one interval at most.
    const share = Math.min(1, (now - this.#lastMs) / this.#intervalMs);
    this.#lastMs = now;
    this.#owed = this.#lanes.map((lane, i) => {
      const due = (this.#owed[i] ?? 0) + lane.opened * share;
      this.#sent += lane.pingSome(Math.floor(due));
      return due - Math.floor(due);
    });
  }
}
