/**
 * The function `tell`: what a fill has read and written on its way, and the access that it is for, are told of one after another,
 * from a list. Where nobody asks how long anything takes, what all of them need is looked at once.
 */
import { FRAME_DISTANCE, MODEL_WORD } from '../../dram/model-layout';
import { OP, type FunctionBody } from '../compile/encoder';
import { TOLD, TOLD_LIST } from './layout';
import { ACCESS, ADDRESS, AT, END, PAGE, PROGRESS, TouchCode } from './touch-code';

/**
 * A function of: the access's page, address, and size with TOLD.write, none when the size is 0; instructions of this run before it; and
 * where the list ends, which has room for one more.
 * @param touch number of the function made by `touchBody`
 * @param slow number of `slowTell`
 */
export function tellBody(touch: number, slow: number): FunctionBody {
  const code = new TellCode(touch, slow);
  code.tell();
  return code.body;
}

/** The local's list gets one more; then it is at its new end. */
export function addTold(
  body: FunctionBody,
  end: number,
  entry: { frame: () => unknown; address: () => unknown; what: () => unknown },
): void {
  for (const name of ['frame', 'address', 'what'] as const) {
    body.get(end);
    entry[name]();
    body.memory(OP.store, TOLD_LIST[name]);
  }
  body.get(end).i32(TOLD_LIST.bytes).op(OP.add).set(end);
}

class TellCode extends TouchCode {
  constructor(
    private readonly touchFunction: number,
    private readonly slow: number,
  ) {
    super();
  }

  tell(): void {
    const { body } = this;
    const oneByOne = body.block();
    body.word(MODEL_WORD.clocked).brIf(oneByOne);
    this.crossesLine();
    body.brIf(oneByOne);
    this.findNow();
    this.cannotNote(TOLD_LIST.most);
    body.brIf(oneByOne);
    this.add();
    this.each(() => {
      this.findModule().if();
      this.find();
      this.tally();
      body.else();
      this.tellSlowly();
      body.end();
    });
    body.op(OP.return).end();
    this.add();
    this.each(() => {
      for (const local of [PAGE, ADDRESS, ACCESS, PROGRESS]) body.get(local);
      body.call(this.touchFunction).op(OP.eqz).if();
      this.tellSlowly();
      body.end();
    });
  }

  /** The access is the list's last. */
  private add(): void {
    const { body } = this;
    body.get(ACCESS).if();
    addTold(body, END, { frame: () => body.get(PAGE), address: () => body.get(ADDRESS), what: () => body.get(ACCESS) });
    body.end();
    body.i32(TOLD_LIST.offset).set(AT);
  }

  /** Does something with `PAGE`, `ADDRESS` and `ACCESS` of each. */
  private each(act: () => void): void {
    const { body } = this;
    const done = body.block();
    const again = body.loop();
    body.get(AT).get(END).op(OP.eq).brIf(done);
    body.get(AT).memory(OP.load, TOLD_LIST.frame).set(PAGE);
    body.get(AT).memory(OP.load, TOLD_LIST.address).set(ADDRESS);
    body.get(AT).memory(OP.load, TOLD_LIST.what).set(ACCESS);
    act();
    body.get(AT).i32(TOLD_LIST.bytes).op(OP.add).set(AT).br(again);
    body.end().end();
  }

  private tellSlowly(): void {
    const { body } = this;
    body.get(PAGE).i32(FRAME_DISTANCE).op(OP.sub).memory(OP.load, 12);
    body.get(ADDRESS).i32(0xfff).op(OP.and).get(ACCESS).i32(TOLD.sizeShift).op(OP.shl, OP.or).call(this.slow);
  }
}
