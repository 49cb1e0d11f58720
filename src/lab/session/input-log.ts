/**
 * What came from outside and changed the course of the machine, at which instruction: with the document and this list a run can be repeated
 * exactly. Pausing, looking and breakpoints change nothing and are not here.
 */

import type { HotPlugChange } from '../../machine/board/hot-plug';
import type { Board } from '../../machine/board/schema';
import type { HostBytes } from './memory-write';

export type Input =
  /** one instruction of a VM out of turn */
  | { kind: 'step-vm'; vm: string }
  /** hardware that came or went, and the board since then */
  | { kind: 'hot-plug'; changes: HotPlugChange[]; board: Board }
  /** bytes of memory that the user has written by hand, where they went */
  | { kind: 'memory'; pieces: HostBytes[] };

export interface LoggedInput {
  /** the machine's count when it arrived */
  instructions: number;
  ticks: number;
  input: Input;
}

export class InputLog {
  private entries: LoggedInput[] = [];

  get length(): number {
    return this.entries.length;
  }

  get list(): readonly LoggedInput[] {
    return this.entries;
  }

  add(entry: LoggedInput): void {
    this.entries.push(entry);
  }

  /** Forgets what came after a snapshot that was restored. */
  truncate(length: number): void {
    this.entries.length = Math.min(this.entries.length, length);
  }

  clear(): void {
    this.entries = [];
  }
}
