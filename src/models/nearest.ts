// Which known names somebody may have meant. Pure text; used for models, paths and settings.

/** Longer names are compared by their beginning: the work grows with the product of the lengths. */
const MAX_LENGTH = 200;

/** The known names within this many edits, closest first. An edit inserts, deletes or replaces a character, or swaps two neighbours. */
export function nearest(wanted: string, known: Iterable<string>, maxEdits: number): string[] {
  return [...known]
    .filter((name) => Math.abs(name.length - wanted.length) <= maxEdits && !isFar(name, wanted, maxEdits))
    .map((name) => ({ name, edits: editsBetween(wanted.slice(0, MAX_LENGTH), name, maxEdits) }))
    .filter(({ edits }) => edits <= maxEdits)
    .sort((a, b) => a.edits - b.edits)
    .map(({ name }) => name);
}

/** A quick check: each character that does not occur in the other text takes an edit of its own. */
function isFar(name: string, wanted: string, most: number): boolean {
  let foreign = 0;
  for (let at = 0; at < name.length && foreign <= most; at++) if (!wanted.includes(name[at] ?? "")) foreign++;
  return foreign > most;
}

/** Counts no further than one more than `most`. With so few edits, each character is within `most` of its place in the other text. */
function editsBetween(a: string, b: string, most: number): number {
  const tooMany = most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => Math.min(column, tooMany));
  let lastLeast = 0;
  for (let row = 1; row <= a.length; row++) {
    const current = Array.from(last).fill(tooMany);
    current[0] = Math.min(row, tooMany);
    let least = current[0];
    for (let column = Math.max(1, row - most); column <= Math.min(b.length, row + most); column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1), tooMany);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current[column] = best;
      if (best < least) least = best;
    }
    // The next row is made from these two.
    if (least > most && lastLeast >= most) return tooMany;
    beforeLast = last;
    last = current;
    lastLeast = least;
  }
  return last[b.length] ?? 0;
}
