/**
 * Memory as compiled and threaded code see it, where the fast table did not allow an access: the same way, except that what the
 * interpreter does better (crossing pages, device registers, watched memory) is refused before anything has happened. Accesses are
 * counted by whoever runs the code, many at a time.
 */
import type { CpuState } from './cpu-state';
import { CHIPSET, STOPPED, VIOLATION, type LinearAccess } from './linear-access';
import { ACCESS } from './page-rights';
import type { OperandSize, SegmentIndex } from './runtime';
import { STOP } from './state-layout';
import type { Tlb } from './tlb';
import { ATTRIBUTES, BASE, DPL_3, FIRST_SEGMENT, LIMIT, SEGMENT_WORDS, SS_ATTRIBUTES, WRITE_MASK, WRITE_PLAIN } from './segment-words';

/** Which frames the running code is made of. */
export interface RunningFrames {
  has(frame: number): boolean;
}

/** Why an access for compiled code was not made: `stop` is set, or the interpreter must make it, and nothing has happened yet. */
export const REFUSED = { stopped: 1, deferred: 2 } as const;

export class CompiledAccess {
  /** Why the last access was not made (REFUSED), or 0. */
  refused = 0;
  /** linear address of the last access */
  private linear = 0;

  /** @param checkSegment the full segment check; sets the fault */
  constructor(
    private readonly state: CpuState,
    private readonly tlb: Tlb,
    private readonly access: LinearAccess,
    private readonly checkSegment: (segment: SegmentIndex, offset: number, size: OperandSize, write: boolean) => boolean,
  ) {}

  /** Accesses that compiled code made through the fast table; entering another page with code is one of them. */
  countAccesses(count: number): void {
    if (this.access.translates) this.tlb.countAccesses(count);
  }

  /** Does the TLB hold the page of the running code? Always, while nothing is translated. */
  get holdsCodePage(): boolean {
    return !this.access.translates || this.tlb.holdsCodePage;
  }

  /** Compiled code has gone on to another page, with the user's rights or not. */
  holdCodePage(page: number, user: boolean, frame: number): void {
    if (this.access.translates) this.tlb.enterCodePage(page, user, frame);
  }

  /**
   * As `DataAccess.load`. The access is in `countAccesses` already, unless it is `refused`:
   * deferred when it crosses a page or belongs to the chipset.
   */
  load(segment: SegmentIndex, offset: number, size: OperandSize): number {
    const outcome = this.resolve(segment, offset, size, false);
    if (outcome >= 0) return this.access.readPool(outcome, size);
    if (outcome === CHIPSET) {
      this.refused = REFUSED.deferred;
      return 0;
    }
    const value = outcome === VIOLATION ? this.access.readElsewhere(outcome, this.linear, size) : 0;
    this.noteStop();
    return value;
  }

  /**
   * As `DataAccess.store`, likewise.
   * @param running frames of the running code: a write to translated code there is deferred
   */
  store(segment: SegmentIndex, offset: number, size: OperandSize, value: number, running: RunningFrames): void {
    const outcome = this.resolve(segment, offset, size, true);
    if (outcome >= 0) return this.access.writePool(outcome, size, value);
    if (outcome === CHIPSET) {
      const frame = Math.floor(this.access.host / 4096);
      if (this.refused !== 0 || running.has(frame) || !this.access.hostReadable) {
        this.refused = REFUSED.deferred;
        return;
      }
      // code of another page, which the running code is not made of
      this.access.writeElsewhere(outcome, this.linear, size, value);
      if (this.state.stop === STOP.codeWritten) this.state.clearStop();
      return;
    }
    if (outcome === VIOLATION) this.access.writeElsewhere(outcome, this.linear, size, value);
    this.noteStop();
  }

  /** As `LinearAccess.resolve`, from a segment's offset; CHIPSET (and `refused`) without having looked for what crosses a page. */
  private resolve(segment: SegmentIndex, offset: number, size: OperandSize, write: boolean): number {
    if (this.access.isWatched) {
      this.refused = REFUSED.deferred;
      return CHIPSET;
    }
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (!this.checkSegment(segment, offset, size, write)) {
        this.refused = REFUSED.stopped;
        return STOPPED;
      }
    }
    const linear = (this.linear = (u32[words + BASE]! + offset) >>> 0);
    if ((linear & 0xfff) + size > 4096) {
      this.refused = REFUSED.deferred;
      return CHIPSET;
    }
    const user = (this.state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3 ? ACCESS.user : 0;
    const outcome = this.access.resolve(linear, write ? user | ACCESS.write : user);
    this.access.learnFrame();
    return outcome;
  }

  /** The access has been made in vain: it counts all the same, unless the segment did not allow it. */
  private noteStop(): void {
    if (this.refused !== 0 || this.state.stop === STOP.none) return;
    this.countAccesses(1);
    this.refused = REFUSED.stopped;
  }
}
