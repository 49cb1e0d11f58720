/** What the loop calls while every access to memory is told of: those that are not told of in WebAssembly are made as the interpreter makes them. */
import { PAGE_SIZE } from '../../address';
import type { OperandSize } from '../runtime';
import { WORD, unpackAccess, unpackTold } from './layout';
import { LoopCalls } from './loop-calls';

export class ObservedCalls extends LoopCalls {
  /** An access that is made in WebAssembly, but cannot be told of there: host frame, and what `unpackTold` has. */
  readonly slowTell = (frame: number, what: number): void => {
    const { words } = this;
    const [pc, budget] = [words[WORD.toldPc >> 2]!, words[WORD.toldBudget >> 2]!];
    this.begin(pc, budget);
    const { offset, size, write } = unpackTold(what);
    this.parts.access.observer!.touch(frame * PAGE_SIZE + offset, size, write);
    this.afterCall(pc, budget, 0);
  };

  protected override load(offset: number, note: number, pc: number, budget: number): number {
    this.begin(pc, budget);
    const { position, size } = unpackAccess(note);
    const value = this.parts.access.load(this.segment(pc, position), offset >>> 0, size as OperandSize);
    this.afterCall(pc, budget, 0);
    return value;
  }

  protected override store(offset: number, note: number, pc: number, budget: number, value: number): void {
    this.begin(pc, budget);
    const { position, size } = unpackAccess(note);
    const masked = size === 4 ? value >>> 0 : value & (size === 1 ? 0xff : 0xffff);
    this.parts.access.store(this.segment(pc, position), offset >>> 0, size as OperandSize, masked);
    this.afterCall(pc, budget, 0);
  }

  protected override probe(offset: number, note: number, pc: number, budget: number): void {
    this.begin(pc, budget);
    const { position, size } = unpackAccess(note);
    this.parts.access.prepareStore(this.segment(pc, position), offset >>> 0, size as OperandSize);
    this.afterCall(pc, budget, 0);
  }

  /** Nothing is counted in advance. */
  protected override countedBefore(): number {
    return 0;
  }
}
