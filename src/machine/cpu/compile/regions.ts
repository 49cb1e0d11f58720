/**
 * The compiled regions: made from hot code, found by where they begin, kept while their bytes stay what they were, and bounded.
 * WebAssembly reaches them through a table; a handle is a region's slot in it and the number of one of its entries.
 */
import { REGION_KEY } from '../code-mode';
import type { BlockCache, CodePage } from '../interpret/blocks';
import { modeKey, type Mode } from '../lower/ir';
import { POOL_RESERVED } from '../state-layout';
import { encodeModule, type FunctionBody } from './encoder';
import { makeEntry, supportsTailCalls } from './entry';
import { makeFill } from './fill-code';
import { makeFlagFunctions } from './flag-functions';
import { JUMP_CACHE, jumpIndex } from './layout';
import { IMPORTS, LOCALS, LOCALS_64, REGION_TYPE, TYPES } from './locals';
import { discoverRegion, placesOf, type Place, type Region } from './region';
import { compileRegion, type RegionPlace } from './region-code';

/** Bytes of WebAssembly that one region may have. */
const MOST_REGION_BYTES = 8 * 1024;
/** Bytes of all regions, unless told otherwise. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Regions that are gone and yet take memory: more of them, and more than half as many as there are others, and the table is renewed. */
const MOST_DEAD = 128;
/** Instructions looked for at first; halved until the region is small enough. */
const MOST_INSTRUCTIONS = 256;
/** Different modes and addresses under which the code of one frame is compiled. */
const MOST_GROUPS = 8;
/** Compiled regions of one frame, made for one mode and one place in the address space. */
export interface RegionGroup {
  readonly codePage: CodePage;
  readonly key: number;
  readonly mode: Mode;
  readonly pageRip: number;
  /** pool offset of the page less `pageRip` */
  readonly addend: number;
  /** by offset in the page: handle of the code there */
  readonly handles: Map<number, number>;
  /** the regions that have code of it */
  readonly regions: Set<CompiledRegion>;
  /** by offset in the page: how often code inside a region was asked for */
  readonly asked: Map<number, number>;
  /** its frame was written to, or everything was dropped */
  dropped: boolean;
}

interface CompiledRegion {
  readonly slot: number;
  readonly group: RegionGroup;
  readonly bytes: number;
  /** offsets of its entries */
  readonly entries: readonly number[];
  /** what there is at the offsets of its instructions */
  readonly places: ReadonlyMap<number, Place>;
}

const newTable = (): WebAssembly.Table => new WebAssembly.Table({ element: 'anyfunc', initial: 256 });

/** What regions are made from and for. */
export interface RegionParts {
  memory: WebAssembly.Memory;
  /** pool offset of a frame */
  poolOffset: (frame: number) => number;
  blocks: BlockCache;
  /** bits of EFLAGS that programs can change, and those that are always set */
  flags: { mask: number; fixed: number };
  /** of the architectural TLB */
  geometry: { sets: number; ways: number };
  /** what compiled code imports of JavaScript */
  slowPath: Readonly<Record<string, (...values: number[]) => number | void>>;
  /** 1 when the next instruction can follow at once */
  quiet: () => number;
}

export class CompiledRegions {
  /** bytes of all regions; beyond them the oldest quarter is dropped */
  mostBytes = MOST_BYTES;
  /**
   * How often code inside a region is asked for before it gets a region of its own: where a block begins, and in the middle of
   * a block, where only slices end.
   */
  patience: Readonly<Record<Place, number>> = { loop: 0, block: 512, middle: 1024 };
  /** regions compiled, for measurements */
  compiled = 0;
  /** after `handle` gave 0: it may be asked again, execution will soon come to a region by itself */
  waits = false;
  /** enters the region of a handle; made when first something is compiled */
  enter: ((handle: number) => number) | undefined;

  private readonly words: Int32Array;
  private table = newTable();
  /** regions that the table has ever held */
  private installed = 0;
  private tailCalls = false;
  private readonly imports: Record<string, unknown>;
  private readonly groups = new Map<CodePage, RegionGroup[]>();
  /** found last */
  private latest: RegionGroup | undefined;
  /** by slot, oldest first */
  private readonly regions = new Map<number, CompiledRegion>();
  private readonly freeSlots: number[] = [];
  private nextSlot = 1;
  private bytes = 0;

  constructor(private readonly parts: RegionParts) {
    const { memory, blocks, slowPath } = parts;
    this.words = new Int32Array(memory.buffer, 0, POOL_RESERVED >> 2);
    this.imports = { m: memory, t: this.table, ...slowPath };
    blocks.onDrop((page) => (page === undefined ? this.dropAll() : this.dropPage(page)));
  }

  /** Regions that exist now, their bytes, and those of the largest. */
  get size(): { count: number; bytes: number; largest: number } {
    let largest = 0;
    for (const { bytes } of this.regions.values()) largest = Math.max(largest, bytes);
    return { count: this.regions.size, bytes: this.bytes, largest };
  }

  /** The group of the region in a slot. */
  groupOf(slot: number): RegionGroup {
    return this.regions.get(slot)!.group;
  }

  /** The group for the code of a page; undefined when the frame has too many already. */
  group(codePage: CodePage, mode: Mode, key: number, pageRip: number): RegionGroup | undefined {
    const { latest } = this;
    if (latest !== undefined && latest.codePage === codePage && latest.key === key && latest.pageRip === pageRip && !latest.dropped) {
      return latest;
    }
    let groups = this.groups.get(codePage);
    if (groups === undefined) this.groups.set(codePage, (groups = []));
    const found = groups.find((group) => group.key === key && group.pageRip === pageRip);
    if (found !== undefined) return (this.latest = found);
    if (groups.length >= MOST_GROUPS) return undefined;
    const addend = (this.parts.poolOffset(codePage.frame) - pageRip) | 0;
    const made: RegionGroup = {
      codePage,
      key,
      mode,
      pageRip,
      addend,
      handles: new Map(),
      regions: new Set(),
      asked: new Map(),
      dropped: false,
    };
    groups.push(made);
    return (this.latest = made);
  }

  /** Handle of the code at an offset of the group's page, compiled now if need be; 0 when it cannot be, or not yet (`waits`). */
  handle(group: RegionGroup, offset: number): number {
    const known = group.handles.get(offset);
    this.waits = known === undefined && this.isPassing(group, offset);
    if (this.waits) return 0;
    const handle = known ?? this.compile(group, offset);
    if (handle !== 0) this.remember((group.pageRip + offset) | 0, group, handle);
    return handle;
  }

  /**
   * Does the code at an offset lie in a region that execution soon comes to anyway? So it is where slices have ended, each time
   * somewhere else, and a region for each such place would only repeat the first.
   */
  private isPassing(group: RegionGroup, offset: number): boolean {
    const places = [...group.regions].map((region) => region.places.get(offset)).filter((place) => place !== undefined);
    if (places.length === 0) return false;
    const most = Math.min(...places.map((place) => this.patience[place]));
    if (most === 0) return false;
    const asked = (group.asked.get(offset) ?? 0) + 1;
    group.asked.set(offset, asked);
    return asked < most;
  }

  // --- compiling -------------------------------------------------------------------------------------------------------

  private compile(group: RegionGroup, hot: number): number {
    const { blocks, poolOffset } = this.parts;
    const pool = poolOffset(group.codePage.frame);
    if (pool < 0) return 0;
    if (this.installed - this.regions.size > Math.max(MOST_DEAD, this.regions.size / 2)) this.renewTable();
    if (this.enter === undefined) this.begin();
    const { patched } = blocks.source(group.codePage.frame, pool, hot);
    const bytes = blocks.poolBytes(pool).slice();
    for (let mostInstructions = MOST_INSTRUCTIONS; mostInstructions >= 1; mostInstructions >>= 1) {
      const known = (offset: number): boolean => blocks.knows(group.codePage, modeKey(group.mode), offset);
      const region = discoverRegion({ bytes, patched, mode: group.mode, known, mostInstructions }, hot);
      if (region === undefined) return 0;
      const slot = this.freeSlots.at(-1) ?? this.nextSlot;
      const module = this.encode(region, group, slot, pool);
      if (module.length <= MOST_REGION_BYTES) return this.install(module, region, group, slot, hot);
    }
    return 0;
  }

  /** Makes what surrounds the regions of a table. */
  private begin(): void {
    const { memory, geometry, flags, quiet } = this.parts;
    this.tailCalls = supportsTailCalls();
    const flagFunctions = makeFlagFunctions(memory, this.table);
    Object.assign(this.imports, flagFunctions);
    const filled = makeFill(memory, this.table, this.imports, geometry, true);
    Object.assign(this.imports, filled);
    this.enter = makeEntry(memory, this.table, flags, { fill: filled.fill, eflags: flagFunctions.eflags, quiet });
  }

  /** The engine keeps every instance that has imported a table for as long as that: now and then all begin anew with another. */
  private renewTable(): void {
    const slots = new Set(this.regions.keys());
    for (const slot of slots) this.remove(slot);
    this.forgetSlots(slots);
    this.freeSlots.length = 0;
    this.nextSlot = 1;
    this.installed = 0;
    this.imports.t = this.table = newTable();
    this.enter = undefined;
  }

  private encode(region: Region, group: RegionGroup, slot: number, pool: number): Uint8Array<ArrayBuffer> {
    const { key, pageRip } = group;
    const place: RegionPlace = {
      slot,
      pageRip,
      pool,
      key,
      flatSegments: (key >> REGION_KEY.flat) & REGION_KEY.segments,
      user: (key & REGION_KEY.user) !== 0,
      flatCode: (key & REGION_KEY.flatCode) !== 0,
      tailCalls: this.tailCalls,
    };
    const body: FunctionBody = compileRegion(region, place);
    return encodeModule({
      types: TYPES,
      imports: IMPORTS,
      functions: [{ name: 'f', type: REGION_TYPE, locals: LOCALS, locals64: LOCALS_64, body }],
    });
  }

  private install(module: Uint8Array<ArrayBuffer>, region: Region, group: RegionGroup, slot: number, hot: number): number {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { e: this.imports });
    if (this.freeSlots.length > 0) this.freeSlots.pop();
    else this.nextSlot++;
    if (slot >= this.table.length) this.table.grow(this.table.length);
    this.table.set(slot, instance.exports.f);
    this.installed++;
    const entries: number[] = [];
    const before = group.handles.get(hot);
    for (const [entry, index] of region.entries.entries()) {
      const { start } = region.blocks[index]!;
      if (start !== hot && group.handles.has(start)) continue;
      entries.push(start);
      group.handles.set(start, slot * 256 + entry);
    }
    if (before !== undefined) this.forget(before >>> 8);
    const made = { slot, group, bytes: module.length, entries, places: placesOf(region) };
    this.regions.set(slot, made);
    group.regions.add(made);
    this.bytes += module.length;
    this.compiled++;
    if (this.bytes > this.mostBytes) this.evict(slot);
    return group.handles.get(hot)!;
  }

  private remember(rip: number, group: RegionGroup, handle: number): void {
    const at = (JUMP_CACHE.offset >> 2) + jumpIndex(rip) * 4;
    if (this.words[at] === rip && this.words[at + 3] === handle) return;
    const pool = this.parts.poolOffset(group.codePage.frame);
    this.words[at] = rip;
    this.words[at + 1] = pool - group.pageRip;
    this.words[at + 2] = group.key;
    this.words[at + 3] = handle;
  }

  // --- dropping --------------------------------------------------------------------------------------------------------

  private dropPage(page: CodePage): void {
    const groups = this.groups.get(page);
    if (groups === undefined) return;
    this.groups.delete(page);
    const slots = new Set<number>();
    for (const group of groups) {
      group.dropped = true;
      for (const handle of group.handles.values()) slots.add(handle >>> 8);
    }
    for (const slot of slots) this.remove(slot);
    this.forgetSlots(slots);
  }

  private dropAll(): void {
    for (const groups of this.groups.values()) for (const group of groups) group.dropped = true;
    this.groups.clear();
    const slots = new Set(this.regions.keys());
    for (const slot of slots) this.remove(slot);
    this.forgetSlots(slots);
  }

  /** The oldest quarter goes. */
  private evict(except: number): void {
    const slots = new Set<number>();
    let freed = 0;
    for (const { slot, bytes } of this.regions.values()) {
      if (freed > this.mostBytes / 4) break;
      if (slot === except) continue;
      slots.add(slot);
      freed += bytes;
    }
    for (const slot of slots) this.remove(slot);
    this.forgetSlots(slots);
  }

  private forget(slot: number): void {
    this.remove(slot);
    this.forgetSlots(new Set([slot]));
  }

  private remove(slot: number): void {
    const region = this.regions.get(slot);
    if (region === undefined) return;
    for (const offset of region.entries) if (region.group.handles.get(offset)! >>> 8 === slot) region.group.handles.delete(offset);
    this.regions.delete(slot);
    region.group.regions.delete(region);
    this.bytes -= region.bytes;
    this.table.set(slot, null);
    this.freeSlots.push(slot);
  }

  private forgetSlots(slots: ReadonlySet<number>): void {
    if (slots.size === 0) return;
    const first = JUMP_CACHE.offset >> 2;
    for (let at = first; at < first + JUMP_CACHE.entries * 4; at += 4) {
      if (slots.has(this.words[at + 3]! >>> 8)) this.words.fill(0, at, at + 4);
    }
  }
}
