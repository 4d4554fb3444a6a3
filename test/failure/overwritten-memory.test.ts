// Nothing that JavaScript can write into a loop's memory crashes the process: it is an error, and other loops go on.
import { runScript, jsonOf } from '../helpers/child.js';
import { DRIVERS } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

interface Report {
  readonly echo: string;
  readonly errors: Readonly<Record<string, number>>;
}

const SEEDS = [1, 2, 3];

test('a handler that damages the memory and throws has its exception in poll, and the damage is told apart', async () => {
  const outcome = await runScript('failure/scripts/overwritten-then-thrown.mjs', { args: [] });
  expect(jsonOf(outcome)).toEqual({ thrown: "the handler's own", uncaught: ['ERR_CONNSCALE_INVALID_SUBMISSION'] });
});

for (const { name, options } of DRIVERS) {
  test(`memory written over with garbage is an error and no crash [${name}]`, async () => {
    const rounds = SEEDS.map(async (seed) => {
      const args = [options.driver ?? '', options.descriptors ?? 'shared', String(seed)];
      const outcome = await runScript('failure/scripts/overwritten-memory.mjs', { args });
      expect({ seed, signal: outcome.signal }).toEqual({ seed, signal: null });
      const { echo, errors } = jsonOf<Report>(outcome);
      expect(echo).toBe('still in order');
      expect(errors['ERR_CONNSCALE_INVALID_SUBMISSION']).toBeGreaterThan(0);
    });
    await Promise.all(rounds);
  });
}
