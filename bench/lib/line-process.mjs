// A child process that talks in lines: JSON to us on its standard output, plain words from us on its standard input.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const END_PATIENCE_MS = 10_000;
const ERROR_TAIL_CHARACTERS = 2_000;

export class LineProcess {
  #child;
  #lines;
  #ended;
  #errors = '';

  /** @param {readonly string[]} command  @param {number | null} cpu the one CPU it may use; null: any */
  constructor(command, cpu) {
    const [file, ...args] = cpu === null ? command : ['taskset', '-c', String(cpu), ...command];
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-ERROR_TAIL_CHARACTERS);
    });
    // A child that is gone answers the next read with the end of its lines; the broken pipe adds nothing.
    this.#child.stdin.on('error', () => {});
    this.#ended = once(this.#child, 'close').catch((error) => (this.#errors += error.message));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid() {
    return this.#child.pid;
  }

  /** How it ended, in its own words if it left any; null while it lives. */
  get obituary() {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return null;
    return this.#errors.trim() || `ended early (${signalCode ?? `status ${exitCode}`})`;
  }

  send(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  async readJson() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    await this.#ended;
    throw new Error(this.obituary ?? this.#errors);
  }

  /** Ends its input and waits; a process that stays is killed, and that is an error. */
  async end() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
    if (this.#child.signalCode === 'SIGKILL') throw new Error('did not end when its input ended');
  }
}
