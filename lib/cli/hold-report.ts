// What `hold --json` prints.

import type { Ceiling, Ends } from './ceilings.js';
import { perConnection, perSecond, reportSeconds } from './figures.js';
import type { HoldPlan } from './hold-plan.js';
import type { HoldOutcome } from './hold-run.js';
import type { Interruption } from './interruption.js';
import type { Machine } from './machine.js';

/** A figure that is null has its reason beside it. */
export interface HoldReport {
  readonly command: 'hold';
  /** Connections that were asked for, or that the machine was found to hold. */
  readonly connectionsPlanned: number;
  /** Connections established; on both sides, where both are in this process. All but `lost` of them were held. */
  readonly connections: number;
  /** From the first connect to the last connection established. */
  readonly seconds: number;
  readonly connectionsPerSecond: number | null;
  readonly connectionsPerSecondReason: string | null;
  /** CPU time of this process while opening, user and system, all threads: for both ends if both are here. */
  readonly cpuMicrosPerConnection: number | null;
  readonly cpuMicrosPerConnectionReason: string | null;
  /** Ends of each connection that are in this process: 2, or 1 with --target. */
  readonly endsInThisProcess: 1 | 2;
  /** Ends of each connection that are on this machine: 2, or 1 with --target elsewhere. */
  readonly endsOnThisMachine: 1 | 2;
  readonly loops: number;
  readonly descriptors: 'shared' | 'private';
  /** Growth of this process's resident memory for one more connection, all of its ends in this process. */
  readonly userBytesPerConnection: number | null;
  readonly userBytesPerConnectionReason: string | null;
  /** Growth of the kernel's memory for one more connection, all of its ends on this machine. */
  readonly kernelBytesPerConnection: number | null;
  readonly kernelBytesPerConnectionReason: string | null;
  /** 'slab caches': those of TCP connections alone. 'meminfo': all slabs of the system, whoever filled them. */
  readonly kernelBytesSource: 'slab caches' | 'meminfo' | null;
  readonly holdSeconds: number;
  /** Bytes exchanged while holding; null without --ping-interval. */
  readonly pings: { readonly sent: number; readonly answered: number } | null;
  /** From the first reset until every loop was closed. */
  readonly closeSeconds: number;
  /** Established connections that closed before they were to. */
  readonly lost: number;
  /** Whether the rest was not tried, after 1,000 failures in a row. */
  readonly gaveUp: boolean;
  /** Code → count, of connections that were not established or were lost. */
  readonly failures: Readonly<Record<string, number>>;
  /** The signal that cut the run short. */
  readonly interrupted: 'SIGINT' | 'SIGTERM' | null;
  readonly plan: {
    readonly driver: 'node' | 'thread';
    readonly acceptingLoops: number;
    readonly connectingLoops: number;
    readonly connectionsPerLoopMax: number;
    /** Source addresses used; 0: the kernel chose. */
    readonly sourceAddresses: number;
    readonly ceilings: readonly Ceiling[];
    /** The ceiling that this machine reaches first. */
    readonly binding: Ceiling['name'];
  };
  readonly machine: Machine;
}

export function holdReport(
  plan: HoldPlan,
  outcome: HoldOutcome,
  context: {
    readonly machine: Machine;
    readonly interruption: Interruption;
    readonly ends: Ends;
    readonly sources: number;
  },
): HoldReport {
  const { connections, growth } = outcome;
  const user = growth.userBytesPerConnection();
  const kernel = growth.kernelBytesPerConnection();
  const noneReason = connections === 0 ? 'no connection was established' : null;
  return {
    command: 'hold',
    connectionsPlanned: plan.connections,
    connections,
    seconds: reportSeconds(outcome.openSeconds),
    connectionsPerSecond: perSecond(connections, outcome.openSeconds),
    connectionsPerSecondReason: noneReason,
    cpuMicrosPerConnection: perConnection(outcome.cpuMicros, connections),
    cpuMicrosPerConnectionReason: noneReason,
    endsInThisProcess: context.ends.here,
    endsOnThisMachine: context.ends.onThisMachine,
    loops: plan.loops,
    descriptors: plan.descriptors,
    userBytesPerConnection: user.bytes,
    userBytesPerConnectionReason: user.reason,
    kernelBytesPerConnection: kernel.bytes,
    kernelBytesPerConnectionReason: kernel.reason,
    kernelBytesSource: kernel.bytes === null ? null : growth.kernelSource,
    holdSeconds: reportSeconds(outcome.holdSeconds),
    pings: outcome.pings,
    closeSeconds: reportSeconds(outcome.closeSeconds),
    lost: outcome.lost,
    gaveUp: outcome.gaveUp,
    failures: outcome.failures.toJSON(),
    interrupted: context.interruption.name,
    plan: {
      driver: plan.driver,
      acceptingLoops: plan.acceptingLoops,
      connectingLoops: plan.connectingLoops,
      connectionsPerLoopMax: plan.lanes[0] ?? 0,
      sourceAddresses: context.sources,
      ceilings: plan.ceilings,
      binding: plan.binding.name,
    },
    machine: context.machine,
  };
}
