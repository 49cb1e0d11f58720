/**
 * Which instructions are observed while accesses are only sampled: one short slice in every period, at a place that varies from
 * period to period, so that a loop of the period's length is not always met at the same point. The first period begins with its
 * slice: a short program is seen as well. The machine's count of instructions alone decides, so a run samples the same however
 * it is cut.
 */

/** One slice in `every`, each of so many instructions: also where an observed one takes sixty times as long, the run takes 6 % longer. */
export const SAMPLING = { every: 1024, instructions: 4096 } as const;
const PERIOD = SAMPLING.every * SAMPLING.instructions;

export interface SampledSlice {
  observed: boolean;
  /** instructions until that changes; at least 1 */
  left: number;
}

/** @param instructions completed by the machine since power-on */
export function sampledSlice(instructions: number): SampledSlice {
  const period = Math.floor(instructions / PERIOD);
  const within = instructions - period * PERIOD;
  const begin = beginOf(period);
  if (within < begin) return { observed: false, left: begin - within };
  const end = begin + SAMPLING.instructions;
  if (within < end) return { observed: true, left: end - within };
  return { observed: false, left: PERIOD - within + beginOf(period + 1) };
}

/** Where in its period the slice begins; any slice of it alike (the finalizer of MurmurHash3 spreads the numbers). */
function beginOf(period: number): number {
  let hash = Math.imul(period ^ (period >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % (PERIOD - SAMPLING.instructions);
}
