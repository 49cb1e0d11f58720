/**
 * Bytes to instruction, after the opcode table. Prefixes in any order, at most 15 bytes in all (SDM vol. 2, 2.1 and 2.3.11),
 * 16- and 32-bit operand and address sizes, ModRM and SIB. Decoding reads nothing but the bytes.
 */
import { LEVEL } from '../instruction-set';
import type { SegmentIndex } from '../runtime';
import { NO_REGISTER, type DecodeMode, type Instruction, type RepeatPrefix } from './instruction';
import { NO_ADDRESS_8086, OPCODE_SLOTS, opcodeSlots, type Operand, type Row } from './table';

export const MAX_INSTRUCTION_LENGTH = 15;

/**
 * `truncated`: the bytes given end within the instruction. `unknown`: an opcode the table does not have (#UD). `invalid`: a known
 * one with a register where it needs memory, or LOCK where it is not allowed (#UD). `too-long`: more than 15 bytes (#GP(0)).
 */
export type DecodeResult = Instruction | 'truncated' | 'unknown' | 'invalid' | 'too-long';

/** 16-bit address forms by rm: base and index register (SDM vol. 2, table 2-1). */
const FORMS_16: readonly (readonly [base: number, index: number])[] = [
  [3, 6], [3, 7], [5, 6], [5, 7], [6, NO_REGISTER], [7, NO_REGISTER], [5, NO_REGISTER], [3, NO_REGISTER],
]; // prettier-ignore

class OutOfBytes {}
const OUT_OF_BYTES = new OutOfBytes();

class Cursor {
  constructor(
    private readonly bytes: Uint8Array,
    readonly start: number,
    private readonly end: number,
    public at = start,
  ) {}
  u8(): number {
    if (this.at >= this.end) throw OUT_OF_BYTES;
    return this.bytes[this.at++]!;
  }
  i8(): number {
    return (this.u8() << 24) >> 24;
  }
  u16(): number {
    const low = this.u8();
    return low | (this.u8() << 8);
  }
  i16(): number {
    return (this.u16() << 16) >> 16;
  }
  i32(): number {
    const low = this.u16();
    return low | (this.u16() << 16);
  }
  get length(): number {
    return this.at - this.start;
  }
}

interface Prefixes {
  operandSize: boolean;
  addressSize: boolean;
  segment: SegmentIndex | -1;
  repeat: RepeatPrefix;
  lock: boolean;
}

/** True when the byte was a prefix, which is then noted. The 8086 has no others than these: LOCK (twice), REP and segments. */
function prefix8086(byte: number, found: Prefixes): boolean {
  if (byte === 0xf1) return true;
  return (byte & 0xfc) === 0x64 ? false : prefix(byte, found);
}

/** True when the byte was a prefix, which is then noted. */
function prefix(byte: number, found: Prefixes): boolean {
  switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
      found.segment = ((byte >> 3) & 3) as SegmentIndex;
      return true; // prettier-ignore
    case 0x64:
    case 0x65:
      found.segment = (byte & 7) as SegmentIndex;
      return true; // prettier-ignore
    case 0x66:
      found.operandSize = true;
      return true;
    case 0x67:
      found.addressSize = true;
      return true;
    case 0xf0:
      found.lock = true;
      return true;
    case 0xf2:
      found.repeat = 'repne';
      return true;
    case 0xf3:
      found.repeat = 'repe';
      return true;
    default:
      return false;
  }
}

/**
 * Decodes the instruction at `start`; bytes from `end` on are not looked at.
 * @returns the instruction, or why there is none
 */
export function decode(bytes: Uint8Array, start: number, end: number, mode: DecodeMode): DecodeResult {
  const limit = Math.min(end, start + MAX_INSTRUCTION_LENGTH);
  try {
    return decodeFrom(new Cursor(bytes, start, limit), mode);
  } catch (error) {
    if (error !== OUT_OF_BYTES) throw error;
    return end > limit || limit - start === MAX_INSTRUCTION_LENGTH ? 'too-long' : 'truncated';
  }
}

function decodeFrom(cursor: Cursor, mode: DecodeMode): DecodeResult {
  const found: Prefixes = { operandSize: false, addressSize: false, segment: -1, repeat: 'none', lock: false };
  const is8086 = mode.level === LEVEL.i8086;
  const isPrefix = is8086 ? prefix8086 : prefix;
  let opcode = cursor.u8();
  while (isPrefix(opcode, found)) opcode = cursor.u8();
  let slotIndex = opcode;
  if (opcode === 0x0f && !is8086) {
    opcode = cursor.u8();
    slotIndex = 0x100 | opcode;
  }
  const slot = (mode.level === undefined ? OPCODE_SLOTS : opcodeSlots(mode.level))[slotIndex];
  if (slot === undefined) return 'unknown';
  const operandSize = found.operandSize === mode.code32 ? 2 : 4;
  const addressSize = found.addressSize === mode.code32 ? 2 : 4;
  const instruction: Instruction = {
    row: slot.forms[0]!,
    length: 0,
    opcode,
    operandSize,
    addressSize,
    segmentOverride: found.segment,
    repeat: found.repeat,
    lock: found.lock,
    mod: 3,
    reg: 0,
    rm: 0,
    base: NO_REGISTER,
    index: NO_REGISTER,
    scale: 0,
    displacement: 0,
    immediate: 0,
    immediate2: 0,
    displacementAt: 0,
    displacementBytes: 0,
    immediateAt: 0,
  };
  if (slot.modrm) {
    const modrm = cursor.u8();
    instruction.reg = (modrm >> 3) & 7;
    const row = slot.exact?.get(modrm) ?? (slot.forms.length === 1 ? slot.forms[0] : slot.forms[instruction.reg]);
    if (row === undefined) return 'unknown';
    instruction.row = row;
    instruction.mod = modrm >> 6;
    instruction.rm = modrm & 7;
    if (row.operands.includes('Rd')) instruction.mod = 3;
    if (instruction.mod !== 3) address(cursor, instruction);
  }
  if (is8086 && instruction.row.memoryOnly && instruction.mod === 3) instruction.row = NO_ADDRESS_8086;
  const row = instruction.row;
  immediates(cursor, instruction, row);
  // only behind the last byte: a fault in fetching it comes before #UD
  if (!is8086) {
    if (row.memoryOnly && instruction.mod === 3) return 'invalid';
    if (instruction.lock && !(row.lock && slot.modrm && instruction.mod !== 3)) return 'invalid';
  }
  instruction.length = cursor.length;
  return instruction;
}

/** How many bytes the displacement has that has just been read. */
function noteDisplacement(cursor: Cursor, instruction: Instruction, bytes: number): void {
  instruction.displacementAt = cursor.length - bytes;
  instruction.displacementBytes = bytes;
}

function address(cursor: Cursor, instruction: Instruction): void {
  const { mod, rm } = instruction;
  if (instruction.addressSize === 2) {
    if (mod === 0 && rm === 6) {
      instruction.displacement = cursor.u16();
      return noteDisplacement(cursor, instruction, 2);
    }
    const [base, index] = FORMS_16[rm]!;
    instruction.base = base;
    instruction.index = index;
    if (mod === 1) instruction.displacement = cursor.i8();
    else if (mod === 2) instruction.displacement = cursor.i16();
    return noteDisplacement(cursor, instruction, mod);
  }
  let base = rm;
  if (rm === 4) {
    const sib = cursor.u8();
    base = sib & 7;
    const index = (sib >> 3) & 7;
    if (index !== 4) {
      instruction.index = index;
      instruction.scale = sib >> 6;
    }
  }
  if (mod === 0 && base === 5) {
    instruction.displacement = cursor.i32();
    return noteDisplacement(cursor, instruction, 4);
  }
  instruction.base = base;
  if (mod === 1) instruction.displacement = cursor.i8();
  else if (mod === 2) instruction.displacement = cursor.i32();
  noteDisplacement(cursor, instruction, mod === 2 ? 4 : mod);
}

function immediates(cursor: Cursor, instruction: Instruction, row: Row): void {
  let count = 0;
  const first = cursor.length;
  const put = (value: number): void => {
    if (count++ === 0) {
      instruction.immediate = value;
      instruction.immediateAt = first;
    } else instruction.immediate2 = value;
  };
  const wide = instruction.operandSize === 4;
  for (const operand of row.operands as readonly Operand[]) {
    switch (operand) {
      case 'Ib':
        put(cursor.u8());
        break;
      case 'Is':
      case 'Jb':
        put(cursor.i8());
        break;
      case 'Iw':
        put(cursor.u16());
        break;
      case 'Iv':
      case 'Jv':
        put(wide ? cursor.i32() : cursor.i16());
        break;
      case 'Ob':
      case 'Ov':
        instruction.mod = 0;
        instruction.displacement = instruction.addressSize === 4 ? cursor.i32() : cursor.u16();
        noteDisplacement(cursor, instruction, instruction.addressSize);
        break;
      case 'Ap':
        put(wide ? cursor.i32() : cursor.u16());
        put(cursor.u16());
        break;
    }
  }
}
