import { type ChildOutcome, runScript, runScriptForJson } from '../helpers/child.js';
import { DRIVERS, type DriverCase } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

interface KindReport {
  readonly calls: Readonly<Record<string, number>>;
  readonly thrown: readonly string[];
  readonly afterwards: number;
}

const SCRIPT = 'failure/scripts/throwing-handlers.mjs';

function args({ options }: DriverCase, scenario: string): string[] {
  return [options.driver ?? '', options.descriptors ?? 'shared', scenario];
}

const CONNECTIONS = 10;

for (const driver of DRIVERS) {
  const where = driver.name === 'manual' ? 'comes out of poll' : 'is an uncaught exception';

  test(`what a handler throws ${where}, and every other event is delivered [${driver.name}]`, async () => {
    const report = await runScriptForJson<Record<string, KindReport>>(SCRIPT, { args: args(driver, 'every kind') });
    expect(Object.keys(report)).toEqual(['open', 'data', 'dataIn', 'drain', 'end', 'close']);
    for (const [kind, { calls, thrown, afterwards }] of Object.entries(report)) {
      const data = kind === 'dataIn' ? { data: 0, dataIn: CONNECTIONS } : { data: CONNECTIONS, dataIn: 0 };
      const others = { open: CONNECTIONS, drain: CONNECTIONS, end: CONNECTIONS, close: CONNECTIONS };
      expect({ kind, calls }).toEqual({ kind, calls: { ...others, ...data } });
      expect(thrown).toEqual(Array(CONNECTIONS).fill(kind));
      expect(afterwards).toBe(1);
    }
  });

  test(`a handler that throws ends a process that does not care [${driver.name}]`, async () => {
    const outcome: ChildOutcome = await runScript(SCRIPT, { args: args(driver, 'unhandled') });
    expect(outcome).toMatchObject({ code: 1, signal: null });
    expect(outcome.stderr).toContain('Error: open');
  });

  test(`a handler of uncaughtException may close the loop [${driver.name}]`, async () => {
    const report = await runScriptForJson<Record<string, number>>(SCRIPT, { args: args(driver, 'closing') });
    expect(report).toEqual({ open: 0, opens: report['opens'], closes: report['opens'] });
  });

  test(`close handlers that throw do not keep a loop from closing [${driver.name}]`, async () => {
    const report = await runScriptForJson(SCRIPT, { args: args(driver, 'throwing at the end') });
    expect(report).toEqual({ thrown: CONNECTIONS, closes: CONNECTIONS, open: 0 });
  });
}
