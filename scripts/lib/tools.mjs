import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { Failure } from './run.mjs';

/** Whether this is a CI run, where nothing may be left out. */
export const inCi = process.env.CI === 'true' || process.env.CI === '1';

const leftOut = [];

/** The path of the first of `names` that is on PATH; null when none is. */
export function findTool(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false; // absent, or not ours to run: both mean "look further along PATH"
  }
}

/** Notes that a part was left out, and why. */
export function leaveOut(part, reason) {
  if (inCi) throw new Failure(`${part} cannot run: ${reason}. In CI nothing is left out.`);
  leftOut.push(`${part}: ${reason}`);
}

/** Says, last and loudly, what was left out. */
export function reportLeftOut() {
  if (leftOut.length === 0) return;
  const lines = ['NOT RUN', ...leftOut.map((note) => `  ${note}`)];
  const rule = '!'.repeat(Math.max(...lines.map((line) => line.length)));
  console.error(['', rule, ...lines, rule].join('\n'));
}
