import { readLimits, type LimitName } from '../../lib/system/limits.js';
import { readProcFile, readProcNumber } from '../../lib/system/proc-file.js';
import { expect, test } from '../helpers/runner.js';

test('every limit is a number, or null with a reason', () => {
  const { unknown, ...limits } = readLimits();
  for (const name of Object.keys(limits) as LimitName[]) {
    if (limits[name] === null) expect(unknown[name], name).toMatch(/\w/);
    else expect([limits[name] >= 0, unknown[name]], name).toEqual([true, undefined]);
  }
});

test('what every Linux has is known', () => {
  const limits = readLimits();
  expect(limits.descriptorsMax).toBeGreaterThan(0);
  expect(limits.memoryAvailableBytes).toBeLessThan(limits.memoryTotalBytes ?? 0);
  expect(limits.portsHigh).toBeGreaterThan(limits.portsLow ?? 65_535);
});

test('a file that is not there is an error with its path and the reason in words', () => {
  expect(() => readProcFile('/proc/none')).toThrow('/proc/none: this kernel does not have it');
  expect(() => readProcNumber('/proc/self/comm')).toThrow('/proc/self/comm: no number in field 0');
});
