/**
 * The interpreter's loop: one switch over the words of a block (encode.ts). The numbers in the cases are the operations'
 * numbers, written out because only literals make the engine build a jump table; execute.spec.ts holds them against the
 * table. It stays one function because it is one table, and because a call for each operation would cost more than most of
 * them do; what is more than a few lines is called out. A guest's mistake is a value of `stop`, never an exception.
 */
import type { CpuState } from '../cpu-state';
import { wordOf } from '../cpu-state';
import { LAZY, STATUS_FLAGS, carryFlag, conditionHolds } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { ROTATE } from '../lower/ir';
import type { DataAccess, OperandSize, SegmentIndex, SystemInstructions } from '../runtime';
import { POOL_RESERVED, SEGMENT, SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import type { BlockCache } from './blocks';
import { divide } from './divide';
import { HEADER_WORDS, HEAT } from './encode';
import { doubleShiftValue, multiplyHighSigned, multiplyHighUnsigned, multiplyOverflow, rotateValue } from './integer';
import { keepCarry, noteDoubleShift, noteRotate } from './shift-flags';
import { callSystem } from './system-calls';

const RIP = wordOf('rip');
const FLAGS = wordOf('rflags');
const KIND = wordOf('lazyKind');
const LEFT = wordOf('lazyLeft');
const RIGHT = wordOf('lazyRight');
const RESULT = wordOf('lazyResult');
const STOPPED = wordOf('stop');
const PROGRESS = wordOf('blockProgress');
const CS_LIMIT = (STATE.segments.offset + SEGMENT_INDEX.CS * SEGMENT.size + SEGMENT.limit) >> 2;
const FLAG_DF = 1 << 10;

/** Where a run of blocks came from and what it may chain to. */
export interface CodeContext {
  /** RIP of the first byte of the current page */
  pageRip: number;
  /** blocks by offset in the current page and mode; empty where none may be chained */
  entries: Int32Array;
}

export class Executor {
  /** after `execute`: the block's end asked for interrupts and modes to be looked at again */
  left = false;
  /** after `execute`: word of a link that may be set to the block that RIP names now, or 0 */
  link = 0;
  /** counts opcodes nobody knows */
  unknownOpcodes = 0;

  private readonly words: Int32Array;
  /** for `currentRip`: the running block, the instructions completed before it, and by how much RIP has left its start */
  private header = 0;
  private before = 0;
  private advancedBy = 0;

  constructor(
    buffer: ArrayBufferLike,
    private readonly state: CpuState,
    private readonly access: DataAccess,
    private readonly system: SystemInstructions,
    private readonly blocks: BlockCache,
  ) {
    this.words = new Int32Array(buffer, 0, POOL_RESERVED >> 2);
  }

  /** `execute` has returned: until the next call, RIP in the state is that of the next instruction. */
  rest(): void {
    this.header = 0;
  }

  /**
   * RIP of the instruction that is being executed, for a device or a log that is called from inside of `execute`: RIP in the
   * state is that of the block meanwhile. While code is being fetched, RIP itself.
   */
  currentRip(): number {
    const M = this.words;
    if (this.header === 0) return M[RIP]!;
    return M[RIP]! - this.advancedBy + (this.blocks.at(this.header).offsets[M[PROGRESS]! - this.before] ?? 0);
  }

  /** Sets a link found by `execute`. */
  setLink(word: number, header: number): void {
    this.words[word] = header;
  }

  /**
   * Runs the block at `header` and those chained to it, at most `limit` (≥ 1) instructions.
   * @returns instructions completed. RIP and `stop` say how it ended; `instructions` and `ticks` are not advanced yet.
   */
  execute(header: number, limit: number, code: CodeContext): number {
    const M = this.words;
    const state = this.state;
    const access = this.access;
    const pageRip = code.pageRip;
    const entries = code.entries;
    let done = 0;
    let pc = header + HEADER_WORDS;
    /** where to stop before the block is over, and the number of the instruction there */
    let end = -1;
    let endIndex = 0;
    /** RIP of the block, once `advance` has moved it on */
    let advanced = false;
    let advancedFrom = 0;
    this.left = false;
    this.link = 0;
    this.header = header;
    this.before = 0;
    this.advancedBy = 0;

    if (M[header]! > limit) {
      endIndex = limit;
      end = this.blocks.at(header).starts[limit]!;
    }
    let k = 0;
    while (pc !== end) {
      fault: {
        switch (M[pc]) {
          case 0: // mov
            M[M[pc + 1]!] = M[M[pc + 2]!]!;
            pc += 3;
            continue;
          case 1: // get8
            M[M[pc + 1]!] = (M[M[pc + 2]!]! >>> M[pc + 3]!) & 0xff;
            pc += 4;
            continue;
          case 2: // get16
            M[M[pc + 1]!] = M[M[pc + 2]!]! & 0xffff;
            pc += 3;
            continue;
          case 3: {
            // put8
            const shift = M[pc + 3]!;
            const d = M[pc + 1]!;
            M[d] = (M[d]! & ~(0xff << shift)) | ((M[M[pc + 2]!]! & 0xff) << shift);
            pc += 4;
            continue;
          }
          case 4: {
            // put16
            const d = M[pc + 1]!;
            M[d] = (M[d]! & ~0xffff) | (M[M[pc + 2]!]! & 0xffff);
            pc += 3;
            continue;
          }
          case 5: // sext8
            M[M[pc + 1]!] = (M[M[pc + 2]!]! << 24) >> 24;
            pc += 3;
            continue;
          case 6: // sext16
            M[M[pc + 1]!] = (M[M[pc + 2]!]! << 16) >> 16;
            pc += 3;
            continue;
          case 7: {
            // bswap
            const v = M[M[pc + 2]!]!;
            M[M[pc + 1]!] = (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
            pc += 3;
            continue;
          }
          case 8: // add
            M[M[pc + 1]!] = M[M[pc + 2]!]! + M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 9: // sub
            M[M[pc + 1]!] = M[M[pc + 2]!]! - M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 10: // and
            M[M[pc + 1]!] = M[M[pc + 2]!]! & M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 11: // or
            M[M[pc + 1]!] = M[M[pc + 2]!]! | M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 12: // xor
            M[M[pc + 1]!] = M[M[pc + 2]!]! ^ M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 13: // shl
            M[M[pc + 1]!] = M[M[pc + 2]!]! << M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 14: // shr
            M[M[pc + 1]!] = M[M[pc + 2]!]! >>> M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 15: // sar
            M[M[pc + 1]!] = M[M[pc + 2]!]! >> M[M[pc + 3]!]!;
            pc += 4;
            continue;
          case 16: // mul
            M[M[pc + 1]!] = Math.imul(M[M[pc + 2]!]!, M[M[pc + 3]!]!);
            pc += 4;
            continue;
          case 17: {
            // mulHigh
            const a = M[M[pc + 2]!]!;
            const b = M[M[pc + 3]!]!;
            M[M[pc + 1]!] = M[pc + 4] !== 0 ? multiplyHighSigned(a, b) : multiplyHighUnsigned(a, b);
            pc += 5;
            continue;
          }
          case 18: // mulOverflow
            M[M[pc + 1]!] = multiplyOverflow(M[M[pc + 2]!]!, M[M[pc + 3]!]!, M[pc + 4]!, M[pc + 5] !== 0);
            pc += 6;
            continue;
          case 19: // equal
            M[M[pc + 1]!] = M[M[pc + 2]!]! === M[M[pc + 3]!]! ? 1 : 0;
            pc += 4;
            continue;
          case 20: // less
            M[M[pc + 1]!] = M[M[pc + 2]!]! < M[M[pc + 3]!]! ? 1 : 0;
            pc += 4;
            continue;
          case 21: // choose
            M[M[pc + 1]!] = M[M[pc + 2]!]! !== 0 ? M[M[pc + 3]!]! : M[M[pc + 4]!]!;
            pc += 5;
            continue;
          case 22: {
            // scan
            const v = M[M[pc + 2]!]!;
            M[M[pc + 1]!] = 31 - Math.clz32(M[pc + 3] !== 0 ? v : v & -v);
            pc += 4;
            continue;
          }
          case 23: {
            // rotate
            const operation = M[pc + 2]!;
            const carry =
              operation === ROTATE.rcl || operation === ROTATE.rcr ? carryFlag(M[KIND]!, M[LEFT]!, M[RIGHT]!, M[RESULT]!, M[FLAGS]!) : 0;
            M[M[pc + 1]!] = rotateValue(operation, M[pc + 3]!, M[M[pc + 4]!]!, M[M[pc + 5]!]!, carry);
            pc += 6;
            continue;
          }
          case 24: // rotateFlags
            noteRotate(state, M, M[pc + 1]!, M[pc + 2]!, M[M[pc + 3]!]!, M[M[pc + 4]!]!);
            pc += 5;
            continue;
          case 25: // doubleShift
            M[M[pc + 1]!] = doubleShiftValue(M[pc + 2]!, M[pc + 3]!, M[M[pc + 4]!]!, M[M[pc + 5]!]!, M[M[pc + 6]!]!);
            pc += 7;
            continue;
          case 26: // doubleShiftFlags
            noteDoubleShift(M, M[pc + 1]!, M[pc + 2]!, M[M[pc + 3]!]!, M[M[pc + 4]!]!, M[M[pc + 5]!]!);
            pc += 6;
            continue;
          case 27: // divide
            k = M[pc + 4]!;
            if (!divide(state, M[pc + 1]!, M[pc + 2] !== 0, M[M[pc + 3]!]!, M[pc + 2] === 2)) break fault;
            pc += 5;
            continue;
          case 28: // code
            M[M[pc + 1]!] = this.blocks.codeAt(M[pc + 2]! >>> 0, M[pc + 3]!);
            pc += 4;
            continue;

          case 30: // flagsIncDec
          case 29: {
            // flags
            if (M[pc] === 30 /* flagsIncDec */) keepCarry(M);
            const shift = 32 - (M[pc + 2]! << 3);
            M[KIND] = M[pc + 1]!;
            M[LEFT] = (M[M[pc + 3]!]! << shift) >> shift;
            M[RIGHT] = (M[M[pc + 4]!]! << shift) >> shift;
            M[RESULT] = (M[M[pc + 5]!]! << shift) >> shift;
            pc += 6;
            continue;
          }
          case 31: // carry
            M[M[pc + 1]!] = carryFlag(M[KIND]!, M[LEFT]!, M[RIGHT]!, M[RESULT]!, M[FLAGS]!);
            pc += 2;
            continue;
          case 32: {
            // setFlags
            const mask = M[pc + 2]!;
            if ((mask & STATUS_FLAGS) !== 0) state.materialiseFlags();
            M[FLAGS] = (M[FLAGS]! & ~mask) | (M[M[pc + 1]!]! & mask);
            pc += 3;
            continue;
          }
          case 33: // getFlags
            M[M[pc + 1]!] = state.eflags;
            pc += 2;
            continue;
          case 34: // condition
            M[M[pc + 1]!] = conditionHolds(M[pc + 2]!, M[KIND]!, M[LEFT]!, M[RIGHT]!, M[RESULT]!, M[FLAGS]!) ? 1 : 0;
            pc += 3;
            continue;
          case 35: // stringStep
            M[M[pc + 1]!] = (M[FLAGS]! & FLAG_DF) !== 0 ? -M[pc + 2]! : M[pc + 2]!;
            pc += 3;
            continue;

          case 36: // load8
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = access.load(M[pc + 2] as SegmentIndex, M[M[pc + 3]!]! >>> 0, 1);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 37: // load16
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = access.load(M[pc + 2] as SegmentIndex, M[M[pc + 3]!]! >>> 0, 2);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 38: // load32
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = access.load(M[pc + 2] as SegmentIndex, M[M[pc + 3]!]! >>> 0, 4);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 39: // store8
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            access.store(M[pc + 1] as SegmentIndex, M[M[pc + 2]!]! >>> 0, 1, M[M[pc + 3]!]! & 0xff);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 40: // store16
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            access.store(M[pc + 1] as SegmentIndex, M[M[pc + 2]!]! >>> 0, 2, M[M[pc + 3]!]! & 0xffff);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 41: // store32
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            access.store(M[pc + 1] as SegmentIndex, M[M[pc + 2]!]! >>> 0, 4, M[M[pc + 3]!]! >>> 0);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 42: // probe
            k = M[pc + 4]!;
            M[PROGRESS] = done + k;
            access.prepareStore(M[pc + 1] as SegmentIndex, M[M[pc + 2]!]! >>> 0, M[pc + 3] as OperandSize);
            pc += 5;
            if (M[STOPPED] !== 0) break fault;
            continue;

          case 43: // raise
            k = M[pc + 3]!;
            state.raise(M[pc + 1]!, M[pc + 2]!);
            break fault;
          case 44: // raiseIf
            k = M[pc + 4]!;
            if (M[M[pc + 1]!] !== 0) {
              state.raise(M[pc + 2]!, M[pc + 3]!);
              break fault;
            }
            pc += 5;
            continue;
          case 45: // checkTarget
            k = M[pc + 2]!;
            if (M[M[pc + 1]!]! >>> 0 > M[CS_LIMIT]! >>> 0) {
              state.raise(EXCEPTION.GP, 0);
              break fault;
            }
            pc += 3;
            continue;
          case 46: // checkVirtual
            k = M[pc + 2]!;
            if (state.virtual8086 && state.iopl < 3) {
              state.raise(EXCEPTION.GP, 0);
              break fault;
            }
            pc += 3;
            continue;
          case 47: // unknown
            k = M[pc + 1]!;
            this.unknownOpcodes++;
            state.raise(EXCEPTION.UD);
            break fault;

          case 48: // advance
            advanced = true;
            this.advancedBy = M[pc + 1]!;
            advancedFrom = M[RIP]!;
            M[RIP] = advancedFrom + M[pc + 1]!;
            pc += 2;
            continue;
          case 49: // nextRip
            M[M[pc + 1]!] = M[RIP]! + M[pc + 2]!;
            pc += 3;
            continue;
          case 50: // call
            k = M[pc + 6]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = callSystem(state, this.system, M[pc + 2]!, M[M[pc + 3]!]!, M[M[pc + 4]!]!, M[M[pc + 5]!]!);
            pc += 7;
            if (M[STOPPED] !== 0) break fault;
            continue;

          case 51: // exitIfZero
            if (M[M[pc + 1]!] !== 0) {
              pc += 4;
              continue;
            }
            M[RIP] = M[RIP]! + M[pc + 2]!;
            done += M[header]!;
            this.link = M[pc + 3] === 0 ? pc + 3 : 0;
            pc = M[pc + 3]!;
            if (pc !== 0 && done + M[pc]! <= limit && (M[pc + HEAT] = M[pc + HEAT]! - 1) > 0) {
              header = pc;
              this.header = header;
              this.before = done;
              pc += HEADER_WORDS;
              continue;
            }
            M[PROGRESS] = 0;
            return done;
          case 52: {
            // goto
            M[RIP] = M[RIP]! + M[pc + 1]!;
            done += M[header]!;
            const link = M[pc + 2]!;
            if (link !== 0 && done + M[link]! <= limit && (M[link + HEAT] = M[link + HEAT]! - 1) > 0) {
              header = link;
              this.header = header;
              this.before = done;
              pc = link + HEADER_WORDS;
              continue;
            }
            if (link === 0) this.link = pc + 2;
            M[PROGRESS] = 0;
            return done;
          }
          case 53: {
            // jump
            const target = M[RIP]! + M[pc + 1]!;
            done += M[header]!;
            if (M[pc + 2] === 2 && target !== (target & 0xffff)) {
              M[RIP] = target & 0xffff;
              M[PROGRESS] = 0;
              return done;
            }
            M[RIP] = target;
            const link = M[pc + 3]!;
            if (link !== 0 && done + M[link]! <= limit && (M[link + HEAT] = M[link + HEAT]! - 1) > 0) {
              header = link;
              this.header = header;
              this.before = done;
              pc = link + HEADER_WORDS;
              continue;
            }
            if (link === 0) this.link = pc + 3;
            M[PROGRESS] = 0;
            return done;
          }
          case 54: // branch
          case 55: {
            // branchIf
            const taken =
              M[pc] === 55 /* branchIf */
                ? M[M[pc + 1]!] !== 0
                : conditionHolds(M[pc + 1]!, M[KIND]!, M[LEFT]!, M[RIGHT]!, M[RESULT]!, M[FLAGS]!);
            const target = M[RIP]! + (taken ? M[pc + 2]! : M[pc + 3]!);
            done += M[header]!;
            if (taken && M[pc + 4] === 2 && target !== (target & 0xffff)) {
              M[RIP] = target & 0xffff;
              M[PROGRESS] = 0;
              return done;
            }
            M[RIP] = target;
            const at = taken ? pc + 5 : pc + 6;
            const link = M[at]!;
            if (link !== 0 && done + M[link]! <= limit && (M[link + HEAT] = M[link + HEAT]! - 1) > 0) {
              header = link;
              this.header = header;
              this.before = done;
              pc = link + HEADER_WORDS;
              continue;
            }
            if (link === 0) this.link = at;
            M[PROGRESS] = 0;
            return done;
          }
          case 56: {
            // jumpTo
            const target = M[M[pc + 1]!]!;
            M[RIP] = target;
            done += M[header]!;
            const offset = (target - pageRip) >>> 0;
            if (offset < entries.length) {
              const next = entries[offset]!;
              if (next !== 0 && done + M[next]! <= limit && (M[next + HEAT] = M[next + HEAT]! - 1) > 0) {
                header = next;
                this.header = header;
                this.before = done;
                pc = next + HEADER_WORDS;
                continue;
              }
            }
            M[PROGRESS] = 0;
            return done;
          }
          case 57: // leave
            this.left = true;
            M[PROGRESS] = 0;
            return done + M[header]!;
          case 58: {
            // addFlags
            const a = M[M[pc + 2]!]!;
            const b = M[M[pc + 3]!]!;
            const r = (a + b) | 0;
            M[KIND] = LAZY.add;
            M[LEFT] = a;
            M[RIGHT] = b;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 59: {
            // subFlags
            const a = M[M[pc + 2]!]!;
            const b = M[M[pc + 3]!]!;
            const r = (a - b) | 0;
            M[KIND] = LAZY.sub;
            M[LEFT] = a;
            M[RIGHT] = b;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 60: {
            // andFlags
            const r = M[M[pc + 2]!]! & M[M[pc + 3]!]!;
            M[KIND] = LAZY.logic;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 61: {
            // orFlags
            const r = M[M[pc + 2]!]! | M[M[pc + 3]!]!;
            M[KIND] = LAZY.logic;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 62: {
            // xorFlags
            const r = M[M[pc + 2]!]! ^ M[M[pc + 3]!]!;
            M[KIND] = LAZY.logic;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 63: // incFlags
          case 64: {
            // decFlags
            keepCarry(M);
            const down = M[pc] === 64; /* decFlags */
            const a = M[M[pc + 2]!]!;
            const r = (down ? a - 1 : a + 1) | 0;
            M[KIND] = down ? LAZY.dec : LAZY.inc;
            M[LEFT] = a;
            M[RIGHT] = 1;
            M[RESULT] = r;
            M[M[pc + 1]!] = r;
            pc += 4;
            continue;
          }
          case 65: {
            // compare
            const a = M[M[pc + 1]!]!;
            const b = M[M[pc + 2]!]!;
            M[KIND] = LAZY.sub;
            M[LEFT] = a;
            M[RIGHT] = b;
            M[RESULT] = a - b;
            pc += 3;
            continue;
          }
          case 66: // test
            M[KIND] = LAZY.logic;
            M[RESULT] = M[M[pc + 1]!]! & M[M[pc + 2]!]!;
            pc += 3;
            continue;
          case 67: // load32At
            k = M[pc + 5]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = access.load(M[pc + 2] as SegmentIndex, (M[M[pc + 3]!]! + M[M[pc + 4]!]!) >>> 0, 4);
            pc += 6;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 68: // load8At
            k = M[pc + 5]!;
            M[PROGRESS] = done + k;
            M[M[pc + 1]!] = access.load(M[pc + 2] as SegmentIndex, (M[M[pc + 3]!]! + M[M[pc + 4]!]!) >>> 0, 1);
            pc += 6;
            if (M[STOPPED] !== 0) break fault;
            continue;
          case 69: // store32At
            k = M[pc + 5]!;
            M[PROGRESS] = done + k;
            access.store(M[pc + 1] as SegmentIndex, (M[M[pc + 2]!]! + M[M[pc + 3]!]!) >>> 0, 4, M[M[pc + 4]!]! >>> 0);
            pc += 6;
            if (M[STOPPED] !== 0) break fault;
            continue;
          default:
            throw new RangeError(`there is no operation ${M[pc]} at word ${pc}`);
        }
      }
      // `stop` is set by instruction k of the block
      if (M[STOPPED] === STOP.fault || M[STOPPED] === STOP.exit) {
        const block = this.blocks.at(header);
        M[RIP] = (advanced ? advancedFrom : M[RIP]!) + block.offsets[k]!;
        state.instructionLength = block.lengths[k]!;
        M[PROGRESS] = 0;
        return done + k;
      }
      // the instruction completes; nothing is executed after it
      if (k + 1 < M[header]!) {
        endIndex = k + 1;
        end = this.blocks.at(header).starts[endIndex]!;
      }
      limit = done + M[header]!;
    }
    M[RIP] = M[RIP]! + this.blocks.at(header).offsets[endIndex]!;
    M[PROGRESS] = 0;
    return done + endIndex;
  }
}
