// The ladder of source ports, for machines that this one is not: facts in, plan out.
import { AddressPool } from '../../lib/loop/address-pool.js';
import { type RunShare, shareRun } from '../../lib/loop/connect-many-shares.js';
import {
  type PortFacts,
  type PortPlan,
  type PortRequest,
  countPorts,
  planPorts,
  splitPorts,
} from '../../lib/loop/port-plan.js';
import { expect, test } from '../helpers/runner.js';

type Interval = PortPlan['intervals'][number];

const FAST: PortFacts = {
  dynamicRange: { low: 32_768, high: 60_999 },
  reserved: [],
  unprivilegedStart: 1_024,
  listening: [],
  hasSocketRange: true,
  socketRangeIsFast: true,
};
/** Linux 6.3 to 6.7, and before. */
const SLOW: PortFacts = { ...FAST, socketRangeIsFast: false };
const OLD: PortFacts = { ...SLOW, hasSocketRange: false };
const AUTOMATIC = 28_232;

function plan(facts: PortFacts, request: Partial<PortRequest>): PortPlan {
  return planPorts(facts, { ports: 'auto', portRange: undefined, perRoute: 1, ...request });
}

function strategy(facts: PortFacts, perRoute: number, portRange?: readonly [number, number]): string {
  const range = portRange === undefined ? {} : { portRange: { low: portRange[0], high: portRange[1] } };
  return plan(facts, { perRoute, ...range }).strategy;
}

function intervals(...pairs: readonly (readonly [number, number])[]): Interval[] {
  return pairs.map(([low, high]) => ({ low, high }));
}

function portsOf(all: readonly Interval[]): number[] {
  return all.flatMap(({ low, high }) => Array.from({ length: high - low + 1 }, (_, i) => low + i));
}

const EVERY = intervals([61_000, 65_535], [10_000, 32_767], [1_024, 9_999], [32_768, 60_999]);

test('where a range of its own is quick, a socket has one while it suffices, with a tenth for others', () => {
  expect(plan(FAST, {})).toEqual({ strategy: 'range', intervals: intervals([32_768, 60_999]) });
  expect(strategy(FAST, AUTOMATIC * 0.9)).toBe('range');
  expect(strategy(FAST, Math.floor(AUTOMATIC * 0.9) + 1)).toBe('explicit');
});

test('where it is not, the kernel chooses before its search turns slow, and explicit ports are taken after that', () => {
  for (const facts of [SLOW, OLD]) {
    expect(plan(facts, {})).toEqual({ strategy: 'kernel', intervals: [] });
    expect(strategy(facts, Math.floor(AUTOMATIC * 0.35))).toBe('kernel');
    expect(strategy(facts, Math.floor(AUTOMATIC * 0.35) + 1)).toBe('explicit');
    expect(strategy(facts, AUTOMATIC / 2)).toBe('explicit'); // the cliff
  }
});

test('reserved ports are no automatic ones', () => {
  const reserved = intervals([30_000, 32_999], [50_000, 50_999]); // 232 and 1,000 of the range
  const left = AUTOMATIC - 1_232;
  expect(strategy({ ...FAST, reserved }, Math.floor(left * 0.9))).toBe('range');
  expect(strategy({ ...FAST, reserved }, Math.floor(left * 0.9) + 1)).toBe('explicit');
  expect(strategy({ ...OLD, reserved }, Math.floor(left * 0.35) + 1)).toBe('explicit');
});

test('a range that was asked for is the kernel\'s where it can and is quick, else explicit', () => {
  expect(strategy(FAST, 1, [40_000, 40_100])).toBe('range');
  expect(strategy(FAST, 1, [32_768, 60_999])).toBe('range');
  expect(strategy(FAST, 1, [32_767, 40_000])).toBe('explicit');
  expect(strategy(FAST, 1, [40_000, 61_000])).toBe('explicit');
  expect(strategy(SLOW, 1, [40_000, 40_100])).toBe('explicit');
  expect(plan(FAST, { portRange: { low: 40_000, high: 40_100 } }).intervals).toEqual(intervals([40_000, 40_100]));
});

test('explicit ports: outside of the automatic range first, those of services last among them, each once', () => {
  const found = plan(FAST, { ports: 'explicit' });
  expect(found).toEqual({ strategy: 'explicit', intervals: EVERY });
  const ports = portsOf(found.intervals);
  expect(ports).toHaveLength(64_512);
  expect(new Set(ports).size).toBe(64_512);
});

test('explicit ports: any automatic range leaves every port once', () => {
  for (const [low, high] of [
    [1_024, 65_535],
    [1_024, 9_999],
    [5_000, 20_000],
    [9_999, 10_000],
    [10_000, 65_535],
    [65_535, 65_535],
    [1, 65_535],
    [500, 1_023],
  ] as const) {
    const found = plan({ ...FAST, dynamicRange: { low, high } }, { ports: 'explicit' });
    const ports = portsOf(found.intervals);
    expect({ low, high, ports: ports.length, different: new Set(ports).size }).toEqual({
      low,
      high,
      ports: 64_512,
      different: 64_512,
    });
    const first = ports.findIndex((port) => port >= low && port <= high);
    const outside = ports.filter((port) => port < low || port > high).length;
    expect({ low, high, first: first === -1 ? ports.length : first }).toEqual({ low, high, first: outside });
  }
});

test('explicit ports: neither privileged, nor reserved, nor listened on', () => {
  const facts: PortFacts = {
    ...FAST,
    unprivilegedStart: 2_000,
    reserved: intervals([9_148, 9_150], [30_000, 40_000], [65_535, 65_535]),
    listening: intervals([1_000, 2_000], [8_080, 8_080], [9_150, 9_151]),
  };
  const found = plan(facts, { ports: 'explicit' });
  expect(found.intervals).toEqual(
    intervals(
      [61_000, 65_534],
      [10_000, 29_999],
      [2_001, 8_079],
      [8_081, 9_147],
      [9_152, 9_999],
      [40_001, 60_999],
    ),
  );
});

test('explicit ports: thousands of holes, in any order and upon each other, are no work', () => {
  const holes = Array.from({ length: 30_000 }, (_, i) => ({ low: 65_000 - 2 * i, high: 65_000 - 2 * i }));
  const startedAt = performance.now();
  const found = plan({ ...FAST, listening: [...holes, ...holes], reserved: intervals([20_000, 20_010]) }, { ports: 'explicit' });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  const ports = new Set(portsOf(found.intervals));
  expect(ports.size).toBe(64_512 - 30_000 - 5); // five of the reserved are odd
  expect([...ports].filter((port) => port % 2 === 0 && port <= 65_000 && port >= 5_002)).toEqual([]);
});

test('explicit ports within a range: only those, in the same order; down to the privileged ones', () => {
  const within = (low: number, high: number): PortPlan['intervals'] =>
    plan(FAST, { ports: 'explicit', portRange: { low, high } }).intervals;
  expect(within(9_990, 32_770)).toEqual(intervals([10_000, 32_767], [9_990, 9_999], [32_768, 32_770]));
  expect(within(1, 1_030)).toEqual(intervals([1_024, 1_030]));
  expect(() => within(1, 1_023)).toThrow(RangeError);
  const open = { ...FAST, unprivilegedStart: 0 };
  expect(plan(open, { ports: 'explicit', portRange: { low: 1, high: 3 } }).intervals).toEqual(intervals([1, 3]));
  // Without a range those below 1,024 are nobody's first choice.
  expect(countPorts(plan(open, { ports: 'explicit' }).intervals)).toBe(64_512);
  const taken = { ...FAST, listening: intervals([5_000, 5_001]) };
  expect(() => plan(taken, { ports: 'explicit', portRange: { low: 5_000, high: 5_001 } })).toThrow(
    'options.portRange: every port of it is privileged, reserved or listened on',
  );
});

test('a rung that was asked for by name is taken, or it is an error', () => {
  expect(plan(FAST, { ports: 'kernel', perRoute: 60_000 })).toEqual({ strategy: 'kernel', intervals: [] });
  expect(plan(FAST, { ports: 'range', perRoute: 60_000 }).strategy).toBe('range');
  expect(plan(SLOW, { ports: 'range' }).strategy).toBe('range');
  expect(() => plan(OLD, { ports: 'range' })).toThrow(expect.objectContaining({ code: 'ERR_CONNSCALE_UNSUPPORTED' }));
  expect(() => plan(FAST, { ports: 'range', portRange: { low: 32_767, high: 40_000 } })).toThrow(RangeError);
  expect(plan(OLD, { ports: 5_000 })).toEqual({ strategy: 'explicit', intervals: intervals([5_000, 5_000]) });
});

test('ports that are split are disjoint, complete, in order and as many for each', () => {
  const cases: readonly (readonly Interval[])[] = [
    EVERY,
    intervals([1_024, 1_024]),
    intervals([1_024, 1_033]),
    intervals([7, 7], [5, 5], [9, 9]),
    intervals([10, 14], [30, 31], [20, 26], [1, 1]),
  ];
  for (const all of cases) {
    for (const parts of [1, 2, 3, 7, 256]) {
      const shares = splitPorts(all, parts);
      expect(shares).toHaveLength(parts);
      const ports = portsOf(shares.flat());
      expect(ports.sort((a, b) => a - b)).toEqual(portsOf(all).sort((a, b) => a - b));
      const sizes = shares.map(countPorts);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const order = new Map(portsOf(all).map((port, i) => [port, i]));
      for (const share of shares) {
        const places = portsOf(share).map((port) => order.get(port) ?? NaN);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }
    }
  }
});

const sources = (count: number): AddressPool =>
  count === 0 ? AddressPool.none : AddressPool.parse('sources', [`127.0.1.1-127.0.1.${count}`]);

/** Tuples to one destination that a share may use: its addresses, each with its ports. */
function tuplesOf(share: RunShare): string[] {
  const addresses = share.sources.count === 0 ? ['any'] : [...Array(share.sources.count).keys()].map((i) => share.sources.at(i));
  return addresses.flatMap((address) => portsOf(share.intervals).map((port) => `${address}:${port}`));
}

test('shares of a run: no tuple twice, none left out, and as many connections as tuples when all are wanted', () => {
  for (const addresses of [0, 1, 2, 3, 4, 6, 7, 8]) {
    for (const ports of [1, 2, 3, 5, 30]) {
      for (const loops of [1, 2, 3, 4, 8]) {
        const all = Math.max(1, addresses) * ports;
        const where = { addresses, ports, loops };
        for (const count of [all, 2 * all, Math.ceil(all / 2), 1]) {
          const shares = shareRun({ sources: sources(addresses), intervals: intervals([100, 99 + ports]), count }, loops);
          const tuples = shares.flatMap(tuplesOf);
          expect({ ...where, shares: shares.length <= loops, tuples: new Set(tuples).size }).toEqual({
            ...where,
            shares: true,
            tuples: all,
          });
          expect(tuples).toHaveLength(all);
          expect({ ...where, count: shares.reduce((sum, share) => sum + share.count, 0) }).toEqual({ ...where, count });
          const destinations = count === 2 * all ? 2 : 1;
          for (const share of shares) expect(share.count).toBeLessThanOrEqual(destinations * tuplesOf(share).length);
        }
      }
    }
  }
});

test('shares of a run: even wherever there is enough, and each begins where the one before it ends', () => {
  const counts = (addresses: number, of: readonly Interval[], count: number, loops: number): number[] =>
    shareRun({ sources: sources(addresses), intervals: of, count }, loops).map((share) => share.count);
  for (const addresses of [0, 1, 2, 3, 5, 12]) {
    expect(counts(addresses, EVERY, 3_000, 3)).toEqual([1_000, 1_000, 1_000]);
    expect(counts(addresses, [], 3_000, 3)).toEqual([1_000, 1_000, 1_000]); // the kernel's ports
  }
  const shares = shareRun({ sources: sources(3), intervals: [], count: 10 }, 3);
  expect(shares.map(({ firstDestination, count }) => [firstDestination, count])).toEqual([
    [0, 3],
    [3, 4],
    [7, 3],
  ]);
});
