// Runs `connscale` as a person does: a child process, its two outputs, its exit code.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from '../helpers/runner.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = path.join(root, 'dist/cli/main.js');

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. It is killed when the test ends, if it still does. */
export class RunningCommand {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  /** @param descriptors - RLIMIT_NOFILE of the child. */
  constructor(args: readonly string[], descriptors?: number) {
    const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
    this.#child =
      descriptors === undefined
        ? spawn(process.execPath, [bin, ...args], options)
        : spawn('sh', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, process.execPath, bin, ...args], options);
    this.#child.stdout.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = once(this.#child, 'close').then(([exitCode]) => ({
      exitCode: exitCode as number | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  get ended(): Promise<Ended> {
    return this.#ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until stderr matches, and returns the match. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stderr);
      if (match !== null) return match;
      if (this.#child.exitCode !== null) throw new Error(`it ended without saying ${String(pattern)}: ${this.#stderr}`);
      await Promise.race([once(this.#child.stderr, 'data'), this.#ended]);
    }
  }
}

/** Runs a command to its end. */
export async function connscale(...args: string[]): Promise<Ended> {
  return new RunningCommand(args).ended;
}

/** The one JSON object of stdout. */
export function report(ended: Ended): Record<string, unknown> {
  return JSON.parse(ended.stdout) as Record<string, unknown>;
}

/** A server in a process of its own, and where it listens. */
export async function serve(...args: string[]): Promise<{ command: RunningCommand; target: string; port: string }> {
  const command = new RunningCommand(['serve', '--port', '0', '--json', ...args]);
  const [, port = ''] = await command.says(/listening on 127\.0\.0\.1 port (\d+)/);
  return { command, target: `127.0.0.1:${port}`, port };
}
