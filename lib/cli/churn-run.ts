// One run of `churn`: connections made and closed, as many at once as there are workers.

import type { AddressPool } from '../loop/address-pool.js';
import type { ConnectOptions } from '../loop/connect-options.js';
import type { Handlers } from '../loop/handlers.js';
import { Loop } from '../loop/loop.js';
import { ChurnWorker, type ChurnWork } from './churn-worker.js';
import { Failures } from './failures.js';
import { Latency } from './latency.js';
import { Pace } from './pace.js';

const SERVER_HOST = '127.0.0.1';
/** Failures in a row, without one success, after which no more are tried. */
const FAILURES_IN_A_ROW_MAX = 1_000;
const TICK_MS = 5;
/** How long connections that are under way when the time is up may still take. */
const DRAIN_MS = 1_000;
/** A connection ends by its own timeouts, of the connect and of the answer, if all others have been started. */
const TIMEOUTS_PER_CONNECTION = 2;

export interface ChurnSettings {
  /** Undefined: a server in this process. */
  readonly target: { readonly address: string; readonly port: number } | undefined;
  readonly sources: AddressPool | undefined;
  /** Source addresses that are used in turn. */
  readonly sourcesUsed: number;
  /** Undefined: until the time is up. */
  readonly connections: number | undefined;
  /** Undefined: until all are done. */
  readonly seconds: number | undefined;
  readonly concurrency: number;
  readonly echoBytes: number;
  readonly close: 'reset' | 'end';
  readonly ratePerSecond: number | undefined;
  readonly timeoutMs: number;
}

export interface ChurnOutcome {
  /** Connections that did all they were to. */
  readonly connections: number;
  /** From the first connect to the last close. */
  readonly seconds: number;
  readonly cpuMicros: number;
  /** Connections given up because the time was up, or a signal came. */
  readonly unfinished: number;
  /** Whether it ended early, after too many failures in a row. */
  readonly gaveUp: boolean;
  readonly connectLatency: Latency;
  readonly echoLatency: Latency;
  readonly failures: Failures;
}

export class ChurnRun {
  readonly #settings: ChurnSettings;
  readonly #signal: AbortSignal;
  readonly #loop = new Loop();
  readonly #failures = new Failures();
  readonly #connectLatency = new Latency();
  readonly #echoLatency = new Latency();
  readonly #pace: Pace;
  readonly #idle: ChurnWorker[] = [];
  #routes: readonly ConnectOptions[] = [];
  #started = 0;
  #completed = 0;
  #failedInARow = 0;
  #deadlineMs = Infinity;
  #lastEndMs = 0;
  #ended: () => void = () => undefined;

  constructor(settings: ChurnSettings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
    this.#pace = new Pace(settings.ratePerSecond);
  }

  /** Connections completed so far. */
  get completed(): number {
    return this.#completed;
  }

  /** Runs until all is done, the time is up, or the signal; leaves nothing behind. */
  async run(): Promise<ChurnOutcome> {
    try {
      await this.#prepare();
      return await this.#churn();
    } finally {
      await this.#loop.close();
    }
  }

  async #prepare(): Promise<void> {
    const { target, sources, sourcesUsed, timeoutMs, concurrency } = this.#settings;
    const to = target ?? (await this.#loop.listen({ host: SERVER_HOST, port: 0 }, this.#serverHandlers())).address;
    // Idle, too: a target that does not echo must not hold a worker for ever.
    const base = { host: to.address, port: to.port, timeoutMs, idleTimeoutMs: timeoutMs };
    this.#routes =
      sources === undefined
        ? [base]
        : Array.from({ length: sourcesUsed }, (_, i) => ({ ...base, source: { address: sources.at(i) } }));
    const work = this.#work();
    for (let i = 0; i < concurrency; i++) this.#idle.push(new ChurnWorker(this.#loop, work));
  }

  #serverHandlers(): Handlers {
    if (this.#settings.echoBytes === 0) return {};
    const loop = this.#loop;
    return { dataIn: (id, slab, offset, length) => void loop.write(id, slab, offset, length) };
  }

  #work(): ChurnWork {
    return {
      payload: Buffer.alloc(this.#settings.echoBytes, 'connscale '),
      close: this.#settings.close,
      connectLatency: this.#connectLatency,
      echoLatency: this.#echoLatency,
      completed: (worker) => {
        this.#completed++;
        this.#failedInARow = 0;
        this.#release(worker);
      },
      failed: (worker, code) => {
        if (this.#deadlineMs === 0) return; // closed by us, at the end
        this.#failures.add(code);
        this.#failedInARow++;
        this.#release(worker);
      },
    };
  }

  get #active(): number {
    return this.#settings.concurrency - this.#idle.length;
  }

  get #gaveUp(): boolean {
    return this.#failedInARow >= FAILURES_IN_A_ROW_MAX;
  }

  get #isOver(): boolean {
    const { connections = Infinity } = this.#settings;
    return (
      this.#signal.aborted || this.#started >= connections || this.#gaveUp || performance.now() >= this.#deadlineMs
    );
  }

  #release(worker: ChurnWorker): void {
    this.#lastEndMs = performance.now();
    if (!this.#pace.isLimited && !this.#isOver) {
      this.#start(worker);
      return;
    }
    this.#idle.push(worker);
    if (this.#active === 0 && this.#isOver) this.#ended();
  }

  #start(worker: ChurnWorker): void {
    const route = this.#routes[this.#started % this.#routes.length];
    if (route === undefined) throw new RangeError('churn needs a route');
    this.#started++;
    worker.start(route);
  }

  #startIdle(): void {
    while (!this.#isOver && this.#idle.length > 0 && this.#pace.take()) {
      const worker = this.#idle.pop();
      if (worker !== undefined) this.#start(worker);
    }
  }

  async #churn(): Promise<ChurnOutcome> {
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    this.#lastEndMs = startedAt;
    if (this.#settings.seconds !== undefined) this.#deadlineMs = startedAt + this.#settings.seconds * 1000;
    this.#startIdle();
    await this.#end();
    const { user, system } = process.cpuUsage(cpuBefore);
    const unfinished = this.#active;
    this.#deadlineMs = 0;
    return {
      connections: this.#completed,
      seconds: (this.#lastEndMs - startedAt) / 1000,
      cpuMicros: user + system,
      unfinished,
      gaveUp: this.#gaveUp,
      connectLatency: this.#connectLatency,
      echoLatency: this.#echoLatency,
      failures: this.#failures,
    };
  }

  /** Waits for the last connection; not for ever once the run is over. */
  async #end(): Promise<void> {
    await new Promise<void>((resolve) => {
      let overSinceMs = Infinity;
      const timer = setInterval(() => {
        this.#startIdle();
        const now = performance.now();
        if (this.#isOver) overSinceMs = Math.min(overSinceMs, now);
        if (this.#isOver && (this.#active === 0 || now - overSinceMs > this.#drainMs)) this.#ended();
      }, TICK_MS);
      this.#ended = () => {
        clearInterval(timer);
        resolve();
      };
    });
  }

  get #drainMs(): number {
    const { connections = Infinity, timeoutMs } = this.#settings;
    const allStarted = this.#started >= connections && !this.#signal.aborted;
    return allStarted ? TIMEOUTS_PER_CONNECTION * timeoutMs + DRAIN_MS : DRAIN_MS;
  }
}
