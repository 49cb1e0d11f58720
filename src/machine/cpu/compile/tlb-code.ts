/**
 * Entries of the architectural TLB in WebAssembly, as tlb.ts has them: found by page, dropped with their fast entries, invalidated.
 * SDM vol. 3, 4.10.
 */
import { CR4 } from '../paging-registers';
import { STATE } from '../state-layout';
import { TLB_FLAG } from '../tlb-entry';
import { FAST_TLB, LAST, LEAVES, TLB_CONTEXT, TLB_COVERED, TLB_ENTRY, TLB_PAGE_SIZE, TLB_WORD } from '../tlb-layout';
import { FunctionBody, OP } from './encoder';
import { WORD } from './layout';

export interface TlbGeometry {
  sets: number;
  ways: number;
}

/** Sizes that an entry can cover, beside a single page: 2 MiB and 4 MiB. */
const LARGE = [9, 10] as const;
const LARGEST = 10;
const CONTEXT_SHIFT = Math.log2(TLB_CONTEXT.bytes);

/**
 * The address of the current context's entry for a page in `entry`, which is 0 when there is none.
 * @param at and the other locals are overwritten
 */
export function lookUp(
  body: FunctionBody,
  { sets, ways }: TlbGeometry,
  locals: { page: number; entry: number; at: number; tag: number; number: number },
): void {
  const { page, entry, at: AT, tag: TAG, number: NUMBER } = locals;
  const takeIfValid = (offset: number): void => {
    body
      .get(AT)
      .memory(OP.load, offset + TLB_ENTRY.stamp)
      .tee(TAG)
      .word(TLB_WORD.local)
      .op(OP.eq);
    // stamps of different contexts are never the same
    body.get(TAG).word(TLB_WORD.global).op(OP.eq, OP.or).if();
    body.get(AT).i32(offset).op(OP.add).set(entry).br(done);
    body.end();
  };
  const done = body.block();
  body.get(page).i32(sets - 1).op(OP.and).i32(ways * TLB_ENTRY.bytes).op(OP.mul).i32(TLB_ENTRY.offset).op(OP.add).set(AT); // prettier-ignore
  for (let way = 0; way < ways; way++) {
    const offset = way * TLB_ENTRY.bytes;
    body
      .get(AT)
      .memory(OP.load, offset + TLB_ENTRY.page)
      .get(page)
      .op(OP.eq)
      .if();
    takeIfValid(offset);
    body.end();
  }
  body.word(TLB_WORD.largePages).op(OP.eqz).brIf(done);
  // a large page's set is chosen by the bits of its own number
  for (const size of LARGE) {
    body.get(page).i32(size).op(OP.shr_u).tee(TAG).i32(sets - 1).op(OP.and).i32(ways * TLB_ENTRY.bytes).op(OP.mul).i32(TLB_ENTRY.offset).op(OP.add).set(AT); // prettier-ignore
    body.get(TAG).i32(size).op(OP.shl).set(NUMBER);
    for (let way = 0; way < ways; way++) {
      const offset = way * TLB_ENTRY.bytes;
      body
        .get(AT)
        .memory(OP.load, offset + TLB_ENTRY.page)
        .get(NUMBER)
        .op(OP.eq)
        .if();
      field(body, AT, offset, TLB_COVERED).i32(size).op(OP.eq).if();
      takeIfValid(offset);
      body.end().end();
    }
  }
  body.end();
}

/** A size in the flags of the entry at `at` + `offset`. */
const field = (body: FunctionBody, at: number, offset: number, { shift, mask }: { shift: number; mask: number }): FunctionBody =>
  body
    .get(at)
    .memory(OP.load, offset + TLB_ENTRY.flags)
    .i32(shift)
    .op(OP.shr_u)
    .i32(mask)
    .op(OP.and);

/** 1 on the stack when the entry at `at` is valid in its own context. `tag` and `context` are overwritten. */
export function isValid(body: FunctionBody, at: number, tag: number, context: number): void {
  body.get(at).memory(OP.load, TLB_ENTRY.context).i32(CONTEXT_SHIFT).op(OP.shl).set(context);
  body.get(at).memory(OP.load, TLB_ENTRY.stamp).tee(tag);
  body
    .get(context)
    .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.local)
    .op(OP.eq);
  body
    .get(tag)
    .get(context)
    .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.global)
    .op(OP.eq, OP.or);
  body.get(at).memory(OP.load, TLB_ENTRY.page).i32(0).op(OP.ge_s, OP.and);
}

/** Number of locals that `dropEntry` has beyond its parameter. */
export const DROP_LOCALS = 4;

/** A function of a valid entry's address: it goes, and the fast entries made from it. */
export function dropEntry(): FunctionBody {
  const body = new FunctionBody();
  const [AT, PAGE, LEFT, GENERATION, TAG] = [0, 1, 2, 3, 4] as const;
  body.get(AT).memory(OP.load, TLB_ENTRY.context).i32(CONTEXT_SHIFT).op(OP.shl);
  body.memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.generation).set(GENERATION);
  body.get(AT).memory(OP.load, TLB_ENTRY.page).set(PAGE);
  body.i32(1);
  field(body, AT, 0, TLB_COVERED).op(OP.shl).set(LEFT);
  const again = body.loop();
  dropFast(body, { page: PAGE, generation: GENERATION, tag: TAG }, FAST_TLB.supervisor);
  // of a supervisor's page, users have no fast entry
  body.get(AT).memory(OP.load, TLB_ENTRY.flags).i32(TLB_FLAG.user).op(OP.and).if();
  dropFast(body, { page: PAGE, generation: GENERATION, tag: TAG }, FAST_TLB.user);
  body.end();
  body.get(PAGE).i32(1).op(OP.add).set(PAGE);
  body.get(LEFT).i32(1).op(OP.sub).tee(LEFT).brIf(again);
  body.end();
  return body.get(AT).i32(-1).memory(OP.store, TLB_ENTRY.page);
}

/** Forgets the fast entries of a page in a block of the fast table that were made in a generation. `page` keeps its value. */
function dropFast(body: FunctionBody, { page, generation, tag }: { page: number; generation: number; tag: number }, block: number): void {
  body.get(page).i32(12).op(OP.shl).get(generation).op(OP.or).set(tag);
  const index = (): FunctionBody => body.get(page).i32(FAST_TLB.entries - 1).op(OP.and).i32(4).op(OP.shl); // prettier-ignore
  for (const offset of [0, 4, 8]) {
    index()
      .memory(OP.load, block + offset)
      .get(tag)
      .op(OP.eq);
    if (offset !== 0) body.op(OP.or);
  }
  body.if();
  for (const offset of [0, 4, 8])
    index()
      .i32(0)
      .memory(OP.store, block + offset);
  body.end();
}

export const INVALIDATE_LOCALS = 7;

/**
 * A function of a linear address and the linear page of the running code: what INVLPG and a page fault do to that address, global
 * entries and all parts of a large page included.
 * @param drop number of the function made by `dropEntry`
 */
export function invalidatePage(geometry: TlbGeometry, drop: number): FunctionBody {
  const body = new FunctionBody();
  const [LINEAR, CODE, PAGE, ENTRY, AT, TAG, NUMBER, SIZE, LEFT] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
  body.get(LINEAR).i32(12).op(OP.shr_u).set(PAGE);
  // the page held for code may be a part of the same large page, whose entry need not be here any more
  body.get(PAGE).get(CODE).op(OP.xor);
  body.i32(LARGEST).i32(0).word(STATE.cr4.offset).i32(CR4.PSE | CR4.PAE).op(OP.and, OP.select, OP.shr_u, OP.eqz).if(); // prettier-ignore
  loseCodePage(body);
  body.end();
  lookUp(body, geometry, { page: PAGE, entry: ENTRY, at: AT, tag: TAG, number: NUMBER });
  body.get(ENTRY).if();
  body.get(ENTRY).call(drop);
  body.else();
  body.word(TLB_WORD.context).i32(CONTEXT_SHIFT).op(OP.shl).memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.generation).set(NUMBER); // prettier-ignore
  for (const block of [FAST_TLB.supervisor, FAST_TLB.user]) dropFast(body, { page: PAGE, generation: NUMBER, tag: TAG }, block);
  body.end();
  body.word(TLB_WORD.largePages).if();
  body.i32(TLB_ENTRY.offset).set(ENTRY);
  body.i32(geometry.sets * geometry.ways).set(LEFT);
  const again = body.loop();
  const next = body.block();
  field(body, ENTRY, 0, TLB_PAGE_SIZE).tee(SIZE).op(OP.eqz).brIf(next);
  body.get(ENTRY).memory(OP.load, TLB_ENTRY.context).word(TLB_WORD.context).op(OP.ne).brIf(next);
  body.get(ENTRY).memory(OP.load, TLB_ENTRY.page).get(PAGE).op(OP.xor).get(SIZE).op(OP.shr_u).brIf(next);
  isValid(body, ENTRY, TAG, AT);
  body.op(OP.eqz).brIf(next);
  body.get(ENTRY).call(drop);
  body.end();
  body.get(ENTRY).i32(TLB_ENTRY.bytes).op(OP.add).set(ENTRY);
  body.get(LEFT).i32(1).op(OP.sub).tee(LEFT).brIf(again);
  body.end().end();
  return body;
}

/** The code page is held no more. */
function loseCodePage(body: FunctionBody): void {
  body.word(TLB_WORD.context).i32(CONTEXT_SHIFT).op(OP.shl).i32(-1).memory(OP.store, TLB_CONTEXT.offset + TLB_CONTEXT.codePage); // prettier-ignore
  for (const word of [WORD.slot, WORD.heldSlot]) body.i32(0).i32(0).memory(OP.store, word);
}

/**
 * A function of CR3's new value (and RIP, which does not matter): a flush by writing to CR3 what it has. 1; 0 when nothing has
 * happened, because there is more to it: another root, PAE's pointers, a guest to be left, numbers that begin anew.
 */
export function reloadCr3(): FunctionBody {
  const body = new FunctionBody();
  const [VALUE, , CONTEXT] = [0, 1, 2] as const;
  body.get(VALUE).word(STATE.cr3.offset).op(OP.ne);
  body.word(STATE.cr0.offset).i32(0).op(OP.ge_s, OP.or);
  body.word(STATE.cr4.offset).i32(CR4.PAE).op(OP.and, OP.or);
  body.word(TLB_WORD.leaves).i32(LEAVES.control).op(OP.and, OP.or);
  body.word(WORD.slot).op(OP.eqz, OP.or);
  body.word(TLB_WORD.lastStamp).i32(LAST.stamp).op(OP.ge_s, OP.or);
  body.word(TLB_WORD.lastGeneration).i32(LAST.generation).op(OP.ge_s, OP.or).if();
  body.i32(0).op(OP.return).end();
  body.word(TLB_WORD.context).i32(CONTEXT_SHIFT).op(OP.shl).set(CONTEXT);
  for (const [last, own, current] of [
    [TLB_WORD.lastStamp, TLB_CONTEXT.local, TLB_WORD.local],
    [TLB_WORD.lastGeneration, TLB_CONTEXT.generation, STATE.tlbGeneration.offset],
  ] as const) {
    body.i32(0).word(last).i32(1).op(OP.add).memory(OP.store, last);
    body
      .get(CONTEXT)
      .word(last)
      .memory(OP.store, TLB_CONTEXT.offset + own);
    body.i32(0).word(last).memory(OP.store, current);
  }
  loseCodePage(body);
  return body.i32(1);
}
