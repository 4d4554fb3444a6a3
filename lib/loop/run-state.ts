// What is known of one loop's part of a run. Dispatch counts here; nothing is allocated for a connection.

/** What became of a run's connections so far. */
export class RunState {
  /** Established, also when they have closed since. */
  opened = 0;
  /** Not established, and not to be tried again. */
  failed = 0;
  /** Tries that failed and were followed by another, or will be. */
  retried = 0;
  /** Connects under way. */
  inFlight = 0;
  /** Waiting to be tried again. */
  waiting = 0;
  /** Ports that somebody else turned out to have. */
  portsSkipped = 0;
  /** The slowest connect that succeeded, known at the end. */
  slowestMicros = 0;
  /** Failures by error number. */
  readonly failures = new Map<number, number>();
  readonly done: Promise<void>;
  /** Ends it: nothing more will happen, or the error says why. */
  settle: (error?: Error) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.settle = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  /** One try failed. */
  fail(errno: number, again: boolean): void {
    if (again) {
      this.retried++;
    } else {
      this.failed++;
      this.failures.set(errno, (this.failures.get(errno) ?? 0) + 1);
    }
  }

  /** Nothing more will happen. */
  end(portsSkipped: number, slowestMicros: number): void {
    this.progress(0, 0, portsSkipped);
    this.slowestMicros = slowestMicros;
    this.settle();
  }

  progress(inFlight: number, waiting: number, portsSkipped: number): void {
    this.inFlight = inFlight;
    this.waiting = waiting;
    this.portsSkipped = portsSkipped;
  }
}
