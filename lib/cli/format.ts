// Numbers as people read them.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const MICROS_PER_MS = 1000;

/** `100000` as `100,000`. */
export function formatCount(value: number): string {
  return whole.format(value);
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Bytes with the unit that leaves one to four digits. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${formatCount(value)} B` : `${short(value)} ${units[unit] ?? ''}`;
}

/** Seconds, as fine as they are worth. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(0)} ms`;
  return `${short(seconds)} s`;
}

/** Microseconds, as fine as they are worth. */
export function formatMicros(micros: number): string {
  if (micros < MICROS_PER_MS) return `${short(micros)} µs`;
  return micros < 1000 * MICROS_PER_MS ? `${short(micros / MICROS_PER_MS)} ms` : formatSeconds(micros / 1e6);
}

/** `1 loop`, `2 loops`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
