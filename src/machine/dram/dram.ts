/**
 * The DRAM behind the memory controllers, access by access: which row of which bank, hit, miss or conflict, what that costs
 * in time, and what it does to the rows beside. It sees the processor's loads and stores, its page walks and descriptor
 * reads, the devices' DMA, and the walks of the IOMMU. Instructions are taken to come from a prefetch buffer, and there is no data cache: every
 * access reaches DRAM. What the VMM itself reads and writes is not counted.
 */
import { PAGE_SIZE } from '../address';
import { dramTimings, rowThreshold, type DramTimings } from '../board/dram-timings';
import type { DramRange } from '../board/address-map';
import type { Board } from '../board/schema';
import type { MemoryObserver } from '../memory/physical-memory';
import type { TransactionReport } from '../bus/transaction-log';
import { Banks, OUTCOME, wireBanks, type Outcome, type SavedBanks } from './banks';
import { Disturbance, type Flip, type SavedDisturbance } from './disturbance';
import { EccLedger, WORD_BYTES, type Cells, type SavedLedger } from './ecc-ledger';
import { DramLocator, bankAt, type Module } from './locator';
import { MODULE_RECORD, MOST_NOTED, ModelArrays, type ModelTiming } from './model-layout';
import { RowCounts, type SavedRowCounts } from './row-counts';

/** The machine clock counts nanoseconds. */
const PS_PER_TICK = 1000;
/** One burst. */
const LINE = 64;
const DEFAULT_IN_FLIGHT = 8;

/** Counts of one bank, module or channel. */
export interface AccessCounts {
  hits: number;
  misses: number;
  conflicts: number;
  /** of those three, how many were writes */
  writes: number;
}

export interface ModuleErrors {
  /** cells that disturbance changed */
  flips: number;
  /** words that ECC corrected, reported, and got wrong without a word */
  corrected: number;
  uncorrectable: number;
  miscorrected: number;
}

export interface DramParts {
  board: Board;
  dram: readonly DramRange[];
  clock: { now(): number; charge(ticks: number): void };
  cells: Cells;
  /** host address of a bit of a module's row, or undefined when no address reaches it */
  /** where the pool's reserved area lies; undefined: nobody makes accesses there */
  pool?: ArrayBufferLike;
  addressOf: (module: Module, bank: number, row: number, bit: number) => { address: number; bit: number } | undefined;
  log: (report: TransactionReport) => void;
  /** ECC has met an error that it corrected, or reports because it could not; `processor`: whose access met it, else a device's */
  wordFailed: (error: WordError) => void;
}

/** What the memory controller knows of an error. */
export interface WordError {
  /** host address of the 64-bit word */
  address: number;
  channel: number;
  corrected: boolean;
  write: boolean;
  processor: boolean;
}

interface Chips {
  rows: RowCounts;
  timings: DramTimings;
  ecc: boolean;
  disturbance: Disturbance | undefined;
  /** null: this module is not disturbed */
  threshold: number | null;
  errors: ModuleErrors;
}

const WORDS = 4;
const WRITES = 3;
const noErrors = (): ModuleErrors => ({ flips: 0, corrected: 0, uncorrectable: 0, miscorrected: 0 });

export interface SavedDram {
  banks: SavedBanks;
  counts: [bank: number, hits: number, misses: number, conflicts: number, writes: number][];
  modules: { rows: SavedRowCounts; disturbance: SavedDisturbance | null; errors: ModuleErrors }[];
  ledger: SavedLedger;
}

export class Dram implements MemoryObserver {
  readonly locator: DramLocator;
  /** does what it sees cost time, or change memory? Then it is part of the machine's state. */
  readonly architectural: boolean;
  readonly timing: boolean;

  private readonly banks: Banks;
  private readonly chips: Chips[];
  private readonly arrays: ModelArrays;
  /** hits, misses, conflicts, writes of each bank */
  private counts: Float64Array;
  private readonly ledger: EccLedger;
  /** activations that threaded code has noted are of this time's refresh windows, picoseconds */
  private notedFrom = 0;

  constructor(private readonly parts: DramParts) {
    const { board, dram, cells } = parts;
    const { timing = false, disturbance = false, inFlight = DEFAULT_IN_FLIGHT, reach = 1, seed = 1 } = board.memory ?? {};
    this.timing = timing;
    this.architectural = timing || disturbance;
    this.locator = new DramLocator(board, dram);
    const wires = wireBanks(this.locator.modules, inFlight);
    this.arrays = new ModelArrays(wires.size, parts.pool);
    this.counts = this.arrays.counts;
    this.ledger = new EccLedger(cells);
    this.chips = this.locator.modules.map((module) => {
      const { part, slotIndex } = module;
      const { ecc = false, trr = 0, rowThreshold: asked } = board.slots[slotIndex]!;
      const timings = dramTimings(part);
      const threshold = asked ?? rowThreshold(part);
      const { rows, columns, busBytes } = part.geometry;
      const chips: Chips = {
        rows: new RowCounts(timings.refreshWindow, module.banks, rows),
        timings,
        ecc,
        threshold,
        disturbance:
          disturbance && threshold !== null
            ? new Disturbance({ seed, slotIndex, threshold, reach: reach === 2 ? 2 : 1, trr, rows, rowBytes: columns * busBytes, timings })
            : undefined,
        errors: noErrors(),
      };
      return chips;
    });
    this.banks = new Banks(this.locator.modules, (module) => this.chips[module.index]!.timings, wires, this.arrays, this.architectural);
    if (this.arrays.inPool) for (const module of this.locator.modules) this.noteModule(module);
    this.renewReady();
  }

  // --- accesses --------------------------------------------------------------------------------------------------------

  /** The processor reads or writes up to 8 bytes of DRAM; called before the bytes are touched. */
  touch(address: number, size: number, write: boolean): void {
    this.line(address, write, true);
    // of an address beyond 32 bits, the low ones
    const within = address & (LINE - 1);
    if (within + size > LINE) this.line(address - within + LINE, write, true);
    if (!this.ledger.empty) this.decode(address, size, write, true);
  }

  /** Ticks that memory may still take in this slice; `touch` does not look at it. */
  get slack(): number {
    return this.arrays.slack[0]!;
  }
  set slack(ticks: number) {
    this.arrays.slack[0] = ticks;
  }

  /**
   * What an access to a frame needs that is made by threaded code: bank and row of its first byte, where the low bits' shares of
   * them are, and the module's first bank (OBSERVED_PAGES). Only where one DIMM alone has the frame.
   */
  describe(frame: number, words: Int32Array, at: number): void {
    words.fill(0, at, at + 4);
    if (!this.arrays.inPool || !this.locator.holdsFrame(frame * PAGE_SIZE)) return;
    this.locator.locate(frame * PAGE_SIZE, 0);
    const { module, bank, row } = this.locator;
    words[at] = bank - module.firstBank;
    words[at + 1] = row;
    words[at + 2] = this.arrays.modules.byteOffset + module.index * MODULE_RECORD.words * 4;
    words[at + 3] = module.firstBank;
  }

  private noteModule({ index, bankOf, rowOf }: Module): void {
    const { modules, moduleTimings } = this.arrays;
    const first = index * MODULE_RECORD.words;
    for (let value = 0; value < 256 + 16; value++) {
      modules[first + 2 * value] = bankOf[value]!;
      modules[first + 2 * value + 1] = rowOf[value]!;
    }
    const { timings } = this.chips[index]!;
    for (const [name, offset] of Object.entries(MODULE_RECORD.timing)) {
      moduleTimings[(first >> 1) + (offset >> 3)] = timings[name as ModelTiming];
    }
  }

  /** Words with errors must be looked at one by one; and activations, where they disturb. */
  private renewReady(): void {
    const quiet = this.chips.every(({ disturbance }) => disturbance === undefined);
    this.arrays.words = { ready: this.ledger.empty, timing: this.timing, quiet, clocked: this.architectural };
  }

  /** Activations that threaded code has noted are counted: those of one module at once, as long as they follow each other. */
  private countNoted(): void {
    const { arrays, chips, locator } = this;
    const { notes, noted } = arrays;
    for (let at = 0; at < noted;) {
      const bank = notes[at * 2]!;
      const { index, firstBank, banks } = locator.modules.find((each) => bank >= each.firstBank && bank < each.firstBank + each.banks)!;
      at = chips[index]!.rows.activatedAll(notes, at, noted, { firstBank, banks, now: this.notedFrom });
    }
    arrays.noted = 0;
  }

  /** As countNoted; from now on, those are noted that come before the next refresh window of any module. */
  private noteFrom(now: number): void {
    this.countNoted();
    this.notedFrom = now;
    this.arrays.rowsUntil = Math.min(
      ...this.chips.map(({ timings: { refreshWindow } }) => (Math.floor(now / refreshWindow) + 1) * refreshWindow),
    );
  }

  /** A device moves bytes: burst by burst, behind what waits already. The processor does not wait for it. */
  dma(address: number, length: number, write: boolean): void {
    for (let line = address - (address % LINE); line < address + length; line += LINE) this.line(Math.max(line, address), write, false);
    if (!this.ledger.empty) this.decode(address, length, write, false);
  }

  private line(address: number, write: boolean, processor: boolean): void {
    const { locator, banks, counts } = this;
    const { clock } = this.parts;
    const waits = this.timing && processor;
    // asked once: nothing but what is charged here takes time meanwhile
    let now = clock.now();
    const answers = locator.answers(address);
    for (let answer = 0; answer < answers; answer++) {
      locator.locate(address, answer);
      const { bank, row, module } = locator;
      let outcome: Outcome;
      if (answer > 0) outcome = banks.follow(bank, row, now * PS_PER_TICK);
      else {
        const wait = waits ? banks.wait(bank, now * PS_PER_TICK) : 0;
        if (wait > 0) {
          const ticks = Math.ceil(wait / PS_PER_TICK);
          clock.charge(ticks);
          now += ticks;
        }
        outcome = banks.access(bank, row, write, now * PS_PER_TICK, waits);
      }
      const at = bank * WORDS;
      counts[at + outcome] = counts[at + outcome]! + 1;
      if (write) counts[at + WRITES] = counts[at + WRITES]! + 1;
      if (outcome !== OUTCOME.hit) this.activated(module, bank - module.firstBank, row, now * PS_PER_TICK);
    }
  }

  /** @param now picoseconds */
  private activated(module: Module, bank: number, row: number, now: number): void {
    const chips = this.chips[module.index]!;
    const { arrays } = this;
    if (arrays.inPool && (now >= arrays.rowsUntil || arrays.noted === MOST_NOTED)) this.noteFrom(now);
    chips.rows.activated(bank, row, now);
    if (chips.disturbance === undefined) return;
    for (const flip of chips.disturbance.activated(bank, row, now)) this.flip(module, chips, flip);
  }

  // --- errors ----------------------------------------------------------------------------------------------------------

  private flip(module: Module, chips: Chips, { bank, row, bit, to, activations }: Flip): void {
    const place = this.parts.addressOf(module, bank, row, bit);
    if (!place) return;
    const { cells, log } = this.parts;
    const byte = cells.read(place.address);
    if (((byte >> place.bit) & 1) === to) return;
    chips.errors.flips++;
    if (chips.ecc) {
      this.ledger.flip(place.address, place.bit);
      this.renewReady();
    } else cells.write(place.address, byte ^ (1 << place.bit));
    const { rank, bankGroup, bank: number } = bankAt(module.part, bank);
    log({
      kind: 'note',
      who: 'memory',
      code: 'row-disturbed',
      address: { space: 'host', address: place.address },
      answeredBy: module.slot,
      outcome: 'fault',
      data: { slot: module.slot, rank, bankGroup, bank: number, row, bit: place.bit, to, activations },
    });
  }

  private decode(address: number, length: number, write: boolean, processor: boolean): void {
    for (let word = address - (address % WORD_BYTES); word < address + length; word += WORD_BYTES) {
      const outcome = this.ledger.decode(word, write);
      this.renewReady();
      if (outcome === null || this.locator.answers(word) === 0) continue;
      this.locator.locate(word, 0);
      const { module } = this.locator;
      this.chips[module.index]!.errors[outcome]++;
      // what the hardware mistakes for something else it cannot report
      if (outcome === 'miscorrected') continue;
      this.parts.log({
        kind: 'note',
        who: 'memory',
        code: outcome === 'corrected' ? 'ecc-corrected' : 'ecc-uncorrectable',
        address: { space: 'host', address: word },
        answeredBy: module.slot,
        outcome: outcome === 'corrected' ? 'ok' : 'fault',
        data: { slot: module.slot },
      });
      this.parts.wordFailed({ address: word, channel: module.channel, corrected: outcome === 'corrected', write, processor });
    }
  }

  // --- what was seen ---------------------------------------------------------------------------------------------------

  /** Of a bank, by its number over all modules. */
  countsOf(bank: number): AccessCounts {
    const at = bank * WORDS;
    return {
      hits: this.counts[at]!,
      misses: this.counts[at + 1]!,
      conflicts: this.counts[at + 2]!,
      writes: this.counts[at + WRITES]!,
    };
  }

  /** The row that is open in a bank, -1 when none is. */
  openRow(bank: number): number {
    return this.banks.openRow[bank]!;
  }

  rows(module: Module): RowCounts {
    this.countNoted();
    return this.chips[module.index]!.rows;
  }

  /** Activations of a row's neighbours in a refresh window that flip its weakest cell; null for a module that is not disturbed. */
  threshold(module: Module): number | null {
    return this.chips[module.index]!.threshold;
  }

  errors(module: Module): Readonly<ModuleErrors> & { refreshed: number } {
    const { errors, disturbance } = this.chips[module.index]!;
    return { ...errors, refreshed: disturbance?.refreshed ?? 0 };
  }

  /** Another takes its place: what it knows stays with it, for `adopt`. */
  detach(): void {
    this.countNoted();
    this.banks.detach();
    this.counts = this.counts.slice();
  }

  /** Goes on with what another has counted and done for the modules that both have; after a module was plugged or unplugged. */
  adopt(before: Dram): void {
    const kept = new Set<Module>();
    this.locator.modules.forEach((module, index) => {
      const same = before.locator.modules.find(({ slot, part }) => slot === module.slot && part === module.part);
      if (!same) return;
      this.banks.adopt(before.banks, same.firstBank, module.firstBank, module.banks);
      this.counts.set(before.counts.subarray(same.firstBank * WORDS, (same.firstBank + same.banks) * WORDS), module.firstBank * WORDS);
      const chips = before.chips[same.index]!;
      this.chips[index] = chips;
      kept.add(module);
    });
    // wrong bits have gone with the module that they were in
    const isKept = (address: number): boolean => {
      if (this.locator.answers(address) === 0) return false;
      this.locator.locate(address, 0);
      return kept.has(this.locator.module);
    };
    this.ledger.load(before.ledger.save().filter(([address]) => isKept(address)));
    this.renewReady();
  }

  // --- state -----------------------------------------------------------------------------------------------------------

  save(): SavedDram {
    this.countNoted();
    const counts: SavedDram['counts'] = [];
    for (let bank = 0; bank < this.locator.banks; bank++) {
      const { hits, misses, conflicts, writes } = this.countsOf(bank);
      if (hits + misses + conflicts > 0) counts.push([bank, hits, misses, conflicts, writes]);
    }
    return {
      banks: this.banks.save(),
      counts,
      modules: this.chips.map(({ rows, disturbance, errors }) => ({
        rows: rows.save(),
        disturbance: disturbance?.save() ?? null,
        errors: { ...errors },
      })),
      ledger: this.ledger.save(),
    };
  }

  load(saved: SavedDram): void {
    this.reset();
    this.banks.load(saved.banks);
    for (const [bank, ...counts] of saved.counts) this.counts.set(counts, bank * WORDS);
    this.chips.forEach((chips, index) => {
      const { rows, disturbance, errors } = saved.modules[index]!;
      chips.rows.load(rows);
      if (disturbance) chips.disturbance?.load(disturbance);
      chips.errors = { ...errors };
    });
    this.ledger.load(saved.ledger);
    this.renewReady();
  }

  reset(): void {
    this.banks.reset();
    this.counts.fill(0);
    this.arrays.noted = this.arrays.rowsUntil = 0;
    for (const chips of this.chips) {
      chips.rows.reset();
      chips.disturbance?.reset();
      chips.errors = noErrors();
    }
    this.ledger.load([]);
    this.renewReady();
  }
}
