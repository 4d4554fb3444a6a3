// One run of `hold`: open, hold, close.

import { setTimeout as delay } from 'node:timers/promises';

import type { AddressPool } from '../loop/address-pool.js';
import type { Handlers } from '../loop/handlers.js';
import type { Loop } from '../loop/loop.js';
import { Changes } from './changes.js';
import { Failures } from './failures.js';
import { Growth } from './growth.js';
import type { HoldLane } from './hold-lane.js';
import { HoldLoops, type Destination } from './hold-loops.js';
import type { HoldPlan } from './hold-plan.js';
import { Pinger, type PingOutcome } from './ping.js';

/** Resets under way at once in each lane: the kernel drops packets of loopback when thousands come at once. */
const RESETS_IN_FLIGHT = 256;
/** Failures in a row, without one success, after which the rest is not tried. */
const FAILURES_IN_A_ROW_MAX = 1_000;
const WATCH_MS = 50;
/** How long the last connections may take to be accepted, or to be closed, when nothing else happens. */
const QUIET_MS = 10_000;

export interface HoldSettings {
  readonly plan: HoldPlan;
  readonly target: Destination | undefined;
  readonly sources: AddressPool | undefined;
  readonly holdSeconds: number;
  readonly connectTimeoutMs: number;
  readonly inFlight: number;
  readonly ratePerSecond: number | undefined;
  /** How often each connection carries a byte there and back while it is held; undefined: never. */
  readonly pingIntervalMs: number | undefined;
}

/** What the run is doing, for whoever draws it. */
export interface HoldObserver {
  opening(total: number, opened: () => number): void;
  holding(seconds: number, open: () => number): void;
  closing(total: number, closed: () => number): void;
}

export interface HoldOutcome {
  /** Connections established, on both sides where both are here. */
  readonly connections: number;
  /** Until the last of them was. */
  readonly openSeconds: number;
  readonly cpuMicros: number;
  readonly holdSeconds: number;
  readonly closeSeconds: number;
  /** Connections that were established and closed before their time. */
  readonly lost: number;
  /** Whether the rest was not tried, after too many failures in a row. */
  readonly gaveUp: boolean;
  readonly failures: Failures;
  readonly growth: Growth;
  /** Null: none were wanted. */
  readonly pings: PingOutcome | null;
}

export class HoldRun {
  readonly #settings: HoldSettings;
  readonly #signal: AbortSignal;
  readonly #observer: HoldObserver;
  readonly #loops: HoldLoops;
  readonly #failures = new Failures();
  readonly #growth: Growth;
  readonly #changes = new Changes();
  #lanes: readonly HoldLane[] = [];
  #opened = 0;
  #accepted = 0;
  #pinger: Pinger | undefined;
  #clientClosed = 0;
  #serverClosed = 0;
  #lost = 0;
  #closing = false;

  /** @throws {SystemError} the loops cannot be opened. */
  constructor(settings: HoldSettings, observer: HoldObserver, signal: AbortSignal) {
    this.#settings = settings;
    this.#observer = observer;
    this.#signal = signal;
    this.#growth = new Growth(settings.plan.connections);
    this.#loops = new HoldLoops(settings.plan);
  }

  /** Runs to the end, or until the signal; leaves nothing behind. */
  async run(): Promise<HoldOutcome> {
    try {
      await this.#prepare();
      const ramp = await this.#ramp();
      const connections = this.#established;
      const holdSeconds = await this.#hold();
      const closeSeconds = await this.#close();
      return {
        connections,
        ...ramp,
        holdSeconds,
        closeSeconds,
        lost: this.#lost,
        gaveUp: this.#gaveUp,
        failures: this.#failures,
        growth: this.#growth,
        pings: this.#pinger?.outcome ?? null,
      };
    } finally {
      await this.#loops.close();
    }
  }

  get #hasServer(): boolean {
    return this.#settings.target === undefined;
  }

  /** Connections of which both ends know, where both are here. */
  get #established(): number {
    return this.#hasServer ? Math.min(this.#opened, this.#accepted) : this.#opened;
  }

  async #prepare(): Promise<void> {
    const { target, sources, connectTimeoutMs, inFlight, ratePerSecond } = this.#settings;
    if (this.#hasServer) await this.#loops.listen((loop) => this.#serverHandlers(loop));
    this.#lanes = this.#loops.lanes({
      target,
      sources,
      timeoutMs: connectTimeoutMs,
      inFlight,
      ratePerSecond,
      events: {
        opened: (lane) => this.#onOpened(lane),
        closed: (lane, code) => this.#onClosed(lane, code),
        answered: (bytes) => {
          this.#pinger?.onAnswered(bytes);
          this.#changes.notify();
        },
      },
    });
  }

  #serverHandlers(loop: Loop): Handlers {
    return {
      open: () => {
        this.#accepted++;
        this.#changes.notify();
      },
      dataIn: (id, slab, offset, length) => {
        loop.write(id, slab, offset, length);
      },
      close: () => {
        this.#serverClosed++;
        this.#changes.notify();
      },
    };
  }

  #onOpened(lane: HoldLane): void {
    this.#opened++;
    if (this.#closing) {
      lane.resetSome(1); // it was on its way when the run ended
    } else {
      this.#growth.onOpened(this.#opened);
    }
    this.#changes.notify();
  }

  #onClosed(lane: HoldLane, code: string): void {
    this.#clientClosed++;
    if (this.#closing) {
      lane.resetSome(1);
    } else {
      this.#lost++;
      this.#failures.add(code);
    }
    this.#changes.notify();
  }

  get #gaveUp(): boolean {
    return this.#lanes.reduce((sum, lane) => sum + lane.failedInARow, 0) >= FAILURES_IN_A_ROW_MAX;
  }

  #stopLanes(): void {
    for (const lane of this.#lanes) lane.stop();
  }

  async #ramp(): Promise<{ openSeconds: number; cpuMicros: number }> {
    const { connections } = this.#settings.plan;
    this.#observer.opening(connections, () => this.#established);
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    const stop = (): void => this.#stopLanes();
    this.#signal.addEventListener('abort', stop, { once: true });
    const watch = setInterval(() => {
      if (this.#gaveUp) stop();
    }, WATCH_MS);
    if (!this.#signal.aborted) await Promise.all(this.#lanes.map((lane) => lane.open()));
    clearInterval(watch);
    const accepted = await this.#changes.until(() => this.#established === this.#opened, QUIET_MS);
    const openSeconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    this.#countFailures();
    if (!accepted) await this.#blameAcceptor();
    return { openSeconds, cpuMicros: user + system };
  }

  #countFailures(): void {
    for (const lane of this.#lanes) {
      for (const [code, count] of Object.entries(lane.codes)) {
        // Cut short, or given up: not a failure of its own.
        if (code !== 'ECANCELED') this.#failures.add(code, count);
      }
    }
  }

  /** Connections of which the server side knows nothing are failures, although the kernel established them. */
  async #blameAcceptor(): Promise<void> {
    this.#failures.add((await this.#loops.lastAcceptFailure()) ?? 'NOT_ACCEPTED', this.#opened - this.#established);
  }

  async #hold(): Promise<number> {
    if (this.#signal.aborted || this.#established === 0) return 0;
    const { holdSeconds } = this.#settings;
    this.#observer.holding(holdSeconds, () => this.#opened - this.#clientClosed);
    const startedAt = performance.now();
    const held = delay(holdSeconds * 1000, undefined, { signal: this.#signal }).catch(() => undefined); // cut short
    // First the memory: a byte on its way takes some.
    await this.#growth.finish(this.#established);
    this.#startPinging();
    await held;
    await this.#stopPinging();
    return (performance.now() - startedAt) / 1000;
  }

  #startPinging(): void {
    const { pingIntervalMs } = this.#settings;
    if (pingIntervalMs !== undefined) this.#pinger = new Pinger(this.#lanes, pingIntervalMs);
  }

  /** Answers that are on their way are waited for. */
  async #stopPinging(): Promise<void> {
    const pinger = this.#pinger;
    if (pinger === undefined) return;
    pinger.stop();
    await this.#changes.until(() => pinger.complete, QUIET_MS);
  }

  async #close(): Promise<number> {
    this.#closing = true;
    this.#observer.closing(this.#opened, () => this.#clientClosed);
    const startedAt = performance.now();
    for (const lane of this.#lanes) lane.resetSome(RESETS_IN_FLIGHT);
    const allClosed = (): boolean => this.#clientClosed === this.#opened && this.#serverClosed === this.#accepted;
    await this.#changes.until(allClosed, QUIET_MS); // what is left then is closed with its loop
    await this.#loops.close();
    return (performance.now() - startedAt) / 1000;
  }
}
