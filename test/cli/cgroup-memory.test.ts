import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cgroupMemoryAvailableBytes } from '../../lib/system/cgroup-memory.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

const MIB = 2 ** 20;

/** A file system with these files, by path. */
function fileSystem(files: Readonly<Record<string, string | number>>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'connscale-cgroup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), `${content}\n`);
  }
  return root;
}

test('version 2: the tightest group on the way to the root counts', () => {
  const root = fileSystem({
    'proc/self/cgroup': '0::/kube/pod',
    'sys/fs/cgroup/kube/pod/memory.max': 'max',
    'sys/fs/cgroup/kube/memory.max': 100 * MIB,
    'sys/fs/cgroup/kube/memory.current': 30 * MIB,
  });
  expect(cgroupMemoryAvailableBytes(root)).toBe(70 * MIB);
});

test('version 1: a number near 2^63 is no limit', () => {
  const files = {
    'proc/self/cgroup': '4:memory:/job\n0::/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': 1,
    'sys/fs/cgroup/memory/job/memory.usage_in_bytes': 5 * MIB,
  };
  const limited = fileSystem({ ...files, 'sys/fs/cgroup/memory/job/memory.limit_in_bytes': 8 * MIB });
  expect(cgroupMemoryAvailableBytes(limited)).toBe(3 * MIB);
  const unlimited = fileSystem({ ...files, 'sys/fs/cgroup/memory/job/memory.limit_in_bytes': '9223372036854771712' });
  expect(() => cgroupMemoryAvailableBytes(unlimited)).toThrow('no control group of this process limits memory');
});

test('in a container, where the path leads nowhere, the root of the hierarchy counts', () => {
  const root = fileSystem({
    'proc/self/cgroup': '0::/../elsewhere',
    'sys/fs/cgroup/memory.max': 10 * MIB,
    'sys/fs/cgroup/memory.current': 12 * MIB,
  });
  expect(cgroupMemoryAvailableBytes(root)).toBe(0);
});
