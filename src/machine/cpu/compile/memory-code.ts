/**
 * Loads, stores and probes of a region. An access in a flat segment first asks whether it lies in the page that its group was
 * in last (near-pages.ts); else it looks into the fast TLB, and remembers the page; else it takes the slow path, which may
 * change any translation, so that all remembered pages are forgotten.
 *
 * A remembered page is one that the fast table allows everything for that its group does, in two locals: its linear address,
 * 64 bits wide, so that there is a value that no access is near to, and what leads from linear addresses to the pool.
 */
import { PAGE_SIZE } from '../../address';
import { SEGMENT, STATE } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import type { ArithmeticCode } from './arithmetic-code';
import { OP, type FunctionBody } from './encoder';
import { AT, IMPORT, LOCAL } from './locals';
import type { NearPage } from './near-pages';

type Size = 1 | 2 | 4;

const LOAD_OP = { 1: OP.load8_u, 2: OP.load16_u, 4: OP.load } as const;
const STORE_OP = { 1: OP.store8, 2: OP.store16, 4: OP.store } as const;
export const INDEX_MASK = (FAST_TLB.entries - 1) << 4;
/** attributes of plain data, and of plain writable data (access.ts) */
const PLAIN_READ = [0x1_001c, 0x10] as const;
export const PLAIN_WRITE = [0x1_001e, 0x12] as const;
/** The page that nothing is near to. */
const NOWHERE = 2 ** 32;

const { linear: LINEAR, index: INDEX, offset: OFFSET, spare: TAG, nearPages: PAGES, nearAddends: ADDENDS, nowhere: NOTHING } = LOCAL;

/** What the code of an access needs of the instruction that it belongs to. */
export interface AccessContext {
  readonly values: ArithmeticCode;
  /** pushes what the slow path is told: the note, RIP and the budget */
  tellSlowPath(segment: number, size: number): void;
  /** leaves the region when the slow path has asked for it */
  leaveIfAsked(): void;
}

export class MemoryCode {
  private readonly table: number;

  /** @param flatSegments bit n: segment n is writable data from 0 to 4 GiB */
  constructor(
    private readonly body: FunctionBody,
    private readonly flatSegments: number,
    user: boolean,
    /** near pages of the region */
    private readonly nearPages: number,
  ) {
    this.table = user ? FAST_TLB.user : FAST_TLB.supervisor;
  }

  /** At the start of a region: nothing is remembered. */
  begin(): void {
    if (this.nearPages === 0) return;
    this.body.i64(NOWHERE).set(NOTHING);
    this.forgetPages();
  }

  /** Nothing is remembered any more: translations may have changed. */
  forgetPages(): void {
    for (let number = 0; number < this.nearPages; number++) this.body.get(NOTHING).set(PAGES + number);
  }

  load(context: AccessContext, size: Size, to: number, segment: number, address: number, near?: NearPage): void {
    const { body } = this;
    const { values } = context;
    const pool = (): void => {
      body.memory(LOAD_OP[size], 0);
      values.pop(to);
    };
    this.access(context, size, segment, address, false, near, pool, () => {
      body.call(this.isFlat(segment) ? IMPORT.load : IMPORT.slowLoad);
      values.pop(to);
    });
  }

  store(context: AccessContext, size: Size, segment: number, address: number, value: number, near?: NearPage): void {
    const { body } = this;
    const { values } = context;
    const pool = (): void => {
      values.push(value);
      body.memory(STORE_OP[size], 0);
    };
    this.access(context, size, segment, address, true, near, pool, () => {
      values.push(value);
      body.call(this.isFlat(segment) ? IMPORT.store : IMPORT.segmentStore);
    });
  }

  /** Nothing but the check of a store to come. */
  probe(context: AccessContext, size: number, segment: number, address: number, near?: NearPage): void {
    const { body } = this;
    this.access(context, size, segment, address, true, near, undefined, () =>
      body.call(this.isFlat(segment) ? IMPORT.probe : IMPORT.segmentProbe),
    );
  }

  /** `pool` finds the access's address on the stack; `slow` the slow path's arguments. */
  private access(
    context: AccessContext,
    size: number,
    segment: number,
    address: number,
    write: boolean,
    near: NearPage | undefined,
    pool: (() => void) | undefined,
    slow: () => void,
  ): void {
    const { body } = this;
    const flat = this.isFlat(segment);
    const isNear = flat && near !== undefined;
    context.values.push(address);
    if (flat) body.set(LINEAR);
    else body.tee(OFFSET).word(segmentAt(segment) + SEGMENT.base).op(OP.add).set(LINEAR); // prettier-ignore
    if (isNear) {
      body
        .get(LINEAR)
        .op(OP.extend_u)
        .get(PAGES + near.number)
        .op(OP.sub64)
        .i64(PAGE_SIZE - size);
      body.op(OP.gt64_u).ifUnlikely();
    }
    this.compareTag(size, write);
    if (!flat) this.checkSegment(segment, size, write);
    body.ifUnlikely();
    body.get(flat ? LINEAR : OFFSET);
    context.tellSlowPath(segment, size);
    slow();
    context.leaveIfAsked();
    this.forgetPages();
    if (isNear || pool !== undefined) body.else();
    if (isNear) this.remember(near, write);
    if (pool !== undefined) {
      body.get(LINEAR);
      if (isNear) body.get(ADDENDS + near.number);
      else body.get(INDEX).memory(OP.load, this.table + 12);
      body.op(OP.add);
      pool();
    }
    body.end();
    if (!isNear) return;
    if (pool !== undefined) {
      body
        .else()
        .get(LINEAR)
        .get(ADDENDS + near.number)
        .op(OP.add);
      pool();
    }
    body.end();
  }

  /** Leaves 1 on the stack when the fast table does not allow the access; sets `index`, and `spare` to the tag that would. */
  private compareTag(size: number, write: boolean): void {
    const { body } = this;
    body.get(LINEAR).i32(8).op(OP.shr_u).i32(INDEX_MASK).op(OP.and).tee(INDEX);
    body.memory(OP.load, this.table + (write ? 4 : 0)).get(LINEAR);
    if (size > 1) body.i32(size - 1).op(OP.add);
    body.i32(-PAGE_SIZE).op(OP.and).word(AT.generation).op(OP.or).tee(TAG).op(OP.ne);
  }

  /** Turns that into whether the table or the segment does not allow it. */
  private checkSegment(segment: number, size: number, write: boolean): void {
    const { body } = this;
    const at = segmentAt(segment);
    const [mask, plain] = write ? PLAIN_WRITE : PLAIN_READ;
    body.word(at + SEGMENT.attributes).i32(mask).op(OP.and).i32(plain).op(OP.ne, OP.or); // prettier-ignore
    body.get(OFFSET).word(at + SEGMENT.limit).op(OP.gt_u, OP.or); // prettier-ignore
    if (size === 1) return;
    body.word(at + SEGMENT.limit).get(OFFSET).op(OP.sub).i32(size - 1).op(OP.lt_u, OP.or); // prettier-ignore
  }

  /** The access's page, which the fast table has just allowed, for its group. */
  private remember(near: NearPage, write: boolean): void {
    const { body } = this;
    body.get(LINEAR).i32(-PAGE_SIZE).op(OP.and, OP.extend_u);
    if (near.writes && !write) {
      // who may write may read, not the other way round
      body
        .get(NOTHING)
        .get(INDEX)
        .memory(OP.load, this.table + 4)
        .get(TAG)
        .op(OP.eq, OP.select);
    }
    body.set(PAGES + near.number);
    body
      .get(INDEX)
      .memory(OP.load, this.table + 12)
      .set(ADDENDS + near.number);
  }

  isFlat(segment: number): boolean {
    return ((this.flatSegments >> segment) & 1) !== 0;
  }
}

const segmentAt = (segment: number): number => STATE.segments.offset + segment * SEGMENT.size;
