// The end of a process, a worker or a loop in the middle of things leaves nothing behind and crashes nothing.
import { runScript, runScriptForJson } from '../helpers/child.js';
import { DRIVERS, type DriverCase } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

function args({ options }: DriverCase, how = ''): string[] {
  return [options.driver ?? '', options.descriptors ?? 'shared', how];
}

interface Resources {
  readonly descriptors: number | null;
  readonly threads: number | null;
}

interface Memory extends Resources {
  readonly rss: number;
  readonly arrayBuffers: number;
}

/** A thread that was joined may still be counted for a moment, so there may have been one more before. */
function expectNoMore(after: Resources, before: Resources): void {
  expect(after.descriptors ?? 0).toBeLessThanOrEqual(before.descriptors ?? 0);
  expect(after.threads ?? 0).toBeLessThanOrEqual(before.threads ?? 0);
}

for (const driver of DRIVERS) {
  test(`process.exit is possible at any time [${driver.name}]`, async () => {
    const hows = [
      'in a handler',
      'between events',
      'with questions under way',
      'with names being resolved',
      'while closing',
      // Whoever polls a 'manual' loop keeps the process alive.
      ...(driver.name === 'manual' ? [] : ['without references']),
    ];
    const ends = hows.map(async (how) => {
      const { code, signal, stderr } = await runScript('failure/scripts/exit.mjs', { args: args(driver, how) });
      return { how, code, signal, stderr };
    });
    expect(await Promise.all(ends)).toEqual(hows.map((how) => ({ how, code: 7, signal: null, stderr: '' })));
  });

  for (const how of ['terminate', 'process.exit', 'an exception']) {
    test(`a worker that is ended by ${how} in the middle of traffic leaves nothing behind [${driver.name}]`, async () => {
      const report = await runScriptForJson<{ before: Resources; after: Resources }>(
        'failure/scripts/ended-workers.mjs',
        {
          args: args(driver, how),
        },
      );
      expectNoMore(report.after, report.before);
    });
  }

  test(`a thousand loops, opened and closed, leave no descriptor, thread or memory [${driver.name}]`, async () => {
    const report = await runScriptForJson<{ before: Memory; after: Memory; closed: number }>(
      'failure/scripts/many-loops.mjs',
      { args: args(driver) },
    );
    const { before, after, closed } = report;
    expect(closed).toBe(500 * 2);
    expectNoMore(after, before);
    // Each loop has more than 500 KiB of its own.
    const MIB = 2 ** 20;
    expect((after.arrayBuffers - before.arrayBuffers) / MIB).toBeLessThan(25);
    expect((after.rss - before.rss) / MIB).toBeLessThan(50);
  });
}
