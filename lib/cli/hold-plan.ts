// How `hold` spreads its connections over loops, tables and source addresses. Pure: limits in, plan out.

import type { Limits } from '../system/limits.js';
import {
  endsPerPrivateTable,
  loopsMax,
  lowest,
  machineCeilings,
  portsCeiling,
  explicitPortsPerSource,
  privateTablesCeiling,
  sharedTableCeiling,
  type Ceiling,
  type Ends,
} from './ceilings.js';
import { CommandError } from './command-error.js';
import { formatCount } from './format.js';

/** More than this is held only when it is asked for. */
const CONNECTIONS_DEFAULT_MAX = 100_000;
/** A number that the machine chose is rounded down to two digits and zeros: it is easier to read and to compare. */
const ROUND_TO_DIGITS = 2;

export interface HoldRequest {
  /** Undefined: as many as the machine safely holds, at most 100,000. */
  readonly connections?: number | undefined;
  readonly ends: Ends;
  /** Loops on each side. Undefined: as few as will do. */
  readonly loops?: number | undefined;
  readonly descriptors?: 'shared' | 'private' | undefined;
  /** Source addresses that there are. */
  readonly sources: number;
}

/** What the machine offers. */
export interface HoldMachine {
  readonly limits: Limits;
  readonly canLeaveDescriptorTable: boolean;
}

/** Source addresses that are used. */
export interface HoldSources {
  readonly used: number;
  readonly eachLane: number;
  /** Whether no two lanes have the same. */
  readonly own: boolean;
}

export interface HoldPlan {
  readonly connections: number;
  readonly descriptors: 'shared' | 'private';
  /** 'node': one loop in this thread for everything. 'thread': each loop in a thread of its own. */
  readonly driver: 'node' | 'thread';
  /** Loops that accept; 0 with a server elsewhere, 1 when the one loop does both. */
  readonly acceptingLoops: number;
  /** Loops that connect; the one loop that does both is counted here as well. */
  readonly connectingLoops: number;
  /** Loops in all. */
  readonly loops: number;
  /** Connections of each connecting loop; its server, here, is the accepting loop of the same number. */
  readonly lanes: readonly number[];
  readonly sources: HoldSources;
  readonly ceilings: readonly Ceiling[];
  /** The ceiling that more connections would reach first. */
  readonly binding: Ceiling;
}

interface Shape {
  readonly descriptors: 'shared' | 'private';
  readonly driver: 'node' | 'thread';
  readonly lanes: number;
}

function mayBePrivate(request: HoldRequest, machine: HoldMachine): boolean {
  return request.descriptors !== 'shared' && machine.canLeaveDescriptorTable;
}

/** What descriptors allow, with as many tables as the request leaves room for. */
function tableCeiling(request: HoldRequest, machine: HoldMachine): Ceiling {
  const { limits } = machine;
  if (!mayBePrivate(request, machine)) return sharedTableCeiling(limits, request.ends);
  return privateTablesCeiling(limits, request.loops ?? loopsMax(limits, request.ends));
}

/** One table if it has room for the connections (and is not refused), otherwise one for each loop. */
function chooseShape(request: HoldRequest, machine: HoldMachine, connections: number): Shape {
  const { limits } = machine;
  const fitsOne = sharedTableCeiling(limits, request.ends).connections >= connections;
  if (!mayBePrivate(request, machine) || (request.descriptors === undefined && fitsOne)) {
    return {
      descriptors: 'shared',
      driver: request.loops === undefined ? 'node' : 'thread',
      lanes: request.loops ?? 1,
    };
  }
  const needed = Math.ceil(connections / Math.max(1, endsPerPrivateTable(limits)));
  return { descriptors: 'private', driver: 'thread', lanes: request.loops ?? Math.max(1, needed) };
}

function roundDown(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) + 1 - ROUND_TO_DIGITS);
  return Math.floor(value / unit) * unit;
}

function checkRequest(request: HoldRequest, machine: HoldMachine): void {
  const most = loopsMax(machine.limits, request.ends);
  if (request.loops !== undefined && request.loops > most) {
    throw new CommandError(`--loops: at most ${most} on each side here`);
  }
  if (request.descriptors === 'private' && !machine.canLeaveDescriptorTable) {
    throw new CommandError(
      '--descriptors private: close_range(2) is missing here (Linux 5.9), or refused by a seccomp filter',
    );
  }
}

function refusal(wanted: number, { name, connections, because, raise }: Ceiling): CommandError {
  return new CommandError(
    `--connections: ${formatCount(wanted)} do not fit: the ceiling is ${name}, at ${formatCount(connections)} ` +
      `(${because}); ask for fewer, or ${raise}`,
  );
}

function splitEvenly(total: number, parts: number): number[] {
  const [small, larger] = [Math.floor(total / parts), total % parts];
  return Array.from({ length: parts }, (_, i) => (i < larger ? small + 1 : small));
}

/** Addresses for each lane: of its own where there are enough, or else the same for all. */
function sourcesFor(lanes: number, connections: number, available: number, limits: Limits): HoldSources {
  const each = Math.min(available, Math.max(1, Math.ceil(connections / explicitPortsPerSource(limits))));
  const own = each * lanes <= available;
  return { eachLane: each, own, used: own ? each * lanes : each };
}

/**
 * Plans a run.
 *
 * @throws {CommandError} it does not fit; the message names the ceiling.
 */
export function planHold(request: HoldRequest, machine: HoldMachine): HoldPlan {
  checkRequest(request, machine);
  const { limits } = machine;
  const both = request.ends.here === 2;
  const known: [Ceiling, ...Ceiling[]] = [tableCeiling(request, machine), ...machineCeilings(limits, request.ends)];
  const wanted = request.connections ?? Math.min(CONNECTIONS_DEFAULT_MAX, lowest(known).connections);
  const shape = chooseShape(request, machine, wanted);
  const ceilings: [Ceiling, ...Ceiling[]] = [...known, portsCeiling(limits, request.sources, both ? shape.lanes : 1)];
  const binding = lowest(ceilings);
  const connections = request.connections ?? roundDown(Math.min(wanted, binding.connections));
  if (connections > binding.connections || connections < 1) throw refusal(Math.max(1, wanted), binding);

  const lanes = splitEvenly(connections, Math.min(shape.lanes, connections));
  const perDestination = both ? (lanes[0] ?? 0) : connections;
  const acceptingLoops = both ? lanes.length : 0;
  return {
    connections,
    descriptors: shape.descriptors,
    driver: shape.driver,
    acceptingLoops,
    connectingLoops: lanes.length,
    loops: shape.driver === 'node' ? 1 : acceptingLoops + lanes.length,
    lanes,
    sources: sourcesFor(both ? lanes.length : 1, perDestination, request.sources, limits),
    ceilings,
    binding,
  };
}
