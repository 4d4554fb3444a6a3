// A bar, or a line, that is redrawn in place on stderr; nothing where nobody watches.

import cliProgress from 'cli-progress';

import { formatCount } from './format.js';
import { Rate } from './rate.js';
import type { Terminal } from './terminal.js';

const REDRAW_MS = 100;
/** Redraws that rate and time left look back on: two seconds of them. */
export const RATE_WINDOW = 20;
const BAR_COLUMNS = 24; // the whole line stays below 80 columns for numbers up to 9,999,999

/** Progress of one phase at a time. `read` is asked ten times a second. */
export class Progress {
  readonly #terminal: Terminal;
  // The bar switches the terminal's line wrapping off; whichever way the process ends, it has to come back.
  readonly #onExit = (): void => this.stop();
  #bar: cliProgress.SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws `label`, a bar, what is done of `total`, the rate and the time left. */
  startBar(label: string, total: number, read: () => number): void {
    const format = `${label} {bar} {percentage}%  {value}/{total}  {rate}/s  {eta_formatted} left`;
    const rate = new Rate(RATE_WINDOW);
    this.#start(format, total, (bar) => {
      const value = read();
      bar.update(value, { rate: formatCount(rate.update(value)) });
    });
  }

  /** Draws a line of text. */
  startLine(read: () => string): void {
    this.#start('{text}', 1, (bar) => bar.update(0, { text: read() }));
  }

  /** Clears what was drawn. Safe to call when nothing is. */
  stop(): void {
    clearInterval(this.#timer);
    process.off('exit', this.#onExit);
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(format: string, total: number, update: (bar: cliProgress.SingleBar) => void): void {
    this.stop();
    if (!this.#terminal.isWatched) return;
    const bar = new cliProgress.SingleBar({
      format,
      stream: this.#terminal.progressStream,
      barsize: BAR_COLUMNS,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      formatTime: timeLeft,
      formatValue: (value, _options, type) => (type === 'percentage' ? String(value) : formatCount(value)),
      etaBuffer: RATE_WINDOW,
      clearOnComplete: true,
      forceRedraw: true,
      gracefulExit: false, // signals are Interruption's
    });
    this.#bar = bar;
    process.once('exit', this.#onExit);
    bar.start(total, 0, { rate: '0', text: '' });
    update(bar);
    this.#timer = setInterval(() => update(bar), REDRAW_MS);
    this.#timer.unref();
  }
}

/** `left` is in seconds, or a word where cli-progress cannot tell. */
function timeLeft(left: number | string): string {
  const seconds = Number(left);
  if (Number.isNaN(seconds)) return '…';
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
