/** Whose turn it is: round robin, a fixed number of instructions at a time. Deterministic: instructions are counted exactly. */

/** Instructions a VM runs before the next one has its turn. */
export const QUANTUM = 10_000;
/** The same for a VM that is the only one: nobody waits, and every entry costs as much as thousands of instructions. */
export const LONE_QUANTUM = 100_000_000;

export class Scheduler {
  private turn = 0;
  private used = 0;
  private readonly quantum: number;

  constructor(private readonly count: number) {
    this.quantum = count === 1 ? LONE_QUANTUM : QUANTUM;
  }

  /** Index of the VM whose turn it is, whether it can run or not. */
  get current(): number {
    return this.turn;
  }

  /** Instructions left of the turn. */
  get left(): number {
    return this.quantum - this.used;
  }

  /** The first VM, beginning with the one whose turn it is, that can run; -1 when none can. A turn that is used up passes on. */
  pick(canRun: (index: number) => boolean): number {
    if (this.used >= this.quantum) this.pass();
    for (let tried = 0; tried < this.count; tried++) {
      if (canRun(this.turn)) return this.turn;
      this.pass();
    }
    return -1;
  }

  charge(instructions: number): void {
    this.used += instructions;
  }

  /** Gives a VM the turn, with a whole quantum unless it has it already. */
  give(index: number): void {
    if (index === this.turn) return;
    this.turn = index;
    this.used = 0;
  }

  save(): { turn: number; used: number } {
    return { turn: this.turn, used: this.used };
  }
  load({ turn, used }: { turn: number; used: number }): void {
    this.turn = turn;
    this.used = used;
  }

  private pass(): void {
    this.turn = this.count === 0 ? 0 : (this.turn + 1) % this.count;
    this.used = 0;
  }
}
