import { spawn, spawnSync } from 'node:child_process';
import { root } from './paths.mjs';

/** Something that went wrong in a way a sentence explains: no stack is printed for it. */
export class Failure extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

/** Runs a command in the root with our own stdio; throws unless it exits with 0. */
export function run(command, args, options = {}) {
  console.log(`> ${[command, ...args].join(' ')}`);
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw new Failure(`${command} could not be started: ${result.error.message}`);
  if (result.signal) throw new Failure(`${command} was ended by ${result.signal}`);
  if (result.status !== 0) throw new Failure(`${command} exited with ${result.status}`, result.status);
}

/** Runs Node on a script of ours or of a dependency. */
export function runNode(args, options) {
  run(process.execPath, args, options);
}

/** What a command prints on stdout, trimmed; null when it cannot be started or fails. */
export function read(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : null;
}

/** Runs a command with its output kept: resolves with `{ status, output }`. */
export function capture(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Runs a script's body; a failure ends the process with its exit code. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = error instanceof Failure ? error.exitCode : 1;
  }
}
