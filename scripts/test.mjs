// npm test: builds what is stale, checks types, runs the native tests and then vitest, whose summary comes last.
// Arguments go to vitest: npm test -- test/contract
import { build, configure, test } from './lib/cmake.mjs';
import { main, runNode } from './lib/run.mjs';
import { leaveOut, reportLeftOut } from './lib/tools.mjs';

function runNativeTests() {
  const obstacle = configure('build-native');
  if (obstacle !== null) return leaveOut('the native tests (npm run test:native)', obstacle);
  build('build-native');
  test('build-native');
}

await main(() => {
  runNode(['scripts/build-native.mjs']);
  runNode(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  runNode(['node_modules/typescript/bin/tsc', '--noEmit']);
  runNativeTests();
  runNode(['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]);
});
reportLeftOut();
