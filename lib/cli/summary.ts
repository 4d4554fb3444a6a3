// The layout of a summary: a headline, then rows of a label, a figure and a remark.

import { explainFailure } from './failures.js';
import { formatCount, plural } from './format.js';
import type { Terminal } from './terminal.js';

const LABEL_COLUMNS = 11;
const FIGURE_COLUMNS = 26;

/** Builds the text of a summary row by row. */
export class Summary {
  readonly #terminal: Terminal;
  readonly #lines: string[] = [];

  constructor(terminal: Terminal, headline: string) {
    this.#terminal = terminal;
    this.#lines.push(terminal.paint('bold', headline), '');
  }

  /** A row; the remark is dim. */
  row(label: string, figure: string, remark = ''): this {
    const start = `  ${label.padEnd(LABEL_COLUMNS)} `;
    const line = remark === '' ? figure : `${figure.padEnd(FIGURE_COLUMNS)} ${this.#terminal.paint('dim', remark)}`;
    this.#lines.push(start + line);
    return this;
  }

  /** Failures in words, or their absence. */
  failures(counts: Readonly<Record<string, number>>, gaveUp = false): this {
    const all = Object.entries(counts);
    if (all.length === 0) return this.row('failures', 'none');
    const total = all.reduce((sum, [, count]) => sum + count, 0);
    const end = gaveUp ? '; so many in a row that the rest was not tried' : '';
    return this.row('failures', this.#terminal.paint('red', plural(total, 'connection')) + end).codes(counts);
  }

  /** A line for each code, with what it means. */
  codes(counts: Readonly<Record<string, number>>): this {
    for (const [code, count] of Object.entries(counts)) {
      this.#lines.push(`    ${formatCount(count).padStart(9)} ${code}`);
      const words = explainFailure(code);
      if (words !== undefined) this.#lines.push(`${' '.repeat(14)}${this.#terminal.paint('dim', words)}`);
    }
    return this;
  }

  blank(): this {
    this.#lines.push('');
    return this;
  }

  print(): void {
    this.#terminal.result(['', ...this.#lines, ''].join('\n'));
  }
}
