// Memory that control groups still grant. Kernel memory of sockets counts against them.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { readProcFile, readProcNumber } from './proc-file.js';

interface Hierarchy {
  readonly root: string;
  readonly path: string;
  readonly limit: string;
  readonly usage: string;
}

const V2 = { root: 'sys/fs/cgroup', limit: 'memory.max', usage: 'memory.current' } as const;
const V1 = { root: 'sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes' } as const;
/** Version 1 says "no limit" with a number of pages near 2^63. */
const NO_LIMIT_BYTES = 2 ** 62;

/** The hierarchies that may bound memory, from lines of cgroups(7): `number:controllers:path`. */
function hierarchies(fileSystem: string): Hierarchy[] {
  return readProcFile(join(fileSystem, 'proc/self/cgroup'))
    .trim()
    .split('\n')
    .flatMap((line): Hierarchy[] => {
      const [number, controllers = '', path = '/'] = line.split(':');
      if (number === '0') return [{ ...V2, root: join(fileSystem, V2.root), path }];
      return controllers.split(',').includes('memory') ? [{ ...V1, root: join(fileSystem, V1.root), path }] : [];
    });
}

/** What each group from `path` up to the root still grants. In a container `path` may lead nowhere; the root exists. */
function headrooms({ root, path, limit, usage }: Hierarchy): number[] {
  const found: number[] = [];
  for (let group = path; ; group = dirname(group)) {
    const limitFile = join(root, group, limit);
    if (existsSync(limitFile)) {
      const text = readProcFile(limitFile).trim();
      const bytes = text === 'max' ? Infinity : Number(text);
      if (bytes < NO_LIMIT_BYTES) found.push(Math.max(0, bytes - readProcNumber(join(root, group, usage))));
    }
    if (dirname(group) === group) return found;
  }
}

/**
 * Bytes that the tightest control group above this process still grants.
 *
 * @param fileSystem - Where /proc and /sys are, for tests.
 * @throws {Error} no group has a limit, or the groups cannot be read.
 */
export function cgroupMemoryAvailableBytes(fileSystem = '/'): number {
  const found = hierarchies(fileSystem).flatMap(headrooms);
  if (found.length === 0) throw new Error('no control group of this process limits memory');
  return Math.min(...found);
}
