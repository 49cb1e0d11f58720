/**
 * Breakpoints in DR0–DR3 (SDM vol. 3, 17.2). Addresses of code are looked at between instructions. A page with a watched byte is
 * kept out of the fast table, so that only accesses to such a page pay for being looked at, in whatever executes them. What an
 * instruction has touched collects in `debugPending` and is delivered, as a trap, when the instruction has completed.
 *
 * Watchpoints of whoever uses the machine are looked at in the same places, but are no part of its state: nothing is delivered to
 * the program; the run ends once the instruction has completed.
 */
import { wordOf } from './cpu-state';
import type { CpuState } from './cpu-state';
import { CR4 } from './paging-registers';
import { STOP } from './state-layout';
import type { Tlb } from './tlb';

/** DR6 beyond B0–B3: general detect, single step, task switch. */
export const DR6 = { hits: 15, BD: 1 << 13, BS: 1 << 14, BT: 1 << 15 } as const;
/** DR7 beyond the fields of the four: general detect; the enables that end with a task. */
export const DR7 = { enables: 0xff, GD: 1 << 13, localEnables: 0x155 } as const;

/** R/W field of a breakpoint. */
const KIND = { execute: 0, write: 1, port: 2, access: 3 } as const;
const PENDING = wordOf('debugPending');

interface Breakpoint {
  /** its bit in DR6 */
  bit: number;
  kind: number;
  first: number;
  /** bytes, a power of two; 1 for code */
  bytes: number;
}

/** Linear memory that the user of the machine watches. */
export interface Watchpoint {
  /** first byte; the last one must lie below 2^32 */
  linear: number;
  bytes: number;
  /** `access`: reads count too */
  kind: 'write' | 'access';
}

/** What ended a run at a watchpoint. */
export interface WatchHit {
  point: Watchpoint;
  /** the access: linear address, bytes, and what it did */
  linear: number;
  size: number;
  write: boolean;
  /** linear address of the instruction that made it; null: the delivery of an interrupt or exception did */
  instruction: number | null;
}

export class DebugRegisters {
  /** grows when the set of breakpoints has changed */
  version = 0;
  /** any on code? */
  executes = false;
  /** any on data? */
  watches = false;
  /** any at all? */
  get armed(): boolean {
    return this.list.length > 0 || this.watchpoints.length > 0;
  }
  /** the access that the run ends for, until it is taken */
  hit: WatchHit | null = null;
  /** linear address of the instruction that is being executed */
  instructionAt: () => number = () => 0;
  /** called when the set has changed */
  onChange: () => void = () => undefined;
  private list: Breakpoint[] = [];
  private watchpoints: readonly Watchpoint[] = [];
  private readonly seen = new Uint32Array(6);

  constructor(
    private readonly state: CpuState,
    private readonly tlb: Tlb,
  ) {}

  /** To be called whenever the registers may have changed: MOV DR, CR4.DE, a task switch, another state. */
  refresh(): void {
    const { state, seen } = this;
    const extensions = state.cr4 & CR4.DE;
    // at every entry and exit of a guest, hardly ever with a difference
    if (
      state.dr(7) === seen[4] &&
      extensions === seen[5] &&
      state.dr(0) === seen[0] &&
      state.dr(1) === seen[1] &&
      state.dr(2) === seen[2] &&
      state.dr(3) === seen[3]
    )
      return;
    const mattered = this.list.length > 0;
    seen.set([state.dr(0), state.dr(1), state.dr(2), state.dr(3), state.dr(7), extensions]);
    this.list = [0, 1, 2, 3].flatMap((index) => this.decode(index));
    this.executes = this.list.some(({ kind }) => kind === KIND.execute);
    if (mattered || this.list.length > 0) this.changed();
  }

  /** Replaces the user's watchpoints. Only between slices. */
  setWatchpoints(points: readonly Watchpoint[]): void {
    this.hit = null;
    if (points.length === 0 && this.watchpoints.length === 0) return;
    this.watchpoints = points.map((point) => ({ ...point }));
    this.changed();
  }

  private changed(): void {
    this.watches = this.watchpoints.length > 0 || this.list.some(({ kind }) => kind === KIND.write || kind === KIND.access);
    this.version++;
    this.tlb.clearFast();
    this.onChange();
  }

  private decode(index: number): Breakpoint[] {
    const control = this.state.dr(7);
    if ((control & (3 << (index * 2))) === 0) return [];
    const kind = (control >>> (16 + index * 4)) & 3;
    if (kind === KIND.port && !(this.state.cr4 & CR4.DE)) return [];
    const bytes = kind === KIND.execute ? 1 : [1, 2, 8, 4][(control >>> (18 + index * 4)) & 3]!;
    const address = this.state.dr(index);
    return [{ bit: 1 << index, kind, first: (address & -bytes) >>> 0, bytes }];
  }

  /** Linear addresses with a breakpoint on code. */
  get codeAddresses(): number[] {
    return this.list.filter(({ kind }) => kind === KIND.execute).map(({ first }) => first);
  }

  /** DR6 bits for the instruction at a linear address; 0 for none. */
  atCode(linear: number): number {
    return this.matching(linear, 1, (kind) => kind === KIND.execute);
  }

  /** Must accesses to this linear page be looked at one by one? */
  watchesPage(page: number): boolean {
    if (!this.watches) return false;
    return (
      this.list.some(({ kind, first }) => (kind === KIND.write || kind === KIND.access) && first >>> 12 === page) ||
      this.watchpoints.some(({ linear, bytes }) => linear >>> 12 <= page && page <= (linear + bytes - 1) >>> 12)
    );
  }

  /** An instruction reads or writes data. */
  touched(linear: number, size: number, write: boolean): void {
    this.note(this.matching(linear, size, (kind) => kind === KIND.access || (write && kind === KIND.write)));
    for (const point of this.watchpoints) {
      if ((write || point.kind === 'access') && linear < point.linear + point.bytes && point.linear < linear + size)
        this.found({ point, linear, size, write, instruction: this.instructionAt() });
    }
  }

  /** The first access of an instruction is told of, unless it goes on to write what it read. */
  private found(hit: WatchHit): void {
    const { hit: earlier } = this;
    if (earlier !== null && (earlier.write || !hit.write || earlier.point !== hit.point || earlier.instruction !== hit.instruction)) return;
    this.hit = hit;
    this.endSlice();
  }

  private endSlice(): void {
    const { state } = this;
    if (state.stop === STOP.none || state.stop === STOP.codeWritten) state.stop = STOP.endSlice;
  }

  touchedPort(port: number, size: number): void {
    if (this.list.length > 0) this.note(this.matching(port, size, (kind) => kind === KIND.port));
  }

  private matching(first: number, size: number, wanted: (kind: number) => boolean): number {
    let bits = 0;
    for (const point of this.list) {
      if (wanted(point.kind) && first < point.first + point.bytes && point.first < first + size) bits |= point.bit;
    }
    return bits;
  }

  /** A debug trap is due once the current instruction has completed. */
  note(bits: number): void {
    if (bits === 0) return;
    this.state.u32[PENDING]! |= bits;
    this.endSlice();
  }

  /** The pending bits, which are then no more. */
  take(): number {
    const bits = this.state.u32[PENDING]!;
    this.state.u32[PENDING] = 0;
    return bits;
  }
}
