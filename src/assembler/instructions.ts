/**
 * One instruction to bytes: finds the forms its operands fit, and takes the one NASM would (the shortest; of equally short ones
 * the sign-extended byte, else the first).
 */
import { AssemblyError, type DiagnosticList, type Message, type Place } from './diagnostics';
import { encodeForm, instructionForms, REGISTERS, type Bits, type EncoderOperand, type Form } from './encoder';
import { ALIASES, NATURAL, PREFIXES, SEGMENT_PREFIXES, SIZED_RETURNS, STRINGS, unknownInstruction } from './mnemonics';
import type { ResolvedMemory, ResolvedOperand } from './operands';

/** A 16-bit register operand is as good as its 32-bit one here: only 16 bits are used, so no prefix is needed. */
const SELECTOR_ONLY = new Set(['lldt', 'ltr', 'verr', 'verw', 'lmsw', 'arpl', 'mov']);

export interface InstructionInput {
  mnemonic: string;
  /** lower-case prefix words, as written before the mnemonic */
  prefixes: readonly string[];
  operands: readonly ResolvedOperand[];
  bits: Bits;
  address: number;
  place: Place;
  /** a short branch that turned out too short in an earlier pass stays long */
  keepLong: boolean;
}

const BRANCH = /^br(16|32|64)_/;
const isBranch = (form: Form): boolean => BRANCH.test(form.operands[0] ?? '');

/** True when the instruction's bytes depend on its own address. */
export function isRelative(mnemonic: string): boolean {
  return (instructionForms().get(ALIASES[mnemonic] ?? mnemonic) ?? []).some(isBranch);
}

const fits = (value: bigint, bits: number): boolean => BigInt.asIntN(bits, value) === value;

/** Would this number survive sign extension from a byte to `bits`? `0xFFFFFFFF` does for 32. */
const fitsSignedByte = (value: bigint, bits: number): boolean =>
  fits(BigInt.asIntN(bits, value), 8) && (fits(value, bits) || BigInt.asUintN(bits, value) === value);

const REGISTER_KINDS: Readonly<Record<string, string>> = {
  r8_reg: 'r8', r8_opcode: 'r8', r8_or_mem: 'r8',
  r16_reg: 'r16', r16_opcode: 'r16', r16_rm: 'r16', r16_or_mem: 'r16', r16_reg_mem: 'r16',
  r32_reg: 'r32', r32_opcode: 'r32', r32_rm: 'r32', r32_or_mem: 'r32', r32_reg_mem: 'r32',
  r64_reg: 'r64', r64_opcode: 'r64', r64_rm: 'r64', r64_or_mem: 'r64', r64_reg_mem: 'r64',
  seg_reg: 'segment', cr_reg: 'control', dr_reg: 'debug', tr_reg: 'test', sti_opcode: 'st',
  mm_reg: 'mm', mm_rm: 'mm', mm_or_mem: 'mm', xmm_reg: 'xmm', xmm_rm: 'xmm', xmm_or_mem: 'xmm',
}; // prettier-ignore

function matches(kind: string, operand: ResolvedOperand, form: Form, input: InstructionInput): boolean {
  switch (operand.kind) {
    case 'register': {
      if (kind === operand.register.name) return true;
      return REGISTER_KINDS[kind] === operand.register.class;
    }
    case 'far':
      if (kind === 'farbr2_2') return operand.size === 2 || (operand.size === null && input.bits === 16);
      return kind === 'farbr4_2' && (operand.size === 4 || (operand.size === null && input.bits === 32));
    case 'memory': {
      if (kind === 'mem_offs') return operand.base === null && operand.index === null && sizeFits(operand, form);
      if (kind === 'mem') {
        const farPointer = input.mnemonic === 'jmp' || input.mnemonic === 'call';
        if (farPointer) return operand.far && form.operandSize === (operand.size === null ? input.bits : operand.size * 8);
        return !operand.far && (operand.size === null || ![1, 2, 4, 8, 10].includes(form.memoryBytes) || sizeFits(operand, form));
      }
      return kind.endsWith('_or_mem') && !operand.far && sizeFits(operand, form);
    }
    case 'value':
      return matchesValue(kind, operand, form, input);
  }
}

const sizeFits = (operand: ResolvedMemory, form: Form): boolean => operand.size === null || operand.size === form.memoryBytes;

function matchesValue(kind: string, operand: Extract<ResolvedOperand, { kind: 'value' }>, form: Form, input: InstructionInput): boolean {
  const { value, size, strict, distance } = operand;
  const branch = BRANCH.exec(kind);
  if (branch) {
    if (distance === 'far') return false;
    const bits = size === 2 ? 16 : size === 4 ? 32 : input.bits;
    if (Number(branch[1]) !== bits) return false;
    if (!kind.endsWith('_1')) return distance !== 'short';
    if (size !== null && distance !== 'short' && hasNear(input)) return false;
    return distance !== 'near' && !(input.keepLong && distance !== 'short' && hasNear(input));
  }
  if (!kind.startsWith('imm')) return false;
  const plain = value.section === null && !value.unknown;
  const extended = /^imm(8|32)sex(16|32|64)$/.exec(kind);
  if (kind === 'imm8_const_1') return plain && value.value === 1n && size === null;
  if (extended) {
    const [from, to] = [Number(extended[1]), Number(extended[2])];
    if (size === 1 && from === 8) return true;
    if (size !== null && size * 8 !== to && !(from === 32 && size === 4)) return false;
    if (strict) return false;
    return from === 8 ? plain && fitsSignedByte(value.value, to) : fits(value.value, 32) && (plain || to === 64);
  }
  const bits = Number(/^imm(\d+)/.exec(kind)![1]);
  if (input.mnemonic === 'push' && size === null && form.operandSize !== input.bits) return false;
  if (size !== null && size * 8 !== bits) return false;
  return true;
}

const hasNear = (input: InstructionInput): boolean =>
  (instructionForms().get(ALIASES[input.mnemonic] ?? input.mnemonic) ?? []).some(
    (form) => isBranch(form) && !form.operands[0]!.endsWith('_1'),
  );

/** The numbers of an operand for the encoder. A branch to a symbol not seen yet goes to itself, to be short. */
function toEncoder(operand: ResolvedOperand, kind: string, input: InstructionInput): EncoderOperand {
  switch (operand.kind) {
    case 'register':
      return { kind: 'register', id: operand.register.id };
    case 'far':
      return {
        kind: 'far',
        selector: Number(BigInt.asUintN(16, operand.selector.value)),
        offset: Number(BigInt.asUintN(32, operand.offset.value)),
      };
    case 'value':
      return { kind: 'immediate', value: BRANCH.test(kind) && operand.value.unknown ? BigInt(input.address) : operand.value.value };
    case 'memory':
      return memoryToEncoder(operand, kind, input);
  }
}

function memoryToEncoder(operand: ResolvedMemory, kind: string, input: InstructionInput): EncoderOperand {
  const bits = operand.addressBits ?? input.bits;
  const whole = (bits / 8) as 2 | 4 | 8;
  const { value, section, unknown } = operand.displacement;
  const plain = section === null && !unknown;
  let displacementBytes: 0 | 1 | 2 | 4 | 8;
  if (kind === 'mem_offs') displacementBytes = whole;
  else if (operand.base === null) displacementBytes = whole === 8 ? 4 : whole;
  else if (operand.displacementSize === 1) displacementBytes = 1;
  else if (operand.displacementSize !== null || !plain) displacementBytes = whole === 8 ? 4 : whole;
  else displacementBytes = value === 0n ? 0 : 1;
  // bring the number into the range iced expects of a displacement of that width
  const displacement = bits === 64 ? BigInt.asIntN(64, value) : BigInt.asIntN(bits, value);
  return {
    kind: 'memory',
    base: operand.base?.id ?? 0,
    index: operand.index?.id ?? 0,
    scale: operand.scale,
    displacement: operand.base === null && operand.index === null ? BigInt.asUintN(bits, value) : displacement,
    displacementBytes,
  };
}

/** `fmul st3` means `fmul st0, st3`, and `faddp st3` means `faddp st3, st0`; without an operand st1 is meant. */
function impliedStackOperands(mnemonic: string, first: ResolvedOperand | undefined, place: Place): ResolvedOperand[] | null {
  if (first && (first.kind !== 'register' || first.register.class !== 'st')) return null;
  const stack = (name: string): ResolvedOperand => ({ kind: 'register', register: REGISTERS.get(name)!, place });
  const other = first ?? stack('st1');
  return mnemonic.endsWith('p') && !mnemonic.startsWith('fcom') && !mnemonic.startsWith('fucom')
    ? [other, stack('st0')]
    : [stack('st0'), other];
}

/** `mov ds, ax` needs no operand size prefix, and `test` and `xchg` do not care for the order of their operands. */
function variants(input: InstructionInput): (readonly ResolvedOperand[])[] {
  const { operands, mnemonic, bits } = input;
  const [first, second] = operands;
  const list: (readonly ResolvedOperand[])[] = [operands];
  if (mnemonic === 'xchg' && first?.kind === 'register' && second?.kind === 'register') list.unshift([second, first]);
  if ((mnemonic === 'test' || mnemonic === 'xchg') && first?.kind === 'register' && second?.kind === 'memory') list.push([second, first]);
  if (mnemonic === 'mov' && bits === 64 && first?.kind === 'register' && first.register.class === 'r64' && second?.kind === 'value') {
    const { value, section, unknown } = second.value;
    const narrow = { ...first.register, id: first.register.id - 16, class: 'r32' as const };
    if (section === null && !unknown && second.size === null && value >= 0n && value <= 0xffff_ffffn)
      list.push([{ ...first, register: narrow }, second]);
  }
  if (mnemonic.startsWith('f') && operands.length < 2) {
    const implied = impliedStackOperands(mnemonic, first, input.place);
    if (implied) list.push(implied);
  }
  if (mnemonic === 'imul' && operands.length === 2 && second?.kind === 'value') list.push([first!, first!, second]);
  const widen = (operand: ResolvedOperand): ResolvedOperand => {
    if (operand.kind !== 'register' || operand.register.class !== 'r16') return operand;
    return { ...operand, register: { ...operand.register, name: 'e' + operand.register.name, id: operand.register.id + 16, class: 'r32' } };
  };
  if (SELECTOR_ONLY.has(mnemonic) && bits !== 16) {
    if (mnemonic !== 'mov') list.push(operands.map(widen));
    if (mnemonic === 'mov' && first?.kind === 'register' && first.register.class === 'segment' && second) list.push([first, widen(second)]);
  }
  if (
    mnemonic === 'mov' &&
    first?.kind === 'register' &&
    first.register.class === 'segment' &&
    second?.kind === 'register' &&
    second.register.class === 'r32' &&
    bits === 16
  ) {
    list.push([
      first,
      { ...second, register: { ...second.register, name: second.register.name.slice(1), id: second.register.id - 16, class: 'r16' } },
    ]);
  }
  return list;
}

const failure = (code: string, place: Place, message: Message): AssemblyError => new AssemblyError(code, place, message);

/** Bytes of one instruction. Throws AssemblyError with the operand that does not fit. */
export function encodeInstruction(input: InstructionInput, diagnostics: DiagnosticList): Uint8Array {
  const lead = leadingBytes(input);
  const string = input.operands.length === 0 ? STRINGS[input.mnemonic] : undefined;
  if (string) {
    const [opcode, bits] = string;
    const asked = input.prefixes.find((word) => /^o\d/.test(word));
    const sized =
      asked !== undefined
        ? Number(asked.slice(1)) === input.bits
          ? []
          : [0x66]
        : bits === 8 || bits === input.bits || (bits === 32 && input.bits === 64)
          ? []
          : bits === 64
            ? [0x48]
            : [0x66];
    const at = lead[lead.length - 1] === 0x67 ? lead.length - 1 : lead.length;
    return Uint8Array.from([...lead.slice(0, at), ...sized, ...lead.slice(at), opcode]);
  }
  if ((input.mnemonic === 'aam' || input.mnemonic === 'aad') && input.operands.length === 0)
    return Uint8Array.of(input.mnemonic === 'aam' ? 0xd4 : 0xd5, 10);
  const [named, returnBits] = SIZED_RETURNS[input.mnemonic] ?? [ALIASES[input.mnemonic] ?? input.mnemonic, null];
  const mnemonic = NATURAL[input.mnemonic]?.[input.bits] ?? named;
  const forms = instructionForms().get(mnemonic);
  if (!forms) throw unknownInstruction(input.mnemonic, input.place);
  const normal = { ...input, mnemonic };
  const choices: { form: Form; operands: readonly ResolvedOperand[] }[] = [];
  for (const operands of variants(normal)) {
    for (const form of forms) {
      if (!form.modes[input.bits] || form.operands.length !== operands.length) continue;
      if (returnBits !== null && form.operandSize !== returnBits) continue;
      if (form.operands.every((kind, index) => matches(kind, operands[index]!, form, normal))) choices.push({ form, operands });
    }
  }
  if (choices.length === 0) throw noForm(normal, forms);
  requireSize(normal, choices);
  const best = shortest(choices, { ...normal, address: input.address + lead.length });
  if (!best) throw unreachable(normal);
  warnWideNumbers(best, normal, diagnostics);
  return lead.length === 0 ? best.bytes : Uint8Array.from([...lead, ...best.bytes]);
}

/** Prefixes that were written, then the segment override, in NASM's order. */
function leadingBytes(input: InstructionInput): number[] {
  const repeats = input.prefixes.flatMap((word) => PREFIXES[word] ?? []);
  const memory = input.operands.find((operand) => operand.kind === 'memory');
  const written = input.prefixes.find((word) => word in SEGMENT_PREFIXES) ?? memory?.segment;
  const segment = written ? [SEGMENT_PREFIXES[written]!] : [];
  const isString = input.operands.length === 0 && input.mnemonic in STRINGS;
  const operandSize = !isString && input.prefixes.some((word) => /^o\d/.test(word) && Number(word.slice(1)) !== input.bits) ? [0x66] : [];
  const addressSize = input.prefixes.some((word) => /^a\d/.test(word) && Number(word.slice(1)) !== input.bits) ? [0x67] : [];
  return [...repeats, ...segment, ...operandSize, ...addressSize];
}

interface Encoded {
  form: Form;
  operands: readonly ResolvedOperand[];
  bytes: Uint8Array;
}

function shortest(choices: { form: Form; operands: readonly ResolvedOperand[] }[], input: InstructionInput): Encoded | null {
  let best: Encoded | null = null;
  const prefersByte = (form: Form): boolean => form.operands.some((kind) => kind.startsWith('imm8sex'));
  for (const { form, operands } of choices) {
    const bytes = encodeForm(
      form,
      operands.map((operand, index) => toEncoder(operand, form.operands[index]!, input)),
      input.bits,
      input.address,
    );
    if (!bytes) continue;
    const shorter = !best || bytes.length < best.bytes.length;
    if (shorter || (bytes.length === best!.bytes.length && prefersByte(form) && !prefersByte(best!.form))) best = { form, operands, bytes };
  }
  return best;
}

/** A memory operand without a size, and nothing else that tells: NASM refuses, and so do we. */
function requireSize(input: InstructionInput, choices: { form: Form }[]): void {
  const memory = input.operands.find((operand) => operand.kind === 'memory');
  if (!memory || memory.size !== null || input.mnemonic === 'call' || input.mnemonic === 'jmp') return;
  const explicit = input.operands.some((operand) => operand.kind === 'value' && operand.size !== null && operand.size > 1);
  const sizes = new Set(choices.map(({ form }) => form.memoryBytes).filter((bytes) => [1, 2, 4, 8, 10].includes(bytes)));
  if (sizes.size < 2 || explicit) return;
  throw failure('asm-size-missing', memory.place, {
    en: `How many bytes? Write a size before the address: byte, word or dword [...]`,
    'zh-CN': `操作数大小不明：请在地址前写明 byte、word 或 dword [...]`,
  });
}

function warnWideNumbers(best: Encoded, input: InstructionInput, diagnostics: DiagnosticList): void {
  best.operands.forEach((operand, index) => {
    const match = /^imm(\d+)(?!.*sex)/.exec(best.form.operands[index]!);
    if (operand.kind !== 'value' || !match || operand.value.unknown) return;
    const bits = Number(match[1]);
    const { value } = operand.value;
    if (fits(value, bits) || BigInt.asUintN(bits, value) === value) return;
    diagnostics.add('warning', 'asm-number-too-wide', operand.place, {
      en: `The number does not fit into ${bits} bits of ${input.mnemonic} and is cut off`,
      'zh-CN': `该数超出 ${input.mnemonic} 的 ${bits} 位范围，高位被截去`,
    });
  });
}

function noForm(input: InstructionInput, forms: readonly Form[]): AssemblyError {
  const { mnemonic, operands, place, bits } = input;
  const here = forms.filter((form) => form.modes[bits]);
  if (here.length === 0) {
    return failure('asm-wrong-mode', place, {
      en: `${mnemonic} does not exist in ${bits}-bit code`,
      'zh-CN': `${bits} 位代码中没有 ${mnemonic} 指令`,
    });
  }
  const counts = [...new Set(here.map((form) => form.operands.length))].sort();
  if (!counts.includes(operands.length)) {
    const wanted = counts.join(' / ');
    return failure('asm-operand-count', place, {
      en: `${mnemonic} takes ${wanted} operands, not ${operands.length}`,
      'zh-CN': `${mnemonic} 需要 ${wanted} 个操作数，而不是 ${operands.length} 个`,
    });
  }
  const memories = operands.filter((operand) => operand.kind === 'memory');
  if (memories.length > 1) {
    return failure('asm-two-memory-operands', memories[1]!.place, {
      en: `${mnemonic} cannot take two memory operands: go through a register`,
      'zh-CN': `${mnemonic} 不能有两个内存操作数：请借助寄存器中转`,
    });
  }
  const wide = operands.find((operand) => operand.kind === 'register' && operand.register.class === 'r64');
  if (wide && bits !== 64) {
    return failure('asm-wrong-mode', wide.place, {
      en: `64-bit registers do not exist in ${bits}-bit code`,
      'zh-CN': `${bits} 位代码中没有 64 位寄存器`,
    });
  }
  const culprit = operands.find(
    (operand, index) =>
      !here.some((form) => form.operands.length === operands.length && matches(form.operands[index]!, operand, form, input)),
  );
  return failure('asm-operands', culprit?.place ?? operands[0]?.place ?? place, {
    en: `${mnemonic} cannot take these operands together: check their kinds and sizes`,
    'zh-CN': `${mnemonic} 不能使用这样的操作数组合：请检查操作数的种类和大小`,
  });
}

function unreachable(input: InstructionInput): AssemblyError {
  const target = input.operands.find((operand) => operand.kind === 'value');
  return failure('asm-out-of-reach', target?.place ?? input.place, {
    en: `The target is out of reach of a short ${input.mnemonic} (−128 to +127 bytes)`,
    'zh-CN': `目标超出短 ${input.mnemonic} 的范围（−128 到 +127 字节）`,
  });
}
