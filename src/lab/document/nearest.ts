/** Which of the known names did somebody mean? For every message that must say what to write instead. */

/** Edit distance where a swap of neighbours counts one (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = a.length + 1;
  const columns = b.length + 1;
  const table = new Uint16Array(rows * columns);
  const at = (i: number, j: number): number => table[i * columns + j]!;
  for (let i = 0; i < rows; i++) table[i * columns] = i;
  for (let j = 0; j < columns; j++) table[j] = j;
  for (let i = 1; i < rows; i++) {
    for (let j = 1; j < columns; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      table[i * columns + j] = best;
    }
  }
  return at(a.length, b.length);
}

/**
 * At most `count` of `candidates`, nearest first (letter case ignored). When none is similar, the first `count` in the order
 * given, so that the message still shows what exists. Names longer than 64 characters are compared by their first 64.
 */
export function nearestNames(name: string, candidates: readonly string[], count = 3): string[] {
  const wanted = name.slice(0, 64).toLowerCase();
  const scored = candidates.slice(0, 2_000).map((candidate, order) => {
    const known = candidate.slice(0, 64).toLowerCase();
    const prefix = wanted.length > 1 && (known.startsWith(wanted) || wanted.startsWith(known));
    return { candidate, order, score: prefix ? Math.min(1, distance(wanted, known)) : distance(wanted, known) };
  });
  const limit = Math.max(2, Math.ceil(wanted.length / 3));
  const similar = scored.filter(({ score }) => score <= limit);
  return (similar.length > 0 ? similar.sort((x, y) => x.score - y.score || x.order - y.order) : scored)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
