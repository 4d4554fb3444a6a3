// One run of `hold`: open, hold, close.

import { setTimeout as delay } from 'node:timers/promises';

import { Changes } from './changes.js';
import { Failures } from './failures.js';
import { Growth } from './growth.js';
import type { HoldLane } from './hold-lane.js';
import { HoldLoops, type Destination } from './hold-loops.js';
import type { HoldPlan } from './hold-plan.js';
import { Pace } from './pace.js';
import type { SourceAddresses } from './source-addresses.js';

/** Resets under way at once in each lane: the kernel drops packets of loopback when thousands come at once. */
const RESETS_IN_FLIGHT = 256;
/** Failures in a row, without one success, after which the rest is not tried. */
const FAILURES_IN_A_ROW_MAX = 1_000;
/** How long the last connections may take to be accepted, or to be closed, when nothing else happens. */
const QUIET_MS = 10_000;

export interface HoldSettings {
  readonly plan: HoldPlan;
  readonly target: Destination | undefined;
  readonly sources: SourceAddresses | undefined;
  readonly holdSeconds: number;
  readonly connectTimeoutMs: number;
  readonly inFlight: number;
  readonly ratePerSecond: number | undefined;
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
}

export class HoldRun {
  readonly #settings: HoldSettings;
  readonly #signal: AbortSignal;
  readonly #observer: HoldObserver;
  readonly #loops: HoldLoops;
  readonly #failures = new Failures();
  readonly #growth: Growth;
  readonly #pace: Pace;
  readonly #changes = new Changes();
  #lanes: readonly HoldLane[] = [];
  #opened = 0;
  #accepted = 0;
  #failed = 0;
  #failedInARow = 0;
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
    this.#pace = new Pace(settings.ratePerSecond);
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
    const { plan, target, sources, connectTimeoutMs, inFlight } = this.#settings;
    if (this.#hasServer) {
      await this.#loops.listen({
        open: () => {
          this.#accepted++;
          this.#changes.notify();
        },
        close: () => {
          this.#serverClosed++;
          this.#changes.notify();
        },
      });
    }
    this.#lanes = this.#loops.lanes({
      target,
      sources,
      sourcesUsed: plan.sources,
      timeoutMs: connectTimeoutMs,
      inFlight,
      events: {
        opened: (lane) => this.#onOpened(lane),
        failed: (lane, code) => this.#onFailed(lane, code),
        closed: (lane, code) => this.#onClosed(lane, code),
      },
    });
  }

  #onOpened(lane: HoldLane): void {
    this.#opened++;
    this.#failedInARow = 0;
    if (this.#closing) {
      lane.resetSome(1); // it was on its way when the run ended
    } else {
      this.#growth.onOpened(this.#opened);
      this.#startAnother(lane);
    }
    this.#changes.notify();
  }

  #onFailed(lane: HoldLane, code: string): void {
    if (this.#closing) return; // not its failure: the run has ended
    this.#failed++;
    this.#failedInARow++;
    this.#failures.add(code);
    this.#startAnother(lane);
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
    return this.#failedInARow >= FAILURES_IN_A_ROW_MAX;
  }

  get #mayStart(): boolean {
    return !this.#signal.aborted && !this.#closing && !this.#gaveUp;
  }

  #startAnother(lane: HoldLane): void {
    if (!this.#pace.isLimited && this.#mayStart && lane.mayStart) lane.start();
  }

  /** Fills every lane as far as it goes, evenly. */
  #startMany(): void {
    let ready = this.#lanes.filter((lane) => lane.mayStart);
    while (ready.length > 0 && this.#mayStart) {
      for (const lane of ready) {
        if (!this.#pace.take()) return;
        lane.start();
      }
      ready = ready.filter((lane) => lane.mayStart);
    }
  }

  async #ramp(): Promise<{ openSeconds: number; cpuMicros: number }> {
    const { connections } = this.#settings.plan;
    this.#observer.opening(connections, () => this.#established);
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    this.#startMany();
    const ended = (): boolean =>
      !this.#mayStart || (this.#opened + this.#failed === connections && this.#established === this.#opened);
    const quietMs = QUIET_MS + this.#settings.connectTimeoutMs;
    const complete = await this.#changes.until(ended, quietMs, () => this.#startMany());
    const openSeconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    if (!complete) await this.#blameAcceptor();
    return { openSeconds, cpuMicros: user + system };
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
    await Promise.all([held, this.#growth.finish(this.#established)]);
    return (performance.now() - startedAt) / 1000;
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
