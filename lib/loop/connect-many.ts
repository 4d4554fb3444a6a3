// Many connects with one plan, over one loop or a group: no promise and no object for a connection.

import { lookup } from 'node:dns/promises';

import { native } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';
import { explainLimit, type Limit } from '../system/explain-limit.js';
import { readDynamicRange } from '../system/port-range.js';
import { AddressPool, encodedFamily } from './address-pool.js';
import { resolveConnectManyOptions, type ConnectManyOptions, type Destination } from './connect-many-options.js';
import type { ResolvedConnectManyOptions } from './connect-many-options.js';
import { shareRun, type RunShare } from './connect-many-shares.js';
import type { Handlers } from './handlers.js';
import { checkHandlers } from './handlers.js';
import { ADDRESS_RECORD_BYTES, LITTLE_ENDIAN } from './layout.js';
import { isAddress } from './listen-options.js';
import type { LoopCore } from './loop-core.js';
import { readPortFacts } from './port-facts.js';
import { countPorts, planPorts, type PortFacts, type PortPlan, type PortStrategy } from './port-plan.js';
import { readPortSeed } from './port-seed.js';
import { RunPart, type RunPlan } from './run-part.js';

/** How a run stands. The properties are live. */
export interface ConnectManyCounters {
  /** Connections established, also those that have closed since. */
  readonly opened: number;
  /** Connections that were not established and will not be tried again. */
  readonly failed: number;
  /** Tries that failed and were, or will be, followed by another. */
  readonly retried: number;
  /** Connects under way. */
  readonly inFlight: number;
  /** Connections that wait to be tried again. */
  readonly waiting: number;
  /** Source ports that somebody else turned out to have; the next one was tried. */
  readonly portsSkipped: number;
}

/** What became of a run. `opened + failed + notTried` is `requested`. */
export interface ConnectManyResult {
  /** Connections that were asked for. */
  readonly requested: number;
  /** Connections established, also those that have closed since. */
  readonly opened: number;
  /** Connections that were not. */
  readonly failed: number;
  /** Not started, because the run was stopped. */
  readonly notTried: number;
  /** Tries that failed and were followed by another. */
  readonly retried: number;
  /** Source ports that somebody else turned out to have. */
  readonly portsSkipped: number;
  /**
   * Failures by the name of the error, such as `{ ECONNREFUSED: 3 }`. `ERR_CONNSCALE_CONNECTIONS_EXHAUSTED`: the loop held
   * its `maxConnections`, accepted ones included.
   */
  readonly codes: Readonly<Record<string, number>>;
  /** Whether it was stopped: by its signal, by {@link ConnectRun.stop}, or because the loop was closed. */
  readonly stopped: boolean;
  /** The limits that made connects fail, one for each code that has one. */
  readonly limits: readonly Limit[];
  /** The rung of the port ladder that was taken. */
  readonly ports: PortStrategy;
  /**
   * The slowest connect that succeeded, from the call until the loop took its event, in milliseconds. Null: none did.
   */
  readonly slowestMs: number | null;
  /** From the start, names resolved, to the last outcome. */
  readonly seconds: number;
}

const PORT_AT = 2;

async function addressOf({ host, port }: Destination): Promise<Destination> {
  return { host: (await lookup(host)).address, port };
}

function encodeDestinations(destinations: readonly Destination[]): Uint8Array {
  const records = new Uint8Array(destinations.length * ADDRESS_RECORD_BYTES);
  const view = new DataView(records.buffer);
  destinations.forEach(({ host, port }, i) => {
    const at = i * ADDRESS_RECORD_BYTES;
    if (!native.encodeAddress(host, records.subarray(at, at + ADDRESS_RECORD_BYTES))) {
      throw new RangeError(`options.destinations[${String(i)}].host is no IP address: '${host}'`);
    }
    view.setUint16(at + PORT_AT, port, LITTLE_ENDIAN);
    if (encodedFamily(records.subarray(at)) === encodedFamily(records)) return;
    throw new RangeError(`options.destinations: ${host} is of another family than ${destinations[0]?.host ?? ''}`);
  });
  return records;
}

/** What has been checked of a run. */
interface Plan {
  /** AddressRecords. */
  readonly destinations: Uint8Array;
  readonly sources: AddressPool;
  /** Connections from each source address to each destination, at most. */
  readonly perRoute: number;
}

/** All tuples that a run may use. */
function sourcePortsLimit({ intervals }: PortPlan, sources: AddressPool, destinations: Uint8Array): Limit {
  const ports = countPorts(intervals.length > 0 ? intervals : [readDynamicRange()]);
  const max = ports * Math.max(1, sources.count) * (destinations.length / ADDRESS_RECORD_BYTES);
  return { name: 'source ports', used: max, max, raise: 'give more source addresses, or a wider portRange' };
}

/** From another one on, in a circle. */
function rotate(destinations: Uint8Array, first: number): Uint8Array {
  const at = (first * ADDRESS_RECORD_BYTES) % destinations.length;
  return Buffer.concat([destinations.subarray(at), destinations.subarray(0, at)]);
}

/** A run of `connectMany`. */
export class ConnectRun {
  /** Settles when every connection was established, has failed, or will not be tried. */
  readonly done: Promise<ConnectManyResult>;
  /** How it stands. */
  readonly counters: ConnectManyCounters;
  readonly #options: ResolvedConnectManyOptions;
  readonly #parts: readonly RunPart[];
  readonly #cores: readonly LoopCore[];
  readonly #onAbort = (): void => {
    this.stop();
  };
  #stopped = false;
  #ports: PortPlan = { strategy: 'kernel', intervals: [] };

  /** @internal */
  constructor(cores: readonly LoopCore[], options: ConnectManyOptions, handlers: Handlers) {
    this.#options = resolveConnectManyOptions(options);
    checkHandlers(handlers);
    this.#cores = cores.slice(0, this.#options.count);
    for (const core of this.#cores) core.requireOpen();
    this.#checkRoom(Math.ceil(this.#options.count / this.#cores.length));
    this.#parts = this.#cores.map((core) => new RunPart(core));
    this.counters = new LiveCounters(this.#parts);
    const { destinations, signal } = this.#options;
    // What can be refused at once is refused before anything opens.
    const plans = destinations.every(({ host }) => isAddress(host)) ? this.#plan(destinations) : undefined;
    if (signal?.aborted) this.#stopped = true;
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.done = this.#run(plans, handlers).finally(() => signal?.removeEventListener('abort', this.#onAbort));
  }

  /** Stops it: nothing new is started, what is under way fails with `ECANCELED`, what is open stays open. */
  stop(): void {
    this.#stopped = true;
    for (const part of this.#parts) part.stop();
  }

  #checkRoom(largestShare: number): void {
    const { maxInFlight } = this.#options;
    const loops = this.#cores.length;
    if (maxInFlight < loops) {
      throw new RangeError(`options.maxInFlight must be at least ${String(loops)}: each of so many loops has one under way`);
    }
    const room = Math.min(...this.#cores.map((core) => core.options.maxConnections));
    if (largestShare <= room) return;
    throw new ConnscaleError(
      'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED',
      `options.count: a loop would have to hold ${String(largestShare)}, and its maxConnections is ${String(room)}`,
    );
  }

  /** Throws when it cannot be done. */
  #plan(destinations: readonly Destination[]): Plan {
    const { sources, count } = this.#options;
    const records = encodeDestinations(destinations);
    const pool = sources === undefined ? AddressPool.none : AddressPool.of('options.sources', sources, encodedFamily(records));
    const perRoute = Math.ceil(count / (Math.max(1, pool.count) * destinations.length));
    const plan = { destinations: records, sources: pool, perRoute };
    this.#share(plan, readPortFacts());
    return plan;
  }

  /** What each loop does. */
  #share({ destinations, sources, perRoute }: Plan, facts: PortFacts, taken: Uint8Array = new Uint8Array(0)): RunPlan[] {
    const ports = planPorts(facts, { ...this.#options, perRoute });
    this.#ports = ports;
    const { count } = this.#options;
    const shares = shareRun({ sources, intervals: ports.intervals, count }, this.#parts.length);
    this.#checkRoom(Math.max(...shares.map((share) => share.count)));
    return shares.map((share) => ({ ...this.#planPart(destinations, share, shares.length), taken }));
  }

  #planPart(destinations: Uint8Array, share: RunShare, parts: number): Omit<RunPlan, 'taken'> {
    const options = this.#options;
    return {
      destinations: rotate(destinations, share.firstDestination),
      sources: share.sources.encode(),
      leastUsed: options.leastUsed,
      explicitPorts: this.#ports.strategy === 'explicit',
      intervals: share.intervals.flatMap(({ low, high }) => [low, high]),
      count: share.count,
      inFlightMax: Math.floor(options.maxInFlight / parts),
      ratePerSecond: options.ratePerSecond / parts,
      connectTimeoutTicks: options.connectTimeoutTicks,
      idleTimeoutTicks: options.idleTimeoutTicks,
      retryCodes: options.retryCodes,
      retryAttempts: options.retryAttempts,
      retryDelayMs: options.retryDelayMs,
      options: options.options,
    };
  }

  async #run(planned: Plan | undefined, handlers: Handlers): Promise<ConnectManyResult> {
    const plan = planned ?? this.#plan(await Promise.all(this.#options.destinations.map(addressOf)));
    const startedAt = performance.now();
    const shares = await this.#prepare(plan);
    if (!this.#stopped) {
      const ends = await Promise.allSettled(shares.map(async (share, i) => this.#parts[i]?.run(share, handlers)));
      const broken = ends.find((end) => end.status === 'rejected');
      if (broken !== undefined) throw broken.reason as Error;
    }
    return this.#result(plan, (performance.now() - startedAt) / 1000);
  }

  /** With ports of our own choice it is worth knowing which are taken. */
  async #prepare(plan: Plan): Promise<RunPlan[]> {
    const facts = readPortFacts();
    if (this.#ports.strategy !== 'explicit' || this.#stopped) return this.#share(plan, facts);
    const { listening, taken } = await readPortSeed(plan.sources, plan.destinations);
    return this.#share(plan, { ...facts, listening }, taken);
  }

  #result(plan: Plan, seconds: number): ConnectManyResult {
    const { opened, failed, retried, portsSkipped } = this.counters;
    const requested = this.#options.count;
    const notTried = requested - opened - failed;
    const stopped = this.#stopped || notTried > 0;
    const slowest = Math.max(...this.#parts.map(({ state }) => state.slowestMicros));
    return {
      requested,
      opened,
      failed,
      notTried,
      retried,
      portsSkipped,
      codes: this.codes,
      stopped,
      limits: this.#limits(plan),
      ports: this.#ports.strategy,
      slowestMs: opened === 0 ? null : slowest / 1000,
      seconds,
    };
  }

  /** What was met, as it is now that the run has ended. */
  #limits({ sources, destinations }: Plan): Limit[] {
    const [first] = this.#options.destinations;
    return Object.keys(this.codes).flatMap((code) => {
      if (code === 'EADDRNOTAVAIL') return [sourcePortsLimit(this.#ports, sources, destinations)];
      const call = { code, syscall: 'connect', address: first?.host, port: first?.port };
      return explainLimit(call) ?? [];
    });
  }

  /** Failures so far, by the name of the error. */
  get codes(): Readonly<Record<string, number>> {
    const codes: Record<string, number> = {};
    for (const { state } of this.#parts) {
      for (const [errno, count] of state.failures) {
        const name = failureName(errno);
        codes[name] = (codes[name] ?? 0) + count;
      }
    }
    return codes;
  }
}

/** 0: the loop held as many connections as it may. */
function failureName(errno: number): string {
  if (errno === 0) return 'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED';
  return native.errors[errno]?.[0] ?? `ERRNO_${String(errno)}`;
}

class LiveCounters implements ConnectManyCounters {
  readonly #parts: readonly RunPart[];

  constructor(parts: readonly RunPart[]) {
    this.#parts = parts;
  }

  get opened(): number {
    return this.#sum('opened');
  }
  get failed(): number {
    return this.#sum('failed');
  }
  get retried(): number {
    return this.#sum('retried');
  }
  get inFlight(): number {
    return this.#sum('inFlight');
  }
  get waiting(): number {
    return this.#sum('waiting');
  }
  get portsSkipped(): number {
    return this.#sum('portsSkipped');
  }

  #sum(name: keyof ConnectManyCounters): number {
    return this.#parts.reduce((sum, { state }) => sum + state[name], 0);
  }
}
