// Runs the native tests, test/contract and test/failure on a sanitized build: node scripts/test-sanitized.mjs asan|tsan
// The JavaScript tests run under node:test: leaks are reported when a process ends by itself, and vitest kills its
// workers. The sanitizer's runtime is preloaded into those processes only.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build, compilerLibrary, configure, test } from './lib/cmake.mjs';
import { filesBelow, root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';
import { readReports } from './lib/sanitizer-reports.mjs';
import { findTool } from './lib/tools.mjs';

const SANITIZERS = {
  asan: {
    flags: 'address,undefined',
    library: 'libasan.so',
    options: (log) => ({
      // Leaks are judged by lib/sanitizer-reports.mjs, not by the exit code: Node leaks at exit.
      ASAN_OPTIONS: `log_path=${log}:abort_on_error=1:detect_leaks=1`,
      LSAN_OPTIONS: 'exitcode=0',
      UBSAN_OPTIONS: 'print_stacktrace=1:abort_on_error=1',
    }),
  },
  tsan: {
    flags: 'thread',
    library: 'libtsan.so',
    options: (log) => ({
      // Leaves Node's own accesses alone, and with them the log file: the first report opens it, and a descriptor of the
      // main table means nothing in a thread with private ones.
      TSAN_OPTIONS: `log_path=${log}:exitcode=0:ignore_noninstrumented_modules=1:second_deadlock_stack=1`,
    }),
  },
};

// ThreadSanitizer's shadow memory has no room for a randomised address space of some kernels.
const fixedAddresses = findTool('setarch') === null ? [] : ['setarch', '-R'];

function runPreloaded(environment, args) {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const [command, ...rest] = [...fixedAddresses, 'env', ...variables, process.execPath, ...args];
  run(command, rest);
}

/** Ends the run when the tests would not use the sanitized addon. */
function checkAddonIsLoaded(environment) {
  const script = `await import('@connscale/native');
    if (!(await import('node:fs')).readFileSync('/proc/self/maps', 'utf8').includes(process.env.CONNSCALE_ADDON))
      throw new Error(process.env.CONNSCALE_ADDON + ' was not loaded');`;
  runPreloaded(environment, ['--input-type=module', '-e', script]);
}

function testJavaScript(environment) {
  const files = ['test/contract', 'test/failure'].flatMap((folder) => filesBelow(folder, ['.ts']));
  const tests = files.filter((file) => file.endsWith('.test.ts'));
  if (tests.length === 0) throw new Failure('test/contract and test/failure hold no tests');
  // The limit is for a whole file; the tests have their own, in test/helpers/node-runner.ts.
  const limits = ['--test-concurrency=2', '--test-timeout=300000'];
  const flags = ['--test', '--test-reporter=spec', '--test-force-exit', ...limits];
  runPreloaded(environment, ['--import', './test/helpers/typescript-loader.mjs', ...flags, ...tests]);
}

function failureOf(body) {
  try {
    body();
    return null;
  } catch (error) {
    return error;
  }
}

await main(() => {
  const name = process.argv[2];
  const sanitizer = SANITIZERS[name];
  if (sanitizer === undefined) throw new Failure('usage: node scripts/test-sanitized.mjs asan|tsan', 2);
  const folder = `build-${name}`;
  const obstacle = configure(folder, { CONNSCALE_SANITIZE: sanitizer.flags });
  if (obstacle !== null) throw new Failure(`the sanitized tests cannot run: ${obstacle}`);
  build(folder);
  test(folder, fixedAddresses);

  const reports = path.join(root, folder, 'reports');
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports);
  const environment = {
    ...sanitizer.options(path.join(reports, 'report')),
    CONNSCALE_ADDON: path.join(root, folder, 'connscale.node'),
    CONNSCALE_TEST_TIMEOUT_SCALE: '4',
    LD_PRELOAD: compilerLibrary(sanitizer.library),
  };
  checkAddonIsLoaded(environment);
  // The reports are told whether the tests passed or not: a crash is explained by the last of them.
  const failure = failureOf(() => testJavaScript(environment));
  const found = readReports(reports, path.join(root, 'native'));
  for (const report of found) console.error(report);
  if (found.length > 0) throw new Failure(`${found.length} sanitizer reports about our code; all are in ${reports}`);
  if (failure !== null) throw failure;
});
