/**
 * Where threaded code lies in the pool, and its form. A block is a header followed by units; a unit is the number of its
 * handler, a note when it can fault, and its operands. Everything is a 32-bit word.
 */
import { PAGE_SIZE } from '../../address';
import { THREADED_CODE } from '../state-layout';

const START = THREADED_CODE.offset;

/** Single words shared with the loop, by byte offset. */
export const WORD = {
  /** header of the block to enter, and of the one that was running on return */
  header: START,
  /** instructions left */
  budget: START + 4,
  /** accesses to the TLB made, to be added to its statistics */
  accesses: START + 8,
  /** nonzero: the slow path wants the loop left */
  leave: START + 12,
  /** instruction pointer on return */
  rip: START + 16,
  /** byte offset of the link that was not set, on return; 0 for none */
  link: START + 20,
  /** fast table in use */
  table: START + 24,
  /** the mode everything in the loop is made for (regionKey) */
  key: START + 28,
  /** 1 when CS is flat, so that other pages can be jumped to */
  flatCode: START + 32,
  /** written when there is no link to set */
  nowhere: START + 36,
  /** instructions that this entry into the loop may execute */
  limit: START + 40,
  /** the machine clock less the ticks in the state; a double */
  clock: START + 48,
  /** of the access that is being told of: address of its unit, and the budget there */
  toldPc: START + 56,
  toldBudget: START + 60,
} as const;

/**
 * What a fill has to tell of (tell-code.ts): entries {address of what is known of the frame, as OBSERVED_PAGES has it beside the
 * frame cache; an address with the same place in its page; bytes, and TOLD.write}. With PAE two tables are read, two words each,
 * and both may be written to; and the access itself.
 */
export const TOLD_LIST = { offset: START + 64, bytes: 12, frame: 0, address: 4, what: 8, most: 7 } as const;

/** By instruction pointer: entries of 16 bytes {instruction pointer, header, key, pool offset of the page less its instruction pointer}. */
export const JUMPS = { offset: START + 4096, entries: 16_384, bytes: 16_384 * 16 } as const;

/** Blocks; allocated upwards, and all dropped when full. */
export const BLOCKS = { offset: JUMPS.offset + JUMPS.bytes, end: START + THREADED_CODE.bytes } as const;

/** Byte offsets within a block's header. */
export const HEADER = {
  /** instructions */
  count: 0,
  /** data accesses */
  accesses: 4,
  /** counts executions down: at 0 the block is left to the compiled tier */
  heat: 8,
  rip: 12,
  /** instruction pointer of the page's first byte */
  pageRip: 16,
  /** pool offset of the page less that */
  addend: 20,
  /** number among the tier's blocks */
  number: 24,
  size: 28,
} as const;

/** Never left for being hot. */
export const NEVER_HOT = 0x7fff_ffff;

/** Index of an instruction pointer's entry in the jump cache. */
export const jumpIndex = (rip: number): number => (rip ^ (rip >>> 10)) & (JUMPS.entries - 1);

/** What the loop returns with. */
export const LEFT = {
  /** the budget does not reach to the end of the next block */
  budget: 0,
  /** the slow path asked for it: WORD.leave says why */
  stopped: 1,
  /** no threaded code is known for the instruction pointer */
  unknown: 2,
  /** the next instruction has no threaded code */
  interpret: 3,
  /** the block is hot */
  hot: 4,
} as const;

/**
 * A unit's note: number of its instruction in the block, accesses of that instruction before the unit, and the segments of its
 * operations on memory.
 */
export const NOTE = { instructionMask: 0x3f, beforeShift: 6, beforeMask: 15, segmentShift: 10, segmentBits: 3 } as const;
/** Operations on memory that a unit can have. */
export const MOST_POSITIONS = 7;

/** What the slow path is told of an access: its place among the operations on memory of its instruction, accesses before it, its size. */
export interface AccessNote {
  position: number;
  before: number;
  size: number;
}
/** The size lies where compiled code has it, for the functions that both use (compile/fill-code.ts). */
export const packAccess = ({ position, before, size }: AccessNote): number => position | (size << 3) | (before << 6);
export const unpackAccess = (word: number): AccessNote => ({ position: word & 7, size: (word >> 3) & 7, before: word >> 6 });

/** An access that could not be told of in WebAssembly: where in its frame, bytes, and 8 for a write. */
export const TOLD = { sizeShift: 12, write: 8 } as const;
export const unpackTold = (word: number): { offset: number; size: number; write: boolean } => ({
  offset: word & (PAGE_SIZE - 1),
  size: (word >> TOLD.sizeShift) & 7,
  write: ((word >> TOLD.sizeShift) & TOLD.write) !== 0,
});
