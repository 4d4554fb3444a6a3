/** Polls a `'manual'` loop in every turn of Node's until it is closed. */
export function keepPolling(loop) {
  if (loop.driver !== 'manual') return;
  try {
    loop.poll(0);
  } catch (error) {
    if (error.code === 'ERR_CONNSCALE_LOOP_CLOSED') return;
    throw error;
  }
  setImmediate(keepPolling, loop);
}
