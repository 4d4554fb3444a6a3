// The part of a run that one loop does.

import type { NativeConnectManyArguments } from '../binding.js';
import type { Handlers } from './handlers.js';
import type { LoopCore } from './loop-core.js';
import { RunState } from './run-state.js';

export type RunPlan = Omit<NativeConnectManyArguments, 'handlers'>;

export class RunPart {
  readonly state = new RunState();
  readonly #core: LoopCore;
  #number: number | undefined;
  #stopped = false;

  constructor(core: LoopCore) {
    this.#core = core;
  }

  /** Runs it to its end. Rejects when the loop is closed before it begins, or breaks. */
  async run(plan: RunPlan, handlers: Handlers): Promise<void> {
    if (this.#stopped) return;
    const core = this.#core;
    const set = core.state.table.acquireForRun(handlers, this.state);
    core.enterRun(this.state);
    try {
      const { run } = await core.task('connectMany', { ...plan, handlers: set.index });
      this.#number = run;
      if (this.#stopped) this.#askToStop();
      await this.state.done;
    } finally {
      this.#number = undefined;
      core.leaveRun(this.state);
      core.state.table.releaseAfterBatch(set);
    }
  }

  /** Starts nothing any more, and gives up what is under way. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#number !== undefined) this.#askToStop();
  }

  #askToStop(): void {
    if (this.#number === undefined || this.#core.closed) return;
    // A loop that closes meanwhile stops its runs by itself, and a run that has ended needs no stop.
    this.#core.task('stopRun', { run: this.#number }).catch(() => undefined);
  }
}
