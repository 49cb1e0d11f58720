/**
 * The compiled regions: made from hot code, found by where they begin, kept while their bytes stay what they were, and bounded.
 * WebAssembly reaches them through a table; a handle is a region's slot in it and the number of one of its entries.
 */
import { PAGE_SIZE } from '../../address';
import { REGION_KEY } from '../code-mode';
import type { BlockCache, CodePage } from '../interpret/blocks';
import { modeKey, type Mode } from '../lower/ir';
import { POOL_RESERVED } from '../state-layout';
import { encodeModule, type FunctionBody } from './encoder';
import type { RegionPage, RegionPlace } from './jump-code';
import { JUMP_CACHE, WORD, jumpIndex } from './layout';
import { IMPORTS, LOCALS, LOCALS_64, REGION_TYPE, TYPES } from './locals';
import { discoverRegion, pageOf, placesOf, type Place, type Region, type SourcePage } from './region';
import { compileRegion } from './region-code';
import { RegionTable, type Surroundings } from './region-table';

/** Bytes of WebAssembly that one region may have. */
const MOST_REGION_BYTES = 8 * 1024;
/** Bytes of all regions, unless told otherwise. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Regions that are gone and yet take memory: more of them, and more than half as many as there are others, and the table is renewed. */
const MOST_DEAD = 128;
/** Instructions looked for at first, and at least so many fewer each time that the region is too large. */
const MOST_INSTRUCTIONS = 256;
const FEWER = 4;
/** Jumps to another page until one is told to the tier, at first and at last: so many to twice as many, lest it keep step with a loop. */
const SAMPLED_AFTER = 32;
const SAMPLED_AT_LAST = 0x8000;
/** Places that a region is linked to when it is made anew for the jumps told of, and how often that is done. */
const MOST_LINKS = 8;
const MOST_LINKINGS = 3;
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
  /** offsets behind calls */
  readonly returns: Set<number>;
  /** by offset in the page: executions of code inside a region that was asked for */
  readonly asked: Map<number, number>;
  /** its frame was written to, or everything was dropped */
  dropped: boolean;
}

interface CompiledRegion {
  /** its pages by number, the home page, which it was made for, first */
  readonly pages: ReadonlyMap<number, InstalledPage>;
  /** their frames */
  readonly frames: ReadonlySet<number>;
  /** offset of the block it was made for */
  readonly hot: number;
  readonly bytes: number;
  /** what there is where its instructions begin (region.ts) */
  readonly places: ReadonlyMap<number, Place>;
  /** jumps to other pages that were told of: how many, and how many to each RIP */
  crossings: number;
  readonly crossedTo: Map<number, number>;
  /** how often it was made anew for them */
  readonly linked: number;
  /** there is no room for more code */
  readonly full: boolean;
}

/** A page of a region, with the slot that says that the region is in that page, and the offsets of the entries there. */
interface InstalledPage {
  readonly slot: number;
  readonly group: RegionGroup;
  readonly entries: readonly number[];
}

/** What regions are made from and for. */
export interface RegionParts extends Surroundings {
  /** pool offset of a frame */
  poolOffset: (frame: number) => number;
  blocks: BlockCache;
}

export class CompiledRegions {
  /** bytes of all regions; beyond them the oldest quarter is dropped */
  mostBytes = MOST_BYTES;
  /**
   * How often code inside a region is executed outside it before it gets a region of its own: where a block begins, and in the
   * middle of a block, where only slices end.
   */
  patience: Readonly<Record<Place, number>> = { loop: 0, block: 512, middle: 1024 };
  /** jumps to another page until one is told of, and how many of a region must be until it is made anew */
  sampling = { after: SAMPLED_AFTER, most: 24 };
  /** executions that one request for code stands for */
  askedEvery = 1;
  /** regions compiled, for measurements */
  compiled = 0;
  /** of them, those of several pages */
  compiledAcross = 0;
  /** after `handle` gave 0: it may be asked again, execution will soon come to a region by itself */
  waits = false;

  private readonly words: Int32Array;
  private readonly table: RegionTable;
  private readonly groups = new Map<CodePage, RegionGroup[]>();
  /** found last */
  private latest: RegionGroup | undefined;
  /** oldest first */
  private readonly regions = new Set<CompiledRegion>();
  /** what a slot stands for, or stood for until it is used again */
  private readonly slots: { group: RegionGroup; region: CompiledRegion }[] = [];
  /** by place and mode (placeKey), the group found last */
  private readonly atPlace = new Map<number, RegionGroup>();
  /** to be made anew, with more pages, before the next is asked for */
  private toLink: CompiledRegion | undefined;
  private sampledAfter = SAMPLED_AFTER;
  private noise = 1;
  private bytes = 0;

  constructor(private readonly parts: RegionParts) {
    const { memory, blocks } = parts;
    this.words = new Int32Array(memory.buffer, 0, POOL_RESERVED >> 2);
    this.table = new RegionTable(parts);
    blocks.onDrop((page) => (page === undefined ? this.dropAll() : this.dropPage(page)));
  }

  /** Enters the region of a handle; made when first something is compiled. */
  get enter(): ((handle: number) => number) | undefined {
    return this.table.enter;
  }

  /** Regions that exist now, their bytes, and those of the largest. */
  get size(): { count: number; bytes: number; largest: number } {
    let largest = 0;
    for (const { bytes } of this.regions) largest = Math.max(largest, bytes);
    return { count: this.regions.size, bytes: this.bytes, largest };
  }

  /** The page that a region is in when the slot says where it is. */
  groupOf(slot: number): RegionGroup {
    return this.slots[slot]!.group;
  }

  /** Frames that the region of a slot has code of. */
  framesOf(slot: number): ReadonlySet<number> {
    return this.slots[slot]!.region.frames;
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
    if (found === undefined && groups.length >= MOST_GROUPS) return undefined;
    const group = found ?? this.newGroup(codePage, mode, key, pageRip);
    if (found === undefined) groups.push(group);
    this.atPlace.set(placeKey(key, pageRip), group);
    return (this.latest = group);
  }

  private newGroup(codePage: CodePage, mode: Mode, key: number, pageRip: number): RegionGroup {
    const addend = (this.parts.poolOffset(codePage.frame) - pageRip) | 0;
    const [handles, asked] = [new Map<number, number>(), new Map<number, number>()];
    return { codePage, key, mode, pageRip, addend, handles, regions: new Set(), returns: new Set(), asked, dropped: false };
  }

  /** Handle of the code at an offset of the group's page, compiled now if need be; 0 when it cannot be, or not yet (`waits`). */
  handle(group: RegionGroup, offset: number): number {
    if (this.toLink !== undefined) this.link(this.toLink);
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
    const places: Place[] = [];
    for (const region of group.regions) {
      const place = region.places.get(offset + group.pageRip - region.pages.get(0)!.group.pageRip);
      if (place !== undefined) places.push(place);
    }
    if (places.length === 0) return false;
    const most = Math.min(...places.map((place) => this.patience[place]));
    if (most === 0) return false;
    const asked = (group.asked.get(offset) ?? 0) + this.askedEvery;
    group.asked.set(offset, asked);
    return asked < most;
  }

  // --- compiling -------------------------------------------------------------------------------------------------------

  /**
   * @param links RIPs in other pages that the region is known to go on to
   * @param before the region that this one replaces
   */
  private compile(group: RegionGroup, hot: number, links: readonly number[] = [], before?: CompiledRegion): number {
    const { table } = this;
    if (table.installed - this.regions.size > Math.max(MOST_DEAD, this.regions.size / 2)) {
      this.forget([...this.regions]);
      table.renew();
    }
    table.prepare();
    const groups = this.groupsAround(group, links);
    const sources = new Map<number, SourcePage>();
    for (const [page, { codePage, mode }] of groups) {
      const pool = this.parts.poolOffset(codePage.frame);
      if (pool < 0) return 0;
      const { blocks } = this.parts;
      const known = (offset: number): boolean => blocks.knows(codePage, modeKey(mode), offset);
      const { bytes, patched } = blocks.source(codePage.frame, pool, 0);
      sources.set(page, { bytes: bytes.slice(), patched, known });
    }
    const starts = links.map((rip) => (rip - group.pageRip) | 0);
    for (let mostInstructions = MOST_INSTRUCTIONS; mostInstructions >= 1;) {
      const region = discoverRegion({ pages: sources, mode: group.mode, mostInstructions }, hot, starts);
      if (region === undefined) return 0;
      const slots = table.slotsFor(region.pages);
      const module = this.encode(region, groups, slots);
      const full = mostInstructions < MOST_INSTRUCTIONS;
      if (module.length <= MOST_REGION_BYTES) return this.install(module, region, groups, slots, { hot, before, full });
      mostInstructions = Math.min(mostInstructions - FEWER, Math.floor((region.explored * MOST_REGION_BYTES) / module.length));
    }
    return 0;
  }

  /** The pages that a region with links may have code of, by number: those of the links, as far as there is code of theirs. */
  private groupsAround(home: RegionGroup, links: readonly number[]): Map<number, RegionGroup> {
    const groups = new Map([[0, home]]);
    for (const rip of links) {
      const group = this.atPlace.get(placeKey(home.key, rip & -PAGE_SIZE));
      if (group !== undefined && !group.dropped) groups.set(pageOf((rip - home.pageRip) | 0), group);
    }
    return groups;
  }

  private encode(region: Region, groups: ReadonlyMap<number, RegionGroup>, slots: ReadonlyMap<number, number>): Uint8Array<ArrayBuffer> {
    const { key } = groups.get(0)!;
    const pages = new Map<number, RegionPage>();
    for (const [page, slot] of slots) {
      const { codePage, pageRip } = groups.get(page)!;
      pages.set(page, { slot, rip: pageRip, pool: this.parts.poolOffset(codePage.frame) });
    }
    const place: RegionPlace = {
      pages,
      key,
      flatSegments: (key >> REGION_KEY.flat) & REGION_KEY.segments,
      user: (key & REGION_KEY.user) !== 0,
      flatCode: (key & REGION_KEY.flatCode) !== 0,
      tailCalls: this.table.tailCalls,
    };
    const body: FunctionBody = compileRegion(region, place);
    return encodeModule({
      types: TYPES,
      imports: IMPORTS,
      functions: [{ type: REGION_TYPE, locals: LOCALS, locals64: LOCALS_64, body }],
      places: [...slots.values()],
    });
  }

  /** @returns handle of the hot block */
  private install(
    module: Uint8Array<ArrayBuffer>,
    region: Region,
    groups: ReadonlyMap<number, RegionGroup>,
    slots: ReadonlyMap<number, number>,
    { hot, before, full }: { hot: number; before: CompiledRegion | undefined; full: boolean },
  ): number {
    this.table.install(module, [...slots.values()]);
    const pages = new Map<number, InstalledPage>();
    for (const [page, slot] of slots) {
      const group = groups.get(page)!;
      pages.set(page, { slot, group, entries: this.enterHandles(region, page, group, slot) });
    }
    for (const place of region.returns) {
      const { start } = region.blocks[region.entries[place]!]!;
      groups.get(pageOf(start))!.returns.add(start & (PAGE_SIZE - 1));
    }
    const frames = new Set([...pages.values()].map(({ group }) => group.codePage.frame));
    const [bytes, places] = [module.length, placesOf(region)];
    const made: CompiledRegion = {
      pages,
      frames,
      hot,
      bytes,
      places,
      crossings: 0,
      crossedTo: before?.crossedTo ?? new Map<number, number>(),
      linked: before === undefined ? 0 : before.linked + 1,
      full,
    };
    this.regions.add(made);
    for (const { slot, group } of pages.values()) {
      this.slots[slot] = { group, region: made };
      group.regions.add(made);
    }
    this.bytes += bytes;
    this.compiled++;
    if (pages.size > 1) this.compiledAcross++;
    this.sampledAfter = this.sampling.after;
    this.wait();
    if (this.bytes > this.mostBytes) this.evict(made);
    return groups.get(0)!.handles.get(hot)!;
  }

  /** Makes a region's entries in one of its pages findable, where there is nothing yet. @returns their offsets */
  private enterHandles(region: Region, page: number, { handles }: RegionGroup, slot: number): number[] {
    const entries: number[] = [];
    for (const [entry, index] of region.entries.entries()) {
      const { start } = region.blocks[index]!;
      const offset = start & (PAGE_SIZE - 1);
      if (pageOf(start) !== page || handles.has(offset)) continue;
      entries.push(offset);
      handles.set(offset, slot * 256 + entry);
    }
    return entries;
  }

  // --- regions of several pages ----------------------------------------------------------------------------------------

  /**
   * Compiled code has come to a jump from the page of a slot to a RIP in another one: every now and then it says so. When a
   * region has said it often enough, it is made anew, with the code there.
   */
  crossed(slot: number, rip: number): void {
    const { group, region } = this.slots[slot]!;
    const to = this.atPlace.get(placeKey(group.key, rip & -PAGE_SIZE));
    // where a return goes to is known from the call
    if (region.linked === MOST_LINKINGS || (region.full && region.linked > 0) || to?.returns.has(rip & (PAGE_SIZE - 1))) {
      this.sampledAfter = Math.min(SAMPLED_AT_LAST, this.sampledAfter * 2);
    } else {
      this.sampledAfter = this.sampling.after;
      region.crossedTo.set(rip, (region.crossedTo.get(rip) ?? 0) + 1);
      if (++region.crossings === this.sampling.most) this.toLink = region;
    }
    this.wait();
  }

  /** A number of jumps that is hard to foresee, though always the same, until the next is told of. */
  private wait(): void {
    this.noise = Math.imul(this.noise, 1_664_525) + 1_013_904_223;
    this.words[WORD.crossings >> 2] = this.sampledAfter + ((this.noise >>> 8) & (this.sampledAfter - 1));
  }

  /** Makes a region anew with the places that it was seen to go on to. */
  private link(region: CompiledRegion): void {
    this.toLink = undefined;
    if (!this.regions.has(region)) return;
    const { group } = region.pages.get(0)!;
    const links = [...region.crossedTo].sort(([, a], [, b]) => b - a).map(([rip]) => rip);
    this.forget([region]);
    const handle = this.compile(group, region.hot, links.slice(0, MOST_LINKS), region);
    if (handle !== 0) this.remember((group.pageRip + region.hot) | 0, group, handle);
  }

  private remember(rip: number, group: RegionGroup, handle: number): void {
    const at = jumpEntry(rip);
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
    const regions = new Set<CompiledRegion>();
    for (const group of groups) {
      this.leaveGroup(group);
      for (const region of group.regions) regions.add(region);
    }
    this.forget(regions);
  }

  private dropAll(): void {
    for (const groups of this.groups.values()) groups.forEach((group) => this.leaveGroup(group));
    this.groups.clear();
    this.forget([...this.regions]);
  }

  private leaveGroup(group: RegionGroup): void {
    group.dropped = true;
    const place = placeKey(group.key, group.pageRip);
    if (this.atPlace.get(place) === group) this.atPlace.delete(place);
  }

  /** The oldest quarter goes. */
  private evict(except: CompiledRegion): void {
    const oldest: CompiledRegion[] = [];
    let freed = 0;
    for (const region of this.regions) {
      if (freed > this.mostBytes / 4) break;
      if (region === except) continue;
      oldest.push(region);
      freed += region.bytes;
    }
    this.forget(oldest);
  }

  /** Regions are there no more, nor in the jump cache. */
  private forget(regions: Iterable<CompiledRegion>): void {
    for (const region of regions) {
      for (const { slot, group, entries } of region.pages.values()) {
        for (const offset of entries) {
          group.handles.delete(offset);
          const at = jumpEntry(group.pageRip + offset);
          if (this.words[at + 3]! >>> 8 === slot) this.words.fill(0, at, at + 4);
        }
        group.regions.delete(region);
        this.table.remove(slot);
      }
      this.regions.delete(region);
      this.bytes -= region.bytes;
    }
  }
}

/** Word index of an instruction pointer's entry in the jump cache. */
const jumpEntry = (rip: number): number => (JUMP_CACHE.offset >> 2) + jumpIndex(rip) * 4;

/** By mode and RIP of a page's first byte: a number for the place that a group is for. */
const placeKey = (key: number, pageRip: number): number => (pageRip >>> 12) * 2 ** 16 + key;
