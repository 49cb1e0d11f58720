/**
 * Stores into pages that hold translated code, in WebAssembly: most of them are to data that lies beside the code. The fast table
 * says where the page's code map is (tlb-layout.ts); when none of the bytes is code the store is a plain one.
 */
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { CODE_MAP_OF, FAST_TLB } from '../tlb-layout';
import type { FunctionBody } from './encoder';
import { OP, encodeModule, type Label } from './encoder';
import { TYPES } from './locals';
import { PLAIN_WRITE } from './memory-code';
import { NOTE, OFFSET, RIP, attempted, emitSized, needOnePage } from './slow-path-code';

const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const DPL_3 = 0x60;
const FIRST = FAST_TLB.supervisor;
/** (offset, note, RIP, budget, value) and the same without a value (TYPES) */
const STORE_TYPE = 1;
const PROBE_TYPE = 2;

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

/** Pushes the number of the segment that an access is in, from the parameters that hold its note and RIP (or what stands for it). */
export type PushSegment = (body: FunctionBody, note: number, rip: number) => void;

/** As compiled code has it. */
export const segmentOfNote: PushSegment = (body, note) => void body.get(note).i32(7).op(OP.and);

export interface SegmentStores {
  segmentStore: (offset: number, note: number, rip: number, budget: number, value: number) => void;
  segmentProbe: (offset: number, note: number, rip: number, budget: number) => void;
}

/**
 * Stores and probes in segments that need not be flat, which the fast table did not allow: made when they are to data beside
 * code, else left to the slow path with the same arguments.
 * @param slow the tier's `slowStore` and `slowProbe`
 */
export function makeSegmentStores(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  slow: Record<string, unknown>,
  segment: PushSegment,
): SegmentStores {
  const bytes = encodeModule({
    types: TYPES,
    imports: [
      ['slowStore', STORE_TYPE],
      ['slowProbe', PROBE_TYPE],
    ],
    functions: [
      { name: 'segmentStore', type: STORE_TYPE, locals: 3, body: segmentStore(segment, 'store') },
      { name: 'segmentProbe', type: PROBE_TYPE, locals: 3, body: segmentStore(segment, 'probe') },
    ],
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { ...slow, m: memory, t: table } });
  return instance.exports as unknown as SegmentStores;
}

function segmentStore(segment: PushSegment, kind: 'store' | 'probe'): FunctionBody {
  return attempted(kind, kind === 'store' ? 0 : 1, (attempt) => {
    const { body, otherwise, size, value, locals } = attempt;
    const [AT, LINEAR] = [locals, locals + 1];
    const field = (offset: number): FunctionBody => body.get(AT).memory(OP.load, STATE.segments.offset + offset);
    const [mask, plain] = PLAIN_WRITE;
    segment(body, NOTE, RIP);
    body.i32(SEGMENT.size).op(OP.mul).set(AT);
    field(SEGMENT.attributes).i32(mask).op(OP.and).i32(plain).op(OP.ne).brIf(otherwise);
    body.get(OFFSET);
    field(SEGMENT.limit).op(OP.gt_u).brIf(otherwise);
    field(SEGMENT.limit).get(OFFSET).op(OP.sub).get(size).i32(1).op(OP.sub, OP.lt_u).brIf(otherwise);
    field(SEGMENT.base).get(OFFSET).op(OP.add).tee(LINEAR);
    needOnePage(attempt);
    emitBesideCode(body, { linear: LINEAR, size, value, at: AT }, otherwise);
  });
}
