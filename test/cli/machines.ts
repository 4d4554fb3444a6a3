// Machines that do not exist, for plans.
import type { Limits } from '../../lib/system/limits.js';
import type { HoldMachine, HoldRequest } from '../../lib/cli/hold-plan.js';

const GIB = 2 ** 30;

/** A desktop with Node's raised descriptor limit and the ports of a fresh installation. */
const roomy: Limits = {
  descriptorsMax: 1_048_576,
  descriptorsOpen: 20,
  systemFilesMax: Number.MAX_SAFE_INTEGER,
  systemFilesOpen: 1_000,
  memoryTotalBytes: 32 * GIB,
  memoryAvailableBytes: 24 * GIB,
  cgroupMemoryAvailableBytes: null,
  portsLow: 32_768,
  portsHigh: 60_999,
  unprivilegedPortStart: 1_024,
  reservedPorts: 0,
  acceptQueueMax: 4_096,
  epollWatchesMax: 7_000_000,
  trackedConnectionsFree: null,
  unknown: {},
};

export function machine(limits: Partial<Limits> = {}, canLeaveDescriptorTable = true): HoldMachine {
  return { limits: { ...roomy, ...limits }, canLeaveDescriptorTable };
}

/** Both ends here, over loopback. */
export function loopback(request: Partial<HoldRequest> = {}): HoldRequest {
  return { ends: { here: 2, onThisMachine: 2 }, sources: 65_534, ...request };
}

/** A server on another machine, one address of ours. */
export function remote(request: Partial<HoldRequest> = {}): HoldRequest {
  return { ends: { here: 1, onThisMachine: 1 }, sources: 1, ...request };
}
