/**
 * Where the TLB lies in the pool's reserved area: the architectural entries, the fast table in front of them, and the frame
 * cache. They lie there, and not in objects, so that compiled code can look them up and fill them (compile/fill-code.ts).
 */

/**
 * The fast table: entries of 16 bytes {read tag, write tag, execute tag, addend}, one block of them for supervisor accesses,
 * one for the user's. A tag is the linear page address with a generation in its low 12 bits; a byte of the page lies at
 * pool offset (linear + addend) mod 2^32. One compare of ((linear + size - 1) & ~0xFFF | generation) with the tag covers
 * presence, permission, page crossing and flushes.
 */
export const FAST_TLB = {
  offset: 0x1_0000,
  entries: 4096,
  entryBytes: 16,
  supervisor: 0x1_0000,
  user: 0x1_0000 + 4096 * 16,
  bytes: 2 * 4096 * 16,
} as const;

/**
 * Beside each entry of the fast table, so many bytes behind it: what an observer of memory must know of its page, four words that
 * only the observer understands (dram/dram.ts). The third is 0 when it wants to be told of each access.
 */
export const OBSERVED_PAGES = { distance: 0x5_0000, page: 0, row: 4, module: 8, firstBank: 12 } as const;

/**
 * Beside each entry of the fast table, so many bytes behind it: the address of its frame's code map (interpret/code-maps.ts), where
 * the write tag is `besideCode` of what it would be otherwise. A write there is a plain one when no byte of it is code.
 */
export const CODE_MAP_OF = { distance: 0x7_0000 } as const;
/** No access is looked for under such a tag: the bits that choose the entry differ. */
export const besideCode = (tag: number): number => ~tag;

/**
 * The frame cache: what is known of guest frames (host frames on the bare machine), by their low bits. Words {frame,
 * generation, pool offset | FRAME_RIGHT bits, host frame}; an entry of another generation is void.
 */
export const FRAME_CACHE = { offset: 0x10_0000, entries: 32_768, entryBytes: 16, bytes: 32_768 * 16 } as const;
/** `pool`: writes need nobody to be told; the others are what EPT allows, 7 without EPT. */
export const FRAME_RIGHT = { pool: 1, read: 2, write: 4, execute: 8 } as const;
/** Above those rights, three bits: the EPT entries that a walk to the frame reads. */
export const FRAME_READS = { shift: 4, mask: 7 } as const;
/**
 * Above those, what lies behind the frame in one piece: 0 it alone, 1 at least 2 MiB, 2 at least 4 MiB. A large page on it is
 * covered by one entry of the TLB only then.
 */
export const FRAME_WHOLE = { shift: 7, mask: 3 } as const;
/** Sizes in an entry's flags, as powers of two of pages: of the page that the tables map, and of what the entry covers. */
export const TLB_PAGE_SIZE = { shift: 8, mask: 15 } as const;
export const TLB_COVERED = { shift: 12, mask: 15 } as const;

/**
 * The architectural entries, set by set: words {page or -1, stamp, TLB_FLAG bits, context}, then host frame and guest frame as
 * doubles. An entry is valid while its stamp is one of the two of its context: a flush gives the context new ones.
 */
export const TLB_ENTRY = {
  offset: FRAME_CACHE.offset + FRAME_CACHE.bytes,
  most: 4096,
  bytes: 32,
  page: 0,
  stamp: 4,
  flags: 8,
  context: 12,
  hostFrame: 16,
  guestFrame: 24,
} as const;

/** The way of each set that is filled next, a word each. */
export const TLB_NEXT_WAY = TLB_ENTRY.offset + TLB_ENTRY.most * TLB_ENTRY.bytes;

/**
 * What compiled code needs of each context: words {generation of fast tags, stamp of entries, stamp of global entries, linear page
 * that instructions are being fetched from or -1}.
 */
export const TLB_CONTEXT = {
  offset: TLB_NEXT_WAY + TLB_ENTRY.most * 4,
  most: 64,
  bytes: 16,
  generation: 0,
  local: 4,
  global: 8,
  codePage: 12,
} as const;

const COUNTERS = TLB_CONTEXT.offset + TLB_CONTEXT.most * TLB_CONTEXT.bytes;
/** Statistics, doubles. */
export const TLB_COUNTER = { accesses: COUNTERS, misses: COUNTERS + 8, evictions: COUNTERS + 16, tableReads: COUNTERS + 24 } as const;

const WORDS = COUNTERS + 32;
/** Single words, by byte offset. */
export const TLB_WORD = {
  /** number of the current context, and its two stamps again */
  context: WORDS,
  local: WORDS + 4,
  global: WORDS + 8,
  /** 1: compiled code may fill the fast table */
  quickFills: WORDS + 12,
  /** generation of the frame cache's entries */
  frames: WORDS + 16,
  /** frame that a fill looked for in vain, or -1 */
  missed: WORDS + 20,
  /** the high half of a PAE entry's address must be below this */
  highLimit: WORDS + 24,
  /** 1: there may be entries of large pages */
  largePages: WORDS + 28,
  /** LEAVES bits: what makes the running guest leave, so that compiled code must not do it alone */
  leaves: WORDS + 32,
  /** of the page fault that a fill found last: its error code, and the table entries read on the way */
  faultCode: WORDS + 36,
  faultReads: WORDS + 40,
  /** the generation of fast tags and the stamp given last */
  lastGeneration: WORDS + 44,
  lastStamp: WORDS + 48,
} as const;

/** Generations have twelve bits; stamps and generations start anew when these are reached or passed. */
export const LAST = { generation: 0xffe, stamp: 0x7fff_fff0 } as const;

/** Bits of `TLB_WORD.leaves`: a page fault of the guest's own, INVLPG, MOV to and from control registers. */
export const LEAVES = { pageFault: 1, invlpg: 2, control: 4 } as const;
