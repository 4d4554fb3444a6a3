import { forEachDriver } from '../helpers/drivers.js';
import { runScript, runScriptForJson } from '../helpers/child.js';
import { expect } from '../helpers/runner.js';

const SEEDS = [1, 7, 13];

interface Report {
  readonly closed: number;
  readonly errors: Readonly<Record<string, number>>;
}

forEachDriver("garbage written over a loop's memory is an error, and no crash", async ({ options }) => {
  for (const seed of SEEDS) {
    const args = [options.driver ?? '', options.descriptors ?? 'shared', String(seed)];
    const report = await runScriptForJson<Report>('failure/scripts/garbage.mjs', { args });
    expect(report.closed).toBe(200);
    expect(report.errors['ERR_CONNSCALE_INVALID_SUBMISSION']).toBeGreaterThan(0);
  }
});

forEachDriver('a detached memory ends the loop with an error, and not the process', async ({ options }) => {
  const args = [options.driver ?? '', options.descriptors ?? 'shared'];
  const { code, stdout, stderr } = await runScript('failure/scripts/detached.mjs', { args });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('ERR_CONNSCALE_LOOP_BROKEN\nclosed\nERR_CONNSCALE_LOOP_CLOSED\n');
});
