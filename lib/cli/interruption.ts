// Ctrl-C: the first ends the command in good order, the second at once.

import { constants } from 'node:os';

import { ExitCode } from './command-error.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
type Signal = (typeof SIGNALS)[number];

/** Waits for SIGINT and SIGTERM, until it is stopped. */
export class Interruption {
  readonly #controller = new AbortController();
  #signal: Signal | null = null;
  readonly #listener = (signal: Signal): void => {
    if (this.#signal !== null) process.exit(ExitCode.Signalled + constants.signals[signal]);
    this.#signal = signal;
    this.#controller.abort();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The signal that came, or null. */
  get name(): Signal | null {
    return this.#signal;
  }

  /** What to exit with: the signal's code if one cut the work short, otherwise `code`. */
  exitCodeOr(code: number): number {
    return this.#signal === null ? code : ExitCode.Signalled + constants.signals[this.#signal];
  }

  /** Leaves signals to Node again. */
  stop(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
