// Scripts in a process of their own: for what ends a process, crashes it, or needs limits that this one does not have.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WAIT_MS, within } from './deadline.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors that the process may have (`ulimit -n`). */
  readonly descriptors?: number;
  /** Called with each line of standard output. */
  readonly onLine?: (line: string) => void;
}

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of test/ to its end. The scripts import the package by its name, as its users do. */
export async function runScript(script: string, options: ChildOptions = {}): Promise<ChildOutcome> {
  const node = [process.execPath, path.join(root, 'test', script), ...(options.args ?? [])];
  const limited = ['sh', '-c', `ulimit -n ${options.descriptors ?? 0} && exec "$@"`, 'sh', ...node];
  const [command = '', ...args] = options.descriptors === undefined ? node : limited;
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  if (options.onLine !== undefined) createInterface(child.stdout).on('line', options.onLine);
  const ended = new Promise<Pick<ChildOutcome, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  try {
    return { ...(await within(`${script} to end`, ended, 2 * WAIT_MS)), ...output };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output.stdout}\n${output.stderr}`, { cause: error });
  } finally {
    child.kill('SIGKILL'); // does nothing when it has ended
  }
}

/** Runs a script that must end well, and returns the JSON that it printed last. */
export async function runScriptForJson<T>(script: string, options?: ChildOptions): Promise<T> {
  const { code, signal, stdout, stderr } = await runScript(script, options);
  if (code !== 0) throw new Error(`${script} ended with ${code ?? signal ?? 'nothing'}:\n${stdout}\n${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}
