// Checks of what callers pass. Everything is refused here, with its name and what it should have been.

import { ConnscaleError } from './connscale-error.js';
import type { PortInterval } from './system/port-range.js';

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** An integer from `min` to `max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${String(min)} to ${String(max)}, not ${describe(value)}`);
  }
  return value;
}

/** A number from `min` to `max`. */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (!(value >= min && value <= max)) {
    throw new RangeError(`${name} must be from ${String(min)} to ${String(max)}, not ${String(value)}`);
  }
  return value;
}

/** A port. */
export function checkPort(name: string, value: unknown): number {
  return checkInteger(name, value, 0, 65_535);
}

/** Two ports, the second not below the first. */
export function checkPortRange(name: string, value: unknown): PortInterval {
  if (!Array.isArray(value) || value.length !== 2) throw new TypeError(`${name} must be [low, high]`);
  const low = checkInteger(`${name}[0]`, value[0], 1, 65_535);
  const high = checkInteger(`${name}[1]`, value[1], 1, 65_535);
  if (high < low) throw new RangeError(`${name}: ${String(high)} is below ${String(low)}`);
  return { low, high };
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean, not ${typeof value}`);
  return value;
}

export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${typeof value}`);
  return value;
}

/** One of a few words. */
export function checkOneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) {
    throw new RangeError(`${name} must be one of ${words.map(describe).join(', ')}, not ${describe(value)}`);
  }
  return found;
}

/** An object none of whose keys is unknown, nor null: what is to have its default is left out, or undefined. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be an object, not ${describe(value)}`);
  for (const [key, setting] of Object.entries(value)) {
    if (!known.includes(key)) throw unknownOption(`${name}.${key}`, key, known);
    if (setting === null) throw new TypeError(`${name}.${key} must not be null`);
  }
}

/** The error for a name that does not exist, with the one that was probably meant. */
export function unknownOption(place: string, key: string, known: readonly string[]): ConnscaleError {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return new ConnscaleError('ERR_CONNSCALE_UNKNOWN_OPTION', `there is no option ${place}${hint}`);
}

function nearestName(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(key.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(key.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
