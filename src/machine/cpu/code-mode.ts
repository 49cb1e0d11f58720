/**
 * What the running code's translation depends on besides its bytes: the mode that the segments and control registers say, and,
 * for the faster tiers, which segments are flat and whose accesses they are.
 */
import type { CpuState } from './cpu-state';
import type { Level } from './instruction-set';
import { modeKey, type Mode } from './lower/ir';
import { ATTRIBUTE } from './segmentation';
import { SEGMENT, SEGMENT_INDEX, STATE } from './state-layout';

const { CS, SS } = SEGMENT_INDEX;
const FIRST_SEGMENT = STATE.segments.offset >> 2;
const SEGMENT_WORDS = SEGMENT.size >> 2;
const BASE = SEGMENT.base >> 2;
const LIMIT = SEGMENT.limit >> 2;
const ATTRIBUTES = SEGMENT.attributes >> 2;
/** attributes of usable, writable, not expand-down data (access.ts) */
const PLAIN_MASK = 0x1_001e;
const PLAIN = 0x12;
const DPL_3 = 0x60;

/** Bits of a region key above those of the mode key: from the first on, a flat segment each; the user's accesses; CS is flat. */
export const REGION_KEY = { flat: 4, segments: 63, user: 1 << 10, flatCode: 1 << 11 } as const;

/** The mode that code at CS:RIP is decoded for. */
export function modeOf(state: CpuState, level?: Level): Mode {
  const code32 = (state.segmentAttributes(CS) & ATTRIBUTE.big) !== 0;
  return {
    code32,
    stack32: (state.segmentAttributes(SS) & ATTRIBUTE.big) !== 0,
    protectedMode: state.protectedMode && !state.virtual8086,
    codeLimited: state.segmentLimit(CS) < (code32 ? 0xffff_ffff : 0xffff),
    ...(level === undefined ? {} : { level }),
  };
}

/** The mode's key, with what it does not say: which segments are flat, whose accesses, is CS flat (REGION_KEY). */
export function regionKey(state: CpuState, key = modeKey(modeOf(state))): number {
  const { u32 } = state;
  let flat = 0;
  for (let segment = 0; segment < 6; segment++) {
    const at = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[at + ATTRIBUTES]! & PLAIN_MASK) === PLAIN && u32[at + BASE] === 0 && u32[at + LIMIT] === 0xffff_ffff) flat |= 1 << segment;
  }
  const code = FIRST_SEGMENT + CS * SEGMENT_WORDS;
  const flatCode = u32[code + BASE] === 0 && u32[code + LIMIT] === 0xffff_ffff;
  const user = (u32[FIRST_SEGMENT + SS * SEGMENT_WORDS + ATTRIBUTES]! & DPL_3) === DPL_3;
  return key | (flat << REGION_KEY.flat) | (user ? REGION_KEY.user : 0) | (flatCode ? REGION_KEY.flatCode : 0);
}
