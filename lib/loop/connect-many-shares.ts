// What each loop of a group does of a run. Pure: what there is in, shares out.

import type { PortInterval } from '../system/port-range.js';
import type { AddressPool } from './address-pool.js';
import { countPorts, splitPorts } from './port-plan.js';

/** One loop's part of a run. */
export interface RunShare {
  readonly sources: AddressPool;
  readonly intervals: readonly PortInterval[];
  readonly count: number;
  /** Where it begins in the circle of destinations: behind what the shares before it have. */
  readonly firstDestination: number;
}

type Origin = Pick<RunShare, 'sources' | 'intervals'>;

/** Where each loop connects from, so that no two try one tuple: addresses of its own, or ports of its own. */
function shareOrigins(sources: AddressPool, intervals: readonly PortInterval[], loops: number): Origin[] {
  const evenly = sources.count > 0 && sources.count % loops === 0;
  if (!evenly && intervals.length === 0) return Array.from({ length: loops }, () => ({ sources, intervals })); // the kernel's
  if (!evenly && countPorts(intervals) >= loops) {
    return splitPorts(intervals, loops).map((own) => ({ sources, intervals: own }));
  }
  if (sources.count === 0) return [{ sources, intervals }]; // too few ports to be divided
  const parts = Math.min(loops, sources.count);
  const bound = (i: number): number => Math.floor((sources.count * i) / parts);
  return Array.from({ length: parts }, (_, i) => ({ sources: sources.slice(bound(i), bound(i + 1)), intervals }));
}

/**
 * The shares of up to so many loops. Each has as many connections as it has addresses and ports, in proportion: when all
 * tuples of a run are needed, every loop has those that it needs.
 */
export function shareRun(
  { sources, intervals, count }: Pick<RunShare, 'sources' | 'intervals' | 'count'>,
  loops: number,
): RunShare[] {
  const origins = shareOrigins(sources, intervals, loops);
  const weights = origins.map((own) => Math.max(1, own.sources.count) * Math.max(1, countPorts(own.intervals)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return origins.map((own, i) => {
    const from = Math.round((count * before) / total);
    before += weights[i] ?? 0;
    return { ...own, count: Math.round((count * before) / total) - from, firstDestination: from };
  });
}
