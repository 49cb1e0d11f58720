/**
 * The one place that touches iced-x86: which forms every mnemonic has, and the bytes of one form. iced's encoder is
 * WebAssembly: Node loads it as published, the renderer through a plugin of the build.
 */
import {
  Code,
  CodeExt,
  Encoder,
  EncodingKind,
  Instruction,
  MandatoryPrefix,
  MemorySizeExt,
  Mnemonic,
  OpCodeOperandKind,
  OpKind,
  Register,
} from 'iced-x86';

export type Bits = 16 | 32 | 64;

/** One way to encode a mnemonic. */
export interface Form {
  code: number;
  /** OpCodeOperandKind names: `r32_or_mem`, `imm8sex32`, `br32_1`, … */
  operands: string[];
  /** bits the operand size prefix selects: 0 (none), 16, 32 or 64 */
  operandSize: number;
  /** bytes; 0 when the memory operand has no size of its own */
  memoryBytes: number;
  /** 66, F2 or F3 belongs to the opcode */
  mandatoryPrefix: number;
  modes: Record<Bits, boolean>;
}

export type RegisterClass = 'r8' | 'r16' | 'r32' | 'r64' | 'segment' | 'control' | 'debug' | 'test' | 'st' | 'mm' | 'xmm';

export interface RegisterInfo {
  name: string;
  id: number;
  class: RegisterClass;
  /** its number in its class, as encoded */
  number: number;
}

const GENERAL = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const LOW_BYTES = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];

/** Lower-case NASM name → register. */
export const REGISTERS: ReadonlyMap<string, RegisterInfo> = (() => {
  const map = new Map<string, RegisterInfo>();
  const add = (name: string, iced: string, kind: RegisterClass, number: number): void => {
    const id = (Register as unknown as Record<string, number | undefined>)[iced.toUpperCase()];
    if (id !== undefined) map.set(name, { name, id, class: kind, number });
  };
  LOW_BYTES.forEach((name, index) => add(name, name, 'r8', index));
  ['spl', 'bpl', 'sil', 'dil'].forEach((name, index) => add(name, name, 'r8', index + 4));
  GENERAL.forEach((name, index) => {
    add(name, name, 'r16', index);
    add('e' + name, 'e' + name, 'r32', index);
    add('r' + name, 'r' + name, 'r64', index);
  });
  for (let index = 8; index < 16; index++) {
    add(`r${index}b`, `r${index}l`, 'r8', index);
    add(`r${index}w`, `r${index}w`, 'r16', index);
    add(`r${index}d`, `r${index}d`, 'r32', index);
    add(`r${index}`, `r${index}`, 'r64', index);
  }
  ['es', 'cs', 'ss', 'ds', 'fs', 'gs'].forEach((name, index) => add(name, name, 'segment', index));
  for (let index = 0; index < 16; index++) {
    if (index < 8) {
      add(`st${index}`, `st${index}`, 'st', index);
      add(`mm${index}`, `mm${index}`, 'mm', index);
      add(`tr${index}`, `tr${index}`, 'test', index);
    }
    add(`cr${index}`, `cr${index}`, 'control', index);
    add(`dr${index}`, `dr${index}`, 'debug', index);
    add(`xmm${index}`, `xmm${index}`, 'xmm', index);
  }
  return map;
})();

const mnemonicNames = Mnemonic as unknown as Record<number, string | undefined>;
const operandKindNames = OpCodeOperandKind as unknown as Record<number, string>;
const codeNames = Code as unknown as Record<string, number | string>;

let forms: Map<string, Form[]> | null = null;

/** Every legacy-encoded form by lower-case mnemonic, in iced's order. Built at the first use. */
export function instructionForms(): ReadonlyMap<string, readonly Form[]> {
  if (forms) return forms;
  const built = new Map<string, Form[]>();
  for (const code of Object.values(codeNames)) {
    if (typeof code !== 'number') continue;
    const info = CodeExt.opCode(code);
    if (
      info.isInstruction &&
      info.encoding === EncodingKind.Legacy &&
      !info.isReservedNop &&
      !/486_|_82$/.test(codeNames[code] as string)
    ) {
      const name = (mnemonicNames[info.mnemonic] ?? '').toLowerCase();
      const operands = Array.from({ length: info.opCount }, (_, index) => operandKindNames[info.opKind(index)]!);
      const form: Form = {
        code,
        operands,
        operandSize: info.operandSize,
        memoryBytes: MemorySizeExt.size(info.memorySize),
        mandatoryPrefix:
          { [MandatoryPrefix.P66]: 0x66, [MandatoryPrefix.PF3]: 0xf3, [MandatoryPrefix.PF2]: 0xf2 }[info.mandatoryPrefix as number] ?? 0,
        modes: { 16: info.mode16, 32: info.mode32, 64: info.mode64 },
      };
      const list = built.get(name);
      if (list) list.push(form);
      else built.set(name, [form]);
    }
    info.free();
  }
  forms = built;
  return built;
}

/** An operand whose numbers are known. */
export type EncoderOperand =
  | { kind: 'register'; id: number }
  | { kind: 'immediate'; value: bigint }
  | { kind: 'far'; selector: number; offset: number }
  | {
      kind: 'memory';
      base: number;
      index: number;
      scale: number;
      displacement: bigint;
      /** 0 none, 1 as short as it gets, else that many bytes */
      displacementBytes: 0 | 1 | 2 | 4 | 8;
    };

/** OpKind and setter of an immediate, by the form's operand kind. */
function setImmediate(instruction: Instruction, index: number, kind: string, value: bigint): void {
  const low = (bits: number): number => Number(BigInt.asUintN(bits, value));
  const lowSigned = (bits: number): number => Number(BigInt.asIntN(bits, value));
  switch (kind) {
    case 'imm8':
    case 'imm8_const_1':
    case 'imm4_m2z':
      if (index > 0 && instruction.opKind(index - 1) === OpKind.Immediate16) {
        instruction.setOpKind(index, OpKind.Immediate8_2nd);
        instruction.immediate8_2nd = low(8);
        return;
      }
      instruction.setOpKind(index, OpKind.Immediate8);
      instruction.immediate8 = low(8);
      return;
    case 'imm8sex16':
      instruction.setOpKind(index, OpKind.Immediate8to16);
      instruction.immediate8to16 = lowSigned(8);
      return;
    case 'imm8sex32':
      instruction.setOpKind(index, OpKind.Immediate8to32);
      instruction.immediate8to32 = lowSigned(8);
      return;
    case 'imm8sex64':
      instruction.setOpKind(index, OpKind.Immediate8to64);
      instruction.immediate8to64 = BigInt.asIntN(8, value);
      return;
    case 'imm16':
      instruction.setOpKind(index, OpKind.Immediate16);
      instruction.immediate16 = low(16);
      return;
    case 'imm32':
      instruction.setOpKind(index, OpKind.Immediate32);
      instruction.immediate32 = low(32);
      return;
    case 'imm32sex64':
      instruction.setOpKind(index, OpKind.Immediate32to64);
      instruction.immediate32to64 = BigInt.asIntN(32, value);
      return;
    default:
      instruction.setOpKind(index, OpKind.Immediate64);
      instruction.immediate64 = BigInt.asUintN(64, value);
  }
}

function setOperand(instruction: Instruction, index: number, kind: string, operand: EncoderOperand): void {
  switch (operand.kind) {
    case 'register':
      instruction.setOpKind(index, OpKind.Register);
      instruction.setOpRegister(index, operand.id);
      return;
    case 'memory':
      instruction.setOpKind(index, OpKind.Memory);
      instruction.memoryBase = operand.base;
      instruction.memoryIndex = operand.index;
      instruction.memoryIndexScale = operand.scale;
      instruction.memoryDisplacement = operand.displacement;
      instruction.memoryDisplSize = operand.displacementBytes;
      return;
    case 'far':
      if (kind === 'farbr2_2') {
        instruction.setOpKind(index, OpKind.FarBranch16);
        instruction.farBranch16 = operand.offset & 0xffff;
      } else {
        instruction.setOpKind(index, OpKind.FarBranch32);
        instruction.farBranch32 = operand.offset >>> 0;
      }
      instruction.farBranchSelector = operand.selector & 0xffff;
      return;
    case 'immediate':
      if (kind.startsWith('br16')) {
        instruction.setOpKind(index, OpKind.NearBranch16);
        instruction.nearBranch16 = Number(BigInt.asUintN(16, operand.value));
      } else if (kind.startsWith('br32')) {
        instruction.setOpKind(index, OpKind.NearBranch32);
        instruction.nearBranch32 = Number(BigInt.asUintN(32, operand.value));
      } else if (kind.startsWith('br64')) {
        instruction.setOpKind(index, OpKind.NearBranch64);
        instruction.nearBranch64 = BigInt.asUintN(64, operand.value);
      } else setImmediate(instruction, index, kind, operand.value);
  }
}

const LEGACY_PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3, 0x66, 0x67]);

/**
 * Bytes of one form at an address, prefixes in NASM's order (operand size, address size, then what belongs to the opcode);
 * null when the operands do not fit the form (a branch too far, an address no ModRM byte can express).
 */
export function encodeForm(form: Form, operands: readonly EncoderOperand[], bits: Bits, address: number): Uint8Array | null {
  const instruction = new Instruction();
  const encoder = new Encoder(bits);
  try {
    instruction.code = form.code;
    operands.forEach((operand, index) => setOperand(instruction, index, form.operands[index]!, operand));
    encoder.encode(instruction, BigInt(address));
    const bytes = encoder.takeBuffer();
    let at = 0;
    while (LEGACY_PREFIXES.has(bytes[at]!)) at++;
    if (at < 2) return bytes;
    const prefixes = [...bytes.subarray(0, at)];
    const rank = (byte: number): number => (byte === form.mandatoryPrefix ? 3 : byte === 0x67 ? 2 : byte === 0x66 ? 1 : 0);
    bytes.set(prefixes.sort((left, right) => rank(left) - rank(right)));
    return bytes;
  } catch {
    return null;
  } finally {
    instruction.free();
    encoder.free();
  }
}
