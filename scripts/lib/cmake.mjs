import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { root } from './paths.mjs';
import { Failure, read, run } from './run.mjs';
import { findTool } from './tools.mjs';

/** Configures the CMake build in `folder`; returns why its native tests cannot be built, null when they can. */
export function configure(folder, definitions = {}) {
  if (findTool('cmake') === null) return 'cmake is not installed';
  const flags = Object.entries(definitions).map(([name, value]) => `-D${name}=${value}`);
  run('cmake', ['-S', '.', '-B', folder, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  const cache = readFileSync(path.join(root, folder, 'CMakeCache.txt'), 'utf8');
  const found = !cache.includes('CONNSCALE_DOCTEST_INCLUDE-NOTFOUND');
  return found ? null : 'doctest is not installed (Debian and Ubuntu: apt-get install doctest-dev)';
}

export function build(folder) {
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())]);
}

/** Runs the native tests of `folder` and ends with ctest's summary. `wrapper` is a command to run ctest under. */
export function test(folder, wrapper = []) {
  const parallel = ['--parallel', String(availableParallelism())];
  const [command, ...args] = [...wrapper, 'ctest', '--test-dir', folder, ...parallel];
  run(command, [...args, '--output-on-failure', '--no-tests=error']);
}

/** The path of a runtime library of the compiler, such as libasan.so. */
export function compilerLibrary(name) {
  const file = read(process.env.CXX ?? 'g++', [`-print-file-name=${name}`]);
  if (file === null || !path.isAbsolute(file))
    throw new Failure(`the C++ compiler has no ${name}, which this run needs`);
  return file;
}
