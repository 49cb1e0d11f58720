/**
 * The decoded blocks, kept by the frame their code lies in, the offset in it, and the mode they were made for. A write to
 * code bytes, by whomever, drops the blocks of its frame. Words of dropped blocks are not reused until the whole area is
 * full and everything is dropped at once, so a block that is running may be dropped under its own feet.
 */
import { PAGE_SIZE } from '../../address';
import type { FrameStore } from '../../memory/frame-store';
import { MODE_KEYS, type IrBlock } from '../lower/ir';
import { IR_CODE, POOL_RESERVED } from '../state-layout';
import { MAX_INSTRUCTION_LENGTH } from '../decode/decoder';
import { CodeMaps } from './code-maps';
import { encode, HEAT } from './encode';
import { PATCH_BYTES, constantAt, linksOf, type Patch } from './patches';

export interface Block {
  /** word index of its header in the pool */
  header: number;
  /** bytes from the block's start to each instruction, and their lengths */
  offsets: readonly number[];
  lengths: readonly number[];
  /** word index of each instruction's first operation */
  starts: readonly number[];
  /** page that holds the rest of an instruction that crosses the page's end; such an instruction is a block of its own */
  secondPage: CodePage | undefined;
  /** `secondPage.version` when the block was made */
  secondVersion: number;
  /** word index behind its last constant */
  end: number;
  /** executing only its first instructions would leave wrong flags */
  flagsDropped: boolean;
}

/** Blocks of one code frame. */
export interface CodePage {
  frame: number;
  /** by mode key: word index of the block that starts at each offset, 0 for none */
  entries: (Int32Array | undefined)[];
  /** blocks that reach into the next page, by offset × MODE_KEYS + mode key: never linked to, as the next page must be looked up */
  crossing: Map<number, number>;
  /** the first instructions of a block alone, by (offset × MODE_KEYS + mode key) × MAX_BLOCK + instructions */
  shortened: Map<number, number>;
  /** address of its code map: every byte that some block was made from */
  map: number;
  /** no block is made from its bytes now: every write to it is told of, and many of them make it a page of data again */
  idle: boolean;
  /** offset × MODE_KEYS + mode key of every block here */
  keys: number[];
  /** grows when a write drops the blocks */
  version: number;
  /** writes since the blocks were dropped, while it is idle */
  idleWrites: number;
  /** times that a write dropped the blocks: each makes the next ones compile later */
  drops: number;
  /** offset of the write that dropped them last */
  writtenAt: number;
  /** times that a block was looked at for a number that is patched */
  patchTries: number;
  /** blocks that can be brought back after a write, by offset × MODE_KEYS + mode key; undefined: one that cannot */
  patches: Map<number, Patch | undefined>;
}

/** Executions after which a block is hot while nothing compiles, and for blocks that are not compiled. */
const NEVER_HOT = 0x7fff_ffff;
/** Each time code is overwritten doubles what it takes to compile it, up to 2 to this power. */
const MOST_DOUBLINGS = 12;

/** Drops after which blocks of a page are looked at for numbers that are patched. */
const PATCHED_AFTER = 3;
/** Blocks of a page that are looked at so, at most. */
const MOST_PATCH_TRIES = 64;

/** Pages that the bytes of one block may lie in. */
const PAGES_OF_BLOCK = 2;

/** So many writes to a page without blocks, and it counts as data again. */
const DATA_AFTER = 64;

export class BlockCache {
  private readonly words: Int32Array;
  private readonly pages = new Map<number, CodePage>();
  private readonly maps: CodeMaps;
  private blocks: Block[] = [];
  private next = IR_CODE.offset >> 2;
  /** grows whenever everything was dropped */
  epoch = 0;
  /** translations made, for measurements */
  translated = 0;
  /** executions after which a block is hot; blocks made before keep theirs */
  hotAfter = NEVER_HOT;

  private readonly dropListeners: ((page: CodePage | undefined) => void)[] = [];

  /**
   * @param onCodeChanged called when a write has dropped blocks
   * @throws RangeError when the pool keeps too little room at its bottom
   */
  constructor(
    private readonly frames: FrameStore,
    private readonly onCodeChanged: () => void,
  ) {
    if (frames.poolBase < POOL_RESERVED)
      throw new RangeError(`the frame store reserves ${frames.poolBase} bytes, ${POOL_RESERVED} are needed`);
    this.words = new Int32Array(frames.memory.buffer, 0, POOL_RESERVED >> 2);
    this.maps = new CodeMaps(frames.memory.buffer);
    frames.onCodeWrite((frame, offset, length) => this.codeWritten(frame, offset, length));
    frames.onRelocate(() => this.dropAll());
  }

  /** Called with the page whose blocks were dropped; undefined: all of them. */
  onDrop(listener: (page: CodePage | undefined) => void): void {
    this.dropListeners.push(listener);
  }

  /** Counts an execution of the block. Is it hot? */
  heat(header: number): boolean {
    return (this.words[header + HEAT] = this.words[header + HEAT]! - 1) <= 0;
  }
  /** The block is not worth asking for again. */
  neverHot(header: number): void {
    this.words[header + HEAT] = NEVER_HOT;
  }
  /** Instructions of the block. */
  lengthOf(header: number): number {
    return this.words[header]!;
  }
  /** Has a block been made there that lies wholly in its page? */
  knows(page: CodePage, key: number, offset: number): boolean {
    return (page.entries[key]?.[offset] ?? 0) !== 0;
  }

  /** What is known of a frame's code. Everything older is gone when `epoch` has changed. */
  page(frame: number): CodePage {
    let page = this.pages.get(frame);
    if (page === undefined) {
      if (this.maps.left === 0) this.dropAll();
      page = {
        frame,
        entries: new Array<Int32Array | undefined>(MODE_KEYS).fill(undefined),
        crossing: new Map(),
        shortened: new Map(),
        map: this.maps.take(),
        idle: true,
        keys: [],
        version: 0,
        idleWrites: 0,
        drops: 0,
        writtenAt: -1,
        patchTries: 0,
        patches: new Map(),
      };
      this.pages.set(frame, page);
      this.frames.watchCode(frame, page.map);
    }
    return page;
  }

  /** The byte at a pool offset. */
  byteAt(at: number): number {
    return this.frames.u8[at]!;
  }
  /** The bytes of a frame at a pool offset. */
  poolBytes(at: number): Uint8Array {
    return this.frames.u8.subarray(at, at + PAGE_SIZE);
  }

  /** Are the bytes of a crossing block's second page still what it was made from? */
  secondIsCurrent(block: Block, frame: number): boolean {
    const page = block.secondPage;
    return page !== undefined && page.frame === frame && page.version === block.secondVersion && this.isCurrent(page);
  }

  /** Is this still the page that the cache knows? (It may have become data.) */
  isCurrent(page: CodePage): boolean {
    return this.pages.get(page.frame) === page;
  }

  entries(page: CodePage, key: number): Int32Array {
    return (page.entries[key] ??= new Int32Array(PAGE_SIZE));
  }

  /** Side data of the block whose header is at a word index. */
  at(header: number): Block {
    return this.blocks[this.words[header + 1]!]!;
  }

  /**
   * Stores a block made for mode `key` from the bytes at `offset` of a frame, and makes it findable.
   * @param frame -1 when the bytes are not in memory: the block is good for one execution
   * @param secondFrame frame of the bytes beyond the page's end, or -1
   * @returns the header's word index. Everything older is gone when `epoch` has changed.
   */
  add(block: IrBlock, key: number, frame: number, offset: number, secondFrame = -1): number {
    let encoded = encode(block, this.next);
    if (this.next + encoded.words.length > (IR_CODE.offset + IR_CODE.bytes) >> 2 || this.maps.left < PAGES_OF_BLOCK) {
      this.dropAll();
      encoded = encode(block, this.next);
    }
    const header = this.next;
    encoded.words[1] = this.blocks.length;
    encoded.words[HEAT] = frame < 0 ? NEVER_HOT : this.heatOf(frame);
    this.words.set(encoded.words, header);
    this.next += encoded.words.length;
    const secondPage = secondFrame < 0 ? undefined : this.page(secondFrame);
    this.blocks.push({
      header,
      offsets: block.instructions.map((instruction) => instruction.offset),
      lengths: block.instructions.map((instruction) => instruction.length),
      starts: encoded.starts.map((start) => header + start),
      secondPage,
      secondVersion: secondPage?.version ?? 0,
      end: this.next,
      flagsDropped: block.flagsDropped ?? false,
    });
    this.translated++;
    if (frame >= 0) {
      const page = this.page(frame);
      // bytes that could not be decoded matter too, though they make no length
      const end = offset + (block.bytes === 0 ? MAX_INSTRUCTION_LENGTH : block.bytes);
      this.mark(page, offset, Math.min(PAGE_SIZE, end));
      page.keys.push(offset * MODE_KEYS + key);
      const entries = this.entries(page, key);
      if (secondPage === undefined) entries[offset] = header;
      else {
        this.mark(secondPage, 0, end - PAGE_SIZE);
        page.crossing.set(offset * MODE_KEYS + key, header);
      }
    }
    return header;
  }

  /**
   * After `add`: if the page keeps being overwritten, but not in this block, or where it has a number, the block is remembered.
   * @param bytes the page's
   * @param lower makes the block that starts at `offset` of other bytes
   */
  rememberPatch(
    page: CodePage,
    key: number,
    offset: number,
    header: number,
    block: IrBlock,
    bytes: Uint8Array,
    lower: (bytes: Uint8Array) => IrBlock | 'truncated',
  ): void {
    const at = page.writtenAt - offset;
    const number = offset * MODE_KEYS + key;
    if (page.drops < PATCHED_AFTER || block.bytes === 0) return;
    const own = bytes.subarray(offset, offset + block.bytes);
    const constants = this.blocks.at(-1)!.end - block.constants.length;
    const links = linksOf(this.words, header, constants);
    if (at < 0 || at >= block.bytes) {
      if (!page.patches.has(number)) page.patches.set(number, { header, bytes: own.slice(), links });
      return;
    }
    // looking costs as much as making the block once more
    if (++page.patchTries > MOST_PATCH_TRIES) return;
    const index = constantAt(block, own, at, (changed) => {
      const whole = bytes.slice();
      whole.set(changed, offset);
      return lower(whole);
    });
    const found = index === undefined ? undefined : { at, constant: constants + index };
    page.patches.set(number, found && { header, bytes: own.slice(), links, number: found });
  }

  /** The block at an offset as it was before the page was overwritten, with the number that is there now; 0 when more than that has changed. */
  revive(page: CodePage, key: number, offset: number, bytes: Uint8Array): number {
    const patch = page.patches.size === 0 ? undefined : page.patches.get(offset * MODE_KEYS + key);
    if (patch === undefined) return 0;
    const { header, number } = patch;
    const at = number?.at ?? -1;
    for (let index = 0; index < patch.bytes.length; index++) {
      const patched = number !== undefined && index >= at && index < at + PATCH_BYTES;
      if (!patched && patch.bytes[index] !== bytes[offset + index]) return 0;
    }
    if (number !== undefined) {
      const first = offset + at;
      this.words[number.constant] = bytes[first]! | (bytes[first + 1]! << 8) | (bytes[first + 2]! << 16) | (bytes[first + 3]! << 24);
    }
    for (const link of patch.links) this.words[link] = 0;
    this.words[header + HEAT] = this.heatOf(page.frame);
    this.mark(page, offset, offset + patch.bytes.length);
    page.keys.push(offset * MODE_KEYS + key);
    this.entries(page, key)[offset] = header;
    return header;
  }

  /** The block that starts at an offset, or 0. */
  find(page: CodePage, key: number, offset: number): number {
    const header = this.entries(page, key)[offset]!;
    return header !== 0 ? header : (page.crossing.get(offset * MODE_KEYS + key) ?? 0);
  }

  private heatOf(frame: number): number {
    return Math.min(NEVER_HOT, this.hotAfter * 2 ** Math.min(MOST_DOUBLINGS, this.pages.get(frame)?.drops ?? 0));
  }

  dropAll(): void {
    for (const listener of this.dropListeners) listener(undefined);
    for (const page of this.pages.values()) this.release(page);
    this.pages.clear();
    this.blocks = [];
    this.next = IR_CODE.offset >> 2;
    this.epoch++;
  }

  private codeWritten(frame: number, offset: number, length: number): void {
    const page = this.pages.get(frame);
    if (page === undefined) return;
    if (page.idle) {
      if (++page.idleWrites <= DATA_AFTER) return;
      page.version++;
      for (const listener of this.dropListeners) listener(page);
      this.pages.delete(frame);
      this.release(page);
    } else if (this.maps.holds(page.map, offset, offset + length)) {
      page.writtenAt = offset;
      this.drop(page);
      this.onCodeChanged();
    }
  }

  private release({ frame, map }: CodePage): void {
    this.frames.unwatchCode(frame);
    this.maps.give(map);
  }

  /** Blocks are made from these bytes. */
  private mark(page: CodePage, start: number, end: number): void {
    if (page.idle) this.maps.clear(page.map);
    page.idle = false;
    this.maps.mark(page.map, start, end);
  }

  /** Forgets the blocks of a page. Blocks link only within their page, so none of them can be reached any more. */
  private drop(page: CodePage): void {
    for (const listener of this.dropListeners) listener(page);
    page.drops++;
    for (const key of page.keys) page.entries[key % MODE_KEYS]![Math.floor(key / MODE_KEYS)] = 0;
    page.keys.length = 0;
    page.crossing.clear();
    page.shortened.clear();
    page.idle = true;
    this.maps.ask(page.map);
    page.version++;
    page.idleWrites = 0;
  }
}
