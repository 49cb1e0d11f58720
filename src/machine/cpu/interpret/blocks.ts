/**
 * The decoded blocks, kept by the frame their code lies in, the offset in it, and the mode they were made for. A write to
 * code bytes, by whomever, drops the blocks made from them. Words of dropped blocks are not reused until the whole area is
 * full and everything is dropped at once, so a block that is running may be dropped under its own feet. A number in an
 * instruction that is overwritten again and again is read when the instruction is executed, and is no code any more.
 */
import { PAGE_SIZE } from '../../address';
import type { FrameStore } from '../../memory/frame-store';
import { MODE_KEYS, type CodeNumber, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock, type CodeBytes } from '../lower/lower';
import { IR_CODE, POOL_RESERVED, STATE } from '../state-layout';
import { MAX_INSTRUCTION_LENGTH } from '../decode/decoder';
import { CodeMaps } from './code-maps';
import { encode, HEAT, linksOf } from './encode';
import { note, Overwritten, patienceWith, type History } from './overwritten';

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
  /** bytes of its page that it was made from: from `from` up to `to` */
  from: number;
  to: number;
  /** those of them that it reads when it is executed */
  numbers: readonly CodeNumber[];
  mode: Mode;
  /** word index of its first constant, behind its last operation; and behind its last constant */
  constants: number;
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
  keys: Set<number>;
  /** a block was made since a write dropped some */
  fresh: boolean;
  /** grows when a write drops blocks */
  version: number;
  /** writes since the blocks were dropped, while it is idle */
  idleWrites: number;
  /** how often writes have dropped its blocks: also those of before it became data */
  history: History;
  /** how often numbers in instructions were overwritten, by their offset; from PATCHED_AFTER on they are read when they are executed */
  numbers: Map<number, number>;
}

/** Executions after which a block is hot while nothing compiles, and for blocks that are not compiled. */
const NEVER_HOT = 0x7fff_ffff;
const FIRST = IR_CODE.offset >> 2;
/** So many dead words, and more than of others, and all blocks are made anew: code that keeps changing does not take ever more memory. */
const MOST_DEAD = 2 ** 18;
const INSTRUCTIONS = STATE.instructions.offset >> 3;
const NO_NUMBERS: readonly CodeNumber[] = [];
/** Threading costs little: what keeps being overwritten waits for it 2 to this power as long as others, at most. */
const DOUBLINGS_OF_THREADED = 4;

/** Times that a number is overwritten before instructions read it when they are executed. */
const PATCHED_AFTER = 3;
/** Bytes of the largest number in an instruction. */
const LONGEST_NUMBER = 4;

/** Pages that the bytes of one block may lie in. */
const PAGES_OF_BLOCK = 2;

/** So many writes to a page without blocks, and it counts as data again. */
const DATA_AFTER = 64;

export class BlockCache {
  private readonly words: Int32Array;
  private readonly pages = new Map<number, CodePage>();
  private readonly maps: CodeMaps;
  private blocks: Block[] = [];
  private next = FIRST;
  /** words of blocks that can no longer be found */
  private dead = 0;
  /** grows whenever everything was dropped */
  epoch = 0;
  /** translations made, for measurements */
  translated = 0;
  /** executions after which a block is hot; blocks made before keep theirs */
  hotAfter = NEVER_HOT;
  /** hot blocks are threaded, which costs little, and not compiled at once */
  threads = false;
  private readonly overwritten = new Overwritten();
  private readonly doubles: Float64Array;

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
    this.doubles = new Float64Array(frames.memory.buffer, 0, POOL_RESERVED >> 3);
    this.maps = new CodeMaps(frames.memory.buffer);
    frames.onCodeWrite((frame, offset, length) => this.codeWritten(frame, offset, length));
    frames.onRelocate(() => {
      this.dropAll();
      this.overwritten.clear();
    });
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
        keys: new Set(),
        fresh: false,
        version: 0,
        idleWrites: 0,
        history: this.overwritten.of(frame),
        numbers: new Map(),
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
  /** 1, 2 or 4 bytes at a pool offset, zero-extended. */
  codeAt(at: number, size: number): number {
    if (size === 1) return this.frames.u8[at]!;
    return size === 2 ? this.frames.view.getUint16(at, true) : this.frames.view.getInt32(at, true);
  }
  /** What to make a block from that begins at an offset of a frame, which lies at `pool`. */
  source(frame: number, pool: number, offset: number): CodeBytes {
    const numbers = this.pages.get(frame)?.numbers;
    const patched =
      numbers === undefined || numbers.size === 0 ? undefined : (at: number): boolean => (numbers.get(at) ?? 0) >= PATCHED_AFTER;
    return { bytes: this.poolBytes(pool), start: offset, end: PAGE_SIZE, patched };
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
    const header = this.place(block, frame, offset, secondFrame);
    this.words[header + HEAT] = frame < 0 ? NEVER_HOT : this.heatOf(frame);
    if (frame < 0) {
      this.dead += this.next - header;
      return header;
    }
    const page = this.page(frame);
    const { from, to, numbers, secondPage } = this.at(header);
    this.mark(page, from, Math.min(PAGE_SIZE, to), numbers);
    const number = offset * MODE_KEYS + key;
    page.keys.add(number);
    page.fresh = true;
    const entries = this.entries(page, key);
    if (secondPage === undefined) entries[offset] = header;
    else {
      this.mark(secondPage, 0, to - PAGE_SIZE, []);
      page.crossing.set(number, header);
    }
    return header;
  }

  /** As `add`, for the first instructions of a block that is there, alone: found in `shortened` under `number`. It never gets hot. */
  addShortened(block: IrBlock, frame: number, offset: number, number: number): number {
    const header = this.place(block, frame, offset, -1);
    this.words[header + HEAT] = NEVER_HOT;
    this.page(frame).shortened.set(number, header);
    return header;
  }

  private place(block: IrBlock, frame: number, offset: number, secondFrame: number): number {
    const code = frame < 0 ? 0 : this.frames.offsetOf(frame) + offset;
    let encoded = encode(block, this.next, code);
    const isFull = this.next + encoded.words.length > (IR_CODE.offset + IR_CODE.bytes) >> 2 || this.maps.left < PAGES_OF_BLOCK;
    if (isFull || (this.dead > MOST_DEAD && this.dead > (this.next - FIRST) / 2)) {
      this.dropAll();
      encoded = encode(block, this.next, code);
    }
    const header = this.next;
    encoded.words[1] = this.blocks.length;
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
      from: offset,
      // bytes that could not be decoded matter too, though they make no length
      to: offset + (block.bytes === 0 ? MAX_INSTRUCTION_LENGTH : block.bytes),
      numbers: block.numbers ?? NO_NUMBERS,
      mode: block.mode,
      constants: this.next - block.constants.length,
      end: this.next,
      flagsDropped: block.flagsDropped ?? false,
    });
    this.translated++;
    return header;
  }

  /** The block that starts at an offset, or 0. */
  find(page: CodePage, key: number, offset: number): number {
    const header = this.entries(page, key)[offset]!;
    return header !== 0 ? header : (page.crossing.get(offset * MODE_KEYS + key) ?? 0);
  }

  private heatOf(frame: number): number {
    return Math.min(NEVER_HOT, this.hotAfter * this.patience(frame, this.threads ? DOUBLINGS_OF_THREADED : undefined));
  }
  /** By how much longer than others the code of a frame must run before it is worth compiling: it keeps being overwritten. */
  patience(frame: number, doublings?: number): number {
    const page = this.pages.get(frame);
    return page === undefined ? 1 : patienceWith(page.history, doublings);
  }

  dropAll(): void {
    for (const listener of this.dropListeners) listener(undefined);
    for (const page of this.pages.values()) this.release(page);
    this.pages.clear();
    this.blocks = [];
    this.next = FIRST;
    this.dead = 0;
    this.epoch++;
  }

  private codeWritten(frame: number, offset: number, length: number): void {
    const page = this.pages.get(frame);
    if (page === undefined) return;
    const end = Math.min(PAGE_SIZE, offset + length);
    if (page.idle) {
      if (++page.idleWrites <= DATA_AFTER) return;
      page.version++;
      for (const listener of this.dropListeners) listener(page);
      this.pages.delete(frame);
      this.release(page);
    } else if (this.maps.holds(page.map, offset, end)) {
      this.drop(page, offset, end);
      this.onCodeChanged();
    }
  }

  private release({ frame, map, history }: CodePage): void {
    this.frames.unwatchCode(frame);
    this.maps.give(map);
    this.overwritten.remember(frame, history);
  }

  /** A block is made from these bytes, but for the numbers among them. */
  private mark(page: CodePage, start: number, end: number, numbers: readonly CodeNumber[]): void {
    if (page.idle) this.maps.clear(page.map);
    page.idle = false;
    let at = start;
    for (const { offset, bytes } of numbers.toSorted((a, b) => a.offset - b.offset)) {
      this.maps.mark(page.map, at, start + offset);
      at = start + offset + bytes;
    }
    this.maps.mark(page.map, at, end);
  }

  /** Forgets the blocks made from bytes that change; all of the page, when none was made since the last time. */
  private drop(page: CodePage, offset: number, end: number): void {
    for (const listener of this.dropListeners) listener(page);
    const overlapping = [...page.keys].filter((number) => {
      const { from, to } = this.at(this.headerOf(page, number));
      return from < end && offset < to;
    });
    if (!this.isNumber(page, overlapping, offset, end)) note(page.history, this.doubles[INSTRUCTIONS]!);
    for (const number of page.fresh ? overlapping : page.keys) this.forget(page, number);
    page.fresh = false;
    for (const header of page.shortened.values()) this.dead += this.wordsOf(header);
    page.shortened.clear();
    page.version++;
    page.idle = true;
    this.maps.ask(page.map);
    page.idleWrites = 0;
    for (const number of page.keys) this.keep(page, number);
  }

  /**
   * Is what changes a number, or a part of one, in an instruction of these blocks? Then that is counted. To find out, a block
   * is made with all its numbers read when they are executed.
   */
  private isNumber(page: CodePage, numbers: readonly number[], offset: number, end: number): boolean {
    if (end - offset > LONGEST_NUMBER) return false;
    const bytes = this.poolBytes(this.frames.offsetOf(page.frame));
    for (const number of numbers) {
      const { from, to, mode } = this.at(this.headerOf(page, number));
      if (to > PAGE_SIZE) continue;
      const block = lowerBlock({ bytes, start: from, end: PAGE_SIZE, patched: () => true }, mode);
      const found =
        block !== 'truncated' && block.numbers?.find((one) => from + one.offset <= offset && end <= from + one.offset + one.bytes);
      if (!found) continue;
      const at = from + found.offset;
      const times = page.numbers.get(at) ?? 0;
      page.numbers.set(at, times + 1);
      return times < PATCHED_AFTER;
    }
    return false;
  }

  private headerOf(page: CodePage, number: number): number {
    return page.crossing.get(number) ?? page.entries[number % MODE_KEYS]![Math.floor(number / MODE_KEYS)]!;
  }

  private wordsOf(header: number): number {
    return this.at(header).end - header;
  }

  private forget(page: CodePage, number: number): void {
    this.dead += this.wordsOf(this.headerOf(page, number));
    page.keys.delete(number);
    page.crossing.delete(number);
    page.entries[number % MODE_KEYS]![Math.floor(number / MODE_KEYS)] = 0;
  }

  /** A block that stays when others of its page were dropped: it may be linked to those, and what was compiled with it is gone. */
  private keep(page: CodePage, number: number): void {
    const header = this.headerOf(page, number);
    const { from, to, numbers, constants } = this.at(header);
    for (const link of linksOf(this.words, header, constants)) this.words[link] = 0;
    this.words[header + HEAT] = this.heatOf(page.frame);
    this.mark(page, from, Math.min(PAGE_SIZE, to), numbers);
  }
}
