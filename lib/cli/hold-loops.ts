// The loops of `hold`: its servers, where it has any, and the lanes that lead to them.

import type { ConnectOptions } from '../loop/connect-options.js';
import type { Handlers } from '../loop/handlers.js';
import type { Listener } from '../loop/listener.js';
import { LoopGroup } from '../loop/loop-group.js';
import type { LoopOptions } from '../loop/loop-options.js';
import { Loop } from '../loop/loop.js';
import { HoldLane, type LaneEvents } from './hold-lane.js';
import type { HoldPlan } from './hold-plan.js';
import type { SourceAddresses } from './source-addresses.js';

/** Idle connections receive nothing; a hundred loops need not each have room for much. */
const RECEIVE_SLAB_BYTES = 16 * 1024;
const SERVER_HOST = '127.0.0.1';

export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** Loops that are open, and have to be closed. */
export class HoldLoops {
  readonly #accepting: readonly Loop[];
  readonly #connecting: readonly Loop[];
  readonly #lanes: readonly number[];
  readonly #listeners: Listener[] = [];

  /** @throws {SystemError} the machine has not what the plan needs. */
  constructor(plan: HoldPlan) {
    const options = { maxConnections: plan.lanes[0] ?? 1, receiveSlabBytes: RECEIVE_SLAB_BYTES };
    this.#lanes = plan.lanes;
    if (plan.driver === 'node') {
      this.#connecting = [new Loop({ ...options, driver: 'node' })];
      this.#accepting = plan.acceptingLoops > 0 ? this.#connecting : [];
      return;
    }
    const threads = { ...options, descriptors: plan.descriptors };
    this.#connecting = openGroup(plan.connectingLoops, threads);
    try {
      this.#accepting = openGroup(plan.acceptingLoops, threads);
    } catch (error) {
      for (const loop of this.#connecting) void loop.close();
      throw error;
    }
  }

  /**
   * A listener of its own for each accepting loop, on a port of its own: which loop gets which connection is then known
   * before, where SO_REUSEPORT would leave it to chance (8 % off with 16 listeners).
   */
  async listen(handlers: Handlers): Promise<void> {
    for (const loop of this.#accepting)
      this.#listeners.push(await loop.listen({ host: SERVER_HOST, port: 0 }, handlers));
  }

  /**
   * The connecting sides.
   *
   * @param target - Where they lead to; undefined: each to the listener of its number.
   * @param sources - Undefined: the kernel's choice.
   */
  lanes(options: {
    readonly target: Destination | undefined;
    readonly sources: SourceAddresses | undefined;
    readonly sourcesUsed: number;
    readonly timeoutMs: number;
    readonly inFlight: number;
    readonly events: LaneEvents;
  }): HoldLane[] {
    const inFlightMax = Math.max(1, Math.floor(options.inFlight / this.#lanes.length));
    return this.#lanes.map((connections, number) => {
      const loop = this.#connecting[number];
      const to = options.target ?? this.#listeners[number]?.address;
      if (loop === undefined || to === undefined) throw new RangeError('a lane needs a loop and a destination');
      const base = { host: to.address, port: to.port, timeoutMs: options.timeoutMs };
      return new HoldLane({
        loop,
        routes: routesFrom(base, options),
        connections,
        inFlightMax,
        events: options.events,
      });
    });
  }

  /** Why accepting failed last, if it did. */
  async lastAcceptFailure(): Promise<string | null> {
    const all = await Promise.all(this.#listeners.map((listener) => listener.stats()));
    return all.find((stats) => stats.lastFailure !== null)?.lastFailure ?? null;
  }

  /** Closes everything that is left. */
  async close(): Promise<void> {
    await Promise.all([...new Set([...this.#accepting, ...this.#connecting])].map((loop) => loop.close()));
  }
}

function openGroup(loops: number, options: Omit<LoopOptions, 'driver'>): readonly Loop[] {
  return loops === 0 ? [] : new LoopGroup({ ...options, loops }).loops;
}

/** One set of options for each source address, made once: a connect then allocates none. */
function routesFrom(
  base: ConnectOptions,
  { sources, sourcesUsed }: { readonly sources: SourceAddresses | undefined; readonly sourcesUsed: number },
): ConnectOptions[] {
  if (sources === undefined) return [base];
  return Array.from({ length: sourcesUsed }, (_, i) => ({ ...base, source: { address: sources.at(i) } }));
}
