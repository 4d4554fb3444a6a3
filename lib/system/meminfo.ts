// /proc/meminfo, which counts in kB and means KiB.

import { readProcFile } from './proc-file.js';

/**
 * A line of /proc/meminfo in bytes.
 *
 * @throws {Error} the file cannot be read, or has no such line.
 */
export function readMeminfo(field: 'MemTotal' | 'MemAvailable' | 'Slab'): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readProcFile('/proc/meminfo'))?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/meminfo: no line "${field}"`);
  return Number(kibibytes) * 1024;
}
