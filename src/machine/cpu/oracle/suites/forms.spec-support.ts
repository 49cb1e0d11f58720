/**
 * Every row of the decode table, executed: with registers and with memory, with operands of 16 and 32 bits, beyond the limit of its
 * segment, in real mode, and with LOCK. What cannot be compared here is in `NOT_COMPARED`, with what tests it instead.
 */
import { hasModrm, ROWS, type Row } from '../../decode/table';
import { DATA, LDT } from '../programs/layout.spec-support';
import { flagUse } from '../programs/undefined-flags.spec-support';
import { dwords, PLACE, segment, SELECTOR, words, type Scene } from './scene.spec-support';

/** By name of the lowering function: why there is no common outcome, and which spec has it. */
export const NOT_COMPARED: Readonly<Record<string, string>> = {
  cpuid: 'every processor says something else: models.spec.ts',
  rdtsc: 'the time: models.spec.ts',
  hlt: 'nothing would end it: processor.spec.ts',
  in: 'what a port gives is its device: oracle/tester.spec.ts',
  insByte: 'as IN; its faults are in the suite ports',
  insWord: 'as IN; its faults are in the suite ports',
  lgdt: 'the tables that faults need: oracle.spec.ts',
  lidt: 'the tables that faults need: oracle.spec.ts',
};

const SHIFTS = new Set(['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar', 'shld', 'shrd']);
const SYSENTER_CS = 0x174;

/** The operand size means nothing to a form that has bytes only, or no operands but fixed ones. */
const sized = (row: Row): boolean =>
  row.operands.some((operand) => /^[EGZJOI]v$|^Is$|^eAX$|^Ap$|^Mp$|^M$/.test(operand)) ||
  (row.operands.length === 0 &&
    !/^(cl[cid]|st[cid]|cmc|nop|da[as]|aa[as]|lahf|sahf|salc|xlat|wait|into|int[13]|ud|clts|w?binvd|invd)$/.test(row.name)) ||
  row.name.endsWith('Segment') ||
  ['ret', 'retFar', 'enter', 'leave', 'escape'].includes(row.name);

/** A register where an instruction needs an address is #UD, and memory cannot be meant where the manual has R. */
const hasForms = (row: Row): { memory: boolean; register: boolean } => {
  if (!hasModrm(row) || row.modrm >= 0) return { memory: false, register: true };
  return { memory: !row.operands.includes('Rd'), register: true };
};

export interface Form {
  row: Row;
  wide: boolean;
  memory: boolean;
}

/** Its name in coverage and in KNOWN. */
export const formName = ({ row, wide, memory }: Form): string =>
  `${row.opcode.toString(16).padStart(2, '0')}${row.extension >= 0 ? `/${row.extension}` : ''} ${row.name} ${wide ? 32 : 16} ${memory ? 'm' : 'r'}`;

/** What there is to execute: row × operand size × register or memory. */
export const allForms = (): Form[] =>
  ROWS.flatMap((row) => {
    const { memory, register } = hasForms(row);
    const sizes = sized(row) ? [false, true] : [true];
    return sizes.flatMap((wide) => [...(register ? [{ row, wide, memory: false }] : []), ...(memory ? [{ row, wide, memory: true }] : [])]);
  });

/** The opcode, ModRM and immediates. Registers: rm EAX or ECX (`same`), reg ECX; memory: [EBX] or [BX]. */
function encode({ row, wide, memory }: Form, address32: boolean, same: boolean): number[] {
  const bytes: number[] = row.opcode >= 0x100 ? [0x0f] : [];
  bytes.push(row.opcode & 255);
  if (hasModrm(row)) {
    const reg =
      row.extension >= 0
        ? row.extension
        : row.operands.includes('Sw')
          ? 3
          : row.operands.includes('Cd')
            ? 2
            : row.operands.includes('Dd')
              ? 0
              : 1;
    const register = same || /^i?div$/.test(row.name) ? 1 : 0;
    if (row.modrm >= 0) bytes.push(row.modrm);
    else bytes.push(memory ? (reg << 3) | (address32 ? 3 : 7) : 0xc0 | (reg << 3) | register);
  }
  const value = (size: number): number[] => [0x83, 0x42, 0x21, 0x76].slice(0, size);
  for (const operand of row.operands) {
    if (operand === 'Ib')
      bytes.push(row.name === 'int' ? 0x30 : row.name === 'enter' ? 1 : row.name === 'out' ? 0x80 : SHIFTS.has(row.name) ? 3 : 0x0b);
    else if (operand === 'Is') bytes.push(0x85);
    else if (operand === 'Jb') bytes.push(0);
    else if (operand === 'Jv') bytes.push(...(wide ? [0, 0, 0, 0] : [0, 0]));
    else if (operand === 'Iw') bytes.push(...words(row.name === 'enter' ? 8 : 4));
    else if (operand === 'Iv') bytes.push(...value(wide ? 4 : 2));
    else if (operand === 'Ob' || operand === 'Ov') bytes.push(...(address32 ? dwords(PLACE.data) : words(PLACE.data)));
  }
  return bytes;
}

const list = (bytes: readonly number[]): string => bytes.map((byte) => `0x${byte.toString(16)}`).join(',');

interface Preparation {
  /** NASM before the instruction */
  before?: string;
  /** what [EBX] holds; given the offset of the label behind the instruction */
  memory?: (next: number) => number[];
  eax?: number | 'next';
  edx?: number;
  ecx?: number;
}

/** What a form needs to get anywhere, in protected mode. */
function prepare({ row, wide }: Form, real: boolean): Preparation {
  const [code, data, stack] = real ? [DATA >> 4, DATA >> 4, DATA >> 4] : [SELECTOR.code, SELECTOR.data, SELECTOR.stack];
  const operand = wide ? 'o32' : 'o16';
  const number = (value: number): number[] => (wide ? dwords(value) : words(value));
  switch (row.name) {
    case 'ret':
      return { before: `${operand} push next` };
    case 'retFar':
      return { before: `${operand} push ${code}\n${operand} push next` };
    case 'iret':
      return { before: `${operand} push 0x8d5\n${operand} push ${code}\n${operand} push next` };
    case 'popf':
      return { before: `${operand} push 0x8d5` };
    case 'popSegment':
      return { before: `${operand} push ${row.operands[0] === 'SS' ? stack : data}` };
    case 'pushSegment':
      // with a 32-bit operand PUSH writes four bytes or two (SDM vol. 2, PUSH): what lies there is made zero first
      return { before: 'push dword 0\npop edx' };
    case 'loadFarPointer':
      return { memory: () => [...number(0x1700), ...words(row.operands.includes('SS') ? stack : data)] };
    case 'callFar':
    case 'jmpFar':
      return { memory: (next) => [...number(next), ...words(code)] };
    case 'call':
    case 'jmp':
      return row.operands[0] === 'Ev' ? { memory: (next) => number(next), eax: 'next' } : {};
    case 'movToSegment':
    case 'lar':
    case 'lsl':
    case 'verr':
    case 'verw':
      return { memory: () => words(data), eax: data };
    case 'lldt':
      return { memory: () => words(LDT), eax: LDT };
    case 'ltr':
      return { memory: () => words(0x40), eax: 0x40 };
    case 'lmsw':
      return { memory: () => words(0x11), eax: 0x11 };
    case 'bound':
      return { memory: () => [...number(0), ...number(0x7fff)] };
    case 'div':
    case 'idiv':
      return { memory: () => dwords(0x0703_0007), eax: 0x123, edx: 0, ecx: 7 };
    case 'rdmsr':
    case 'wrmsr':
      return { before: `xor edx,edx\nmov eax,${SELECTOR.code}\nmov ecx,${SYSENTER_CS}\nwrmsr` };
    case 'sysenter':
    case 'sysexit':
      return { before: `xor edx,edx\nxor eax,eax\nmov ecx,${SYSENTER_CS}\nwrmsr` };
    case 'movToControl':
      return { eax: 0x1234_5000 };
    default:
      return {};
  }
}

type Where = 'ring 0' | 'ring 3' | 'limit' | 'real' | 'LOCK' | 'one register';

function sceneOf(form: Form, where: Where): Scene {
  const { row, wide, memory } = form;
  const real = where === 'real';
  const preparation = prepare(form, real);
  const prefixes = [...(where === 'LOCK' ? [0xf0] : []), ...(wide === real ? [0x66] : [])];
  const bits = row.name === 'in' || row.operands[0]?.endsWith('b') || row.operands[0] === 'AL' ? 8 : wide ? 32 : 16;
  const count = SHIFTS.has(row.name) ? (row.operands.includes('1') ? 1 : 3) : undefined;
  const far = row.operands.includes('Ap');
  const bytes = encode(form, !real, where === 'one register');
  const number = wide ? 'dd' : 'dw';
  const instruction = far
    ? `db ${list([...prefixes, row.opcode])};=${formName(form)}\n${number} next\ndw ${real ? DATA >> 4 : SELECTOR.code}`
    : `db ${list([...prefixes, ...bytes])};=${formName(form)}`;
  const bx = real ? PLACE.data : undefined;
  return {
    name: `${formName(form)}, ${where}`,
    base: DATA,
    ...(real ? { kind: 'real', bits: 16 } : {}),
    ...(where === 'ring 3' ? { ring: 3 } : {}),
    code: `${preparation.before ?? ''}${preparation.eax === 'next' ? '\nmov eax,next' : ''}\n${instruction}\nnext: nop`,
    cr0: row.name === 'escape' ? 4 : 0,
    registers: {
      ...(typeof preparation.eax === 'number' ? { eax: preparation.eax } : row.name === 'loop' ? {} : { eax: 0x9234_5678 }),
      ...(preparation.ecx === undefined ? {} : { ecx: preparation.ecx }),
      ...(where === 'one register' ? { ecx: 0x89ab_cd0f } : {}),
      edx: preparation.edx ?? 0x80,
      ...(bx === undefined ? {} : { ebx: bx, esi: PLACE.data, edi: PLACE.other, ebp: PLACE.stack - 0x100 }),
    },
    eflags: 0x8d5 & ~(where === 'real' ? 0x800 : 0),
    descriptors: () => {
      const task = { 0x40: segment(DATA + PLACE.taskA, 0x67, 0x89, 0) };
      if (where !== 'limit') return task;
      return { ...task, [SELECTOR.data]: segment(DATA, PLACE.data - (memory ? 1 : 0), 0x93, 4) };
    },
    patches: (at) => (preparation.memory ? [{ at: DATA + PLACE.data, bytes: preparation.memory(at('next')) }] : []),
    undefined: flagUse(row.name, row.opcode & 255, bits, count, false).undefinedAfter,
  };
}

/** SYSENTER and SYSEXIT with the registers that they need, which the sweep leaves zero. */
function systemEntries(): Scene[] {
  const set = (register: number, value: string): string => `mov ecx,${register}\nmov eax,${value}\nwrmsr\n`;
  const enter = set(SYSENTER_CS, '8') + set(SYSENTER_CS + 1, `${DATA + 0x1700}`) + set(SYSENTER_CS + 2, `landing+${DATA}`);
  return allForms()
    .filter(({ row }) => row.name === 'sysenter' || row.name === 'sysexit')
    .map((form) => ({
      name: `${formName(form)}, to the end`,
      base: DATA,
      code: `xor edx,edx\n${enter}mov ecx,${DATA + 0x1600}\nmov edx,landing+${DATA}\n${form.wide ? '' : 'o16 '}${form.row.name}\nud2\nlanding: nop`,
    }));
}

/** The same register twice: what is written last stays. */
const takesOneTwice = ({ row, memory }: Form): boolean =>
  !memory && row.operands.some((operand) => operand.startsWith('E')) && row.operands.some((operand) => operand.startsWith('G'));

const compared = ({ row }: Form): boolean => !(row.name in NOT_COMPARED);

export const formScenes = (): Scene[] => {
  const forms = allForms().filter(compared);
  const memory = forms.filter((form) => form.memory && form.wide);
  return [
    ...forms.map((form) => sceneOf(form, 'ring 0')),
    ...forms.filter(({ wide }) => wide).map((form) => sceneOf(form, 'ring 3')),
    ...memory.map((form) => sceneOf(form, 'limit')),
    ...systemEntries(),
    ...allForms()
      .filter((form) => !form.wide && compared(form) && form.row.name !== 'ltr')
      .map((form) => sceneOf(form, 'real')),
    ...forms.filter(takesOneTwice).map((form) => sceneOf(form, 'one register')),
  ];
};

/** LOCK before every form: what may be locked is carried out, everything else is #UD (SDM vol. 2, LOCK). */
export const lockScenes = (): Scene[] =>
  allForms()
    .filter(({ wide }) => wide)
    .map((form) => sceneOf(form, 'LOCK'));
