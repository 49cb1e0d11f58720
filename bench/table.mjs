/** The figures as a table for people. */

const cell = (value, digits = 1) => (value === null || value === undefined ? '–' : value.toFixed(digits));

/** @param engines those that ran; @param run { runs, cpu: by processor time, cores, load: [before, after] } */
export function printTable({ phases, geomean, coldGeomean, eptCost }, engines, { runs, cpu, cores, load }) {
  const wide = (text, width) => text.padStart(width);
  const lines = [
    `MIPS, median of ${runs} interleaved run${runs === 1 ? '' : 's'} (spread: slowest to fastest over the median)${cpu ? ', by processor time' : ''}`,
  ];
  lines.push('phase'.padEnd(7) + engines.map((name) => wide(name, 18)).join(''));
  for (const { phase, mips, spread } of phases) {
    lines.push(
      phase.padEnd(7) +
        engines.map((name) => wide(mips[name] == null ? '–' : `${cell(mips[name])} (${cell(spread[name] * 100, 0)} %)`, 18)).join(''),
    );
  }
  const others = engines.filter((name) => name in geomean);
  if (engines.includes('compiled') && others.length > 0) {
    const ratios = others.map((other) => `${other} ${cell(geomean[other], 2)}×`).join(', ');
    lines.push(`compiled over ${ratios} (geometric mean over alu, mem, fib, ptc)`);
  }
  const cold = Object.entries(coldGeomean).filter(([, mips]) => mips !== null);
  if (cold.length > 0) {
    lines.push(`cold code: ${cold.map(([name, mips]) => `${name} ${cell(mips)} MIPS`).join(', ')} (geometric mean over alu, fib)`);
  }
  if (eptCost) {
    const percent = (cost) => `${cell(cost * 100)} %`;
    const list = (costs) => Object.entries(costs).map(([name, cost]) => `${name} ${percent(cost)}`);
    lines.push(`a VM with EPT takes longer than the bare machine by: ${list(eptCost.phases).join(', ')}`);
    lines.push(`in the geometric mean: ${list(eptCost.geomean).join(', ')}`);
  }
  lines.push(`${cores} cores, load ${load.map((value) => value.toFixed(1)).join(' to ')}`);
  return lines.join('\n') + '\n';
}
