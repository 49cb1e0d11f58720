/**
 * TLB misses of compiled code, in WebAssembly: what access.ts and paging.ts do for the usual case, without a call into
 * JavaScript. A fill looks into the architectural TLB, else walks the guest's tables (32-bit or PAE) as bytes in the pool, and
 * has effects only when it is certain of the whole access; in every other case (absent, refused, reserved bits, a frame that is
 * not plain, accessed flags of upper levels) it changes nothing and the tier takes the slow path. It must do exactly what that
 * would have done: fill-code.spec.ts holds them against each other. SDM vol. 3, 4.3, 4.4, 4.8, 4.10.
 */
import { ACCESS, CR0, CR4, EFER } from '../paging';
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { TLB_FLAG } from '../tlb';
import {
  FAST_TLB,
  FRAME_CACHE,
  FRAME_READS,
  FRAME_RIGHT,
  TLB_CONTEXT,
  TLB_COUNTER,
  TLB_COVERED,
  TLB_ENTRY,
  TLB_NEXT_WAY,
  TLB_WORD,
} from '../tlb-layout';
import { emitBesideCode, emitSized } from './beside-code';
import { FunctionBody, OP, encodeModule } from './encoder';
import { FILL_TYPE, IMPORT, IMPORTS, TYPES } from './locals';

/** Number of the function `fill` in the module. */
const FILL = IMPORTS.length;

const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const DPL_3 = 0x60;
/** shifts from CR0.WP, EFER.NXE and so on to bit 0 */
const WP = 16;
const NXE = 11;
const ENTRY = { accessed: 32, dirty: 64, large: 128, global: 256 } as const;

export interface FillExports {
  load: (offset: number, note: number, rip: number, budget: number) => number;
  store: (offset: number, note: number, rip: number, budget: number, value: number) => void;
  probe: (offset: number, note: number, rip: number, budget: number) => void;
  /** (linear, ACCESS bits) → pool offset of the byte at `linear`, unsigned as a signed number; 0: nothing has happened */
  fill: (linear: number, access: number) => number;
}

/**
 * @param memory the pool
 * @param slow the tier's `slowLoad`, `slowStore` and `slowProbe`, and the other imports of a region
 * @param geometry of the architectural TLB
 */
export function makeFill(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  slow: Record<string, unknown>,
  geometry: { sets: number; ways: number },
): FillExports {
  const nothing = (): number => 0;
  const bytes = encodeModule({
    types: TYPES,
    imports: IMPORTS,
    functions: [
      { name: 'fill', type: FILL_TYPE, locals: FILL_LOCALS, body: new FillCode(geometry).body },
      { name: 'load', type: 0, locals: 2, body: access(0, IMPORT.slowLoad) },
      { name: 'store', type: 1, locals: 2, body: access(ACCESS.write, IMPORT.slowStore) },
      { name: 'probe', type: 2, locals: 2, body: access(ACCESS.write, IMPORT.slowProbe) },
    ],
  });
  const imports = { ...slow, m: memory, t: table, load: nothing, store: nothing, probe: nothing, fill: nothing };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: imports });
  return instance.exports as unknown as FillExports;
}

/** `load`, `store` and `probe`: fill, then the access; or the tier's slow path with the same arguments. */
function access(bits: number, slow: number): FunctionBody {
  const body = new FunctionBody();
  const [OFFSET, NOTE, VALUE] = [0, 1, 4];
  const stores = slow === IMPORT.slowStore;
  const parameters = stores ? 5 : 4;
  const [SIZE, AT] = [parameters, parameters + 1];
  body.get(NOTE).i32(3).op(OP.shr_u).i32(7).op(OP.and).set(SIZE);
  const otherwise = body.block();
  body.get(OFFSET).i32(0xfff).op(OP.and).get(SIZE).op(OP.add).i32(4096).op(OP.gt_u).brIf(otherwise);
  if (bits !== 0) {
    emitBesideCode(body, { linear: OFFSET, size: SIZE, value: stores ? VALUE : undefined, at: AT }, otherwise);
  }
  body.get(OFFSET);
  body.word(SS_ATTRIBUTES).i32(DPL_3).op(OP.and).i32(DPL_3).op(OP.eq).i32(2).op(OP.shl);
  if (bits !== 0) body.i32(bits).op(OP.or);
  body.call(FILL).tee(AT).op(OP.eqz).brIf(otherwise);
  if (slow === IMPORT.slowProbe) body.op(OP.return);
  else emitSized(body, SIZE, AT, stores ? VALUE : undefined);
  body.end();
  for (let parameter = 0; parameter < parameters; parameter++) body.get(parameter);
  return body.call(slow);
}

const LINEAR = 0;
const WANTED = 1;
const [
  PAGE,
  ENTRY_AT,
  USER,
  CACHE,
  FRAME,
  HIGH,
  LOW,
  ABOVE,
  LEAF_AT,
  LEAF,
  NEW_LEAF,
  FLAGS,
  RIGHTS,
  SUPER,
  NX,
  AT,
  TAG,
  TABLE,
  READS,
  VICTIM,
  WAY_AT,
] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22] as const;
const FILL_LOCALS = 21;

class FillCode {
  readonly body = new FunctionBody();

  constructor(private readonly geometry: { sets: number; ways: number }) {
    const { body } = this;
    this.giveUpUnless(() => body.word(TLB_WORD.quickFills));
    body.get(LINEAR).i32(12).op(OP.shr_u).set(PAGE);
    body.get(WANTED).i32(2).op(OP.shr_u).i32(1).op(OP.and).set(USER);
    // 1 for the supervisor: `x | supervisor` is true of everything that only users are refused
    body.get(USER).i32(1).op(OP.xor).set(SUPER);
    this.lookUp();
    const found = body.block();
    const walk = body.block();
    body.get(ENTRY_AT).op(OP.eqz).brIf(walk);
    body.get(ENTRY_AT).memory(OP.load, TLB_ENTRY.flags).set(FLAGS);
    this.findRights();
    this.isRefused();
    body.if();
    // a large page's entry is more than one page to forget
    this.giveUpIf(() => this.covered(FLAGS));
    body.br(walk).end();
    this.checkFoundFrame();
    body.br(found).end();
    this.walk();
    this.commit();
    body.end();
    this.fillFast();
    body.get(CACHE).memory(OP.load, 8).i32(-4096).op(OP.and).get(LINEAR).i32(4095).op(OP.and, OP.or);
  }

  private giveUp(): void {
    this.body.i32(0).op(OP.return);
  }
  private giveUpIf(condition: () => unknown): void {
    condition();
    this.body.if();
    this.giveUp();
    this.body.end();
  }
  private giveUpUnless(condition: () => unknown): void {
    this.giveUpIf(() => {
      condition();
      this.body.op(OP.eqz);
    });
  }

  /** `ENTRY_AT`: address of the entry for the page, or 0. */
  private lookUp(): void {
    const { body } = this;
    const { sets, ways } = this.geometry;
    body.get(PAGE).i32(sets - 1).op(OP.and).i32(ways * TLB_ENTRY.bytes).op(OP.mul).i32(TLB_ENTRY.offset).op(OP.add).set(AT); // prettier-ignore
    const done = body.block();
    for (let way = 0; way < ways; way++) {
      const at = way * TLB_ENTRY.bytes;
      body
        .get(AT)
        .memory(OP.load, at + TLB_ENTRY.page)
        .get(PAGE)
        .op(OP.eq)
        .if();
      body
        .get(AT)
        .memory(OP.load, at + TLB_ENTRY.stamp)
        .tee(TAG)
        .word(TLB_WORD.local)
        .op(OP.eq);
      body.get(TAG).word(TLB_WORD.global).op(OP.eq, OP.or).if();
      body.get(AT).i32(at).op(OP.add).set(ENTRY_AT).br(done);
      body.end().end();
    }
    body.word(TLB_WORD.largePages).op(OP.eqz).brIf(done);
    // a large page's set is chosen by the bits of its own number
    for (const size of [9, 10]) {
      body.get(PAGE).i32(size).op(OP.shr_u).tee(TAG).i32(sets - 1).op(OP.and).i32(ways * TLB_ENTRY.bytes).op(OP.mul).set(AT); // prettier-ignore
      body.get(TAG).i32(size).op(OP.shl).set(TABLE);
      for (let way = 0; way < ways; way++) {
        const at = way * TLB_ENTRY.bytes;
        const word = (field: number): FunctionBody => body.get(AT).memory(OP.load, TLB_ENTRY.offset + at + field);
        word(TLB_ENTRY.page).get(TABLE).op(OP.eq).if();
        word(TLB_ENTRY.flags).i32(TLB_COVERED.shift).op(OP.shr_u).i32(TLB_COVERED.mask).op(OP.and).i32(size).op(OP.eq).if();
        word(TLB_ENTRY.stamp).tee(TAG).word(TLB_WORD.local).op(OP.eq);
        body.get(TAG).word(TLB_WORD.global).op(OP.eq, OP.or).if();
        body
          .get(AT)
          .i32(TLB_ENTRY.offset + at)
          .op(OP.add)
          .set(ENTRY_AT)
          .br(done);
        body.end().end().end();
      }
    }
    body.end();
  }

  /** Nonzero on the stack when flags in a local are those of an entry that covers more than one page. */
  private covered(flags: number): void {
    this.body.get(flags).i32(TLB_COVERED.mask << TLB_COVERED.shift).op(OP.and); // prettier-ignore
  }

  /** `RIGHTS`, as FAST_RIGHT bits, of `FLAGS` for this privilege (tlbRights in access.ts). */
  private findRights(): void {
    const { body } = this;
    const flag = (bit: number): FunctionBody => body.get(FLAGS).i32(Math.log2(bit)).op(OP.shr_u);
    const forPrivilege = (): FunctionBody => flag(TLB_FLAG.user).get(SUPER).op(OP.or);
    flag(TLB_FLAG.eptRead);
    forPrivilege().op(OP.and).i32(1).op(OP.and);
    flag(TLB_FLAG.eptWrite);
    flag(TLB_FLAG.dirty).op(OP.and);
    forPrivilege().op(OP.and);
    this.mayWrite();
    body.op(OP.and).i32(1).op(OP.and).i32(1).op(OP.shl, OP.or);
    flag(TLB_FLAG.eptExecute);
    flag(TLB_FLAG.noExecute).i32(-1).op(OP.xor, OP.and);
    forPrivilege().op(OP.and).i32(1).op(OP.and).i32(2).op(OP.shl, OP.or);
    body.set(RIGHTS);
  }

  /** Bit 0: R/W is set, or the supervisor writes with CR0.WP clear. */
  private mayWrite(): void {
    const { body } = this;
    body.get(FLAGS).word(STATE.cr0.offset).i32(WP).op(OP.shr_u).i32(-1).op(OP.xor).get(SUPER).op(OP.and, OP.or);
  }

  /** 1 on the stack when `RIGHTS` lacks what the access needs. */
  private isRefused(): void {
    const { body } = this;
    // read 1, write 2, execute 4, as FAST_RIGHT has them
    body.get(RIGHTS).i32(4).i32(2).i32(1).get(WANTED).i32(ACCESS.write).op(OP.and, OP.select);
    body.get(WANTED).i32(ACCESS.execute).op(OP.and, OP.select);
    body.op(OP.and, OP.eqz);
  }

  /** `CACHE`: the entry for `FRAME` in the frame cache; gives up, and says for which, when there is none. */
  private findFrame(): void {
    const { body } = this;
    body.get(FRAME).i32(FRAME_CACHE.entries - 1).op(OP.and).i32(4).op(OP.shl).i32(FRAME_CACHE.offset).op(OP.add).tee(CACHE); // prettier-ignore
    body.memory(OP.load, 0).get(FRAME).op(OP.ne);
    body.get(CACHE).memory(OP.load, 4).word(TLB_WORD.frames).op(OP.ne, OP.or).if();
    this.missFrame();
    body.end();
  }
  private missFrame(): void {
    this.body.i32(0).get(FRAME).memory(OP.store, TLB_WORD.missed);
    this.giveUp();
  }
  /** Gives up unless the frame found has a right (FRAME_RIGHT). */
  private needFrame(right: number): void {
    this.body.get(CACHE).memory(OP.load, 8).i32(right).op(OP.and, OP.eqz).if();
    this.missFrame();
    this.body.end();
  }
  /** Pool address of the table in `FRAME`, plus what is on the stack. */
  private addTable(): void {
    this.findFrame();
    this.needFrame(FRAME_RIGHT.read);
    this.countReads(1);
    this.body.get(CACHE).memory(OP.load, 8).i32(-4096).op(OP.and, OP.add);
  }
  /** `READS` grows by the EPT entries to the frame at `CACHE`, and by `more`. */
  private countReads(more: number): void {
    const { body } = this;
    body.get(CACHE).memory(OP.load, 8).i32(FRAME_READS.shift).op(OP.shr_u).i32(FRAME_READS.mask).op(OP.and);
    body.i32(more).op(OP.add).get(READS).op(OP.add).set(READS);
  }

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

  /** Writes go to the pool only where nobody has to be told. */
  private maskPoolWrites(): void {
    const { body } = this;
    body.get(CACHE).memory(OP.load, 8).i32(FRAME_RIGHT.pool).op(OP.and, OP.eqz).if();
    body.get(WANTED).i32(ACCESS.write).op(OP.and).if();
    this.missFrame();
    body.end();
    body.get(RIGHTS).i32(~2).op(OP.and).set(RIGHTS).end();
  }

  // --- the walk --------------------------------------------------------------------------------------------------------

  /** `FRAME`, `FLAGS` but for dirty, global and EPT's; `LEAF`, `LEAF_AT` and `NEW_LEAF` (the same without paging). */
  private walk(): void {
    const { body } = this;
    body.word(STATE.cr0.offset).i32(0).op(OP.lt_s).if();
    body.word(STATE.cr4.offset).i32(CR4.PAE).op(OP.and).if();
    this.walkPae();
    body.else();
    this.walkLegacy();
    body.end();
    body.get(LEAF).i32(ENTRY.accessed).op(OP.or);
    body.get(WANTED).i32(ACCESS.write).op(OP.and).i32(5).op(OP.shl, OP.or).set(NEW_LEAF);
    body.get(FLAGS).get(NEW_LEAF).i32(3).op(OP.shr_u).i32(TLB_FLAG.dirty).op(OP.and, OP.or);
    body.get(LEAF).i32(ENTRY.global).op(OP.and).i32(0).op(OP.ne);
    body.word(STATE.cr4.offset).i32(CR4.PGE).op(OP.and).i32(0).op(OP.ne, OP.and).i32(4).op(OP.shl, OP.or).set(FLAGS);
    // a leaf whose flags change must be in the pool; `CACHE` is that of its table
    body.get(NEW_LEAF).get(LEAF).op(OP.ne).if();
    this.needFrame(FRAME_RIGHT.pool);
    this.needFrame(FRAME_RIGHT.write);
    this.countReads(0);
    body.end();
    body.else();
    body
      .get(PAGE)
      .set(FRAME)
      .i32(TLB_FLAG.writable | TLB_FLAG.user | TLB_FLAG.dirty)
      .set(FLAGS);
    body.i32(0).set(LEAF).i32(0).set(NEW_LEAF);
    body.end();
    body.get(AT).set(FRAME);
    this.findFrame();
    this.countReads(0);
    body.get(FLAGS).get(CACHE).memory(OP.load, 8).i32(14).op(OP.and).i32(4).op(OP.shl, OP.or).set(FLAGS);
    this.findRights();
    this.giveUpIf(() => this.isRefused());
    this.maskPoolWrites();
  }

  /** Of a present entry in `LOW`: gives up when it is absent. */
  private needPresent(): void {
    this.giveUpUnless(() => this.body.get(LOW).i32(1).op(OP.and));
  }
  private needAccessed(): void {
    this.giveUpUnless(() => this.body.get(LOW).i32(ENTRY.accessed).op(OP.and));
  }
  /** Writable and user, of `LOW` and (below a table) of `ABOVE` too, as TLB_FLAG bits. */
  private takeFlags(): void {
    this.body.get(LOW).get(ABOVE).op(OP.and).i32(1).op(OP.shr_u).i32(3).op(OP.and).set(FLAGS);
  }
  /** The entry in `LOW`, at the address on the stack, is the leaf. */
  private takeLeaf(): void {
    this.body.get(LOW).set(LEAF);
  }

  private walkLegacy(): void {
    const { body } = this;
    body.word(STATE.cr3.offset).i32(12).op(OP.shr_u).set(FRAME);
    body.get(LINEAR).i32(22).op(OP.shr_u).i32(2).op(OP.shl);
    this.addTable();
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW);
    this.needPresent();
    body.get(LOW).i32(ENTRY.large).op(OP.and, OP.eqz);
    body.word(STATE.cr4.offset).i32(CR4.PSE).op(OP.and, OP.eqz, OP.or).if();
    this.needAccessed();
    body.get(LOW).set(ABOVE).get(LOW).i32(12).op(OP.shr_u).set(FRAME);
    body.get(PAGE).i32(1023).op(OP.and).i32(2).op(OP.shl);
    this.addTable();
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW);
    this.needPresent();
    body.get(LOW).i32(12).op(OP.shr_u).set(AT);
    body.else();
    this.giveUp();
    body.end();
    this.takeFlags();
    this.takeLeaf();
  }

  private walkPae(): void {
    const { body } = this;
    body.get(LINEAR).i32(30).op(OP.shr_u).i32(3).op(OP.shl).tee(AT);
    body.memory(OP.load, STATE.pdpte.offset).set(LOW);
    this.needPresent();
    body
      .get(AT)
      .memory(OP.load, STATE.pdpte.offset + 4)
      .set(HIGH);
    body.i32(0).set(NX);
    this.takeFrame();
    body.get(LINEAR).i32(21).op(OP.shr_u).i32(511).op(OP.and).i32(3).op(OP.shl);
    this.addTable();
    this.takeEntry();
    this.giveUpIf(() => body.get(LOW).i32(ENTRY.large).op(OP.and));
    this.needAccessed();
    body.get(LOW).set(ABOVE);
    this.takeFrame();
    body.get(PAGE).i32(511).op(OP.and).i32(3).op(OP.shl);
    this.addTable();
    this.takeEntry();
    this.takeFrame();
    body.get(FRAME).set(AT);
    this.takeFlags();
    body.get(FLAGS).get(NX).i32(2).op(OP.shl, OP.or).set(FLAGS);
    this.takeLeaf();
  }

  /** A 64-bit entry at the address on the stack, present and without reserved bits; `NX` collects. */
  private takeEntry(): void {
    const { body } = this;
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW).get(LEAF_AT).memory(OP.load, 4).set(HIGH);
    this.needPresent();
    // without EFER.NXE, bit 63 is reserved and makes the address too large
    body.word(STATE.efer.offset).i32(NXE).op(OP.shr_u).i32(1).op(OP.and).if();
    body.get(NX).get(HIGH).i32(31).op(OP.shr_u).op(OP.or).set(NX);
    body.get(HIGH).i32(0x7fff_ffff).op(OP.and).set(HIGH).end();
  }
  /** `FRAME` from `LOW` and `HIGH`. */
  private takeFrame(): void {
    const { body } = this;
    this.giveUpUnless(() => body.get(HIGH).word(TLB_WORD.highLimit).op(OP.lt_u));
    body.get(LOW).i32(12).op(OP.shr_u).get(HIGH).i32(20).op(OP.shl, OP.or).set(FRAME);
  }

  // --- effects ---------------------------------------------------------------------------------------------------------

  /** The walk is certain: flags in the leaf, statistics, the architectural entry. */
  private commit(): void {
    const { body } = this;
    const { sets, ways } = this.geometry;
    // the way of the set that is next; an entry of a large page is more than one page to forget
    body
      .get(PAGE)
      .i32(sets - 1)
      .op(OP.and)
      .tee(TAG)
      .i32(2)
      .op(OP.shl)
      .tee(WAY_AT);
    body.memory(OP.load, TLB_NEXT_WAY).tee(TABLE);
    body.get(TAG).i32(ways).op(OP.mul, OP.add).i32(TLB_ENTRY.bytes).op(OP.mul).i32(TLB_ENTRY.offset).op(OP.add).set(VICTIM);
    body.get(VICTIM).memory(OP.load, TLB_ENTRY.flags).set(TAG);
    this.giveUpIf(() => this.covered(TAG));
    body.get(NEW_LEAF).get(LEAF).op(OP.ne).if();
    body.get(LEAF_AT).get(NEW_LEAF).memory(OP.store, 0).end();
    this.count(TLB_COUNTER.misses, () => body.f64(1));
    this.count(TLB_COUNTER.tableReads, () => body.get(READS).op(OP.convert_f64));
    body
      .get(WAY_AT)
      .get(TABLE)
      .i32(1)
      .op(OP.add)
      .i32(0)
      .get(TABLE)
      .i32(ways - 1)
      .op(OP.ne, OP.select)
      .memory(OP.store, TLB_NEXT_WAY);
    // an entry that did not allow the access goes
    body.get(ENTRY_AT).if();
    body.get(ENTRY_AT).set(AT);
    this.dropFast();
    body.get(ENTRY_AT).i32(-1).memory(OP.store, TLB_ENTRY.page).end();
    body.get(VICTIM).tee(ENTRY_AT).memory(OP.load, TLB_ENTRY.page).i32(0).op(OP.ge_s).if();
    body.get(ENTRY_AT).memory(OP.load, TLB_ENTRY.context).i32(Math.log2(TLB_CONTEXT.bytes)).op(OP.shl).set(AT);
    body.get(ENTRY_AT).memory(OP.load, TLB_ENTRY.stamp).tee(TAG);
    body
      .get(AT)
      .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.local)
      .op(OP.eq);
    body
      .get(TAG)
      .get(AT)
      .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.global)
      .op(OP.eq, OP.or)
      .if();
    this.count(TLB_COUNTER.evictions, () => body.f64(1));
    body.get(ENTRY_AT).set(AT);
    this.dropFast();
    body.end().end();
    const put = (offset: number, value: () => unknown, opcode: number = OP.store): void => {
      body.get(ENTRY_AT);
      value();
      body.memory(opcode, offset);
    };
    put(TLB_ENTRY.page, () => body.get(PAGE));
    put(TLB_ENTRY.stamp, () => body.word(TLB_WORD.global).word(TLB_WORD.local).get(FLAGS).i32(TLB_FLAG.global).op(OP.and, OP.select));
    put(TLB_ENTRY.flags, () => body.get(FLAGS));
    put(TLB_ENTRY.context, () => body.word(TLB_WORD.context));
    put(TLB_ENTRY.hostFrame, () => body.get(CACHE).memory(OP.load, 12).op(OP.convert_f64), OP.store_f64);
    put(TLB_ENTRY.guestFrame, () => body.get(FRAME).op(OP.convert_f64), OP.store_f64);
  }

  /** Adds a double to a statistic. */
  private count(counter: number, value: () => unknown): void {
    this.body.i32(0).i32(0).memory(OP.load_f64, counter);
    value();
    this.body.op(OP.add_f64).memory(OP.store_f64, counter);
  }

  /** Forgets the fast entries of the architectural entry at `AT`, of either privilege. `TAG` and `AT` are overwritten. */
  private dropFast(): void {
    const { body } = this;
    body.get(AT).memory(OP.load, TLB_ENTRY.page).i32(12).op(OP.shl);
    body.get(AT).memory(OP.load, TLB_ENTRY.context).i32(Math.log2(TLB_CONTEXT.bytes)).op(OP.shl);
    body
      .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.generation)
      .op(OP.or)
      .set(TAG);
    body
      .get(AT)
      .memory(OP.load, TLB_ENTRY.page)
      .i32(FAST_TLB.entries - 1)
      .op(OP.and)
      .i32(4)
      .op(OP.shl)
      .set(AT);
    for (const block of [FAST_TLB.supervisor, FAST_TLB.user]) {
      for (const tag of [0, 4, 8]) {
        body
          .get(AT)
          .memory(OP.load, block + tag)
          .get(TAG)
          .op(OP.eq);
        if (tag !== 0) body.op(OP.or);
      }
      body.if();
      for (const tag of [0, 4, 8])
        body
          .get(AT)
          .i32(0)
          .memory(OP.store, block + tag);
      body.end();
    }
  }

  /** The fast table's entry for this privilege: tags as `RIGHTS` says, of the page at `CACHE`. */
  private fillFast(): void {
    const { body } = this;
    body
      .get(PAGE)
      .i32(FAST_TLB.entries - 1)
      .op(OP.and)
      .i32(4)
      .op(OP.shl);
    body
      .get(USER)
      .i32(Math.log2(FAST_TLB.user - FAST_TLB.supervisor))
      .op(OP.shl, OP.add)
      .set(AT);
    body.get(PAGE).i32(12).op(OP.shl).tee(TABLE).word(STATE.tlbGeneration.offset).op(OP.or).set(TAG);
    for (const [index, right] of [1, 2, 4].entries()) {
      body
        .get(AT)
        .get(TAG)
        .i32(0)
        .get(RIGHTS)
        .i32(right)
        .op(OP.and, OP.select)
        .memory(OP.store, FAST_TLB.supervisor + index * 4);
    }
    body
      .get(AT)
      .get(CACHE)
      .memory(OP.load, 8)
      .i32(-4096)
      .op(OP.and)
      .get(TABLE)
      .op(OP.sub)
      .memory(OP.store, FAST_TLB.supervisor + 12);
  }
}

// the code above shifts by these
if (CR0.WP !== 1 << WP || EFER.NXE !== 1 << NXE) throw new Error('bits have moved');
