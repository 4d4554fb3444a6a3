// Why a connection closed. The errors are made once for each cause: a server that is reset 100,000 times a second must
// not build 100,000 stack traces that say nothing.

import { native } from '../binding.js';
import { ConnscaleError } from '../connscale-error.js';
import { SystemError } from '../system-error.js';

const causes = new Map<number, SystemError | ConnscaleError>();
const IDLE = native.calls.indexOf('idle');
const CALLS_MAX = 256;

function make(errno: number, call: number): SystemError | ConnscaleError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return Object.freeze(
      call === IDLE
        ? new ConnscaleError('ERR_CONNSCALE_IDLE_TIMEOUT', 'nothing was received or sent for idleTimeoutMs')
        : new SystemError(errno, native.calls[call] ?? ''),
    );
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The shared error for an error number and a call, both as a kClose completion has them. */
export function closeError(errno: number, call: number): SystemError | ConnscaleError {
  const key = errno * CALLS_MAX + call;
  let error = causes.get(key);
  if (error === undefined) {
    error = make(errno, call);
    causes.set(key, error);
  }
  return error;
}
