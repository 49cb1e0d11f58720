/**
 * The function `touch` of the loop for observed memory: the plainest access to DRAM, told of in WebAssembly. It hits the row that
 * is open in a bank which no refresh has closed meanwhile, lies in one burst, and no word has an error. It does exactly what
 * Dram.touch does then (observed.spec.ts holds them against each other); in every other case it changes nothing that is seen, and
 * the access is a call.
 */
import { FunctionBody, OP } from '../compile/encoder';
import { LOW_BITS, MODEL_AT, MODEL_WORD, RING } from '../../dram/model-layout';
import { STATE } from '../state-layout';
import { OBSERVED_PAGES } from '../tlb-layout';
import { WORD } from './layout';

/** Bytes of a burst, and picoseconds of a tick (dram/dram.ts). */
const LINE = 64;
const PS_PER_TICK = 1000;

/** entry of the fast table, linear address, size + 8 for a write, instructions of this run before the one that makes the access */
const ENTRY = 0;
const LINEAR = 1;
const ACCESS = 2;
const PROGRESS = 3;
const LOW = 4;
const HIGH = 5;
const BANK = 6;
const BUS = 7;
const FIRST = 8;
const LEFT = 9;
/** bank × 8, and the bus's ring */
const BANK8 = 10;
const RING_AT = 11;
/** what stands for the bank's group, × 8 */
const GROUP8 = 12;
const NOW = 13;
const DATA = 14;
const TICKS = 15;

export const TOUCH_LOCALS = { locals: 9, doubles: 3 } as const;

/** 1: the access has been told of; 0: it must be made by a call. */
export function touchBody(): FunctionBody {
  const body = new FunctionBody();
  const giveUp = (): FunctionBody => body.if().i32(0).op(OP.return).end();
  const double = (at: number, offset: number): FunctionBody => body.get(at).memory(OP.load_f64, offset);
  const fixed = (offset: number): FunctionBody => body.i32(0).memory(OP.load_f64, offset);

  body.word(MODEL_WORD.ready).op(OP.eqz);
  giveUp();
  body
    .get(LINEAR)
    .i32(LINE - 1)
    .op(OP.and)
    .get(ACCESS)
    .i32(7)
    .op(OP.and, OP.add)
    .i32(LINE)
    .op(OP.gt_u);
  giveUp();
  // bank and row: shares of the page and of the low bits
  const ofPage = (word: number): FunctionBody => body.get(ENTRY).memory(OP.load, OBSERVED_PAGES.distance + word);
  ofPage(OBSERVED_PAGES.module).tee(LOW).op(OP.eqz);
  giveUp();
  body.get(LINEAR).i32(8).op(OP.shr_u).i32(15).op(OP.and).i32(3).op(OP.shl).get(LOW).op(OP.add).set(HIGH);
  body.get(LINEAR).i32(255).op(OP.and).i32(3).op(OP.shl).get(LOW).op(OP.add).set(LOW);
  const share = (word: number): void => {
    body
      .get(LOW)
      .memory(OP.load, word)
      .get(HIGH)
      .memory(OP.load, LOW_BITS.second * 4 + word)
      .op(OP.xor);
  };
  share(0);
  ofPage(OBSERVED_PAGES.page).op(OP.xor);
  ofPage(OBSERVED_PAGES.firstBank).op(OP.add).i32(2).op(OP.shl).tee(BANK).i32(1).op(OP.shl).set(BANK8);
  body.get(BANK).memory(OP.load, MODEL_AT.openRow);
  share(4);
  ofPage(OBSERVED_PAGES.row).op(OP.xor, OP.ne);
  giveUp();
  // now, in picoseconds
  fixed(STATE.ticks.offset);
  fixed(WORD.clock).op(OP.add_f64).get(PROGRESS).op(OP.convert_f64, OP.add_f64).f64(PS_PER_TICK).op(OP.mul_f64).set(NOW);
  const refreshed = (): void => {
    body.get(NOW);
    double(BANK8, MODEL_AT.refreshDue).op(OP.ge_f64);
    giveUp();
  };
  body.get(BANK).memory(OP.load, MODEL_AT.busOf).i32(2).op(OP.shl).set(BUS);
  body.word(MODEL_WORD.timing).if();
  body
    .get(BUS)
    .i32(Math.log2(RING) + 1)
    .op(OP.shl)
    .set(RING_AT);
  wait(body, { refreshed, double, giveUp });
  body.else();
  refreshed();
  body.end();
  // the burst
  body.get(BANK).memory(OP.load, MODEL_AT.groupOf).i32(3).op(OP.shl).set(GROUP8);
  body.get(NOW);
  double(GROUP8, MODEL_AT.columnReady).op(OP.max_f64);
  double(BANK8, MODEL_AT.columnLatency).op(OP.add_f64);
  body.get(BUS).i32(1).op(OP.shl).memory(OP.load_f64, MODEL_AT.free).op(OP.max_f64).set(DATA);
  body.get(BUS).i32(1).op(OP.shl).get(DATA);
  double(BANK8, MODEL_AT.burst).op(OP.add_f64).memory(OP.store_f64, MODEL_AT.free);
  // the column command is as much before the data as the chip takes
  const column = (): FunctionBody => {
    body.get(DATA);
    return double(BANK8, MODEL_AT.columnLatency).op(OP.sub_f64);
  };
  body.get(GROUP8);
  column();
  double(BANK8, MODEL_AT.columnGap).op(OP.add_f64).memory(OP.store_f64, MODEL_AT.columnReady);
  // a write: the end of its data, and recovery
  body.get(BANK8);
  double(BANK8, MODEL_AT.prechargeReady);
  body.get(DATA);
  double(BANK8, MODEL_AT.burst).op(OP.add_f64);
  double(BANK8, MODEL_AT.writeRecovery).op(OP.add_f64);
  column();
  double(BANK8, MODEL_AT.burst).op(OP.add_f64);
  body.get(ACCESS).i32(8).op(OP.and, OP.select, OP.max_f64).memory(OP.store_f64, MODEL_AT.prechargeReady);
  // one more of whose data the processor waits
  body.word(MODEL_WORD.timing).if();
  body.get(RING_AT).get(FIRST).get(LEFT).op(OP.add).tee(LOW).get(LOW).word(MODEL_WORD.inFlight).op(OP.sub);
  body.get(LOW).word(MODEL_WORD.inFlight).op(OP.lt_s, OP.select).i32(3).op(OP.shl, OP.add).get(DATA);
  double(BANK8, MODEL_AT.burst).op(OP.add_f64).memory(OP.store_f64, MODEL_AT.ends);
  body.get(BUS).get(FIRST).memory(OP.store, MODEL_AT.oldest);
  body.get(BUS).get(LEFT).i32(1).op(OP.add).memory(OP.store, MODEL_AT.outstanding);
  body.end();
  // a hit, and perhaps a write
  const count = (number: number): void => {
    body
      .get(BANK8)
      .i32(2)
      .op(OP.shl)
      .tee(LOW)
      .get(LOW)
      .memory(OP.load_f64, MODEL_AT.counts + number * 8);
    body
      .f64(1)
      .op(OP.add_f64)
      .memory(OP.store_f64, MODEL_AT.counts + number * 8);
  };
  count(0);
  body.get(ACCESS).i32(8).op(OP.and).if();
  count(3);
  body.end();
  return body.i32(1);
}

interface Parts {
  refreshed: () => void;
  double: (at: number, offset: number) => FunctionBody;
  giveUp: () => FunctionBody;
}

/** `FIRST` and `LEFT` are what is outstanding on the bus, with room for one more; the clock has gone on when there was none. */
function wait(body: FunctionBody, { refreshed, double, giveUp }: Parts): void {
  const next = (): void => {
    body.get(FIRST).i32(1).op(OP.add).tee(FIRST).i32(0).get(FIRST).word(MODEL_WORD.inFlight).op(OP.ne, OP.select).set(FIRST);
    body.get(LEFT).i32(1).op(OP.sub).set(LEFT);
  };
  const oldest = (): FunctionBody => {
    body.get(RING_AT).get(FIRST).i32(3).op(OP.shl, OP.add).set(LOW);
    return double(LOW, MODEL_AT.ends);
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
  body.i32(0).memory(OP.load_f64, MODEL_WORD.slack).op(OP.gt_f64);
  giveUp();
  body.get(NOW).get(TICKS).f64(PS_PER_TICK).op(OP.mul_f64, OP.add_f64).set(NOW);
  refreshed();
  const advance = (offset: number, operation: number): void => {
    body.i32(0).i32(0).memory(OP.load_f64, offset).get(TICKS).op(operation).memory(OP.store_f64, offset);
  };
  advance(MODEL_WORD.slack, OP.sub_f64);
  advance(STATE.ticks.offset, OP.add_f64);
  next();
  body.else();
  refreshed();
  body.end();
}
