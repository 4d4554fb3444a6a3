// Scripts in a process of their own: for what ends a process, crashes it, or needs limits that this one does not have.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WAIT_MS, within } from './deadline.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors that the process may have (`ulimit -n`). */
  readonly descriptors?: number;
}

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningScript {
  /** The rest of the first line of standard output that starts with the word. */
  line(word: string): Promise<string>;
  /** How it ended. One that does not end in time is killed, and an error. */
  readonly outcome: Promise<ChildOutcome>;
}

/** The command that runs another with so many descriptors, in the environment of this process. */
function limited(descriptors: number, command: readonly string[]): string[] {
  const preload = process.env['LD_PRELOAD'];
  const preloaded = preload === undefined ? command : ['env', `LD_PRELOAD=${preload}`, ...command];
  return ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...preloaded];
}

/** Starts a script of test/. The scripts import the package by its name, as its users do. */
export function startScript(script: string, options: ChildOptions = {}): RunningScript {
  const node = [
    process.execPath,
    ...(options.nodeArgs ?? []),
    path.join(root, 'test', script),
    ...(options.args ?? []),
  ];
  const environment = { ...process.env, ...options.env };
  const [command = '', ...args] = options.descriptors === undefined ? node : limited(options.descriptors, node);
  // A sanitizer's runtime is for Node alone: a shell that preloads ThreadSanitizer's does not even start.
  if (command !== process.execPath) delete environment['LD_PRELOAD'];
  const child = spawn(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const lines = createInterface(child.stdout);
  const ended = async (): Promise<ChildOutcome> => {
    try {
      const close = once(child, 'close') as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
      const [code, signal] = await within(`${script} to end`, close, 2 * WAIT_MS);
      return { code, signal, ...output };
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${output.stdout}\n${output.stderr}`, { cause: error });
    } finally {
      child.kill('SIGKILL'); // does nothing when it has ended
    }
  };
  const outcome = ended();
  const line = (word: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (text: string): void => {
        if (text.startsWith(`${word} `)) resolve(text.slice(word.length + 1));
      };
      for (const text of output.stdout.split('\n').slice(0, -1)) look(text);
      lines.on('line', look);
      outcome.then(({ stdout, stderr }) => {
        reject(new Error(`${script} ended without a line '${word} …':\n${stdout}\n${stderr}`));
      }, reject);
    });
  return { line, outcome };
}

/** Runs a script to its end. */
export async function runScript(script: string, options?: ChildOptions): Promise<ChildOutcome> {
  return startScript(script, options).outcome;
}

/** The JSON that a script printed last; an error unless it ended well. */
export function jsonOf<T>({ code, signal, stdout, stderr }: ChildOutcome): T {
  if (code !== 0) throw new Error(`the script ended with ${code ?? signal ?? 'nothing'}:\n${stdout}\n${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}

/** Runs a script that must end well, and returns the JSON that it printed last. */
export async function runScriptForJson<T>(script: string, options?: ChildOptions): Promise<T> {
  return jsonOf<T>(await runScript(script, options));
}
