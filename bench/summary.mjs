/**
 * From samples to figures: median MIPS and spread by phase, our compiled tier over each other emulator as a geometric mean, the
 * speed of cold code, and what EPT costs.
 */

const OTHERS = ['v86', 'qemu', 'qemuIcount', 'bochs'];
/** The phases that the geometric mean is taken over; smc has a bound of its own. */
const COMPARED = /^(alu|mem|fib|ptc)\./;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** The phases of cold code, which the threaded tier runs. */
const COLD = /^(alu|fib)\./;
/** What EPT costs: phase by phase, and for mem also all together. */
const EPT = /^(alu|fib|mem)\./;

const rounded = (value) => Math.round(value * 1000) / 1000;

/** One engine over another over the compared phases that both have; null when there is none. */
export function ratioOf(phases, engine, other) {
  const both = phases.filter(({ phase, mips }) => COMPARED.test(phase) && mips[engine] !== null && mips[other] !== null);
  return both.length === 0 ? null : rounded(geometricMean(both.map(({ mips }) => mips[engine] / mips[other])));
}

/** Geometric mean of an engine's MIPS over phases; null when it did not run them. */
function meanOf(phases, engine, which) {
  const mips = phases.filter(({ phase }) => which.test(phase)).map((row) => row.mips[engine]);
  return mips.length === 0 || mips.some((value) => value == null) ? null : rounded(geometricMean(mips));
}

/** How much longer the VM took than the bare machine, as fractions; undefined when it did not run. */
function costOf(phases) {
  const both = phases.filter(({ phase, mips }) => EPT.test(phase) && mips.vm != null && mips.compiled != null);
  if (both.length === 0) return undefined;
  const slower = ({ mips }) => mips.compiled / mips.vm;
  const byGuest = {};
  for (const row of both) (byGuest[row.phase.split('.')[0]] ??= []).push(row);
  return {
    phases: Object.fromEntries(both.map((row) => [row.phase, rounded(slower(row) - 1)])),
    geomean: Object.fromEntries(Object.entries(byGuest).map(([guest, rows]) => [guest, rounded(geometricMean(rows.map(slower)) - 1)])),
  };
}

/**
 * @param samples engine → phase → seconds of each run
 * @param counts phase → instructions
 * @param engines every engine that gets a column, run or not
 * @returns { phases: [{ phase, mips, spread }], geomean, coldGeomean, eptCost }: MIPS by engine (null: not run); spread is the
 *   distance of the slowest run from the fastest over the median; coldGeomean is in MIPS
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
  const coldGeomean = { interpreter: meanOf(phases, 'interpreter', COLD), threaded: meanOf(phases, 'threaded', COLD) };
  return { phases, geomean: over('compiled'), coldGeomean, eptCost: costOf(phases) };
}
