/** How a compiled region uses its parameters and locals, and what it imports. */
import { STATE } from '../state-layout';

/** Parameters, passed on from region to region. Registers are 1–8. */
export const LOCAL = {
  /** number of the entry, or of another node of the structure, to go to */
  selector: 0,
  registers: 1,
  kind: 9,
  left: 10,
  right: 11,
  result: 12,
  /** CF while the kind is none, inc or dec; bit 0 of the stored rflags is not up to date meanwhile */
  carry: 13,
  /** instructions left */
  budget: 14,
  /** accesses to the TLB, to be added to its statistics */
  accesses: 15,
  // locals from here on
  /** instruction pointer to leave with */
  rip: 16,
  /** LEFT */
  code: 17,
  linear: 18,
  index: 19,
  offset: 20,
  spare: 21,
  temporaries: 22,
  /** of each near page (near-pages.ts), pool offset less linear address */
  nearAddends: 38,
  /** of the page that a region leaves: its number among the region's, RIP of its first byte, and what leads from there to the pool */
  here: 42,
  hereRip: 43,
  hereAddend: 44,
  /** of each near page, 64 bits wide, the linear address of its first byte */
  nearPages: 45,
  /** the linear address, 64 bits wide, that nothing is near to */
  nowhere: 49,
  wideLeft: 50,
  wideRight: 51,
} as const;

export const PARAMETERS = 16;
/** Near pages that a region can have. */
export const NEAR_PAGES = 4;
/** Locals beyond the parameters: those above, with the IR's sixteen temporaries among them. */
export const LOCALS = LOCAL.nearPages - PARAMETERS;
export const LOCALS_64 = NEAR_PAGES + 3;

/** Function types of a region's module by number. */
export const TYPES = [
  { parameters: 4, results: 1 },
  { parameters: 5, results: 0 },
  { parameters: 4, results: 0 },
  { parameters: 6, results: 1 },
  { parameters: 5, results: 1 },
  { parameters: PARAMETERS, results: 1 },
  { parameters: 2, results: 1 },
  { parameters: 7, results: 1 },
] as const;
export const REGION_TYPE = 5;
/** (linear, ACCESS bits) → pool offset of the byte, 0 when the slow path must do it. */
export const FILL_TYPE = 6;
/** (note, RIP, budget, one of DEVICE_CALLS, its three arguments) → its result. */
const DEVICE_TYPE = 7;

/**
 * Imported functions in order, with their types. `load`, `store` and `probe` fill the fast table if they can (fill-code.ts) and
 * are for flat segments; `segmentStore` and `segmentProbe` are for the others, and know data beside code (beside-code.ts); those
 * named slow always ask the tier. `invalidate` and `reload` are INVLPG and MOV to CR3, where they are
 * simple; `system` is a call of the IR, `device` one of those that reach ports or the clock.
 */
export const IMPORTS = [
  ['load', 0],
  ['store', 1],
  ['probe', 2],
  ['slowLoad', 0],
  ['slowStore', 1],
  ['slowProbe', 2],
  ['segmentStore', 1],
  ['segmentProbe', 2],
  ['fill', FILL_TYPE],
  ['invalidate', FILL_TYPE],
  ['reload', FILL_TYPE],
  ['system', 3],
  ['device', DEVICE_TYPE],
  ['condition', 3],
  ['carry', 4],
  ['eflags', 4],
] as const;
type ImportName = (typeof IMPORTS)[number][0];
/** Number of each by name. */
export const IMPORT = Object.fromEntries(IMPORTS.map(([name], number) => [name, number])) as Readonly<Record<ImportName, number>>;

/** Byte offsets of the state that a region works on. */
export const AT = {
  register: (index: number): number => STATE.gpr.offset + index * 8,
  rip: STATE.rip.offset,
  flags: STATE.rflags.offset,
  kind: STATE.lazyKind.offset,
  left: STATE.lazyLeft.offset,
  right: STATE.lazyRight.offset,
  result: STATE.lazyResult.offset,
  generation: STATE.tlbGeneration.offset,
} as const;

/** What the slow path is told of an access, in one word. */
interface AccessNote {
  segment: number;
  size: number;
  /** accesses of the same instruction before it */
  before: number;
  /** bytes of the instruction */
  length: number;
  /** accesses of the block from this one on, which have been counted in advance */
  uncounted: number;
  /** instructions of the block from this one on, likewise */
  unfinished: number;
}

/** tier.ts takes it apart. */
export const packNote = (note: AccessNote): number =>
  note.segment | (note.size << 3) | (note.before << 6) | (note.length << 10) | (note.uncounted << 14) | (note.unfinished << 22);
