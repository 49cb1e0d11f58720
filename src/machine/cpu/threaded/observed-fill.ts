/**
 * TLB misses of threaded code while memory is observed: as compile/fill-code.ts fills them, with every access told of that the
 * walker and the program make (tell-code.ts), in the walker's order. Where an activation can change memory, where a
 * word has an error, and under EPT, whose tables the frame cache does not read again, nothing is filled here.
 */
import type { FunctionBody } from '../compile/encoder';
import { OP, encodeModule, type FunctionType } from '../compile/encoder';
import { FillCode, count, userBit } from '../compile/fill-code';
import { BUDGET, OFFSET, RIP, attempted, emitSized, needOnePage, type AccessKind } from '../compile/slow-path-code';
import { DROP_LOCALS, dropEntry, type TlbGeometry } from '../compile/tlb-code';
import { AT, CACHE, FILL, FILL_LOCALS, LEAF, LEAF_AT, LINEAR, NEW_LEAF, UPPER_AT, WANTED } from '../compile/walk-code';
import { FRAME_DISTANCE, MODEL_WORD } from '../../dram/model-layout';
import { ACCESS } from '../page-rights';
import { CR4 } from '../paging-registers';
import { STATE } from '../state-layout';
import { FAST_TLB, OBSERVED_PAGES, TLB_COUNTER } from '../tlb-layout';
import { TOLD, TOLD_LIST, WORD } from './layout';
import { addTold, tellBody } from './tell-code';
import { TELL_LOCALS, TOUCH_LOCALS, touchBody } from './touch-code';

const TYPES: readonly FunctionType[] = [
  { parameters: 4, results: 1 },
  { parameters: 5, results: 0 },
  { parameters: 4, results: 0 },
  { parameters: 2, results: 1 },
  { parameters: 1, results: 0 },
  { parameters: 2, results: 0 },
];
const TYPE = { load: 0, touch: 0, store: 1, tell: 1, probe: 2, fill: 3, drop: 4, slowTell: 5 } as const;
const IMPORTS = [
  ['slowLoad', TYPE.load],
  ['slowStore', TYPE.store],
  ['slowProbe', TYPE.probe],
  ['slowTell', TYPE.slowTell],
] as const;
const SLOW = { load: 0, store: 1, probe: 2, tell: 3 } as const;
const NUMBER = { fill: IMPORTS.length, drop: IMPORTS.length + 1, touch: IMPORTS.length + 2, tell: IMPORTS.length + 3 } as const;

/** Beside the ACCESS bits that `fill` is given: bytes of the access to be told of, 0 for a probe. */
const SIZE_SHIFT = 8;
/** Bytes of what a walk reads at once. */
const WORD_BYTES = 4;

/** Entries of the frame cache for the table read first, when there are two, and for that of the leaf; the first one's entry. */
const FIRST_TABLE = FILL_LOCALS + 2;
const LEAF_TABLE = FILL_LOCALS + 3;
const FIRST_AT = FILL_LOCALS + 4;
/** The first word that OBSERVED_PAGES has of the frame found last. */
const DESCRIBED = FILL_LOCALS + 5;
/** End of the list of what is to be told of. */
const TOLD_END = FILL_LOCALS + 6;

export interface ObservedFill {
  load: (offset: number, note: number, pc: number, budget: number) => number;
  store: (offset: number, note: number, pc: number, budget: number, value: number) => void;
  probe: (offset: number, note: number, pc: number, budget: number) => void;
}

/** @param slow `slowLoad`, `slowStore`, `slowProbe` and `slowTell` of the tier */
export function makeObservedFill(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  slow: Record<string, unknown>,
  geometry: TlbGeometry,
): ObservedFill {
  const bytes = encodeModule({
    types: TYPES,
    imports: IMPORTS,
    functions: [
      { name: 'fill', type: TYPE.fill, locals: FILL_LOCALS + 5, body: new ObservedFillCode(geometry, NUMBER.drop).body },
      { name: 'drop', type: TYPE.drop, locals: DROP_LOCALS, body: dropEntry() },
      { name: 'touch', type: TYPE.touch, ...TOUCH_LOCALS, body: touchBody() },
      {
        name: 'tell',
        type: TYPE.tell,
        ...TELL_LOCALS,
        body: tellBody(NUMBER.touch, SLOW.tell),
      },
      { name: 'load', type: TYPE.load, locals: 2, body: access('load') },
      { name: 'store', type: TYPE.store, locals: 2, body: access('store') },
      { name: 'probe', type: TYPE.probe, locals: 2, body: access('probe') },
    ],
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { ...slow, m: memory, t: table } });
  return instance.exports as unknown as ObservedFill;
}

/** Fills, tells and makes the access; or leaves it to the slow path with the same arguments. */
function access(kind: AccessKind): FunctionBody {
  return attempted(kind, SLOW[kind], (attempt) => {
    const { body, otherwise, size, value, locals: FOUND } = attempt;
    body.get(OFFSET);
    needOnePage(attempt);
    body.i32(0).get(RIP).memory(OP.store, WORD.toldPc);
    body.i32(0).get(BUDGET).memory(OP.store, WORD.toldBudget);
    body.get(OFFSET);
    userBit(body);
    if (kind !== 'load') body.i32(ACCESS.write).op(OP.or);
    if (kind !== 'probe') body.get(size).i32(SIZE_SHIFT).op(OP.shl, OP.or);
    body.call(NUMBER.fill).tee(FOUND).i32(FILL.faults).op(OP.le_u).brIf(otherwise);
    if (kind === 'probe') body.op(OP.return);
    else {
      count(body, TLB_COUNTER.accesses, () => body.f64(1));
      emitSized(body, size, FOUND, value);
    }
  });
}

class ObservedFillCode extends FillCode {
  protected override begun(): void {
    this.giveUpUnless(() => this.body.word(MODEL_WORD.ready).word(MODEL_WORD.quiet).op(OP.and));
  }

  protected override frameFound(): void {
    // the frame cache's entry is far from this, and long waited for: both at once
    this.body.get(CACHE).memory(OP.load, FRAME_DISTANCE).set(DESCRIBED);
    this.giveUpIf(() => this.frameReads());
  }

  protected override tableFound(): void {
    this.body.get(LEAF_TABLE).set(FIRST_TABLE).get(LEAF_AT).set(FIRST_AT).get(CACHE).set(LEAF_TABLE);
  }

  /** The byte that is accessed: nothing depends on it here, but it is on its way while the rest is done. */
  protected override certain(): void {
    this.foundByte().memory(OP.load8_u, 0).op(OP.drop);
  }

  /** What the page's next accesses need; then what has been read and written is told of, in the walker's order, and this access. */
  protected override filled(): void {
    const { body } = this;
    body
      .get(AT)
      .get(DESCRIBED)
      .memory(OP.store, FAST_TLB.supervisor + OBSERVED_PAGES.distance);
    for (const word of [4, 8, 12]) {
      body
        .get(AT)
        .get(CACHE)
        .memory(OP.load, FRAME_DISTANCE + word)
        .memory(OP.store, FAST_TLB.supervisor + OBSERVED_PAGES.distance + word);
    }
    body.i32(TOLD_LIST.offset).set(TOLD_END);
    body.get(LEAF_TABLE).if();
    body.get(FIRST_TABLE).if();
    this.noteRead(FIRST_TABLE, FIRST_AT);
    body.end();
    this.noteRead(LEAF_TABLE, LEAF_AT);
    body.get(UPPER_AT).if();
    this.note(FIRST_TABLE, UPPER_AT, 0, WORD_BYTES | TOLD.write);
    body.end();
    body.get(NEW_LEAF).get(LEAF).op(OP.ne).if();
    this.note(LEAF_TABLE, LEAF_AT, 0, WORD_BYTES | TOLD.write);
    body.end().end();
    body.get(CACHE).i32(FRAME_DISTANCE).op(OP.add).get(LINEAR);
    const size = (): FunctionBody => body.get(WANTED).i32(SIZE_SHIFT).op(OP.shr_u);
    // a probe has no size, and is not told of
    size().get(WANTED).i32(ACCESS.write).op(OP.and).i32(2).op(OP.shl, OP.or).i32(0);
    size().op(OP.select);
    body.word(WORD.limit).word(WORD.toldBudget).op(OP.sub).i32(1).op(OP.sub).get(TOLD_END).call(NUMBER.tell);
  }

  /** A table entry: one word, or with PAE two. */
  private noteRead(table: number, at: number): void {
    const { body } = this;
    this.note(table, at, 0, WORD_BYTES);
    body.word(STATE.cr4.offset).i32(CR4.PAE).op(OP.and).if();
    this.note(table, at, WORD_BYTES, WORD_BYTES);
    body.end();
  }

  /**
   * @param table local with the address of a frame's entry in the frame cache
   * @param at local with an address that has the same place in its page, `further` bytes before it
   * @param what bytes, and TOLD.write
   */
  private note(table: number, at: number, further: number, what: number): void {
    const { body } = this;
    addTold(body, TOLD_END, {
      frame: () => body.get(table).i32(FRAME_DISTANCE).op(OP.add),
      address: () => (further === 0 ? body.get(at) : body.get(at).i32(further).op(OP.add)),
      what: () => body.i32(what),
    });
  }
}
