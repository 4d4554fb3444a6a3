// The loops of `hold`: its servers, where it has any, and the lanes that lead to them.

import type { AddressPool } from '../loop/address-pool.js';
import type { Handlers } from '../loop/handlers.js';
import type { Listener } from '../loop/listener.js';
import { LoopGroup } from '../loop/loop-group.js';
import type { LoopOptions } from '../loop/loop-options.js';
import { Loop } from '../loop/loop.js';
import { HoldLane, type LaneEvents } from './hold-lane.js';
import type { HoldPlan } from './hold-plan.js';

/** Idle connections receive nothing; a hundred loops need not each have room for much. */
const RECEIVE_SLAB_BYTES = 16 * 1024;
const SERVER_HOST = '127.0.0.1';

export interface Destination {
  readonly address: string;
  readonly port: number;
}

export interface LanesOptions {
  /** Where they lead to; undefined: each to the listener of its number. */
  readonly target: Destination | undefined;
  /** Undefined: the kernel's choice. */
  readonly sources: AddressPool | undefined;
  readonly timeoutMs: number;
  readonly inFlight: number;
  readonly ratePerSecond: number | undefined;
  readonly events: LaneEvents;
}

/** Loops that are open, and have to be closed. */
export class HoldLoops {
  readonly #accepting: readonly Loop[];
  readonly #connecting: readonly Loop[];
  readonly #plan: HoldPlan;
  readonly #lanes: readonly number[];
  readonly #listeners: Listener[] = [];

  /** @throws {SystemError} the machine has not what the plan needs. */
  constructor(plan: HoldPlan) {
    const each = plan.lanes[0] ?? 1;
    // A loop with both ends holds each connection twice.
    const maxConnections = plan.driver === 'node' && plan.acceptingLoops > 0 ? 2 * each : each;
    const options = { maxConnections, receiveSlabBytes: RECEIVE_SLAB_BYTES };
    this.#plan = plan;
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
  async listen(handlersOf: (loop: Loop) => Handlers): Promise<void> {
    for (const loop of this.#accepting)
      this.#listeners.push(await loop.listen({ host: SERVER_HOST, port: 0 }, handlersOf(loop)));
  }

  /** The connecting sides. */
  lanes(options: LanesOptions): HoldLane[] {
    const parts = this.#lanes.length;
    return this.#lanes.map((count, number) => {
      const loop = this.#connecting[number];
      const to = options.target ?? this.#listeners[number]?.address;
      if (loop === undefined || to === undefined) throw new RangeError('a lane needs a loop and a destination');
      const sources = sourcesOf(options, this.#plan, number);
      return new HoldLane({
        loop,
        options: {
          destinations: { host: to.address, port: to.port },
          count,
          timeoutMs: options.timeoutMs,
          maxInFlight: Math.max(1, Math.floor(options.inFlight / parts)),
          ...(sources === undefined ? {} : { sources, ports: 'explicit' }),
          ...(options.ratePerSecond === undefined ? {} : { ratePerSecond: options.ratePerSecond / parts }),
        },
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

/** The source addresses of a lane; undefined: the kernel chooses. */
function sourcesOf({ sources }: LanesOptions, plan: HoldPlan, lane: number): string[] | undefined {
  const { eachLane, own } = plan.sources;
  const from = own ? lane * eachLane : 0;
  return sources?.slice(from, from + eachLane).texts();
}
