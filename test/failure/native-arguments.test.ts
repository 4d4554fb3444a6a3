import { jsonOf, runScript } from '../helpers/child.js';
import { expect, test } from '../helpers/runner.js';

test('nothing that JavaScript can pass to the addon itself crashes the process', async () => {
  const outcome = await runScript('failure/scripts/native-arguments.mjs');
  expect(outcome).toMatchObject({ signal: null, stderr: '' });
  const refused = jsonOf<Record<string, number>>(outcome);
  expect(refused['TypeError']).toBeGreaterThan(100);
  expect(Object.keys(refused).sort()).toEqual(['RangeError', 'TypeError']);
});
