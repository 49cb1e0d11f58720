/**
 * TLB misses of compiled code, in WebAssembly: what linear-access.ts does for the usual case, without a call into JavaScript. A fill
 * looks into the architectural TLB, else walks the guest's tables (walk-code.ts), and has effects only when it is certain of the
 * whole access; a page fault of the guest's own making is raised; in every other case nothing changes and the tier takes the slow
 * path. It must do exactly what that would have done: fill-code.spec.ts holds them against each other. SDM vol. 3, 4.8, 4.10.
 */
import { ACCESS } from '../page-rights';
import { SEGMENT, SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import { TLB_FLAG } from '../tlb-entry';
import { FAST_TLB, LEAVES, TLB_COUNTER, TLB_COVERED, TLB_ENTRY, TLB_NEXT_WAY, TLB_WORD } from '../tlb-layout';
import { VECTOR } from '../vectors';
import { emitBesideCode } from './beside-code';
import { FunctionBody, OP, encodeModule } from './encoder';
import { LEAVE, PINS, WORD } from './layout';
import { FILL_TYPE, IMPORT, IMPORTS, TYPES } from './locals';
import { BUDGET, NOTE, OFFSET, RIP, attempted, emitSized, needOnePage, type AccessKind } from './slow-path-code';
import { DROP_LOCALS, INVALIDATE_LOCALS, dropEntry, invalidatePage, isValid, lookUp, reloadCr3, type TlbGeometry } from './tlb-code';
import {
  AT,
  CACHE,
  COVERED,
  ENTRY_AT,
  FILL,
  FILL_LOCALS,
  FLAGS,
  FOR_EVENT,
  FRAME,
  LEAF,
  LEAF_AT,
  LINEAR,
  NEW_LEAF,
  NEXT_AT,
  PAGE,
  READS,
  RIGHTS,
  SIZE,
  SPARE,
  SUPER,
  TAG,
  UPPER,
  UPPER_AT,
  USER,
  VICTIM,
  WANTED,
  WAY,
  WalkCode,
} from './walk-code';

/** Functions of the module by number. */
const NUMBER = { fill: IMPORTS.length, drop: IMPORTS.length + 1, invalidate: IMPORTS.length + 2, fault: IMPORTS.length + 3 } as const;

/** Pushes ACCESS.user when the program runs as user, else 0. */
export const userBit = (body: FunctionBody): FunctionBody =>
  body.word(SS_ATTRIBUTES).i32(DPL_3).op(OP.and).i32(DPL_3).op(OP.eq).i32(2).op(OP.shl);

const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const CS_BASE = STATE.segments.offset + SEGMENT_INDEX.CS * SEGMENT.size + SEGMENT.base;
const DPL_3 = 0x60;

export interface FillExports {
  load: (offset: number, note: number, rip: number, budget: number) => number;
  store: (offset: number, note: number, rip: number, budget: number, value: number) => void;
  probe: (offset: number, note: number, rip: number, budget: number) => void;
  /** (linear, ACCESS bits) → pool offset of the byte at `linear`, unsigned as a signed number; or FILL, and nothing has happened */
  fill: (linear: number, access: number) => number;
  /** INVLPG of a linear address by the instruction at RIP: 1; 0 when nothing has happened */
  invalidate: (linear: number, rip: number) => number;
  /** MOV of a value to CR3, likewise */
  reload: (value: number, rip: number) => number;
}

/**
 * @param memory the pool
 * @param slow the tier's `slowLoad`, `slowStore` and `slowProbe`, and the other imports of a region
 * @param geometry of the architectural TLB
 * @param raises are page faults raised, as regions expect it? Else the slow path is told of them as of anything else.
 */
export function makeFill(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  slow: Record<string, unknown>,
  geometry: TlbGeometry,
  raises: boolean,
): FillExports {
  const nothing = (): number => 0;
  const [DROP_TYPE, INVALIDATE_TYPE, FAULT_TYPE] = [TYPES.length, TYPES.length + 1, TYPES.length + 2];
  const bytes = encodeModule({
    types: [...TYPES, { parameters: 1, results: 0 }, { parameters: 2, results: 0 }, { parameters: 5, results: 1 }],
    imports: IMPORTS,
    functions: [
      { name: 'fill', type: FILL_TYPE, locals: FILL_LOCALS, body: new FillCode(geometry, NUMBER.drop).body },
      { name: 'drop', type: DROP_TYPE, locals: DROP_LOCALS, body: dropEntry() },
      { name: 'forget', type: INVALIDATE_TYPE, locals: INVALIDATE_LOCALS, body: invalidatePage(geometry, NUMBER.drop) },
      { name: 'fault', type: FAULT_TYPE, locals: 0, body: raisePageFault() },
      { name: 'load', type: 0, locals: 2, body: access('load', IMPORT.slowLoad, raises) },
      { name: 'store', type: 1, locals: 2, body: access('store', IMPORT.slowStore, raises) },
      { name: 'probe', type: 2, locals: 2, body: access('probe', IMPORT.slowProbe, raises) },
      { name: 'invalidate', type: FILL_TYPE, locals: 0, body: invalidate() },
      { name: 'reload', type: FILL_TYPE, locals: 1, body: reloadCr3() },
    ],
  });
  const imports = {
    ...slow,
    m: memory,
    t: table,
    load: nothing,
    store: nothing,
    probe: nothing,
    fill: nothing,
    invalidate: nothing,
    segmentStore: nothing,
    segmentProbe: nothing,
    reload: nothing,
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: imports });
  return instance.exports as unknown as FillExports;
}

/** `load`, `store` and `probe`: fill, then the access or its page fault; or the tier's slow path with the same arguments. */
function access(kind: AccessKind, slow: number, raises: boolean): FunctionBody {
  return attempted(kind, slow, (attempt) => {
    const { body, otherwise, size, value, locals: FOUND } = attempt;
    body.get(OFFSET);
    needOnePage(attempt);
    if (kind !== 'load') emitBesideCode(body, { linear: OFFSET, size, value, at: FOUND }, otherwise);
    body.get(OFFSET);
    userBit(body);
    if (kind !== 'load') body.i32(ACCESS.write).op(OP.or);
    body.call(NUMBER.fill).tee(FOUND).i32(FILL.faults).op(OP.le_u).if();
    if (raises) {
      body.get(FOUND).op(OP.eqz).brIf(otherwise);
      body
        .get(OFFSET)
        .get(NOTE)
        .get(RIP)
        .get(BUDGET)
        .i32(kind === 'probe' ? 0 : 1);
      body.call(NUMBER.fault).op(OP.eqz).brIf(otherwise);
      if (kind === 'load') body.i32(0);
      body.op(OP.return);
    } else body.br(otherwise);
    body.end();
    if (kind === 'probe') body.op(OP.return);
    else emitSized(body, size, FOUND, value);
  });
}

/** Pushes the linear page of the code at RIP in a local. */
const codePage = (body: FunctionBody, rip: number): FunctionBody => body.word(CS_BASE).get(rip).op(OP.add).i32(12).op(OP.shr_u);

const storeWord = (body: FunctionBody, at: number, value: () => unknown): void => {
  body.i32(0);
  value();
  body.memory(OP.store, at);
};

/**
 * The page fault that `fill` found, at an access with this note (locals.ts): what a walk counts, what the fault does to the TLB, and
 * the region is left. 1; or 0 when nothing has happened, because a guest is to be left, or no code page is held.
 * @param counts (as fifth parameter) 1: the access is one of those that were counted when its block began
 */
function raisePageFault(): FunctionBody {
  const body = new FunctionBody();
  const [FAULTY, NOTE, RIP, BUDGET, COUNTS] = [0, 1, 2, 3, 4] as const;
  body.word(TLB_WORD.leaves).i32(LEAVES.pageFault).op(OP.and).word(WORD.slot).op(OP.eqz, OP.or).if();
  body.i32(0).op(OP.return).end();
  count(body, TLB_COUNTER.misses, () => body.f64(1));
  count(body, TLB_COUNTER.tableReads, () => body.word(TLB_WORD.faultReads).op(OP.convert_f64));
  body.get(FAULTY);
  codePage(body, RIP).call(NUMBER.invalidate);
  storeWord(body, STATE.cr2.offset, () => body.get(FAULTY));
  storeWord(body, STATE.faultVector.offset, () => body.i32(VECTOR.pageFault));
  storeWord(body, STATE.faultErrorCode.offset, () => body.word(TLB_WORD.faultCode));
  storeWord(body, STATE.stop.offset, () => body.i32(STOP.fault));
  storeWord(body, STATE.instructionLength.offset, () => body.get(NOTE).i32(10).op(OP.shr_u).i32(15).op(OP.and));
  storeWord(body, WORD.leave, () => body.i32(LEAVE.stop));
  storeWord(body, WORD.leftRip, () => body.get(RIP));
  storeWord(body, WORD.leftBudget, () => body.get(NOTE).i32(22).op(OP.shr_u).get(BUDGET).op(OP.add));
  // the access itself has been made in vain, and counts
  storeWord(body, WORD.leftUncounted, () => body.get(NOTE).i32(14).op(OP.shr_u).i32(255).op(OP.and).get(COUNTS).op(OP.sub));
  return body.i32(1);
}

/** INVLPG, when it is the program's own affair. */
function invalidate(): FunctionBody {
  const body = new FunctionBody();
  body.word(TLB_WORD.leaves).i32(LEAVES.invlpg).op(OP.and).word(WORD.slot).op(OP.eqz, OP.or).if();
  body.i32(0).op(OP.return).end();
  body.get(0);
  return codePage(body, 1).call(NUMBER.invalidate).i32(1);
}

/** Adds a double to a statistic. */
export function count(body: FunctionBody, counter: number, value: () => unknown): void {
  body.i32(0).i32(0).memory(OP.load_f64, counter);
  value();
  body.op(OP.add_f64).memory(OP.store_f64, counter);
}

/** The function `fill`; who must tell of what is read and written on the way does that in between. */
export class FillCode extends WalkCode {
  /** @param drop number of the function made by `dropEntry` */
  constructor(
    private readonly geometry: TlbGeometry,
    private readonly drop: number,
  ) {
    super();
    const { body } = this;
    this.giveUpUnless(() => body.word(TLB_WORD.quickFills));
    this.begun();
    body.get(LINEAR).i32(12).op(OP.shr_u).set(PAGE);
    body.get(WANTED).i32(2).op(OP.shr_u).i32(1).op(OP.and).set(USER);
    // 1 for the supervisor: `x | supervisor` is true of everything that only users are refused
    body.get(USER).i32(1).op(OP.xor).set(SUPER);
    lookUp(body, geometry, { page: PAGE, entry: ENTRY_AT, at: AT, tag: TAG, number: SPARE });
    const found = body.block();
    const walk = body.block();
    body.get(ENTRY_AT).op(OP.eqz).brIf(walk);
    body.get(ENTRY_AT).memory(OP.load, TLB_ENTRY.flags).set(FLAGS);
    this.findRights();
    this.isRefused();
    body.brIf(walk);
    this.checkFoundFrame();
    body.br(found).end();
    this.walk();
    this.commit();
    body.end();
    this.fillFast();
    this.filled();
    this.foundByte();
  }

  /** Pushes the pool offset of the byte at `LINEAR`, whose frame is at `CACHE`. */
  protected foundByte(): FunctionBody {
    return this.body.get(CACHE).memory(OP.load, 8).i32(-4096).op(OP.and).get(LINEAR).i32(4095).op(OP.and, OP.or);
  }

  /** It has begun; nothing gives up any more, and nothing has happened yet; all is done. */
  protected begun(): void {}
  protected certain(): void {}
  protected filled(): void {}

  /** The page that the TLB knows: its frame, which must still be what the frame cache says. */
  private checkFoundFrame(): void {
    const { body } = this;
    // i32.trunc_sat_f64_u: a frame beyond 32 bits is never in the cache
    body.get(ENTRY_AT).memory(OP.load_f64, TLB_ENTRY.guestFrame).op(OP.prefix_fc, 3);
    // the page's place in a large one
    body.get(PAGE).get(ENTRY_AT).memory(OP.load, TLB_ENTRY.page).op(OP.sub).tee(AT).op(OP.add).set(FRAME);
    this.findFrame();
    this.giveUpUnless(() =>
      body
        .get(ENTRY_AT)
        .memory(OP.load_f64, TLB_ENTRY.hostFrame)
        .get(CACHE)
        .memory(OP.load, 12)
        .get(AT)
        .op(OP.sub, OP.convert_f64, OP.eq_f64),
    );
    this.maskPoolWrites();
  }

  // --- effects ---------------------------------------------------------------------------------------------------------

  /** The walk is certain: flags in the tables, statistics, the architectural entry. */
  private commit(): void {
    const { body } = this;
    // another entry may be there for the same page, of another size
    this.giveUpIf(() => body.get(ENTRY_AT).i32(0).op(OP.ne).word(TLB_WORD.largePages).op(OP.and));
    this.chooseVictim();
    this.certain();
    body.get(UPPER_AT).if();
    body.get(UPPER_AT).get(UPPER).memory(OP.store, 0).end();
    body.get(NEW_LEAF).get(LEAF).op(OP.ne).if();
    body.get(LEAF_AT).get(NEW_LEAF).memory(OP.store, 0).end();
    count(body, TLB_COUNTER.misses, () => body.f64(1));
    count(body, TLB_COUNTER.tableReads, () => body.get(READS).op(OP.convert_f64));
    // an entry that did not allow the access goes
    body.get(ENTRY_AT).if();
    body.get(ENTRY_AT).call(this.drop).end();
    this.takeWay();
    // where the entry begins
    body.get(PAGE);
    body.i32(1).get(COVERED).op(OP.shl).i32(1).op(OP.sub, OP.and).set(SPARE);
    const put = (offset: number, value: () => unknown, opcode: number = OP.store): void => {
      body.get(VICTIM);
      value();
      body.memory(opcode, offset);
    };
    put(TLB_ENTRY.page, () => body.get(PAGE).get(SPARE).op(OP.sub));
    put(TLB_ENTRY.stamp, () => body.word(TLB_WORD.global).word(TLB_WORD.local).get(FLAGS).i32(TLB_FLAG.global).op(OP.and, OP.select));
    put(TLB_ENTRY.flags, () => body.get(FLAGS));
    put(TLB_ENTRY.context, () => body.word(TLB_WORD.context));
    put(TLB_ENTRY.hostFrame, () => body.get(CACHE).memory(OP.load, 12).get(SPARE).op(OP.sub, OP.convert_f64), OP.store_f64);
    put(TLB_ENTRY.guestFrame, () => body.get(FRAME).get(SPARE).op(OP.sub, OP.convert_f64), OP.store_f64);
  }

  /**
   * `VICTIM`: the way of the set that is next. `COVERED` is the size of what the entry covers. An event that may have to begin again
   * must find the pages again that it has used so far.
   */
  private chooseVictim(): void {
    const { body } = this;
    const { sets, ways } = this.geometry;
    body.get(FLAGS).i32(TLB_COVERED.shift).op(OP.shr_u).i32(TLB_COVERED.mask).op(OP.and).set(COVERED);
    body
      .get(PAGE)
      .get(COVERED)
      .op(OP.shr_u)
      .i32(sets - 1)
      .op(OP.and)
      .tee(TAG)
      .i32(2)
      .op(OP.shl)
      .tee(NEXT_AT);
    body.memory(OP.load, TLB_NEXT_WAY).tee(WAY);
    body.get(TAG).i32(ways).op(OP.mul, OP.add).i32(TLB_ENTRY.bytes).op(OP.mul).i32(TLB_ENTRY.offset).op(OP.add).set(VICTIM);
    body.get(WANTED).i32(FOR_EVENT).op(OP.and).if();
    isValid(body, VICTIM, TAG, SPARE);
    body.if();
    body.get(VICTIM).memory(OP.load, TLB_ENTRY.flags).i32(TLB_COVERED.shift).op(OP.shr_u).i32(TLB_COVERED.mask).op(OP.and).set(TAG);
    body.get(VICTIM).memory(OP.load, TLB_ENTRY.page).set(SPARE);
    for (let pin = 0; pin < PINS.count; pin++)
      this.giveUpIf(() => body.word(PINS.offset + pin * 4).get(SPARE).op(OP.xor).get(TAG).op(OP.shr_u, OP.eqz)); // prettier-ignore
    body.end().end();
  }

  /** The victim's entry is empty from here on. */
  private takeWay(): void {
    const { body } = this;
    body.get(NEXT_AT);
    body.get(WAY).i32(1).op(OP.add).i32(0).get(WAY).i32(this.geometry.ways - 1).op(OP.ne, OP.select); // prettier-ignore
    body.memory(OP.store, TLB_NEXT_WAY);
    isValid(body, VICTIM, TAG, SPARE);
    body.if();
    count(body, TLB_COUNTER.evictions, () => body.f64(1));
    body.get(VICTIM).call(this.drop).end();
    body.get(SIZE).if();
    body.i32(0).i32(1).memory(OP.store, TLB_WORD.largePages).end();
  }

  /** The fast table's entry for this privilege: tags as `RIGHTS` says, of the page at `CACHE`. */
  private fillFast(): void {
    const { body } = this;
    body.get(PAGE).i32(FAST_TLB.entries - 1).op(OP.and).i32(4).op(OP.shl); // prettier-ignore
    body.get(USER).i32(Math.log2(FAST_TLB.user - FAST_TLB.supervisor)).op(OP.shl, OP.add).set(AT); // prettier-ignore
    body.get(PAGE).i32(12).op(OP.shl).tee(SPARE).word(STATE.tlbGeneration.offset).op(OP.or).set(TAG);
    for (const [index, right] of [1, 2, 4].entries()) {
      body.get(AT).get(TAG).i32(0).get(RIGHTS).i32(right).op(OP.and, OP.select); // prettier-ignore
      body.memory(OP.store, FAST_TLB.supervisor + index * 4);
    }
    body.get(AT).get(CACHE).memory(OP.load, 8).i32(-4096).op(OP.and).get(SPARE).op(OP.sub); // prettier-ignore
    body.memory(OP.store, FAST_TLB.supervisor + 12);
  }
}
