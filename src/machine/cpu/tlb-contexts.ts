/**
 * The address spaces that the TLB tells apart, by VPID, EPT root and PCID: the current one's entries alone are found. Each has two
 * stamps, of its entries and of its global ones, which a flush renews instead of looking for entries; a generation of tags in the
 * fast table; and the page that its instructions are being fetched from. What compiled code needs of them lies in the pool
 * (TLB_CONTEXT).
 */
import type { CpuState } from './cpu-state';
import type { FastTlb } from './fast-tlb';
import { STATE } from './state-layout';
import { FRAME_CACHE, LAST, TLB_CONTEXT, TLB_WORD } from './tlb-layout';

const GENERATION_WORD = STATE.tlbGeneration.offset >> 2;
const FIRST_CONTEXT = TLB_CONTEXT.offset >> 2;
const CONTEXT_WORDS = TLB_CONTEXT.bytes >> 2;
const LOCAL = TLB_CONTEXT.local >> 2;
const GLOBAL = TLB_CONTEXT.global >> 2;
const CODE_PAGE = TLB_CONTEXT.codePage >> 2;
const W = {
  context: TLB_WORD.context >> 2,
  local: TLB_WORD.local >> 2,
  global: TLB_WORD.global >> 2,
  frames: TLB_WORD.frames >> 2,
  lastGeneration: TLB_WORD.lastGeneration >> 2,
  lastStamp: TLB_WORD.lastStamp >> 2,
} as const;

export interface ContextName {
  readonly vpid: number;
  /** host address of the EPT root table; -1 outside a guest */
  readonly eptRoot: number;
  readonly pcid: number;
}

interface Context extends ContextName {
  /** of the frame cache's entries made in it */
  frames: number;
  /** of the page that instructions are being fetched from, whose number lies in the pool */
  codeUser: boolean;
  codeFrame: number;
}

/** A page that instructions are being fetched from. */
export interface CodePage extends ContextName {
  readonly page: number;
  readonly user: boolean;
  readonly frame: number;
}

export class TlbContexts {
  private list: Context[] = [];
  private selected = 0;
  private lastFrames = 0;

  /** @param restamped stamps begin anew: old stamp → new one; what is not among them is void */
  constructor(
    private readonly words: Int32Array,
    private readonly state: CpuState,
    private readonly fast: FastTlb,
    private readonly restamped: (renamed: ReadonlyMap<number, number>) => void,
  ) {}

  /** The host's own, without any entry. */
  reset(): void {
    this.list = [newContext(0, -1, 0)];
    this.selected = 0;
    this.forgetCodePage(0);
    this.renewStamps(0, true);
    this.show(0);
    this.clearFast();
  }

  /** Number of the context that entries are filled and found for. */
  get current(): number {
    return this.selected;
  }
  name(index: number): ContextName {
    return this.list[index]!;
  }

  /** Entries filled and found from now on belong to this context. */
  select(vpid: number, eptRoot: number, pcid: number): void {
    let index = this.list.findIndex((context) => context.vpid === vpid && context.eptRoot === eptRoot && context.pcid === pcid);
    if (index < 0) {
      index = this.list.length;
      if (index >= TLB_CONTEXT.most) index = this.selected === 1 ? 2 : 1;
      this.list[index] = newContext(vpid, eptRoot, pcid);
      this.forgetCodePage(index);
      this.list[index]!.frames = ++this.lastFrames;
      this.renewStamps(index, true);
      this.selected = index;
      this.renewFast(index);
    }
    this.show(index);
  }

  private show(index: number): void {
    this.selected = index;
    const at = contextAt(index);
    this.words[W.context] = index;
    this.words[W.local] = this.words[at + LOCAL]!;
    this.words[W.global] = this.words[at + GLOBAL]!;
    this.words[W.frames] = this.list[index]!.frames;
    this.state.i32[GENERATION_WORD] = this.words[at]!;
  }

  // --- entries ---------------------------------------------------------------------------------------------------------

  /** Is an entry of that context with that stamp still valid? */
  holds(index: number, stamp: number): boolean {
    const at = contextAt(index);
    return stamp === this.words[at + LOCAL] || stamp === this.words[at + GLOBAL];
  }

  /** Voids the entries of a context; without `globalToo`, all but the global ones. Its fast entries stay until `renewFast`. */
  void(index: number, globalToo: boolean): void {
    this.renewStamps(index, globalToo);
    this.forgetCodePage(index);
  }

  /** Voids all entries of the contexts that `matches` takes. */
  voidMatching(matches: (name: ContextName) => boolean): void {
    this.list.forEach((context, index) => {
      if (!matches(context)) return;
      this.void(index, true);
      this.renewFast(index);
    });
  }

  /** Voids everything. */
  voidAll(): void {
    this.list.forEach((_, index) => this.void(index, true));
    this.clearFast();
  }

  private renewStamps(index: number, globalToo: boolean): void {
    if (this.words[W.lastStamp]! > LAST.stamp) this.restamp();
    const at = contextAt(index);
    this.words[at + LOCAL] = this.nextStamp();
    if (globalToo) this.words[at + GLOBAL] = this.nextStamp();
    if (index !== this.selected) return;
    this.words[W.local] = this.words[at + LOCAL]!;
    this.words[W.global] = this.words[at + GLOBAL]!;
  }

  private nextStamp(): number {
    return ++this.words[W.lastStamp]!;
  }

  /** Stamps from 1 on; what was void already must not become valid by that. */
  private restamp(): void {
    const renamed = new Map<number, number>();
    for (let index = 0; index < this.list.length; index++) {
      for (const at of [contextAt(index) + LOCAL, contextAt(index) + GLOBAL]) {
        renamed.set(this.words[at]!, renamed.size + 1);
        this.words[at] = renamed.size;
      }
    }
    this.words[W.lastStamp] = renamed.size;
    this.restamped(renamed);
    this.show(this.selected);
  }

  // --- the fast table and the frame cache ------------------------------------------------------------------------------

  /** Low 12 bits of every valid tag of a context. */
  generation(index: number): number {
    return this.words[contextAt(index)]!;
  }

  /** Forgets the fast entries of a context. */
  renewFast(index: number): void {
    if (this.words[W.lastGeneration]! >= LAST.generation) return this.clearFast();
    this.words[contextAt(index)] = this.nextGeneration();
    this.state.i32[GENERATION_WORD] = this.generation(this.selected);
  }

  /** Forgets the fast entries of every context. */
  renewAllFast(): void {
    for (let index = 0; index < this.list.length; index++) this.renewFast(index);
    this.forgetFrames();
  }

  /** As renewAllFast, and starts generations anew. */
  clearFast(): void {
    this.fast.clear();
    this.words[W.lastGeneration] = 0;
    for (let index = 0; index < this.list.length; index++) this.words[contextAt(index)] = this.nextGeneration();
    this.state.i32[GENERATION_WORD] = this.generation(this.selected);
    this.forgetFrames();
  }

  private nextGeneration(): number {
    return ++this.words[W.lastGeneration]!;
  }

  /** What the frame cache knows is void: frames may be found elsewhere, or may no longer be read or written directly. */
  forgetFrames(): void {
    if (this.lastFrames > LAST.stamp) {
      this.words.fill(0, FRAME_CACHE.offset >> 2, (FRAME_CACHE.offset + FRAME_CACHE.bytes) >> 2);
      this.lastFrames = 0;
    }
    for (const context of this.list) context.frames = ++this.lastFrames;
    this.words[W.frames] = this.list[this.selected]!.frames;
  }

  // --- the page of the running code ------------------------------------------------------------------------------------

  /** Number of the page that the current context's instructions are being fetched from; -1: none */
  get codePage(): number {
    return this.words[contextAt(this.selected) + CODE_PAGE]!;
  }
  /** Its host frame when it is this page, entered for this privilege; otherwise -1. */
  codeFrame(page: number, user: boolean): number {
    const context = this.list[this.selected]!;
    return this.codePage === page && context.codeUser === user ? context.codeFrame : -1;
  }
  enterCodePage(page: number, user: boolean, frame: number): void {
    const context = this.list[this.selected]!;
    this.words[contextAt(this.selected) + CODE_PAGE] = page;
    context.codeUser = user;
    context.codeFrame = frame;
  }
  forgetCodePage(index = this.selected): void {
    this.words[contextAt(index) + CODE_PAGE] = -1;
  }

  /** Those of all contexts, in an order that does not depend on when each context was seen first. */
  codePages(): CodePage[] {
    return this.list
      .map(({ vpid, eptRoot, pcid, codeUser, codeFrame }, index) => {
        return { vpid, eptRoot, pcid, page: this.words[contextAt(index) + CODE_PAGE]!, user: codeUser, frame: codeFrame };
      })
      .filter(({ page }) => page >= 0)
      .sort((a, b) => a.vpid - b.vpid || a.eptRoot - b.eptRoot || a.pcid - b.pcid);
  }
}

const newContext = (vpid: number, eptRoot: number, pcid: number): Context => ({
  vpid,
  eptRoot,
  pcid,
  frames: 0,
  codeUser: false,
  codeFrame: -1,
});

/** Word index of what the pool holds of a context; its generation comes first. */
function contextAt(index: number): number {
  return FIRST_CONTEXT + index * CONTEXT_WORDS;
}
