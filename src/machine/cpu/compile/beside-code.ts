/**
 * Stores into pages that hold translated code, in WebAssembly: most of them are to data that lies beside the code. The fast table
 * says where the page's code map is (tlb-layout.ts); when none of the bytes is code the store is a plain one.
 */
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { CODE_MAP_OF, FAST_TLB } from '../tlb-layout';
import { OP, type FunctionBody, type Label } from './encoder';

const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const DPL_3 = 0x60;
const FIRST = FAST_TLB.supervisor;

/** Locals: the linear address, its bytes (1, 2 or 4, in one page), the value (undefined: a probe), and one that is overwritten. */
export interface StoreLocals {
  linear: number;
  size: number;
  value: number | undefined;
  at: number;
}

/**
 * Makes the store and returns when its page is one that holds code and the bytes are none; a probe of such a page always
 * returns. Goes to `code` when they are, and on behind this when the fast table says nothing of it.
 */
export function emitBesideCode(body: FunctionBody, { linear, size, value, at }: StoreLocals, code: Label): void {
  const entry = (word: number): FunctionBody => body.get(at).memory(OP.load, FIRST + word);
  body
    .get(linear)
    .i32(8)
    .op(OP.shr_u)
    .i32((FAST_TLB.entries - 1) * FAST_TLB.entryBytes)
    .op(OP.and);
  body.word(SS_ATTRIBUTES).i32(DPL_3).op(OP.and).i32(DPL_3).op(OP.eq);
  body
    .i32(Math.log2(FAST_TLB.user - FAST_TLB.supervisor))
    .op(OP.shl, OP.add)
    .set(at);
  // as `besideCode` has it
  entry(4).get(linear).i32(-4096).op(OP.and).word(STATE.tlbGeneration.offset).op(OP.or).i32(-1).op(OP.xor, OP.eq).if();
  if (value === undefined) body.op(OP.return);
  else {
    entry(CODE_MAP_OF.distance).get(linear).i32(4095).op(OP.and).i32(3).op(OP.shr_u, OP.add).memory(OP.load16_u, 0);
    body.get(linear).i32(7).op(OP.and, OP.shr_u).i32(1).get(size).op(OP.shl).i32(1).op(OP.sub, OP.and).brIf(code);
    entry(12).get(linear).op(OP.add).set(at);
    emitSized(body, size, at, value);
  }
  body.end();
}

/** A store of the value, or a load when that is undefined, of `size` bytes at the pool offset in `at`; and returns. */
export function emitSized(body: FunctionBody, size: number, at: number, value: number | undefined): void {
  for (const [bytes, load, store] of [
    [4, OP.load, OP.store],
    [1, OP.load8_u, OP.store8],
    [2, OP.load16_u, OP.store16],
  ] as const) {
    if (bytes !== 2) body.get(size).i32(bytes).op(OP.eq).if();
    body.get(at);
    if (value !== undefined) body.get(value).memory(store, 0);
    else body.memory(load, 0);
    body.op(OP.return);
    if (bytes !== 2) body.end();
  }
}
