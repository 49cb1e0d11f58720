/**
 * A machine's DRAM model in its place: between the processor and the devices on one side, and clock, frames and log on the
 * other. There is one while the board asks for memory timing or disturbance, or while somebody wants accesses counted, all or
 * samples of them; without one, nothing passes here and nothing costs anything.
 */
import { PAGE_SIZE, hostPhysical, type HostPhysicalAddress } from './address';
import type { DramRange } from './board/address-map';
import type { Board } from './board/schema';
import type { Chipset } from './bus/chipset';
import type { TransactionLog } from './bus/transaction-log';
import type { Processor } from './cpu/processor';
import { Dram, type DramParts, type SavedDram, type WordError } from './dram/dram';
import { bankAt } from './dram/locator';
import { sampledSlice } from './dram/sampling';
import type { FrameStore } from './memory/frame-store';
import type { MemoryController } from './memory/memory-controller';
import type { MemoryObserver } from './memory/physical-memory';

/**
 * What is counted where the board does not ask for more: nothing, the accesses of one slice in so many (dram/sampling.ts), or all.
 * State and time are the same.
 */
export type Observe = 'off' | 'sampled' | 'exact';

export interface SavedMemory extends SavedDram {
  observe: Observe;
}

export interface MemoryModelParts {
  board: Board;
  dram: readonly DramRange[];
  processor: Processor;
  chipset: Chipset;
  controller: MemoryController;
  frames: FrameStore;
  log: TransactionLog;
  endSlice: () => void;
  /** tells the processor, in the way that the board has */
  wordFailed: (error: WordError) => void;
}

export class MemoryModel implements MemoryObserver {
  /** undefined while nothing is modelled or counted */
  dram: Dram | undefined;

  private board: Board;
  private asked: Observe = 'off';

  constructor(private readonly parts: MemoryModelParts) {
    this.board = parts.board;
    const { timing, disturbance } = parts.board.memory ?? {};
    if (timing || disturbance) this.begin();
  }

  /** What is counted from now on; from all to samples, or back, counts begin anew. What the board asks for goes on. Only between slices. */
  set observe(observe: Observe) {
    if (this.dram?.architectural || observe === this.asked) return;
    this.asked = observe;
    if (this.dram) this.end();
    if (observe !== 'off') this.begin();
  }
  /** Where memory takes time or is disturbed, all. */
  get observe(): Observe {
    return this.dram?.architectural ? 'exact' : this.asked;
  }

  /** Modules were plugged or unplugged: `board` is what there is now. Only between slices. */
  fit(board: Board): void {
    this.board = board;
    const before = this.dram;
    if (!before) return;
    before.detach();
    this.begin();
    this.dram!.adopt(before);
  }

  touch(address: number, size: number, write: boolean): void {
    // not checked: the processor makes these addresses, one for each access
    if (this.parts.chipset.isDram(address as HostPhysicalAddress)) this.dram!.touch(address, size, write);
  }

  describe(frame: number, words: Int32Array, at: number): void {
    if (this.parts.chipset.isDram((frame * PAGE_SIZE) as HostPhysicalAddress)) this.dram!.describe(frame, words, at);
    else words.fill(0, at, at + 4);
  }

  /** As touch, for a device's bytes; they do not cross a frame. */
  dma(address: number, length: number, write: boolean): void {
    if (this.dram && this.parts.processor.isObserved && this.parts.chipset.isDram(hostPhysical(address)))
      this.dram.dma(address, length, write);
  }

  /**
   * Instructions of the next slice, when `untilEvent` ticks are left and at most `most` instructions wanted. Where memory
   * takes time, half of what is left: the other half is for memory, and when that is used up the slice ends. So the event
   * lands at the first instruction boundary that is late enough, however long slices are.
   */
  sliceLimit(most: number, untilEvent: number): number {
    const timed = this.dram?.timing === true && untilEvent < Infinity;
    const limit = Math.max(1, Math.min(most, timed ? Math.ceil(untilEvent / 2) : untilEvent));
    if (this.dram) this.dram.slack = timed ? untilEvent - limit : Infinity;
    return this.observe === 'sampled' ? Math.min(limit, this.sample()) : limit;
  }

  /** Observes the next slice or does not; instructions until that changes. */
  private sample(): number {
    const { processor } = this.parts;
    const { observed, left } = sampledSlice(processor.machineInstructions);
    processor.isObserved = observed;
    return left;
  }

  private charge(ticks: number): void {
    this.parts.processor.state.ticks += ticks;
    const dram = this.dram!;
    dram.slack -= ticks;
    if (dram.slack < 0) this.parts.endSlice();
  }

  private begin(): void {
    const { dram, frames, log, processor } = this.parts;
    this.dram = new Dram({
      pool: frames.memory.buffer,
      board: this.board,
      dram,
      clock: { now: () => processor.machineTicks, charge: (ticks) => this.charge(ticks) },
      cells: { read: (address) => this.read(address), write: (address, value) => this.write(address, value) },
      addressOf: (...bit) => this.addressOf(...bit),
      log: (report) => log.add(report),
      wordFailed: this.parts.wordFailed,
    });
    processor.memoryObserver = this;
    processor.isObserved = this.observe === 'exact';
  }

  private end(): void {
    this.dram = undefined;
    this.parts.processor.memoryObserver = undefined;
  }

  private read(address: number): number {
    const { frames } = this.parts;
    const offset = frames.offsetOf(Math.floor(address / PAGE_SIZE));
    return offset < 0 ? 0 : frames.u8[offset + (address % PAGE_SIZE)]!;
  }

  /** A cell changes by itself: code that was translated from it is made anew. */
  private write(address: number, value: number): void {
    const { frames } = this.parts;
    const frame = Math.floor(address / PAGE_SIZE);
    const offset = frames.touch(frame);
    if (offset < 0) return;
    frames.beforeWrite(frame, address % PAGE_SIZE, 1);
    frames.u8[offset + (address % PAGE_SIZE)] = value;
  }

  /** In a conflict only the cells of the first DIMM are reached. */
  private addressOf(...[module, bank, row, bit]: Parameters<DramParts['addressOf']>): ReturnType<DramParts['addressOf']> {
    const { busBytes } = module.part.geometry;
    const byte = bit >> 3;
    const place = this.parts.controller.placeOf({
      slot: module.slot,
      channel: module.channel,
      ...bankAt(module.part, bank),
      row,
      column: Math.floor(byte / busBytes),
      byte: byte % busBytes,
    });
    return place?.layer === 0 ? { address: place.address, bit: bit & 7 } : undefined;
  }

  // --- state -----------------------------------------------------------------------------------------------------------

  /** Null when nothing is modelled. */
  save(): SavedMemory | null {
    return this.dram === undefined ? null : { ...this.dram.save(), observe: this.observe };
  }

  /** Counts go on from those saved; from zero when something else was counted then. */
  load(saved: SavedMemory | null): void {
    if (saved && this.dram && saved.observe === this.observe) this.dram.load(saved);
    else this.reset();
  }

  /** Power-on: what was only counted is counted on, from zero. */
  reset(): void {
    this.dram?.reset();
  }
}
