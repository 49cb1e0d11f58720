/** The figures as a table for people. */

const cell = (value, digits = 1) => (value === null || value === undefined ? '–' : value.toFixed(digits));

/** @param engines those that ran; @param run { runs, cores, load: [before, after] } */
export function printTable({ phases, geomean, interpreterGeomean }, engines, { runs, cores, load }) {
  const wide = (text, width) => text.padStart(width);
  const lines = [`MIPS, median of ${runs} interleaved run${runs === 1 ? '' : 's'} (spread: slowest to fastest over the median)`];
  lines.push('phase'.padEnd(7) + engines.map((name) => wide(name, 18)).join(''));
  for (const { phase, mips, spread } of phases) {
    lines.push(
      phase.padEnd(7) +
        engines.map((name) => wide(mips[name] === null ? '–' : `${cell(mips[name])} (${cell(spread[name] * 100, 0)} %)`, 18)).join(''),
    );
  }
  const others = engines.filter((name) => name in geomean);
  for (const [name, means] of [
    ['compiled', geomean],
    ['interpreter', interpreterGeomean],
  ]) {
    if (!engines.includes(name) || others.length === 0) continue;
    lines.push(
      `${name} over ${others.map((other) => `${other} ${cell(means[other], 2)}×`).join(', ')} (geometric mean over alu, mem, fib, ptc)`,
    );
  }
  lines.push(`${cores} cores, load ${load.map((value) => value.toFixed(1)).join(' to ')}`);
  return lines.join('\n') + '\n';
}
