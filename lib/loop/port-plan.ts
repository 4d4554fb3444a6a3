// Which ports a run connects from: a rung of the ladder, and the ports that belong to it. Pure: facts in, plan out.

import { ConnscaleError } from '../connscale-error.js';
import type { PortInterval } from '../system/port-range.js';

/** The rungs of the ladder; see `ports` of {@link ConnectManyOptions}. */
export type PortStrategy = 'explicit' | 'range' | 'kernel';

/** What the machine's ports are like. */
export interface PortFacts {
  /** net.ipv4.ip_local_port_range. */
  readonly dynamicRange: PortInterval;
  /** net.ipv4.ip_local_reserved_ports. */
  readonly reserved: readonly PortInterval[];
  /** net.ipv4.ip_unprivileged_port_start. */
  readonly unprivilegedStart: number;
  /** Ports that listeners have: bound to one, a connection from it would be refused. */
  readonly listening: readonly PortInterval[];
  /** IP_LOCAL_PORT_RANGE (Linux 6.3). */
  readonly hasSocketRange: boolean;
  /** A range of the socket's own is searched without the cliff (Linux 6.8). */
  readonly socketRangeIsFast: boolean;
}

export interface PortRequest {
  /** A number: this one port. */
  readonly ports: 'auto' | PortStrategy | number;
  readonly portRange: PortInterval | undefined;
  /** Connections from each source address to each destination, at most. */
  readonly perRoute: number;
}

export interface PortPlan {
  readonly strategy: PortStrategy;
  /** `'explicit'`: in order of preference. `'range'`: one. `'kernel'`: none. */
  readonly intervals: readonly PortInterval[];
}

const SERVICE_PORTS_MAX = 9_999;
const LOWEST = 1_024;
const HIGHEST = 65_535;
/** The share of an automatic range that a run plans with: others have some of it. */
const RANGE_SHARE = 0.9;
/** Without the fast search: 70 % of the half that the kernel looks through first. */
const SLOW_RANGE_SHARE = 0.35;

function width({ low, high }: PortInterval): number {
  return Math.max(0, high - low + 1);
}

export function countPorts(intervals: readonly PortInterval[]): number {
  return intervals.reduce((sum, interval) => sum + width(interval), 0);
}

function intersect(a: PortInterval, b: PortInterval): PortInterval[] {
  const both = { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) };
  return both.low <= both.high ? [both] : [];
}

/** What is left of intervals, in their order. Holes may be many: a machine has thousands of listeners. */
/** Ascending, and none that touches another. */
function merge(intervals: readonly PortInterval[]): PortInterval[] {
  const merged: PortInterval[] = [];
  for (const next of [...intervals].sort((a, b) => a.low - b.low)) {
    const last = merged.at(-1);
    if (last === undefined || next.low > last.high + 1) merged.push(next);
    else merged[merged.length - 1] = { low: last.low, high: Math.max(last.high, next.high) };
  }
  return merged;
}

/** What is left of intervals, in their order. Machines may have thousands of holes: one pass for each interval. */
function without(intervals: readonly PortInterval[], holes: readonly PortInterval[]): PortInterval[] {
  const sorted = merge(holes);
  return intervals.flatMap((interval) => {
    const left: PortInterval[] = [];
    let low = interval.low;
    for (const hole of sorted) {
      left.push(...intersect({ low, high: interval.high }, { low: 0, high: hole.low - 1 }));
      low = Math.max(low, hole.high + 1);
    }
    return [...left, ...intersect({ low, high: interval.high }, { low: 0, high: HIGHEST })];
  });
}

/** Every port that may be bound: outside the automatic range first, so that others keep what the kernel gives them. */
function explicitPorts(facts: PortFacts, range: PortInterval | undefined): PortInterval[] {
  const { dynamicRange, reserved, listening, unprivilegedStart } = facts;
  const all = { low: Math.max(LOWEST, unprivilegedStart), high: HIGHEST };
  const bound = range === undefined ? [all] : intersect({ low: Math.max(1, unprivilegedStart), high: HIGHEST }, range);
  // Ports of services, which others may want to listen on later, come after those above them.
  const groups = [
    { low: dynamicRange.high + 1, high: HIGHEST },
    { low: SERVICE_PORTS_MAX + 1, high: dynamicRange.low - 1 },
    { low: 0, high: Math.min(SERVICE_PORTS_MAX, dynamicRange.low - 1) },
    dynamicRange,
  ];
  const preferred = groups.flatMap((group) => bound.flatMap((interval) => intersect(interval, group)));
  return without(preferred, [...reserved, ...listening]);
}

function automaticPorts({ dynamicRange, reserved }: PortFacts): number {
  return countPorts(without([dynamicRange], reserved));
}

/** Free automatic ports are shared with everybody: taken when they will do, and only where their search is fast. */
function choose(facts: PortFacts, request: PortRequest): PortStrategy {
  if (request.portRange !== undefined) {
    const { low, high } = request.portRange;
    const clamped = low < facts.dynamicRange.low || high > facts.dynamicRange.high;
    return clamped || !facts.socketRangeIsFast ? 'explicit' : 'range';
  }
  const ports = automaticPorts(facts);
  if (facts.socketRangeIsFast) return request.perRoute <= ports * RANGE_SHARE ? 'range' : 'explicit';
  return request.perRoute <= ports * SLOW_RANGE_SHARE ? 'kernel' : 'explicit';
}

function rangePlan(facts: PortFacts, range: PortInterval | undefined): PortPlan {
  if (!facts.hasSocketRange) {
    throw new ConnscaleError(
      'ERR_CONNSCALE_UNSUPPORTED',
      "options.ports 'range': this kernel has no IP_LOCAL_PORT_RANGE (Linux 6.3)",
    );
  }
  const { low, high } = facts.dynamicRange;
  if (range !== undefined && (range.low < low || range.high > high)) {
    throw new RangeError(
      `options.portRange: the kernel ignores a range outside net.ipv4.ip_local_port_range (${String(low)}-${String(high)}); ` +
        "use ports: 'explicit'",
    );
  }
  return { strategy: 'range', intervals: [range ?? facts.dynamicRange] };
}

/**
 * The plan for a run.
 *
 * @throws {RangeError} no port is left of what was asked for.
 * @throws {ConnscaleError} `ERR_CONNSCALE_UNSUPPORTED`: a rung that was asked for by name is not there.
 */
export function planPorts(facts: PortFacts, request: PortRequest): PortPlan {
  if (typeof request.ports === 'number') {
    return { strategy: 'explicit', intervals: [{ low: request.ports, high: request.ports }] };
  }
  const strategy = request.ports === 'auto' ? choose(facts, request) : request.ports;
  if (strategy === 'range') return rangePlan(facts, request.portRange);
  if (strategy === 'kernel') return { strategy, intervals: [] };
  const intervals = explicitPorts(facts, request.portRange);
  if (intervals.length === 0) throw new RangeError('options.portRange: every port of it is privileged, reserved or listened on');
  return { strategy, intervals };
}

/**
 * A part of the ports for each of several loops, so that none tries another's: of each interval one, as many for all but
 * for one port.
 */
export function splitPorts(intervals: readonly PortInterval[], parts: number): PortInterval[][] {
  const shares: PortInterval[][] = Array.from({ length: parts }, () => []);
  for (const interval of intervals) {
    const [each, over] = [Math.floor(width(interval) / parts), width(interval) % parts];
    // What is over goes to those with the fewest: many small intervals come out even as well.
    const favoured = new Set([...shares].sort((a, b) => countPorts(a) - countPorts(b)).slice(0, over));
    let low = interval.low;
    for (const share of shares) {
      const high = low + each + (favoured.has(share) ? 1 : 0) - 1;
      if (low <= high) share.push({ low, high });
      low = high + 1;
    }
  }
  return shares;
}
