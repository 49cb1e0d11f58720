/**
 * Runs code from where RIP points: finds the frame behind it, finds or makes the block that starts there, executes, and
 * links blocks of one page to each other. The page is looked up (checked and translated) when execution enters it and after
 * every system instruction, never because a slice happened to end.
 */
import { hostPhysical, PAGE_SIZE } from '../../address';
import type { FrameStore } from '../../memory/frame-store';
import type { PhysicalMemory } from '../../memory/physical-memory';
import { modeOf, regionKey } from '../code-mode';
import type { RegionGroup } from '../compile/regions';
import type { CompiledTier } from '../compile/tier';
import { wordOf, type CpuState } from '../cpu-state';
import { MAX_INSTRUCTION_LENGTH } from '../decode/decoder';
import { LEVEL, type Level } from '../instruction-set';
import { EXCEPTION } from '../lower/exceptions';
import { MODE_KEYS, modeKey, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock, MAX_BLOCK } from '../lower/lower';
import type { DataAccess, SystemInstructions } from '../runtime';
import { SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import type { ThreadedGroup } from '../threaded/block';
import type { ThreadedTier } from '../threaded/tier';
import { BlockCache, type CodePage } from './blocks';
import { Executor, type CodeContext } from './execute';

const RIP = wordOf('rip');
const STOPPED = wordOf('stop');
const INSTRUCTIONS = STATE.instructions.offset >> 3;
const TICKS = STATE.ticks.offset >> 3;
/**
 * Instructions that a faster tier executes at a stretch. An engine exchanges compiled code for better only where it is entered, so
 * a guest's endless loop would stay in what was made first.
 */
const LONGEST_STRETCH = 200_000;
const NOTHING = new Int32Array(0);

/** `locate` found no block: `stop` is set, or a breakpoint lies here. */
const NO_BLOCK = 0;

export class Interpreter {
  readonly blocks: BlockCache;
  /** after `run`: it ended before the instruction at a breakpoint */
  atBreakpoint = false;
  /**
   * Set before `run`: between instructions there is nothing to look at but waiting interrupts and traps, so compiled code may
   * deliver faults and go on.
   */
  goesOn = false;
  /** after `run`: nothing has been executed since a fault was delivered */
  justDelivered = false;

  /** runs what is hot; undefined: nothing is compiled */
  compiled: CompiledTier | undefined;
  /** runs what has been met a few times; undefined: that is left to the others */
  threaded: ThreadedTier | undefined;

  private readonly executor: Executor;
  private mode: Mode = { code32: false, stack32: false, protectedMode: false, codeLimited: false };
  private key = 0;
  private codeBase = 0;
  private codeLimit = 0;
  /** false: modes and the current page must be looked at again */
  private valid = false;
  private page = -1;
  private frame = -1;
  private codePage: CodePage | undefined;
  /** compiled regions of the current page; undefined: not looked for yet, or there can be none */
  private group: RegionGroup | undefined;
  /** threaded code of the current page, likewise */
  private threadedGroup: ThreadedGroup | undefined;
  /** instructions that this `run` had completed when a faster tier delivered a fault last */
  private deliveredAt = -1;
  /** instructions that the tier run last has completed */
  private completed = 0;
  /** of the current segments and mode (regionKey); -1: not worked out yet */
  private regionKey = -1;
  /** the current page reaches beyond CS's limit, so instructions must be checked one by one */
  private straddlesLimit = false;
  private readonly code: CodeContext = { pageRip: 0, entries: NOTHING };
  private breakpointOffsets = new Set<number>();

  constructor(
    frames: FrameStore,
    private readonly memory: PhysicalMemory,
    private readonly state: CpuState,
    private readonly access: DataAccess,
    system: SystemInstructions,
    /** linear addresses before which `run` ends; call breakpointsChanged after changing it */
    private readonly breakpoints: ReadonlySet<number>,
    private readonly level?: Level,
  ) {
    this.blocks = new BlockCache(frames, () => {
      if (state.stop === STOP.none) state.stop = STOP.codeWritten;
    });
    this.executor = new Executor(frames.memory.buffer, state, access, system, this.blocks);
  }

  private get is8086(): boolean {
    return this.level === LEVEL.i8086;
  }

  /** RIP of the instruction that is being executed; see Executor.currentRip. */
  currentRip(): number {
    return this.executor.currentRip();
  }

  /** Opcodes met that nobody knows, since power-on. */
  get unknownOpcodes(): number {
    return this.executor.unknownOpcodes;
  }

  /** Something outside the running code changed RIP, a segment, a mode or a translation. */
  invalidate(): void {
    this.valid = false;
  }

  reset(): void {
    this.invalidate();
    this.executor.unknownOpcodes = 0;
  }

  /** Blocks never span a breakpoint, so all of them are made anew. */
  breakpointsChanged(): void {
    this.breakpointOffsets = new Set([...this.breakpoints].map((linear) => linear & (PAGE_SIZE - 1)));
    this.blocks.dropAll();
  }

  /**
   * Executes up to `limit` instructions; fewer when `stop` is set, at a breakpoint, or after a system instruction, when
   * interrupts and modes must be looked at. Advances `instructions` and `ticks`.
   * @param passBreakpoint execute the first instruction even if a breakpoint lies there
   * @returns instructions completed
   */
  run(limit: number, passBreakpoint: boolean): number {
    const { state, executor, code } = this;
    let total = 0;
    let link = 0;
    let linkPage = -1;
    let linkEpoch = 0;
    let interpretNext = false;
    let interpretOne = false;
    this.atBreakpoint = false;
    this.deliveredAt = -1;
    while (total < limit) {
      const header = this.locate(passBreakpoint && total === 0);
      if (header === NO_BLOCK) break;
      if (link !== 0 && linkPage === this.page && linkEpoch === this.blocks.epoch && code.entries.length !== 0) {
        if (this.blocks.at(header).secondPage === undefined) executor.setLink(link, header);
      }
      if (!interpretNext && (this.compiled ?? this.threaded) !== undefined && this.blocks.heat(header)) {
        const tier = this.runFaster(header, Math.min(limit - total, LONGEST_STRETCH));
        if (tier !== undefined) {
          total += this.completed;
          interpretNext = tier.interpretNext;
          interpretOne = interpretNext && tier === this.compiled && tier.interpretOne;
          link = 0;
          if (tier.justDelivered) this.deliveredAt = total;
          const stop = state.i32[STOPPED]!;
          if (stop === STOP.codeWritten) state.clearStop();
          if (tier.atBoundary || (stop !== STOP.none && stop !== STOP.codeWritten)) break;
          continue;
        }
      }
      interpretNext = false;
      const allowed = this.straddlesLimit ? this.withinLimit(header) : limit - total;
      if (allowed === 0 && !this.is8086) {
        state.raise(EXCEPTION.GP, 0);
        break;
      }
      const most = interpretOne ? 1 : Math.min(Math.max(allowed, 1), limit - total);
      interpretOne = false;
      const done = executor.execute(this.blocks.lengthOf(header) > most ? this.shortened(header, most) : header, most, code);
      executor.rest();
      total += done;
      state.f64[INSTRUCTIONS] = state.f64[INSTRUCTIONS]! + done;
      state.f64[TICKS] = state.f64[TICKS]! + done;
      if (executor.left) {
        this.valid = false;
        break;
      }
      const stop = state.i32[STOPPED]!;
      if (stop === STOP.codeWritten) state.clearStop();
      else if (stop !== STOP.none) break;
      link = executor.link;
      linkPage = this.page;
      linkEpoch = this.blocks.epoch;
    }
    this.justDelivered = this.deliveredAt === total;
    return total;
  }

  /** Runs the block at RIP and what follows in the tier that is due, and gives that; undefined when none can. `completed` says how far. */
  private runFaster(header: number, limit: number): CompiledTier | ThreadedTier | undefined {
    const { blocks, code, codePage, threaded } = this;
    if (code.entries.length === 0 || codePage === undefined || blocks.lengthOf(header) > limit) return undefined;
    if (blocks.at(header).secondPage !== undefined) {
      blocks.neverHot(header);
      return undefined;
    }
    const offset = (this.state.u32[RIP]! - code.pageRip) | 0;
    const start = threaded === undefined ? 0 : this.threadedAt(codePage, offset);
    let waits = false;
    if (this.compiled !== undefined && (start === 0 || threaded!.isHot(start))) {
      const handle = this.compiledAt(codePage, offset);
      if (handle !== 0) {
        this.compiled.goesOn = this.goesOn;
        const done = this.compiled.run(handle, limit);
        if (this.compiled.relocated) this.valid = false;
        else if (this.compiled.lostPage) this.page = -1;
        const to = this.compiled.relocated ? undefined : this.compiled.movedTo;
        this.ran(done, to?.pageRip, to?.codePage.frame);
        return this.compiled;
      }
      waits = this.group !== undefined && this.compiled.regions.waits;
      if (start !== 0) {
        if (waits) threaded!.askAgain(start);
        else threaded!.neverHot(start);
      }
    }
    if (start !== 0) {
      const done = threaded!.run(start, limit);
      const to = threaded!.movedTo;
      this.ran(done, to?.pageRip, to?.frame);
      return threaded;
    }
    // what cannot tell of its accesses may still be compiled when nobody watches
    if (!waits && threaded?.observed !== true) blocks.neverHot(header);
    return undefined;
  }

  /** Handle of the compiled code at an offset of the current page, or 0. */
  private compiledAt(codePage: CodePage, offset: number): number {
    if (this.group === undefined || this.group.dropped) {
      if (this.regionKey < 0) this.regionKey = regionKey(this.state, this.key);
      this.group = this.compiled!.regions.group(codePage, this.mode, this.regionKey, this.code.pageRip);
    }
    return this.group === undefined ? 0 : this.compiled!.regions.handle(this.group, offset);
  }

  /** Header of the threaded code at an offset of the current page, or 0. */
  private threadedAt(codePage: CodePage, offset: number): number {
    if (this.threadedGroup === undefined || !this.threaded!.isCurrent(this.threadedGroup)) {
      if (this.regionKey < 0) this.regionKey = regionKey(this.state, this.key);
      this.threadedGroup = this.threaded!.group(codePage, this.mode, this.regionKey, this.code.pageRip);
    }
    return this.threadedGroup === undefined ? 0 : this.threaded!.header(this.threadedGroup, offset);
  }

  /** Another tier has completed instructions and perhaps gone on to another page, in `frame`. */
  private ran(done: number, pageRip: number | undefined, frame = 0): void {
    const { state } = this;
    this.completed = done;
    state.f64[INSTRUCTIONS] = state.f64[INSTRUCTIONS]! + done;
    state.f64[TICKS] = state.f64[TICKS]! + done;
    if (pageRip === undefined) return;
    this.page = pageRip >>> 12;
    this.frame = frame;
    this.straddlesLimit = false;
    this.codePage = undefined;
  }

  /** The header of the block at RIP, or NO_BLOCK. */
  private locate(passBreakpoint: boolean): number {
    const { state, code } = this;
    if (!this.valid) this.readMode();
    if (this.is8086) state.u32[RIP]! &= 0xffff;
    const rip = state.u32[RIP]!;
    const linear = (this.codeBase + rip) >>> 0;
    if (this.breakpoints.size !== 0 && !passBreakpoint && this.breakpoints.has(linear)) {
      this.atBreakpoint = true;
      return NO_BLOCK;
    }
    // the limit comes before the page
    if (rip > this.codeLimit) {
      state.instructionLength = 0;
      state.raise(EXCEPTION.GP, 0);
      return NO_BLOCK;
    }
    if (linear >>> 12 !== this.page && !this.enterPage(rip, linear)) return NO_BLOCK;
    const offset = linear & (PAGE_SIZE - 1);
    code.pageRip = (rip - offset) | 0;
    if (this.is8086 && rip > 0x1_0000 - MAX_INSTRUCTION_LENGTH) return this.wrapping(rip);
    if (this.frame < 0) return this.uncached(linear);
    if (this.codePage === undefined || !this.blocks.isCurrent(this.codePage)) this.useFrame();
    const header = this.blocks.find(this.codePage!, this.key, offset);
    if (header === 0) return this.translate(linear, offset);
    const block = this.blocks.at(header);
    if (block.secondPage === undefined) return header;
    if (!this.reaches(rip, block.lengths[0]!)) return NO_BLOCK;
    const frame = this.fetchFrame(linear + PAGE_SIZE - offset, true);
    if (frame === undefined) return NO_BLOCK;
    return this.blocks.secondIsCurrent(block, frame) ? header : this.translate(linear, offset);
  }

  private readMode(): void {
    const { state } = this;
    const cs = SEGMENT_INDEX.CS;
    this.codeBase = state.segmentBase(cs);
    this.codeLimit = state.segmentLimit(cs);
    this.mode = modeOf(state, this.level);
    this.key = modeKey(this.mode);
    this.regionKey = -1;
    this.page = -1;
    this.valid = true;
  }

  /** Looks the page up. False when that faults. */
  private enterPage(rip: number, linear: number): boolean {
    const frame = this.fetchFrame(linear);
    if (frame === undefined) return false;
    const first = rip - (linear & (PAGE_SIZE - 1));
    this.straddlesLimit = first < 0 || first + PAGE_SIZE - 1 > this.codeLimit;
    this.page = linear >>> 12;
    this.frame = this.memory.readableFrame(frame) < 0 ? -1 : frame;
    this.codePage = undefined;
    if (this.frame < 0) this.code.entries = NOTHING;
    return true;
  }

  private fetchFrame(linear: number, continued = false): number | undefined {
    const frame = this.access.fetchFrame(linear >>> 0, continued);
    if (frame >= 0) return frame;
    this.state.instructionLength = 0;
    return undefined;
  }

  private useFrame(): void {
    this.codePage = this.blocks.page(this.frame);
    const chains = !this.straddlesLimit && this.breakpoints.size === 0;
    this.code.entries = chains ? this.blocks.entries(this.codePage, this.key) : NOTHING;
    this.group = undefined;
    this.threadedGroup = undefined;
  }

  /** Makes the block at `offset` of the current page. */
  private translate(linear: number, offset: number): number {
    const at = this.memory.readableFrame(this.frame);
    const breaks = this.breakpointOffsets;
    const splits = breaks.size === 0 ? undefined : (distance: number): boolean => breaks.has((offset + distance) & (PAGE_SIZE - 1));
    const source = this.blocks.source(this.frame, at, offset);
    const block = lowerBlock(source, this.mode, undefined, splits);
    if (block !== 'truncated') return this.keep(block, offset, -1);
    const rip = this.state.u32[RIP]!;
    if (!this.reaches(rip, PAGE_SIZE - offset + 1)) return NO_BLOCK;
    const second = this.fetchFrame((linear & ~(PAGE_SIZE - 1)) + PAGE_SIZE, true);
    if (second === undefined) return NO_BLOCK;
    const secondAt = this.memory.readableFrame(second);
    if (secondAt < 0) return this.uncached(linear, second);
    const bytes = new Uint8Array(PAGE_SIZE + MAX_INSTRUCTION_LENGTH);
    bytes.set(source.bytes, 0);
    bytes.set(this.blocks.poolBytes(secondAt).subarray(0, MAX_INSTRUCTION_LENGTH), PAGE_SIZE);
    const crossing = lowerBlock({ bytes, start: offset, end: bytes.length }, this.mode, 1);
    if (crossing === 'truncated') throw new Error('an instruction is longer than 15 bytes');
    if (!this.reaches(rip, crossing.instructions[0]!.length)) return NO_BLOCK;
    return this.keep(crossing, offset, second);
  }

  /**
   * A block of the first `count` instructions of another, when that one leaves out flags that would be seen between them: a slice
   * ends there, CS's limit lies there, or TF steps.
   */
  private shortened(header: number, count: number): number {
    const { blocks, code } = this;
    if (!blocks.at(header).flagsDropped) return header;
    const offset = (this.state.u32[RIP]! - code.pageRip) | 0;
    const key = (offset * MODE_KEYS + this.key) * MAX_BLOCK + count;
    const found = this.codePage!.shortened.get(key);
    if (found !== undefined) return found;
    const block = lowerBlock(blocks.source(this.frame, this.memory.readableFrame(this.frame), offset), this.mode, count);
    if (block === 'truncated') throw new Error('a block has lost its first instruction');
    const epoch = blocks.epoch;
    const made = blocks.addShortened(block, this.frame, offset, key);
    if (epoch !== blocks.epoch) this.useFrame();
    return made;
  }

  /** Do so many bytes from RIP on end within CS's limit? #GP(0) when they do not (SDM vol. 3, 5.3); the 8086 has no limit. */
  private reaches(rip: number, bytes: number): boolean {
    if (this.is8086 || rip + bytes - 1 <= this.codeLimit) return true;
    this.state.instructionLength = 0;
    this.state.raise(EXCEPTION.GP, 0);
    return false;
  }

  private keep(block: IrBlock, offset: number, second: number): number {
    const epoch = this.blocks.epoch;
    const header = this.blocks.add(block, this.key, this.frame, offset, second);
    if (epoch !== this.blocks.epoch) this.useFrame();
    return header;
  }

  /**
   * One instruction from what is not plain memory: device registers, several DIMMs at once, nobody. Bytes are read one by
   * one, only as many as the instruction has.
   */
  private uncached(linear: number, second = -1): number {
    const offset = linear & (PAGE_SIZE - 1);
    const bytes = new Uint8Array(MAX_INSTRUCTION_LENGTH);
    let first = this.frame;
    if (first < 0) {
      const frame = this.fetchFrame(linear);
      if (frame === undefined) return NO_BLOCK;
      first = frame;
    }
    for (let length = 1; ; length++) {
      const at = offset + length - 1;
      if (at >= PAGE_SIZE && second < 0) {
        const frame = this.fetchFrame((linear & ~(PAGE_SIZE - 1)) + PAGE_SIZE, true);
        if (frame === undefined) return NO_BLOCK;
        second = frame;
      }
      const frame = at < PAGE_SIZE ? first : second;
      bytes[length - 1] = this.memory.read(hostPhysical(frame * PAGE_SIZE + (at % PAGE_SIZE)), 1);
      const block = lowerBlock({ bytes, start: 0, end: length }, this.mode, 1);
      if (block !== 'truncated') return this.blocks.add(block, this.key, -1, 0);
    }
  }

  /** The 8086, near the end of its segment: IP wraps around, also in the middle of an instruction, whose other bytes lie at offset 0. */
  private wrapping(rip: number): number {
    this.code.entries = NOTHING;
    this.codePage = undefined;
    const bytes = new Uint8Array(MAX_INSTRUCTION_LENGTH);
    for (let length = 1; ; length++) {
      const linear = this.codeBase + ((rip + length - 1) & 0xffff);
      const frame = this.fetchFrame(linear, true);
      if (frame === undefined) return NO_BLOCK;
      bytes[length - 1] = this.memory.read(hostPhysical(frame * PAGE_SIZE + (linear & (PAGE_SIZE - 1))), 1);
      const block = lowerBlock({ bytes, start: 0, end: length }, this.mode, 1);
      if (block !== 'truncated') return this.blocks.add(block, this.key, -1, 0);
    }
  }

  /** How many of a block's instructions end within CS's limit. */
  private withinLimit(header: number): number {
    const block = this.blocks.at(header);
    const rip = this.state.u32[RIP]!;
    let count = 0;
    while (count < block.offsets.length && rip + block.offsets[count]! + Math.max(block.lengths[count]!, 1) - 1 <= this.codeLimit) count++;
    return count;
  }
}
