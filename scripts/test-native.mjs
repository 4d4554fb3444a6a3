// Builds and runs the native tests. `npm test` runs them too, where the machine has what they need.
import { build, configure, test } from './lib/cmake.mjs';
import { Failure, main } from './lib/run.mjs';

await main(() => {
  const obstacle = configure('build-native');
  if (obstacle !== null) throw new Failure(`the native tests cannot run: ${obstacle}`);
  build('build-native');
  test('build-native');
});
