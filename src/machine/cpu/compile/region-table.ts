/**
 * The table through which WebAssembly reaches the compiled regions, by slots, and what surrounds them: the functions that they
 * import, and the one that enters them.
 */
import { makeSegmentStores, segmentOfNote } from './beside-code';
import { makeEntry, supportsTailCalls } from './entry';
import { makeFill } from './fill-code';
import { makeFlagFunctions } from './flag-functions';

/** What compiled code is surrounded by. */
export interface Surroundings {
  memory: WebAssembly.Memory;
  /** bits of EFLAGS that programs can change, and those that are always set */
  flags: { mask: number; fixed: number };
  /** of the architectural TLB */
  geometry: { sets: number; ways: number };
  /** what compiled code imports of JavaScript */
  slowPath: Readonly<Record<string, (...values: number[]) => number | void>>;
  /** 1 when the next instruction can follow at once */
  quiet: () => number;
}

const newTable = (): WebAssembly.Table => new WebAssembly.Table({ element: 'anyfunc', initial: 256 });

export class RegionTable {
  /** enters the region of a handle; made by `prepare` */
  enter: ((handle: number) => number) | undefined;
  /** may regions go on to each other by tail calls? Known once it is prepared */
  tailCalls = false;
  /** regions that it has ever held */
  installed = 0;

  private table = newTable();
  private readonly imports: Record<string, unknown>;
  private readonly freeSlots: number[] = [];
  private nextSlot = 1;

  constructor(private readonly surroundings: Surroundings) {
    const { memory, slowPath } = surroundings;
    this.imports = { m: memory, t: this.table, ...slowPath };
  }

  /** Makes what surrounds the regions, unless that is there. */
  prepare(): void {
    if (this.enter !== undefined) return;
    const { memory, geometry, flags, quiet } = this.surroundings;
    this.tailCalls = supportsTailCalls();
    const flagFunctions = makeFlagFunctions(memory, this.table);
    Object.assign(this.imports, flagFunctions);
    Object.assign(this.imports, makeSegmentStores(memory, this.table, this.imports, segmentOfNote));
    const filled = makeFill(memory, this.table, this.imports, geometry, true);
    Object.assign(this.imports, filled);
    this.enter = makeEntry(memory, this.table, flags, { fill: filled.fill, eflags: flagFunctions.eflags, quiet });
  }

  /**
   * All begins anew, without any region: the engine keeps every instance that has imported a table for as long as that. What was in
   * it must have been removed.
   */
  renew(): void {
    this.freeSlots.length = 0;
    this.nextSlot = 1;
    this.installed = 0;
    this.imports.t = this.table = newTable();
    this.enter = undefined;
  }

  /** Slots that are free, for pages by number. They are free until `install` takes them. */
  slotsFor(pages: readonly number[]): Map<number, number> {
    const free = this.freeSlots;
    return new Map(pages.map((page, index) => [page, free[free.length - 1 - index] ?? this.nextSlot + index - free.length]));
  }

  /** A region's module, which puts itself into its slots: those that `slotsFor` gave last. */
  install(module: Uint8Array<ArrayBuffer>, slots: readonly number[]): void {
    while (Math.max(...slots) >= this.table.length) this.table.grow(this.table.length);
    new WebAssembly.Instance(new WebAssembly.Module(module), { e: this.imports });
    this.installed++;
    for (let taken = 0; taken < slots.length; taken++) if (this.freeSlots.pop() === undefined) this.nextSlot++;
  }

  remove(slot: number): void {
    this.table.set(slot, null);
    this.freeSlots.push(slot);
  }
}
