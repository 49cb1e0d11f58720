/**
 * The function `touch`: an access to DRAM is told of in WebAssembly. It lies in one burst, one DIMM alone answers, no word has an
 * error; it hits the row that is open in its bank, or opens one, where that disturbs nobody. It does exactly what Dram.touch does
 * then (observed.spec.ts holds them against each other); in every other case it changes nothing that is seen, and the access is
 * told of by a call.
 */
import { FunctionBody, OP } from '../compile/encoder';
import { MODEL_AT, MODEL_WORD, MODULE_RECORD, MOST_NOTED, RING, type ModelTiming } from '../../dram/model-layout';
import { STATE } from '../state-layout';
import { OBSERVED_PAGES } from '../tlb-layout';
import { WORD } from './layout';

/** Bytes of a burst, and picoseconds of a tick (dram/dram.ts). */
const LINE = 64;
const PS_PER_TICK = 1000;
/** openRow of a bank without one */
const CLOSED = -1;
/** number of the count of writes (dram/dram.ts) */
const WRITES = 3;

/**
 * Where the words of OBSERVED_PAGES are for the page, an address with the same place in its page, size + 8 for a write,
 * instructions of this run before the one that makes the access
 */
export const PAGE = 0;
export const ADDRESS = 1;
export const ACCESS = 2;
export const PROGRESS = 3;
/** only where a list is told of (tell-code.ts): its end, and where it has come to */
export const END = 4;
export const AT = 5;
const LOW = 6;
const HIGH = 7;
const BANK = 8;
const BUS = 9;
const FIRST = 10;
const LEFT = 11;
/** bank × 8, and the bus's ring */
const BANK8 = 12;
const RING_AT = 13;
/** what stands for the bank's group, × 8 */
const GROUP8 = 14;
/** the module's record, and the rank × 8 */
export const MODULE = 15;
const RANK8 = 16;
const ROW = 17;
/** 0 hit, 1 miss, 2 conflict */
const OUTCOME = 18;
/** picoseconds: now, the column command, the data; for a few operations; and ticks */
const NOW = 19;
const COLUMN = 20;
const DATA = 21;
const SPARE = 22;
const TICKS = 23;

/** Beyond the parameters of `touch`. `tell` has one parameter more. */
export const TOUCH_LOCALS = { locals: 15, doubles: 5 } as const;
export const TELL_LOCALS = { locals: 14, doubles: 5 } as const;

/** 1: the access has been told of; 0: it must be told of by a call. */
export function touchBody(): FunctionBody {
  const code = new TouchCode();
  code.touch();
  return code.body;
}

export class TouchCode {
  readonly body = new FunctionBody();

  touch(): void {
    this.refuse();
    this.findModule().op(OP.eqz);
    this.giveUp();
    this.find();
    const { body } = this;
    this.findNow();
    body.word(MODEL_WORD.clocked).op(OP.eqz).if();
    this.cannotNote(1);
    this.giveUp();
    this.tally();
    body.i32(1).op(OP.return).end();
    body.get(BANK).memory(OP.load, MODEL_AT.busOf).i32(2).op(OP.shl).set(BUS);
    body.word(MODEL_WORD.timing).if();
    body.get(BUS).i32(Math.log2(RING) + 1).op(OP.shl).set(RING_AT); // prettier-ignore
    this.wait();
    body.else();
    this.judge();
    body.end();
    body.get(BANK).memory(OP.load, MODEL_AT.groupOf).i32(3).op(OP.shl).set(GROUP8);
    body.get(NOW);
    this.double(GROUP8, MODEL_AT.columnReady).op(OP.max_f64).set(COLUMN);
    body.get(OUTCOME).if();
    this.activate();
    body.end();
    this.burst();
    this.count();
    body.i32(1);
  }

  private giveUp(): void {
    this.body.if().i32(0).op(OP.return).end();
  }
  private double(at: number, offset: number): FunctionBody {
    return this.body.get(at).memory(OP.load_f64, offset);
  }
  private fixed(offset: number): FunctionBody {
    return this.body.i32(0).memory(OP.load_f64, offset);
  }
  private timing(name: ModelTiming): FunctionBody {
    return this.double(MODULE, MODULE_RECORD.timing[name]);
  }
  /** `NOW`. */
  protected findNow(): void {
    this.fixed(STATE.ticks.offset);
    this.fixed(WORD.clock).op(OP.add_f64).get(PROGRESS).op(OP.convert_f64, OP.add_f64).f64(PS_PER_TICK).op(OP.mul_f64).set(NOW);
  }
  /** `MODULE`, and pushes it: 0 when nothing may be told of the page's accesses here. */
  protected findModule(): FunctionBody {
    return this.ofPage(OBSERVED_PAGES.module).tee(MODULE);
  }
  private ofPage(word: number): FunctionBody {
    return this.body.get(PAGE).memory(OP.load, word);
  }

  /** What is never told of here. */
  private refuse(): void {
    const { body } = this;
    body.word(MODEL_WORD.ready).op(OP.eqz);
    this.giveUp();
    this.crossesLine();
    this.giveUp();
  }
  /** Pushes 1 for an access to two bursts. */
  protected crossesLine(): void {
    const { body } = this;
    body.get(ADDRESS).i32(LINE - 1).op(OP.and).get(ACCESS).i32(7).op(OP.and, OP.add).i32(LINE).op(OP.gt_u); // prettier-ignore
  }

  /** `BANK`, as a byte offset of words, and `ROW`: shares of the page and of the low bits. */
  protected find(): void {
    const { body } = this;
    body.get(ADDRESS).i32(8).op(OP.shr_u).i32(15).op(OP.and).i32(3).op(OP.shl).get(MODULE).op(OP.add).set(HIGH);
    body.get(ADDRESS).i32(255).op(OP.and).i32(3).op(OP.shl).get(MODULE).op(OP.add).set(LOW);
    const share = (word: number): void => {
      body
        .get(LOW)
        .memory(OP.load, word)
        .get(HIGH)
        .memory(OP.load, MODULE_RECORD.second * 4 + word)
        .op(OP.xor);
    };
    share(0);
    this.ofPage(OBSERVED_PAGES.page).op(OP.xor);
    this.ofPage(OBSERVED_PAGES.firstBank).op(OP.add).i32(2).op(OP.shl).tee(BANK).i32(1).op(OP.shl).set(BANK8);
    share(4);
    this.ofPage(OBSERVED_PAGES.row).op(OP.xor).set(ROW);
  }

  /** Where nobody asks how long anything takes, and the row can be noted. Without branches on what cannot be foreseen: whether it is open. */
  protected tally(): void {
    const { body } = this;
    body.get(NOW);
    this.double(BANK8, MODEL_AT.refreshDue).op(OP.ge_f64).if();
    this.renewRefresh();
    body.get(BANK).i32(CLOSED).memory(OP.store, MODEL_AT.openRow).end();
    body.get(BANK).memory(OP.load, MODEL_AT.openRow).tee(LOW).get(ROW).op(OP.ne).tee(FIRST);
    body.i32(1).op(OP.shl).get(LOW).i32(CLOSED).op(OP.eq, OP.sub).set(OUTCOME);
    this.open(() => body.get(FIRST));
    this.count();
  }

  /** Pushes 1 when so many activations cannot be noted. */
  protected cannotNote(count: number): void {
    const { body } = this;
    body.word(MODEL_WORD.quiet).op(OP.eqz).word(MODEL_WORD.noted).i32(MOST_NOTED - count).op(OP.gt_s, OP.or); // prettier-ignore
    body.get(NOW);
    this.fixed(MODEL_WORD.rowsUntil).op(OP.ge_f64, OP.or);
  }

  /** `OUTCOME`, at `NOW`; gives up when a row must be opened and that cannot be done here. The last place that may. */
  private judge(): void {
    const { body } = this;
    // a refresh has closed whatever was open
    body.i32(CLOSED).get(BANK).memory(OP.load, MODEL_AT.openRow).get(NOW);
    this.double(BANK8, MODEL_AT.refreshDue).op(OP.ge_f64, OP.select).tee(LOW);
    body.get(ROW).op(OP.eq).if();
    body.i32(0).set(OUTCOME);
    body.else();
    body.i32(1).i32(2).get(LOW).i32(CLOSED).op(OP.eq, OP.select).set(OUTCOME);
    this.cannotNote(1);
    this.giveUp();
    body.end();
  }

  /** Opens the row (Banks.access), after the refreshes that have come since the bank was used; `COLUMN` can be later by that. */
  private activate(): void {
    const { body } = this;
    const later = (at: number, offset: number, time: number): void => {
      body.get(at);
      this.double(at, offset).get(time).op(OP.max_f64).memory(OP.store_f64, offset);
    };
    body.get(NOW);
    this.double(BANK8, MODEL_AT.refreshDue).op(OP.ge_f64).if();
    this.renewRefresh();
    body.get(SPARE);
    this.timing('tREFI').op(OP.mul_f64);
    this.timing('tRFC').op(OP.add_f64).set(SPARE);
    later(GROUP8, MODEL_AT.columnReady, SPARE);
    later(BANK8, MODEL_AT.prechargeReady, SPARE);
    body.get(COLUMN).get(SPARE).op(OP.max_f64).set(COLUMN);
    body.end();
    body.get(BANK).memory(OP.load, MODEL_AT.rankOf).i32(3).op(OP.shl).set(RANK8);
    body.get(NOW);
    this.double(BANK8, MODEL_AT.prechargeReady).op(OP.max_f64);
    this.timing('tRP').f64(0).get(OUTCOME).i32(1).op(OP.sub, OP.select, OP.add_f64);
    this.double(RANK8, MODEL_AT.activated);
    this.timing('tRRD').op(OP.add_f64, OP.max_f64);
    this.double(GROUP8, MODEL_AT.groupActivated);
    this.timing('tRRDL').op(OP.add_f64, OP.max_f64).set(SPARE);
    body.get(RANK8).get(SPARE).memory(OP.store_f64, MODEL_AT.activated);
    body.get(GROUP8).get(SPARE).memory(OP.store_f64, MODEL_AT.groupActivated);
    body.get(SPARE);
    this.timing('tRCD').op(OP.add_f64).get(COLUMN).op(OP.max_f64).set(COLUMN);
    body.get(BANK8).get(SPARE);
    this.timing('tRAS').op(OP.add_f64).memory(OP.store_f64, MODEL_AT.prechargeReady);
    this.open(() => body.i32(1));
  }

  /** The next refresh is due after `NOW`; `SPARE` is how many have been. */
  private renewRefresh(): void {
    const { body } = this;
    body.get(NOW);
    this.timing('tREFI').op(OP.div_f64, OP.floor_f64).set(SPARE);
    body.get(BANK8).get(SPARE).f64(1).op(OP.add_f64);
    this.timing('tREFI').op(OP.mul_f64).memory(OP.store_f64, MODEL_AT.refreshDue);
  }

  /** The row is open; when `activated` pushes 1, it has been activated once more in this refresh window. */
  private open(activated: () => unknown): void {
    const { body } = this;
    body.get(BANK).get(ROW).memory(OP.store, MODEL_AT.openRow);
    body.word(MODEL_WORD.noted).tee(HIGH).i32(3).op(OP.shl).set(LOW);
    body.get(LOW).get(BANK).i32(2).op(OP.shr_u).memory(OP.store, MODEL_AT.notes);
    body
      .get(LOW)
      .get(ROW)
      .memory(OP.store, MODEL_AT.notes + 4);
    body.i32(0).get(HIGH);
    activated();
    body.op(OP.add).memory(OP.store, MODEL_WORD.noted);
  }

  private burst(): void {
    const { body } = this;
    body.get(COLUMN);
    this.timing('tCL').op(OP.add_f64);
    body.get(BUS).i32(1).op(OP.shl).memory(OP.load_f64, MODEL_AT.free).op(OP.max_f64).set(DATA);
    body.get(BUS).i32(1).op(OP.shl).get(DATA);
    this.timing('tBurst').op(OP.add_f64).memory(OP.store_f64, MODEL_AT.free);
    // the column command is as much before the data as the chip takes
    body.get(DATA);
    this.timing('tCL').op(OP.sub_f64).set(COLUMN);
    body.get(GROUP8).get(COLUMN);
    this.timing('tCCDW');
    this.timing('tCCD').get(ACCESS).i32(8).op(OP.and, OP.select, OP.add_f64).memory(OP.store_f64, MODEL_AT.columnReady);
    // a write: the end of its data, and recovery
    body.get(BANK8);
    this.double(BANK8, MODEL_AT.prechargeReady);
    body.get(DATA);
    this.timing('tBurst').op(OP.add_f64);
    this.timing('tWR').op(OP.add_f64);
    body.get(COLUMN);
    this.timing('tBurst').op(OP.add_f64);
    body.get(ACCESS).i32(8).op(OP.and, OP.select, OP.max_f64).memory(OP.store_f64, MODEL_AT.prechargeReady);
    // one more of whose data the processor waits
    body.word(MODEL_WORD.timing).if();
    body.get(RING_AT).get(FIRST).get(LEFT).op(OP.add).tee(LOW).get(LOW).word(MODEL_WORD.inFlight).op(OP.sub);
    body.get(LOW).word(MODEL_WORD.inFlight).op(OP.lt_s, OP.select).i32(3).op(OP.shl, OP.add).get(DATA);
    this.timing('tBurst').op(OP.add_f64).memory(OP.store_f64, MODEL_AT.ends);
    body.get(BUS).get(FIRST).memory(OP.store, MODEL_AT.oldest);
    body.get(BUS).get(LEFT).i32(1).op(OP.add).memory(OP.store, MODEL_AT.outstanding);
    body.end();
  }

  /** A hit, a miss or a conflict, and perhaps a write. */
  private count(): void {
    const { body } = this;
    const one = (): void => {
      this.double(LOW, MODEL_AT.counts).f64(1).op(OP.add_f64).memory(OP.store_f64, MODEL_AT.counts);
    };
    body.get(BANK8).i32(2).op(OP.shl).tee(HIGH).get(OUTCOME).i32(3).op(OP.shl, OP.add).tee(LOW);
    one();
    body.get(ACCESS).i32(8).op(OP.and).if();
    body
      .get(HIGH)
      .i32(WRITES * 8)
      .op(OP.add)
      .tee(LOW);
    one();
    body.end();
  }

  /** `FIRST` and `LEFT` are what is outstanding on the bus, with room for one more; the clock has gone on when there was none. */
  private wait(): void {
    const { body } = this;
    const next = (): void => {
      body.get(FIRST).i32(1).op(OP.add).tee(FIRST).i32(0).get(FIRST).word(MODEL_WORD.inFlight).op(OP.ne, OP.select).set(FIRST);
      body.get(LEFT).i32(1).op(OP.sub).set(LEFT);
    };
    const oldest = (): FunctionBody => {
      body.get(RING_AT).get(FIRST).i32(3).op(OP.shl, OP.add).set(LOW);
      return this.double(LOW, MODEL_AT.ends);
    };
    body.get(BUS).memory(OP.load, MODEL_AT.oldest).set(FIRST);
    body.get(BUS).memory(OP.load, MODEL_AT.outstanding).set(LEFT);
    const done = body.block();
    const again = body.loop();
    body.get(LEFT).op(OP.eqz).brIf(done);
    oldest().get(NOW).op(OP.gt_f64).brIf(done);
    next();
    body.br(again);
    body.end().end();
    body.get(LEFT).word(MODEL_WORD.inFlight).op(OP.eq).if();
    oldest().get(NOW).op(OP.sub_f64).f64(PS_PER_TICK).op(OP.div_f64, OP.ceil_f64).tee(TICKS);
    // it would end the slice
    this.fixed(MODEL_WORD.slack).op(OP.gt_f64);
    this.giveUp();
    body.get(NOW).get(TICKS).f64(PS_PER_TICK).op(OP.mul_f64, OP.add_f64).set(NOW);
    this.judge();
    const advance = (offset: number, operation: number): void => {
      body.i32(0).i32(0).memory(OP.load_f64, offset).get(TICKS).op(operation).memory(OP.store_f64, offset);
    };
    advance(MODEL_WORD.slack, OP.sub_f64);
    advance(STATE.ticks.offset, OP.add_f64);
    next();
    body.else();
    this.judge();
    body.end();
  }
}
