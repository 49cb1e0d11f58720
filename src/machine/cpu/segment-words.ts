/** Where the segment registers lie in the state, in words, and what their attributes must be for an access to need no more than its limit checked. */
import { SEGMENT, SEGMENT_INDEX, STATE } from './state-layout';

/** Words of one register; those of the first; and, of each, the words of attributes, limit and base. */
export const SEGMENT_WORDS = SEGMENT.size >> 2;
export const FIRST_SEGMENT = STATE.segments.offset >> 2;
export const ATTRIBUTES = SEGMENT.attributes >> 2;
export const LIMIT = SEGMENT.limit >> 2;
export const BASE = SEGMENT.base >> 2;

/** The DPL of SS is the current privilege level. */
export const SS_ATTRIBUTES = FIRST_SEGMENT + SEGMENT_INDEX.SS * SEGMENT_WORDS + ATTRIBUTES;
export const DPL_3 = 0x60;

/** Attributes of an ordinary data segment: usable, S, not code, not expand-down (and writable). */
export const READ_MASK = 0x1_001c;
export const READ_PLAIN = 0x10;
export const WRITE_MASK = 0x1_001e;
export const WRITE_PLAIN = 0x12;
