// Waiting with a bound: what does not happen fails the test, and says what was waited for.

/** A sanitized process is given more time. */
const scale = Number(process.env['CONNSCALE_TEST_TIMEOUT_SCALE'] ?? 1);

/** Whether a sanitizer looks on: everything takes longer, and memory is several times as much. */
export const isSanitized = scale !== 1;

export const WAIT_MS = 10_000 * scale;

/** The promise's outcome, or an error that says what did not happen in time. */
export async function within<T>(what: string, promise: Promise<T>, waitMs: number = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${waitMs} ms in vain for ${what}`));
    }, waitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again after each turn of Node's loop until the condition holds. For what nobody reports. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS} ms in vain for ${what}`);
    await turn();
  }
}

/** One turn of Node's loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
