import { jsonOf, runScript } from '../helpers/child.js';
import { expect, test } from '../helpers/runner.js';

test('nothing that JavaScript can pass to the addon itself crashes the process', async () => {
  const outcome = await runScript('failure/scripts/native-arguments.mjs');
  expect(outcome).toMatchObject({ signal: null, stderr: '' });
  const refused = jsonOf<Record<string, number>>(outcome);
  expect(refused['TypeError']).toBeGreaterThan(100);
  expect(Object.keys(refused).sort()).toEqual(['RangeError', 'TypeError']);
});

test('nor can what it is asked about the system, and every question that it takes it answers', async () => {
  const outcome = await runScript('failure/scripts/native-queries.mjs');
  expect(outcome).toMatchObject({ signal: null, stderr: '' });
  const { refused, allAnswered } = jsonOf<{ refused: Record<string, number>; allAnswered: boolean }>(outcome);
  expect(allAnswered).toBe(true);
  expect(refused['TypeError']).toBeGreaterThan(100);
  expect(Object.keys(refused).sort()).toEqual(['RangeError', 'TypeError']);
});
