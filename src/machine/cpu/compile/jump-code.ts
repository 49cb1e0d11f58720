/**
 * How execution goes on behind a block: to another block of the region, to one in another of its pages, or out of the region,
 * by way of the jump cache, to another one.
 *
 * Entering a page means, whichever way: some budget is left, the translation is the one the code was compiled under, and the
 * entry is counted as an access to the TLB. Where the region has both pages, that is checked against the fast table right at the
 * jump; when that does not hold (evicted, remapped, rights taken away), the region is left for the jump cache, which fills.
 */
import { PAGE_SIZE } from '../../address';
import { ACCESS } from '../page-rights';
import { REGISTER_INDEX, SEGMENT_INDEX } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import { IR, IR_STRIDE } from '../lower/ir';
import { OP, type FunctionBody, type Label } from './encoder';
import type { FlagCode } from './flag-code';
import { JUMP_CACHE, JUMP_HASH, LEFT, WORD } from './layout';
import { AT, IMPORT, LOCAL, PARAMETERS, REGION_TYPE } from './locals';
import { INDEX_MASK } from './memory-code';
import { nodeOf, operationsOf, pageOf, type Region, type RegionBlock } from './region';
import { findReturns } from './returns';
import type { Structure } from './structure';

export interface RegionPage {
  /** index in the function table, of each page another one: it says in which page a region is */
  slot: number;
  /** RIP of its first byte */
  rip: number;
  /** pool offset of its first byte */
  pool: number;
}

export interface RegionPlace {
  /** the region's pages by number; 0 is its home */
  pages: ReadonlyMap<number, RegionPage>;
  /** the mode it is made for, packed (regions.ts) */
  key: number;
  /** bit n: segment n is writable data from 0 to 4 GiB */
  flatSegments: number;
  /** accesses are the user's */
  user: boolean;
  /** CS is flat: other pages can be jumped to without leaving compiled code */
  flatCode: boolean;
  tailCalls: boolean;
}

/** Places that a return is compared with before the jump cache is asked. */
const MOST_RETURNS = 6;

const { rip: RIP, code: CODE, linear: LINEAR, index: INDEX, spare: SPARE, budget: BUDGET, accesses: ACCESSES } = LOCAL;
const { here: HERE, hereRip: HERE_RIP, hereAddend: HERE_ADDEND } = LOCAL;

/** What leads from RIPs to the pool in a page. */
const addendOf = ({ rip, pool }: RegionPage): number => (pool - rip) | 0;

export class JumpCode {
  /** where the region ends with everything stored; set before anything is emitted */
  exit!: Label;
  /** where RIP is looked up in the jump cache */
  out!: Label;
  private readonly returns: ReturnType<typeof findReturns>;

  constructor(
    private readonly body: FunctionBody,
    private readonly flags: FlagCode,
    private readonly region: Region,
    private readonly place: RegionPlace,
    private readonly structure: Structure,
    /** emits that no near page is remembered */
    private readonly forgetPages: () => void,
  ) {
    this.returns = findReturns(region);
  }

  /** RIP of a place in the region. */
  ripAt(start: number): number {
    return (this.place.pages.get(0)!.rip + start) | 0;
  }

  /** Pool offset of a place in the region. */
  poolAt(start: number): number {
    return this.pageOf(start).pool + (start & (PAGE_SIZE - 1));
  }

  private pageOf(start: number): RegionPage {
    return this.place.pages.get(pageOf(start))!;
  }

  /** The flags' locals are as flags.ts has them, on a way out; other ways go on with the kind there is. */
  settled(): void {
    const { kind } = this.flags;
    this.flags.settle();
    this.flags.kind = kind;
  }

  /** Leaves the region from a block, to be gone on with at `start`; what is emitted next is not behind this. */
  leaveAt(from: RegionBlock, start: number, code: number): void {
    this.settled();
    this.leaveFrom(from);
    this.body.i32(this.ripAt(start)).set(RIP).i32(code).set(CODE).br(this.exit);
  }

  /** Notes which page execution was in; before every way out. */
  leaveFrom(from: RegionBlock): void {
    if (this.place.pages.size > 1) this.body.i32(this.region.pages.indexOf(pageOf(from.start))).set(HERE);
  }

  /** On the way out: where that page is. */
  storePage(): void {
    const { body } = this;
    this.findHere();
    body.i32(0);
    this.hereRip();
    body.memory(OP.store, WORD.pageRip).i32(0);
    this.hereAddend();
    body.memory(OP.store, WORD.addend);
  }

  private findHere(): void {
    const { body, region, place } = this;
    if (place.pages.size === 1) return;
    region.pages.forEach((number, index) => {
      const page = place.pages.get(number)!;
      body.get(HERE).i32(index).op(OP.eq).if();
      body.i32(page.rip).set(HERE_RIP).i32(addendOf(page)).set(HERE_ADDEND).end();
    });
  }
  private hereRip(): void {
    if (this.place.pages.size > 1) this.body.get(HERE_RIP);
    else this.body.i32(this.place.pages.get(0)!.rip);
  }
  private hereAddend(): void {
    if (this.place.pages.size > 1) this.body.get(HERE_ADDEND);
    else this.body.i32(addendOf(this.place.pages.get(0)!));
  }

  /** The block is over; RIP moves by `distance` from its start, cut to `size` bytes. */
  goTo(from: RegionBlock, distance: number, size: number): void {
    const start = (from.start + distance) | 0;
    const plain = this.ripAt(start);
    const rip = size === 2 ? plain & 0xffff : plain;
    const index = rip === plain ? this.region.indexOf.get(start) : undefined;
    if (index !== undefined) {
      const to = this.region.blocks[index]!;
      const crosses = pageOf(start) !== pageOf(from.start);
      if (crosses) this.enterPage(start);
      this.flags.convertTo(to.kind);
      this.structure.jump(nodeOf(this.region, index));
      if (!crosses) return;
      this.body.end();
    }
    this.settled();
    this.body.i32(rip).set(RIP);
    this.toOut(from);
  }

  /** Goes where the RIP on the stack says: one of the places that the region knows of, or out. */
  jumpTo(from: RegionBlock, instruction: number): void {
    this.body.set(RIP);
    this.settled();
    const likely = isReturn(from, instruction) ? (this.returns.get(from) ?? []).slice(0, MOST_RETURNS) : this.region.links;
    for (const entry of likely) this.tryEntry(from, entry);
    this.toOut(from);
  }

  /** RIP and the flags are set: goes on at an entry if that is where it leads. */
  private tryEntry(from: RegionBlock, entry: number): void {
    const { body, region } = this;
    const { start } = region.blocks[region.entries[entry]!]!;
    const crosses = pageOf(start) !== pageOf(from.start);
    body.get(RIP).i32(this.ripAt(start)).op(OP.eq).if();
    if (crosses) this.enterPage(start);
    this.structure.jump(entry);
    if (crosses) body.end();
    body.end();
  }

  /** Opens an `if`: there is budget left, and the page of a place in the region is mapped as it was. It is entered then. */
  private enterPage(start: number): void {
    const { body, place } = this;
    const page = this.pageOf(start);
    const at = (place.user ? FAST_TLB.user : FAST_TLB.supervisor) + ((page.rip >>> 8) & INDEX_MASK);
    body
      .word(at + 8)
      .word(AT.generation)
      .i32(page.rip)
      .op(OP.or, OP.eq);
    body
      .word(at + 12)
      .i32(addendOf(page))
      .op(OP.eq, OP.and);
    body.get(BUDGET).i32(0).op(OP.gt_s, OP.and).if();
    body.get(ACCESSES).i32(1).op(OP.add).set(ACCESSES);
    this.tellSlot(page.slot);
  }

  private tellSlot(slot: number): void {
    this.body.i32(0).i32(slot).memory(OP.store, WORD.slot);
  }

  /**
   * RIP is set, behind a system instruction: if it took the page of the code away from the TLB, that is looked up again before
   * the next instruction, if there is one to come in this run.
   */
  holdAgain(from: RegionBlock, start: number): void {
    const { body, place } = this;
    const next = this.ripAt(start);
    const page = this.pageOf(start);
    body.word(WORD.slot).op(OP.eqz).if();
    if (place.flatCode) {
      body.get(BUDGET).i32(0).op(OP.le_s).if();
      this.leaveAt(from, start, LEFT.budget);
      body.end();
      body.i32(next).i32(this.executeAccess).call(IMPORT.fill).i32(-PAGE_SIZE).op(OP.and).i32(page.pool).op(OP.ne).if();
      this.leaveAt(from, start, LEFT.unknown);
      body.end();
      body.get(ACCESSES).i32(1).op(OP.add).set(ACCESSES);
      this.tellSlot(page.slot);
      this.forgetPages();
    } else this.leaveAt(from, start, LEFT.unknown);
    body.end();
  }

  private get executeAccess(): number {
    return ACCESS.execute | (this.place.user ? ACCESS.user : 0);
  }

  // --- out of the region -----------------------------------------------------------------------------------------------

  /** To `out`, from a block's page. */
  private toOut(from: RegionBlock): void {
    this.leaveFrom(from);
    this.body.br(this.out);
  }

  /** What stands at `out`: goes on at what the jump cache says for RIP, or leaves. `again`: the region from its selector on. */
  emitChain(again: Label): void {
    const { body, place } = this;
    const { offset } = JUMP_CACHE;
    const home = place.pages.get(0)!;
    body.get(RIP).i32(JUMP_HASH.multiplier).op(OP.mul).i32(JUMP_HASH.shift).op(OP.shr_u).i32(4).op(OP.shl).tee(INDEX);
    body.memory(OP.load, offset).get(RIP).op(OP.eq);
    body
      .get(INDEX)
      .memory(OP.load, offset + 8)
      .i32(place.key)
      .op(OP.eq, OP.and)
      .if();
    this.findHere();
    body.get(RIP);
    this.hereRip();
    body.op(OP.sub).i32(PAGE_SIZE).op(OP.lt_u).if();
    body.get(INDEX).memory(OP.load, offset + 4);
    this.hereAddend();
    body.op(OP.eq).if();
    this.takeHandle();
    if (place.pages.size === 1) body.get(INDEX).i32(home.slot).op(OP.eq).brIf(again);
    this.enterRegion();
    body.end();
    if (place.flatCode) {
      // who has no budget left does not enter the page either
      body.else().get(BUDGET).i32(0).op(OP.gt_s).if();
      this.chainToPage();
      body.end();
    }
    body.end().end();
    body.i32(LEFT.unknown).set(CODE).br(this.exit);
  }

  /** From the jump cache's entry at `index`: the entry's number to the selector, the slot to `index`. */
  private takeHandle(): void {
    const { body } = this;
    body
      .get(INDEX)
      .memory(OP.load, JUMP_CACHE.offset + 12)
      .tee(INDEX)
      .i32(0xff)
      .op(OP.and)
      .set(LOCAL.selector);
    body.get(INDEX).i32(8).op(OP.shr_u).set(INDEX);
  }

  /** To another page, if its translation is in the fast table or can be filled. */
  private chainToPage(): void {
    const { body, place } = this;
    const table = place.user ? FAST_TLB.user : FAST_TLB.supervisor;
    const page = (): FunctionBody => body.get(RIP).i32(-PAGE_SIZE).op(OP.and);
    this.sample();
    body
      .get(RIP)
      .i32(8)
      .op(OP.shr_u)
      .i32(INDEX_MASK)
      .op(OP.and)
      .tee(LINEAR)
      .memory(OP.load, table + 8);
    page().word(AT.generation).op(OP.or, OP.eq).if();
    body
      .get(LINEAR)
      .memory(OP.load, table + 12)
      .set(LINEAR);
    body.else();
    body.get(RIP).i32(this.executeAccess).call(IMPORT.fill).i32(-PAGE_SIZE).op(OP.and);
    page().op(OP.sub).set(LINEAR).end();
    body
      .get(LINEAR)
      .get(INDEX)
      .memory(OP.load, JUMP_CACHE.offset + 4)
      .op(OP.eq)
      .if();
    body.get(ACCESSES).i32(1).op(OP.add).set(ACCESSES);
    this.takeHandle();
    this.enterRegion();
    body.end();
  }

  /** Every so many times, who goes to another page tells the tier from where to where (regions.ts, `crossed`). */
  private sample(): void {
    const { body } = this;
    body.i32(0).word(WORD.crossings).i32(1).op(OP.sub).tee(SPARE).memory(OP.store, WORD.crossings);
    body.get(SPARE).op(OP.eqz).ifUnlikely();
    body.i32(LEFT.crossed).set(CODE).br(this.exit).end();
  }

  /** Goes on in the region whose slot is in `index`, at the entry in `selector`. */
  private enterRegion(): void {
    const { body } = this;
    // also within the page: it says which region is running
    body.i32(0).get(INDEX).memory(OP.store, WORD.slot);
    if (this.place.tailCalls) {
      for (let parameter = 0; parameter < PARAMETERS; parameter++) body.get(parameter);
      body.get(INDEX).op(OP.return_call_indirect, REGION_TYPE, 0);
      return;
    }
    body.i32(0).get(INDEX).i32(8).op(OP.shl).get(LOCAL.selector).op(OP.or).memory(OP.store, WORD.next);
    body.i32(LEFT.next).set(CODE).br(this.exit);
  }
}

/** Is an instruction of a block one that takes its target from the top of the stack? */
function isReturn({ ir }: RegionBlock, instruction: number): boolean {
  const [from, to] = operationsOf(ir, instruction);
  for (let at = from; at < to; at += IR_STRIDE)
    if (ir.ops[at] === IR.load32 && ir.ops[at + 2] === SEGMENT_INDEX.SS && ir.ops[at + 3] === REGISTER_INDEX.RSP) return true;
  return false;
}
