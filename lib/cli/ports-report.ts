// What `ports --json` prints.

import type { DynamicRange, PortCensus, PortUsage, ReservedPorts, UnprivilegedStart } from '../system/index.js';

/** Everything that was looked at, as the library returns it. A figure that is null has its reason beside it. */
export interface PortsReport {
  readonly command: 'ports';
  readonly range: DynamicRange;
  readonly reserved: ReservedPorts;
  readonly unprivilegedStart: UnprivilegedStart;
  /** All sockets of the network namespace. */
  readonly census: PortCensus;
  /** What is used and what is left, for each source address. */
  readonly sources: readonly PortUsage[];
}
