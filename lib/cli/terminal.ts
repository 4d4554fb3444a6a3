// Where the command's words go: results to stdout, everything else to stderr.

import { styleText } from 'node:util';
import type { WriteStream } from 'node:tty';

type Style = Parameters<typeof styleText>[0];
type Output = NodeJS.WriteStream & { fd: 1 | 2 };

/** A reader that went away (`| head`) is no failure of ours: what it did not want is dropped. */
function forgiveClosedPipe(stream: Output): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** The process's two output streams. */
export class Terminal {
  readonly #stdout: Output = process.stdout;
  readonly #stderr: Output = process.stderr;

  constructor() {
    forgiveClosedPipe(this.#stdout);
    forgiveClosedPipe(this.#stderr);
  }

  /** Whether someone watches stderr: then progress is worth drawing. */
  get isWatched(): boolean {
    return this.#stderr.isTTY;
  }

  /** The stream that progress is drawn on. */
  get progressStream(): WriteStream {
    return this.#stderr;
  }

  /** The one JSON object of `--json`. */
  json(report: object): void {
    this.#stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  }

  /** The summary for a person. */
  result(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  /** A line beside the result. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Paints text for stdout, where stdout shows colours (and NO_COLOR does not forbid them). */
  paint(style: Style, text: string): string {
    return this.#stdout.isTTY && this.#stdout.hasColors() ? styleText(style, text) : text;
  }
}
