/** Running and stopping: power, what ends a run, where it is to stop, and the snapshots kept. */
import type { Language } from './problem';
import type { InstructionPlace } from './processor';

export type Power = 'off' | 'paused' | 'running' | 'stopped';

export type StopKind = 'halted' | 'limit' | 'triple-fault' | 'boot-refused' | 'exit-port' | 'paused' | 'out-of-memory';

/** A place where a run stops, given as an address. */
export interface StopPoint {
  /** null: the bare machine */
  vm: string | null;
  /** `code`: before the instruction there. After an instruction, or the delivery of an event, that wrote there (`write`), or also read (`access`). */
  kind: 'code' | 'write' | 'access';
  linear: bigint;
  /** bytes watched; 1 for code */
  size: 1 | 2 | 4;
}

/** What stopped the run. */
export interface StopHit extends StopPoint {
  /** of the instruction at a breakpoint, when it comes from a program of the lab */
  file?: string;
  line?: number;
  /** of a watchpoint: what was done */
  access?: {
    kind: 'read' | 'write';
    linear: bigint;
    size: number;
    /** who did it; null: the delivery of an interrupt or exception */
    instruction: InstructionPlace | null;
    /** what is watched, when the run was started and now; null where nothing is mapped */
    before: number | null;
    after: number | null;
  };
}

/** Every place where a run stops, those on source lines (with `file` and `line`) among them. */
export interface BreakpointsView {
  points: (StopPoint & {
    file?: string;
    line?: number;
    /** how often a run, or a step, has stopped there since power-on */
    hits: number;
  })[];
}

export interface SnapshotsView {
  /** in the order in which they were taken */
  kept: { id: number; label: string; instructions: number; bytes: number; /** fits the hardware that is plugged in now */ fits: boolean }[];
}

export interface StatusView {
  power: Power;
  stop: StopKind | null;
  /** why, for people, when there is more to say than `stop` */
  stopDetail: Record<Language, string> | null;
  instructions: number;
  ticks: number;
  /** what came from outside since power-on: a machine that stands still has changed when this has */
  inputs: number;
  /** of the last second */
  mips: number;
  /** what executes: `compiled` interprets what is cold; null with the power off */
  engine: 'interpreter' | 'compiled' | null;
  /** the VM whose turn it is; null on the bare machine */
  currentVm: string | null;
  /** the breakpoint or watchpoint that stopped the run */
  stoppedAt: StopHit | null;
  poolBytes: number;
  snapshots: number;
}
