/**
 * Our decoder against iced-x86, over random byte strings in 16- and 32-bit mode: what is an instruction, how long it is, and all
 * of its operands. `npm run test:decode` compares a million strings of each mode.
 */
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction as IcedInstruction, OpKind, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { LEVEL, type Level } from '../instruction-set';
import { decode } from './decoder';
import { NO_REGISTER, type Instruction } from './instruction';
import { random } from '../../random.spec-support';

const STRINGS = Number(process.env['PAGEWALK_DECODE_STRINGS'] ?? 30_000);
const BYTES = 24;

/** iced without what came after the P6: TZCNT, LZCNT, WBNOINVD; the whole space of multi-byte NOPs. */
const OPTIONS =
  DecoderOptions.ForceReservedNop |
  DecoderOptions.NoPause |
  DecoderOptions.NoWbnoinvd |
  DecoderOptions.NoMPFX_0FBC |
  DecoderOptions.NoMPFX_0FBD;

/** The instruction set that brought a feature of iced's; what is not listed none of our processors has. */
const FEATURE_LEVEL: Readonly<Record<string, Level>> = {
  INTEL8086: LEVEL.i386, INTEL186: LEVEL.i386, INTEL286: LEVEL.i386, INTEL386: LEVEL.i386, MOV_TR: LEVEL.i386,
  FPU: LEVEL.i386, FPU287: LEVEL.i386, FPU387: LEVEL.i386,
  INTEL486: LEVEL.pentium, CPUID: LEVEL.pentium, TSC: LEVEL.pentium, MSR: LEVEL.pentium, CX8: LEVEL.pentium,
  CMOV: LEVEL.p6, SEP: LEVEL.p6, MULTIBYTENOP: LEVEL.p6,
}; // prettier-ignore

/** Forms that decode and raise #UD only when they are executed, which iced refuses at once. */
const REFUSED_LATER: Readonly<Record<string, string>> = {
  escape: 'an escape that means nothing: no coprocessor is there to say so',
  movFromControl: 'a control register that does not exist',
  movToControl: 'a control register that does not exist',
  movFromTest: 'a test register that does not exist',
  movToTest: 'a test register that does not exist',
  movFromSegment: 'a segment register that does not exist',
  movToSegment: 'a segment register that does not exist, or CS',
};

const NAMES_8 = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'];
const NAMES_16 = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const general = (size: number, index: number): string =>
  size === 1 ? NAMES_8[index]! : size === 2 ? NAMES_16[index]! : `E${NAMES_16[index]!}`;
/** The register whatever its width: iced shows a 16-bit source as the 32-bit register it lies in. */
const anyWidth = (name: string): string => name.replace(/^E(?=..$)/, '');

function ourMemory(instruction: Instruction): string {
  const { base, index, scale, displacement, addressSize, segmentOverride } = instruction;
  const stack = base === 5 || (base === 4 && addressSize === 4);
  const segment = SEGMENTS[segmentOverride >= 0 ? segmentOverride : stack ? 2 : 3]!;
  const name = (register: number): string => (register === NO_REGISTER ? '-' : general(addressSize, register));
  const offset = addressSize === 2 ? displacement & 0xffff : displacement >>> 0;
  return `${instruction.row.name === 'lea' ? '' : segment}:${name(base)}+${name(index)}*${index === NO_REGISTER ? 1 : 1 << scale}+${offset}`;
}

/** Explicit operands in order; undefined where the table names none. */
function ourOperands(instruction: Instruction): string[] | undefined {
  const { row, operandSize, mod, reg, rm, opcode, length } = instruction;
  let immediates = 0;
  const immediate = (): number => (immediates++ === 0 ? instruction.immediate : instruction.immediate2);
  if (row.operands.length === 0 || row.name === 'escape') return undefined;
  const kept = row.name === 'loadFarPointer' ? row.operands.slice(0, 2) : row.operands;
  return kept.map((operand) => {
    const size = operand.endsWith('b') ? 1 : operand.endsWith('w') ? 2 : operand.endsWith('d') ? 4 : operandSize;
    switch (operand) {
      case 'AL':
      case 'CL':
      case 'DX':
      case 'ES':
      case 'CS':
      case 'SS':
      case 'DS':
      case 'FS':
      case 'GS':
        return operand; // prettier-ignore
      case 'eAX':
        return anyWidth(general(operandSize, 0));
      case '1':
        return '#1';
      case 'Ap':
        return `${instruction.immediate2}:${operandSize === 2 ? instruction.immediate & 0xffff : instruction.immediate >>> 0}`;
      case 'Jb':
      case 'Jv':
        return `to ${operandSize === 2 ? (length + instruction.immediate) & 0xffff : (length + instruction.immediate) >>> 0}`;
      case 'Sw':
        return SEGMENTS[reg] ?? `?${reg}`;
      case 'Cd':
        return `CR${reg}`;
      case 'Dd':
        return `DR${reg}`;
      case 'Td':
        return `TR${reg}`;
      case 'Rd':
        return anyWidth(general(4, rm));
      case 'M':
      case 'Mp':
      case 'Ob':
      case 'Ov':
        return ourMemory(instruction);
    }
    if (operand[0] === 'I') {
      const bits = operand === 'Is' || operand === 'Iv' ? operandSize * 8 : size * 8;
      return `#${bits === 32 ? immediate() >>> 0 : immediate() & (2 ** bits - 1)}`;
    }
    if (operand[0] === 'Z') return anyWidth(general(size, opcode & 7));
    if (operand[0] === 'G') return anyWidth(general(size, reg));
    return mod === 3 ? anyWidth(general(size, rm)) : ourMemory(instruction);
  });
}

function theirOperand(instruction: IcedInstruction, position: number, isLea: boolean): string {
  switch (instruction.opKind(position)) {
    case OpKind.Register:
      return anyWidth(Register[instruction.opRegister(position)]!);
    case OpKind.NearBranch16:
      return `to ${instruction.nearBranch16}`;
    case OpKind.NearBranch32:
      return `to ${instruction.nearBranch32}`;
    case OpKind.FarBranch16:
      return `${instruction.farBranchSelector}:${instruction.farBranch16}`;
    case OpKind.FarBranch32:
      return `${instruction.farBranchSelector}:${instruction.farBranch32}`;
    case OpKind.Immediate8:
      return `#${instruction.immediate8}`;
    case OpKind.Immediate8_2nd:
      return `#${instruction.immediate8_2nd}`;
    case OpKind.Immediate16:
      return `#${instruction.immediate16}`;
    case OpKind.Immediate32:
      return `#${instruction.immediate32 >>> 0}`;
    case OpKind.Immediate8to16:
      return `#${instruction.immediate8to16 & 0xffff}`;
    case OpKind.Immediate8to32:
      return `#${instruction.immediate8to32 >>> 0}`;
    case OpKind.Memory: {
      const name = (register: Register): string => (register === Register.None ? '-' : Register[register]!);
      const wide = /^E/.test(name(instruction.memoryBase)) || /^E/.test(name(instruction.memoryIndex)) || instruction.memoryDisplSize === 4;
      const offset = Number(BigInt.asUintN(wide ? 32 : 16, BigInt(instruction.memoryDisplacement)));
      const segment = isLea ? '' : Register[instruction.memorySegment]!;
      return `${segment}:${name(instruction.memoryBase)}+${name(instruction.memoryIndex)}*${instruction.memoryIndex === Register.None ? 1 : instruction.memoryIndexScale}+${offset}`;
    }
    default:
      return `kind ${OpKind[instruction.opKind(position)]}`;
  }
}

interface Comparison {
  agreed: number;
  /** by the reason that allows them */
  exceptions: Map<string, number>;
  differences: string[];
}

/** Compares `count` strings. `first`: bytes that begin each string, for a closer look at one map. */
function compare(code32: boolean, level: Level, count: number, seed: number, first: readonly number[] = []): Comparison {
  const next = random(seed);
  const result: Comparison = { agreed: 0, exceptions: new Map(), differences: [] };
  const theirs = new IcedInstruction();
  const perBatch = 2000;
  for (let done = 0; done < count; done += perBatch) {
    const strings = Math.min(perBatch, count - done);
    const bytes = Uint8Array.from({ length: strings * BYTES }, () => next());
    for (let n = 0; n < strings; n++) bytes.set(first, n * BYTES);
    // only the 80386 has the TLB's test registers
    const decoder = new Decoder(code32 ? 32 : 16, bytes, level === LEVEL.i386 ? OPTIONS | DecoderOptions.MovTr : OPTIONS);
    for (let n = 0; n < strings; n++) {
      const at = n * BYTES;
      decoder.position = at;
      decoder.ip = 0n;
      decoder.decodeOut(theirs);
      judge(decode(bytes, at, at + BYTES, { code32, level }), theirs, level, result, () =>
        Buffer.from(bytes.subarray(at, at + 15)).toString('hex'),
      );
    }
    decoder.free();
  }
  theirs.free();
  return result;
}

function judge(ours: ReturnType<typeof decode>, theirs: IcedInstruction, level: Level, result: Comparison, text: () => string): void {
  const except = (reason: string): void => void result.exceptions.set(reason, (result.exceptions.get(reason) ?? 0) + 1);
  const differ = (what: string): void => {
    if (result.differences.length < 20) result.differences.push(`${text()}: ${what} (${Code[theirs.code]})`);
  };
  const refused = typeof ours === 'string';
  if (theirs.code === Code.INVALID) {
    if (refused) result.agreed++;
    else if (REFUSED_LATER[ours.row.name] !== undefined) except(REFUSED_LATER[ours.row.name]!);
    else differ(`we take it for ${ours.row.name}`);
    return;
  }
  // an escape or an undefined opcode with a name of its own is the same thing whatever brought it
  const same = !refused && (ours.row.name === 'escape' || ours.row.name === 'ud');
  const features = [...theirs.cpuidFeatures()].map((feature) => CpuidFeature[feature]!);
  const missing = same ? undefined : features.find((name) => (FEATURE_LEVEL[name] ?? 99) > level);
  if (missing !== undefined && !(ours !== null && !refused && ours.row.name === 'vmcall')) {
    if (refused) except(`${missing} is not in this processor`);
    else differ(`we know it as ${ours.row.name}, but it came with ${missing}`);
    return;
  }
  if (refused) {
    if (/^Reservednop_.*_0F0D$/.test(Code[theirs.code]!)) except('0F 0D is a hint of later processors');
    else if (/^Ud0_/.test(Code[theirs.code]!)) result.agreed++;
    else differ(`we say ${ours}`);
    return;
  }
  if (ours.length !== theirs.length) return differ(`${ours.row.name} has ${ours.length} bytes, iced says ${theirs.length}`);
  const operands = ours.row.name === 'ud' ? undefined : ourOperands(ours);
  if (operands !== undefined) {
    const their = operands.map((_operand, position) => theirOperand(theirs, position, ours.row.name === 'lea'));
    if (operands.some((operand, position) => operand !== their[position]))
      return differ(`${operands.join(', ')}; iced: ${their.join(', ')}`);
  }
  result.agreed++;
}

describe.each([16, 32])('%i-bit code', (bits) => {
  it(`${STRINGS} random strings: the same instructions, lengths and operands`, () => {
    const { agreed, exceptions, differences } = compare(bits === 32, LEVEL.p6, STRINGS, 386 + bits);
    expect(differences).toEqual([]);
    const excepted = [...exceptions.values()].reduce((sum, count) => sum + count, 0);
    expect(agreed + excepted).toBe(STRINGS);
    if (process.env['PAGEWALK_DECODE_STRINGS']) console.warn(bits, 'exceptions', excepted, Object.fromEntries(exceptions));
    expect(excepted / STRINGS).toBeLessThan(0.01);
  });

  it.each(['i386', 'pentium', 'p6'] as const)('the 0F map has what the %s has', (name) => {
    const { differences } = compare(bits === 32, LEVEL[name], Math.min(STRINGS, 20_000), 7 * bits, [0x0f]);
    expect(differences).toEqual([]);
  });
});
