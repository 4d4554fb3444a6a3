// Text that the kernel serves as files. What cannot be read is an error that says which file and why.

import { readFileSync } from 'node:fs';

function because(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'this kernel does not have it';
  if (code === 'EACCES' || code === 'EPERM') return 'only root may read it';
  return code ?? String(error);
}

/**
 * The text of a file in procfs or sysfs.
 *
 * @throws {Error} with the path and the reason in words.
 */
export function readProcFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${path}: ${because(cause)}`, { cause });
  }
}

/**
 * The `field`th number of a file, counted from 0.
 *
 * @throws {Error} the file cannot be read, or there is no such number in it.
 */
export function readProcNumber(path: string, field = 0): number {
  const word = readProcFile(path).trim().split(/\s+/)[field];
  const value = Number(word);
  if (word === undefined || word === '' || Number.isNaN(value)) throw new Error(`${path}: no number in field ${field}`);
  return value;
}
