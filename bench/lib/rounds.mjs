// Rounds in which every server has its turn, and the choice of those that count.

/** The order changes from round to round, so that no server always follows the same one. */
export const rotate = (list, by) => list.map((_, i) => list[(i + by) % list.length]);

/** @param {{ [name: string]: object }} servers  @param {readonly { disturbed: boolean }[]} runs what they carried */
export const roundOf = (servers, runs) => ({ servers, disturbed: runs.some(({ disturbed }) => disturbed) });

export const allDisturbed = (rounds) => rounds.every(({ disturbed }) => disturbed);

/** The undisturbed rounds; all of them where none was, which the report then says. */
export function countingRounds(rounds) {
  return allDisturbed(rounds) ? rounds : rounds.filter(({ disturbed }) => !disturbed);
}
