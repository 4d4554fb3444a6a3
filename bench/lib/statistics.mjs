// Medians with their extremes, and ratios to the baseline taken within one round.
import { max, median, min } from 'simple-statistics';

import { BASELINE } from './servers.mjs';

/** null where no round gave a value. */
export function spread(values) {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : { median: median(known), min: min(known), max: max(known) };
}

export const countFailures = (runs) =>
  runs.flatMap(({ failures }) => Object.values(failures)).reduce((sum, count) => sum + count, 0);

const ratio = (value, base) => (value === null || !base ? null : value / base);

/** @param {readonly (readonly [object, object])[]} pairs two results of one round */
export const ratios = (pairs, key) => spread(pairs.map(([result, base]) => ratio(result[key], base[key])));

/** @param {readonly { servers: { [name: string]: object } }[]} rounds  @param {string} name */
export function compareToBaseline(rounds, name) {
  const pairs = rounds.flatMap(({ servers }) => (servers[name] ? [[servers[name], servers[BASELINE]]] : []));
  const each = (key) => spread(pairs.map(([run]) => run[key]));
  return {
    perSecond: each('perSecond'),
    throughputRatio: ratios(pairs, 'perSecond'),
    serverCpuMicrosEach: each('serverCpuMicrosEach'),
    cpuRatio: ratios(pairs, 'serverCpuMicrosEach'),
    serverBusy: each('serverBusy'),
    failures: countFailures(pairs.map(([run]) => run)),
  };
}
