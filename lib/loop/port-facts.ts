// What the kernel's choice of source ports is like here.

import { release } from 'node:os';

import { native } from '../binding.js';
import { readDynamicRange, readReservedPorts, readUnprivilegedStart, type PortInterval } from '../system/port-range.js';
import type { PortFacts } from './port-plan.js';

/** Since then a socket with a range of its own looks at every port of it, from anywhere on. */
const FAST_RANGE_KERNEL = [6, 8] as const;

function kernelIsAtLeast([major, minor]: readonly [number, number]): boolean {
  const [have = 0, haveMinor = 0] = release().split('.').map(Number);
  return have > major || (have === major && haveMinor >= minor);
}

export function readPortFacts(): PortFacts {
  const hasSocketRange = native.hasSocketPortRange();
  return {
    dynamicRange: readDynamicRange(),
    reserved: readReservedPorts(),
    unprivilegedStart: readUnprivilegedStart(),
    listening: [],
    hasSocketRange,
    socketRangeIsFast: hasSocketRange && kernelIsAtLeast(FAST_RANGE_KERNEL),
  };
}

let defaultRange: PortInterval | null | undefined;

/**
 * The range that a connect gives its socket when nobody asks for another: the system's own, so that the search for a free
 * port has no slow half. Undefined: this kernel has no quick search. Read once: the kernel ignores what is outside of its
 * own range, should that become smaller.
 */
export function quickRange(): PortInterval | undefined {
  if (defaultRange === undefined) {
    const { dynamicRange, socketRangeIsFast } = readPortFacts();
    defaultRange = socketRangeIsFast ? dynamicRange : null;
  }
  return defaultRange ?? undefined;
}
