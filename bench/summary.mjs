/** From samples to figures: median MIPS and spread by phase, and our compiled tier over each other emulator as a geometric mean. */

const OTHERS = ['v86', 'qemu', 'qemuIcount', 'bochs'];
/** The phases that the geometric mean is taken over; smc has a bound of its own. */
const COMPARED = /^(alu|mem|fib|ptc)\./;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

const rounded = (value) => Math.round(value * 1000) / 1000;

/** One engine over another over the compared phases that both have; null when there is none. */
export function ratioOf(phases, engine, other) {
  const both = phases.filter(({ phase, mips }) => COMPARED.test(phase) && mips[engine] !== null && mips[other] !== null);
  return both.length === 0 ? null : rounded(geometricMean(both.map(({ mips }) => mips[engine] / mips[other])));
}

/**
 * @param samples engine → phase → seconds of each run
 * @param counts phase → instructions
 * @param engines every engine that gets a column, run or not
 * @returns { phases: [{ phase, mips, spread }], geomean, interpreterGeomean }: MIPS by engine (null: not run); spread is the
 *   distance of the slowest run from the fastest over the median
 */
export function summarise(samples, counts, engines) {
  const phases = Object.keys(counts).map((phase) => {
    const mips = {};
    const spread = {};
    for (const engine of engines) {
      const seconds = samples[engine]?.[phase];
      mips[engine] = seconds ? rounded(counts[phase] / median(seconds) / 1e6) : null;
      spread[engine] = seconds ? rounded((Math.max(...seconds) - Math.min(...seconds)) / median(seconds)) : null;
    }
    return { phase, mips, spread };
  });
  const over = (engine) => Object.fromEntries(OTHERS.map((other) => [other, ratioOf(phases, engine, other)]));
  return { phases, geomean: over('compiled'), interpreterGeomean: over('interpreter') };
}
