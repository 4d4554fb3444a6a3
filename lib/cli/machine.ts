// The machine that a figure was measured on.

import { arch, availableParallelism, cpus, release, type } from 'node:os';

import type { Limits } from '../system/limits.js';
import { formatBytes, plural } from './format.js';

/** The machine of a report. Null: cannot be had here; `limits.unknown` says why. */
export interface Machine {
  /** Name and release. */
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  /** Processors that this process may use. */
  readonly cores: number;
  readonly cpuModel: string | null;
  readonly memoryBytes: number | null;
  /** The limits in force when the command started. */
  readonly limits: Limits;
}

export function describeMachine(limits: Limits): Machine {
  return {
    kernel: `${type()} ${release()}`,
    architecture: arch(),
    node: process.version,
    cores: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? null,
    memoryBytes: limits.memoryTotalBytes,
    limits,
  };
}

/** The machine in one line. */
export function machineLine(machine: Machine): string {
  const memory = machine.memoryBytes === null ? [] : [formatBytes(machine.memoryBytes)];
  return [machine.kernel, plural(machine.cores, 'core'), ...memory, `Node ${machine.node.slice(1)}`].join(', ');
}
