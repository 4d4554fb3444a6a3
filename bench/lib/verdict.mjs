// The bars of a case and whether the package met them.
import { allDisturbed } from './rounds.mjs';

const SUBJECT = 'connscale-node'; // where a case names no other

function meets(value, { atLeast = -Infinity, atMost = Infinity }) {
  return value >= atLeast && value <= atMost;
}

/**
 * `met` is null, with the reason, where there is no figure to rely on.
 * @param {{ [figure: string]: { atLeast?: number, atMost?: number, of?: 'median' | 'min' | 'max' } }} bars `of` all rounds
 */
export function judge(bars, { warm, rounds, notes, skipped }, subject = SUBJECT) {
  const disturbed = rounds !== null && allDisturbed(rounds.warm) ? 'disturbed by other processes' : undefined;
  const reason = skipped ?? notes[subject] ?? disturbed;
  return Object.entries(bars).map(([figure, bar]) => {
    const value = warm?.[subject]?.[figure]?.[bar.of ?? 'median'] ?? null;
    const known = value !== null && reason === undefined;
    return { subject, figure, ...bar, value, met: known ? meets(value, bar) : null, reason: reason ?? null };
  });
}
