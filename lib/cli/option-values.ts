// Values of options, checked as they are parsed. What is wrong is said with the option's name, by commander.

import { InvalidArgumentError } from 'commander';

/** A parser of whole numbers from `min` to `max`; `100_000` and `100,000` are numbers too. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_,]*$/.test(text) ? Number(text.replace(/[_,]/g, '')) : NaN;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${String(min)} to ${String(max)}.`);
  };
}

/** A parser of seconds, fractions allowed. */
export function seconds(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number of seconds from ${String(min)} to ${String(max)}.`);
  };
}

/** `auto` as undefined, everything else as `parse` has it. */
export function orAuto<Value>(parse: (text: string) => Value): (text: string) => Value | undefined {
  return (text) => (text === 'auto' ? undefined : parse(text));
}
