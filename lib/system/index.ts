// The public names of @connscale/native/system.

export type { PortInterval } from './port-range.js';
export type { AutomaticPorts, ExplicitPorts } from './port-usage.js';
export type { PortInUse } from './ports-in-use.js';
export {
  ports,
  type DynamicRange,
  type PortCensus,
  type PortSource,
  type PortsInUseOptions,
  type PortUsage,
  type PortUsageOptions,
  type ReservedPorts,
  type SocketTableResult,
  type UnprivilegedStart,
} from './ports.js';
export type { RowAddress } from './socket-record.js';
export type { SocketDestination } from './socket-selection.js';
export type { SocketState } from './socket-states.js';
export type { NetworkNamespace } from './system-query.js';
