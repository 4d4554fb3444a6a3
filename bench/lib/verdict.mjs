// The bars of a case and whether the package met them.
import { allDisturbed } from './rounds.mjs';

const SUBJECT = 'connscale-node';

function meets(value, { atLeast = -Infinity, atMost = Infinity }) {
  return value >= atLeast && value <= atMost;
}

/** `met` is null, with the reason, where there is no figure to rely on. */
export function judge(bars, { warm, rounds, notes, skipped }) {
  const disturbed = rounds !== null && allDisturbed(rounds.warm) ? 'disturbed by other processes' : undefined;
  const reason = skipped ?? notes[SUBJECT] ?? disturbed;
  return Object.entries(bars).map(([figure, bar]) => {
    const value = warm?.[SUBJECT]?.[figure]?.median ?? null;
    const known = value !== null && reason === undefined;
    return { server: SUBJECT, figure, ...bar, value, met: known ? meets(value, bar) : null, reason: reason ?? null };
  });
}
