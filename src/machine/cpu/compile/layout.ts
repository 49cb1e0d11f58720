/** Where compiled code keeps what it shares with the rest, in the pool's reserved area between the fast tables and the IR. */
import { CODE_MAP_OF, FAST_TLB } from '../tlb-layout';

/**
 * Jump cache: where compiled code for an instruction pointer is. Entries of 16 bytes {instruction pointer, pool offset of the
 * page less its instruction pointer, mode, handle}. A handle is the region's slot × 256 + the number of the entry. Two places that
 * want the same entry take it from each other, by way of JavaScript each time: there are many more entries than hot places.
 */
export const JUMP_CACHE = {
  offset: FAST_TLB.offset + CODE_MAP_OF.distance + FAST_TLB.bytes,
  entries: 16_384,
  entryBytes: 16,
  bytes: 16_384 * 16,
} as const;

const WORDS = FAST_TLB.offset + FAST_TLB.bytes;

/** Single words, by byte offset. */
export const WORD = {
  /** instructions left of the budget, on entry and on return */
  budget: WORDS,
  /** data accesses and page entries made, to be counted as accesses to the TLB */
  accesses: WORDS + 4,
  /** nonzero: the slow path wants the region left at the running instruction */
  leave: WORDS + 8,
  /** slot of the running region for the current code page; 0: the TLB has lost that page */
  slot: WORDS + 12,
  /** handle to go on with, where the engine has no tail calls */
  next: WORDS + 16,
  /** a call for the tier to make: SYSTEM_CALL number and more (packCall), and its three arguments */
  call: WORDS + 20,
  arguments: WORDS + 24,
  /** the slow path has asked for the region to be left: where, and instructions and accesses to give back */
  leftRip: WORDS + 36,
  leftBudget: WORDS + 40,
  leftUncounted: WORDS + 44,
  /** of the region left last: RIP of its page's first byte, and the page's pool offset less that */
  pageRip: WORDS + 48,
  addend: WORDS + 52,
  /** slot whose page the TLB was told of; 0 when it holds none of these */
  heldSlot: WORDS + 56,
  /** key of the running region */
  key: WORDS + 60,
  /** budget with which the run began */
  limit: WORDS + 64,
  /** 1: compiled code may go on across events by itself (event-code.ts) */
  goesOn: WORDS + 68,
  /** budget when a fault was delivered last, and when RF was taken away because its one instruction began; -1: not */
  deliveredAt: WORDS + 72,
  resumedAt: WORDS + 76,
  /** events in the log, which the tier empties */
  events: WORDS + 80,
  /** of all time: faults delivered, and faults, interrupts and returns done, by compiled code */
  deliveries: WORDS + 84,
  quickEvents: WORDS + 88,
  /** jumps from page to page until one is told to the tier */
  crossings: WORDS + 92,
} as const;

/** Linear pages that the event being delivered has used, or -1. */
export const PINS = { offset: WORDS + 96, count: 6 } as const;

/** Events that compiled code has delivered: words {vector, error code or -1, 1 for INT n, CR2, instructions of the run completed before}. */
export const EVENT_LOG = {
  offset: WORDS + 128,
  entries: 256,
  bytes: 20,
  vector: 0,
  errorCode: 4,
  software: 8,
  cr2: 12,
  instructions: 16,
} as const;

/** Multiplier and shift of the jump cache's hash: the high bits of a product depend on all bits of the instruction pointer. */
export const JUMP_HASH = { multiplier: 0x9e37_79b1 | 0, shift: 32 - Math.log2(JUMP_CACHE.entries) } as const;

/** Index of an instruction pointer's entry in the jump cache. */
export const jumpIndex = (rip: number): number => Math.imul(rip, JUMP_HASH.multiplier) >>> JUMP_HASH.shift;

/** What compiled code returns with. */
export const LEFT = {
  /** the budget does not reach to the end of the next block */
  budget: 0,
  /** the slow path asked for it: `WORD.leave` says why; only between a region and who has entered it */
  stopped: 1,
  /** nothing in the jump cache for RIP */
  unknown: 2,
  /** a check failed: the fault is in the state */
  fault: 3,
  /** go on at WORD.next (engines without tail calls) */
  next: 4,
  /** the block's last instruction is a call of the system side: the tier makes it (`WORD.call`); RIP is behind it */
  call: 5,
  /** the slow path asked for it: the running instruction must be interpreted */
  deferred: 6,
  /** between two instructions, everything in the state: an event has been delivered or returned from, and the tier finds how to go on */
  between: 7,
  /** RIP, which nobody has entered yet, lies in another page than what comes before it: the tier may want to know */
  crossed: 8,
  /** the next instruction is not compiled: it must be interpreted, and what is behind it may be compiled again */
  single: 9,
} as const;

/** `WORD.call`: the call's number, the bytes of its instruction, and whether RIP is behind that already while the call is made. */
export const packCall = (id: number, length: number, advanced: boolean): number => id | (length << 8) | (advanced ? 1 << 12 : 0);
export const unpackCall = (word: number): { id: number; length: number; advanced: boolean } => ({
  id: word & 0xff,
  length: (word >> 8) & 15,
  advanced: (word & (1 << 12)) !== 0,
});

/** Values of `WORD.leave`. */
export const LEAVE = {
  /** `stop` in the state says why */
  stop: 1,
  /** the access is the chipset's; nothing has been done, the instruction must be interpreted */
  deferred: 2,
  /** the running instruction completes, which is the last of its block; then the region is left */
  behind: 3,
} as const;
