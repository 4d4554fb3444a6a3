// The inside of a loop that its verbs share: the native half, what is pending, and the way to the end.

import { libuvUsable, native, type NativeFailure, type NativeLoop, type NativeTasks } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';
import { SystemError, type SystemErrorDetails } from '../system-error.js';
import { SLOT_MASK } from './connection-id.js';
import { dispatch } from './dispatch.js';
import { Request } from './layout.js';
import { giveLoopNumber, takeLoopNumber } from './loop-numbers.js';
import type { ResolvedLoopOptions } from './loop-options.js';
import { Flag, LoopState } from './loop-state.js';
import type { RunState } from './run-state.js';
import { OutboundSlots } from './outbound-slots.js';
import { SubmissionRing } from './submission-ring.js';

/** Between two polls of a 'manual' loop that is closing and has nothing to report. */
const CLOSING_POLL_MS = 5;

type Phase = 'open' | 'closing' | 'closed';
type TaskName = keyof NativeTasks;

export class LoopCore {
  readonly options: ResolvedLoopOptions;
  readonly state: LoopState;
  readonly ring: SubmissionRing;
  readonly slots: OutboundSlots;
  readonly native: NativeLoop;
  readonly number: number;
  /** Listeners that are open. */
  listeners = 0;
  /** Called when the loop breaks, before it forgets its connections. */
  broke: (error: ConnscaleError) => void = () => undefined;
  readonly #runs = new Set<RunState>();
  #phase: Phase = 'open';
  #pendingTasks = 0;
  #wantsRef = true;
  #hasRef = false;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedLoopOptions) {
    this.options = options;
    this.state = new LoopState(options);
    this.number = takeLoopNumber();
    try {
      this.native = this.#openNative();
    } catch (error) {
      giveLoopNumber(this.number);
      throw error;
    }
    this.ring = new SubmissionRing(this.state, () => {
      this.native.flush();
    });
    this.slots = new OutboundSlots(this.number, this.state.firstOutboundSlot, options.maxConnections);
    this.state.outboundClosed = (slot) => {
      this.slots.give(slot);
    };
    this.state.drainAgain = (id) => {
      this.ring.askForDrain(id);
    };
    this.state.peerEnded = (id) => {
      this.state.flags[id & SLOT_MASK]! |= Flag.Ended;
      this.ring.push(id, Request.End);
    };
  }

  #openNative(): NativeLoop {
    const { options, state } = this;
    const loop = new native.NativeLoop({
      memory: state.memory,
      layout: state.layout,
      dispatch: (count) => {
        dispatch(state, count);
        this.updateRef();
      },
      fail: (errno, syscall, reason) => {
        this.#fail(errno, syscall, reason);
      },
      loop: this.number,
      maxConnections: options.maxConnections,
      highWaterMarkBytes: options.highWaterMarkBytes,
      writeQueueMaxBytes: options.writeQueueMaxBytes,
      driver: options.driver,
      privateDescriptors: options.descriptors === 'private',
      useLibuv: libuvUsable,
      descriptorsWanted: options.descriptorsWanted,
    });
    const failure = loop.start();
    if (failure !== undefined) throw new SystemError(failure.errno, failure.syscall);
    return loop;
  }

  /** Throws when nothing new may be started. */
  requireOpen(): void {
    if (this.#phase === 'open') return;
    throw new ConnscaleError('ERR_CONNSCALE_LOOP_CLOSED', 'the loop is closed');
  }

  get closed(): boolean {
    return this.#phase === 'closed';
  }

  /** A run is under way: it keeps the process alive, and ends with the loop. */
  enterRun(run: RunState): void {
    this.#runs.add(run);
    this.updateRef();
  }

  leaveRun(run: RunState): void {
    this.#runs.delete(run);
    this.updateRef();
  }

  /** Asks the loop's thread; what it answers, or the error it answers with. */
  async task<Name extends TaskName>(
    name: Name,
    parameters: Parameters<NativeTasks[Name]>[0],
    details?: SystemErrorDetails,
  ): Promise<ReturnType<NativeTasks[Name]>> {
    if (this.#phase === 'closed') throw taskError({ errno: 0, syscall: '' });
    this.#pendingTasks++;
    this.updateRef();
    try {
      const outcome = await new Promise<ReturnType<NativeTasks[Name]> | NativeFailure>((resolve) => {
        this.native.task(name, parameters, resolve);
      });
      if (isFailure(outcome)) throw taskError(outcome, details);
      return outcome;
    } finally {
      this.#pendingTasks--;
      this.updateRef();
    }
  }

  /** A loop keeps the process alive while it has something to wait for. */
  updateRef(): void {
    const busy = this.listeners + this.#runs.size + this.state.open > 0 && this.#wantsRef;
    // Somebody awaits these, whether or not the loop may end with the process.
    const wanted = busy || this.#pendingTasks > 0 || this.#phase === 'closing';
    if (wanted === this.#hasRef || this.#phase === 'closed') return;
    this.#hasRef = wanted;
    if (wanted) this.native.ref();
    else this.native.unref();
  }

  setWantsRef(wanted: boolean): void {
    this.#wantsRef = wanted;
    this.updateRef();
  }

  close(beforehand: () => void): Promise<void> {
    this.#closed ??= this.#shutDown(beforehand);
    return this.#closed;
  }

  async #shutDown(beforehand: () => void): Promise<void> {
    if (this.#phase === 'closed') return; // it broke
    const loopClosed = new Promise<void>((resolve) => {
      this.state.loopClosed = resolve;
    });
    this.#phase = 'closing';
    this.updateRef();
    beforehand();
    await this.task('shutdown', { timeoutMs: this.options.closeTimeoutMs });
    if (this.options.driver === 'manual') await this.#pollUntil(loopClosed);
    await loopClosed;
    this.#end();
  }

  /** Nobody else polls a 'manual' loop that is closing. */
  async #pollUntil(done: Promise<void>): Promise<void> {
    const state = { done: false };
    void done.then(() => {
      state.done = true;
    });
    while (!state.done) {
      let idle = false;
      try {
        idle = this.native.poll(0) === 0;
      } catch (error) {
        // There is no call of poll for it to come out of: it goes where that of any callback goes.
        process.nextTick(() => {
          throw error as Error;
        });
      }
      await new Promise((resolve) => (idle ? setTimeout(resolve, CLOSING_POLL_MS) : setImmediate(resolve)));
    }
  }

  #end(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    giveLoopNumber(this.number);
    this.native.stop();
  }

  #fail(errno: number, syscall: string, reason: 'submission' | 'detached' | 'poller'): void {
    if (reason === 'submission') {
      throw new ConnscaleError(
        'ERR_CONNSCALE_INVALID_SUBMISSION',
        "a request made no sense: the loop's memory was written over. It and the requests behind it were dropped",
      );
    }
    const error = new ConnscaleError(
      'ERR_CONNSCALE_LOOP_BROKEN',
      reason === 'detached'
        ? "the loop is closed: its memory, an ArrayBuffer that the receive slab is part of, was detached"
        : 'the loop is closed: its poller failed',
      errno === 0 ? undefined : { cause: new SystemError(errno, syscall) },
    );
    this.broke(error);
    for (const run of this.#runs) run.settle(error);
    this.state.ids.fill(0);
    this.state.open = 0;
    this.state.loopClosed();
    this.#end();
    throw error;
  }
}

function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'errno' in outcome;
}

/** Without a call it is a state of ours. */
function taskError(failure: NativeFailure, details?: SystemErrorDetails): Error {
  if (failure.syscall !== '') return new SystemError(failure.errno, failure.syscall, details);
  const code = native.errors[failure.errno]?.[0];
  if (code === 'ENOTCONN') {
    return new ConnscaleError('ERR_CONNSCALE_STALE_ID', 'the id names no connection of this loop: it has closed, or never was one');
  }
  if (code === 'EMFILE') {
    const message = 'the loop has 255 listeners; a closed one counts while connections of it are open';
    return new ConnscaleError('ERR_CONNSCALE_LISTENERS_EXHAUSTED', message);
  }
  if (code === 'EBADF') return new ConnscaleError('ERR_CONNSCALE_LISTENER_CLOSED', 'the listener is closed');
  return new ConnscaleError('ERR_CONNSCALE_LOOP_CLOSED', 'the loop is closed');
}
