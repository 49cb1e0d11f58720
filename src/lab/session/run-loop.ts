/**
 * Runs a computer in slices short enough that commands are answered in between, at full speed or at so many instructions a second.
 * Slicing never changes what the machine does: only where the host looks up.
 */
import type { Computer, RunEnd } from './computer';
import { SliceLength } from './slice-length';

/** What a session needs of its host; injected, so that specs and other hosts bring their own. */
export interface Scheduler {
  /** runs `work` after pending messages were handled (setImmediate) */
  nextTurn(work: () => void): void;
  /** runs `work` once after `ms`; returns a way to cancel it */
  after(ms: number, work: () => void): () => void;
  /** ms, monotonic */
  now(): number;
}

/** Instructions of a slice at a limited speed, at most. */
const LARGEST_PACED = 4_000_000;
/** At a limited speed the machine advances this often. */
const PACE_MS = 16;

export interface RunLoopHost {
  /** after each slice that did not end the run */
  onSlice(): void;
  /** the run ended: a breakpoint, the limit, or nothing more can run */
  onEnd(end: RunEnd | { kind: 'limit' }): void;
}

export class RunLoop {
  private active = false;
  private turn = 0;
  private readonly slice = new SliceLength();
  private cancelPause: (() => void) | null = null;
  /** instructions a second, or null */
  speed: number | null = null;
  /** instructions owed at a limited speed */
  private credit = 0;
  private lastPace = 0;
  private marks: { time: number; instructions: number }[] = [];

  constructor(
    private readonly scheduler: Scheduler,
    private readonly host: RunLoopHost,
  ) {}

  get running(): boolean {
    return this.active;
  }

  /** Million instructions a second over the last second of running; 0 while nothing runs. */
  get mips(): number {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    if (!this.active || !first || !last || last.time <= first.time) return 0;
    return (last.instructions - first.instructions) / (last.time - first.time) / 1_000;
  }

  start(computer: Computer, limit: number): void {
    if (this.active) return;
    this.active = true;
    const turn = ++this.turn;
    this.credit = 0;
    this.lastPace = this.scheduler.now();
    this.marks = [{ time: this.lastPace, instructions: computer.instructions }];
    this.scheduler.nextTurn(() => this.step(computer, limit, turn));
  }

  /** Ends the run between two instructions; nothing of it happens afterwards. */
  stop(): void {
    this.active = false;
    this.turn++;
    this.cancelPause?.();
    this.cancelPause = null;
  }

  private budget(): number {
    if (this.speed === null) return this.slice.instructions;
    const now = this.scheduler.now();
    this.credit = Math.min(this.credit + ((now - this.lastPace) * this.speed) / 1_000, Math.max(1, this.speed / 4));
    this.lastPace = now;
    return Math.min(Math.floor(this.credit), LARGEST_PACED);
  }

  private step(computer: Computer, limit: number, turn: number): void {
    if (!this.active || turn !== this.turn) return;
    const left = limit - computer.instructions;
    if (left <= 0) return this.end({ kind: 'limit' });
    const budget = Math.min(this.budget(), left);
    if (budget > 0) {
      const started = this.scheduler.now();
      const before = computer.instructions;
      const end = computer.run(budget);
      const now = this.scheduler.now();
      this.credit -= computer.instructions - before;
      this.slice.took(now - started, computer.instructions - before);
      this.mark(now, computer.instructions);
      if (end.kind !== 'budget') return this.end(end);
      this.host.onSlice();
    }
    const again = (): void => this.step(computer, limit, turn);
    if (this.speed === null) this.scheduler.nextTurn(again);
    else this.cancelPause = this.scheduler.after(Math.max(PACE_MS, this.credit < 1 ? (1_000 * (1 - this.credit)) / this.speed : 0), again);
  }

  private end(end: RunEnd | { kind: 'limit' }): void {
    this.stop();
    this.host.onEnd(end);
  }

  private mark(time: number, instructions: number): void {
    this.marks.push({ time, instructions });
    while (this.marks.length > 2 && time - this.marks[0]!.time > 1_000) this.marks.shift();
  }
}
