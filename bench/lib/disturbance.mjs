// Other processes on the CPUs in use: when they took too much, and what is done then.
const OTHERS_BUSY_MAX = 0.05; // of a core; at rest the kernel's own threads take up to 0.03
const TICK_ERROR_SECONDS = 0.02; // /proc/stat counts ticks of 10 ms

export const ATTEMPTS_MAX = 2;

/** @param {number} othersCpu nanoseconds that neither side of the measurement used */
export function judgeDisturbance(othersCpu, seconds) {
  const othersBusy = Math.max(0, othersCpu) / 1e9 / seconds;
  return { othersBusy, disturbed: othersBusy > OTHERS_BUSY_MAX + TICK_ERROR_SECONDS / seconds };
}

/** The last attempt stands, marked as disturbed. */
export async function repeatWhileDisturbed(run, attemptsMax) {
  for (let attempt = 1; ; attempt++) {
    const result = await run();
    if (!result.disturbed || attempt === attemptsMax) return { ...result, attempt };
  }
}
