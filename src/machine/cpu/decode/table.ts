/**
 * The opcode maps as data: one row an instruction form, with the operands in the manual's notation (SDM vol. 2, appendix A)
 * and the name of the function in lower/ that says what it means. An opcode without a row raises #UD.
 *
 * Operands: the letter is the addressing method, the rest the size: E ModRM register or memory, G ModRM reg, I immediate,
 * J relative, M memory only, O offset without ModRM, S segment register in reg, C/D/T control/debug/test register in reg, R register
 * in rm, Z register in the opcode's low bits, Ap far pointer. b byte, w word, d doubleword, v by operand size, s a byte
 * sign-extended to the operand size. AL, CL, eAX, DX, 1 and segment names stand for themselves.
 *
 * A form exists from one instruction set on. The 8086 has no undefined opcodes: what later processors refuse it decodes as
 * something else, and those forms are in a list of their own.
 */
import { LEVEL, type Level } from '../instruction-set';

export type Operand =
  | 'Eb' | 'Ew' | 'Ev' | 'Ed' | 'Gb' | 'Gw' | 'Gv' | 'Gd' | 'Ib' | 'Iw' | 'Iv' | 'Is' | 'Jb' | 'Jv' | 'M' | 'Mp' | 'Ob' | 'Ov'
  | 'Sw' | 'Cd' | 'Dd' | 'Td' | 'Rd' | 'Zb' | 'Zv' | 'Zd' | 'Ap' | 'AL' | 'CL' | 'eAX' | 'DX' | '1' | 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS'; // prettier-ignore

export interface Row {
  /** 0x00–0xFF, or 0x0F00–0x0FFF for the second map */
  readonly opcode: number;
  /** ModRM reg when several instructions share the opcode, else -1 */
  readonly extension: number;
  /** name of the lowering function */
  readonly name: string;
  readonly operands: readonly Operand[];
  /** LOCK is allowed when the first operand is memory */
  readonly lock: boolean;
  /** the whole ModRM byte, for instructions that lie where another one has no meaning; else -1 */
  readonly modrm: number;
  /** #UD unless the ModRM operand is memory */
  readonly memoryOnly: boolean;
  /** the instruction set that brought it */
  readonly since: Level;
}

type Entry = readonly [
  opcode: number,
  name: string,
  operands?: string,
  options?: { ext?: number; modrm?: number; lock?: true; since?: Level },
];

const I386 = LEVEL.i386;
const PENTIUM = LEVEL.pentium;
const P6 = LEVEL.p6;

const ARITHMETIC = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'] as const;
const SHIFTS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'shl', 'sar'] as const;
const lockable = (name: string): { lock?: true } => (name === 'cmp' ? {} : { lock: true });

function arithmetic(): Entry[] {
  return ARITHMETIC.flatMap((name, i): Entry[] => [
    [i * 8 + 0, name, 'Eb Gb', lockable(name)],
    [i * 8 + 1, name, 'Ev Gv', lockable(name)],
    [i * 8 + 2, name, 'Gb Eb'],
    [i * 8 + 3, name, 'Gv Ev'],
    [i * 8 + 4, name, 'AL Ib'],
    [i * 8 + 5, name, 'eAX Iv'],
    [0x80, name, 'Eb Ib', { ext: i, ...lockable(name) }],
    [0x81, name, 'Ev Iv', { ext: i, ...lockable(name) }],
    [0x82, name, 'Eb Ib', { ext: i, ...lockable(name) }],
    [0x83, name, 'Ev Is', { ext: i, ...lockable(name) }],
  ]);
}

function shifts(): Entry[] {
  return SHIFTS.flatMap((name, ext): Entry[] => [
    [0xc0, name, 'Eb Ib', { ext, since: I386 }],
    [0xc1, name, 'Ev Ib', { ext, since: I386 }],
    [0xd0, name, 'Eb 1', { ext }],
    [0xd1, name, 'Ev 1', { ext }],
    [0xd2, name, 'Eb CL', { ext }],
    [0xd3, name, 'Ev CL', { ext }],
  ]);
}

const range = (from: number, to: number, name: string, operands = '', options: Entry[3] = {}): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i): Entry => [from + i, name, operands, options]);

const since = (level: Level, entries: readonly Entry[]): Entry[] =>
  entries.map(([opcode, name, operands = '', options = {}]): Entry => [opcode, name, operands, { ...options, since: level }]);

const ENTRIES: readonly Entry[] = [
  ...arithmetic(),
  [0x06, 'pushSegment', 'ES'], [0x07, 'popSegment', 'ES'], [0x0e, 'pushSegment', 'CS'],
  [0x16, 'pushSegment', 'SS'], [0x17, 'popSegment', 'SS'], [0x1e, 'pushSegment', 'DS'], [0x1f, 'popSegment', 'DS'],
  [0x27, 'daa'], [0x2f, 'das'], [0x37, 'aaa'], [0x3f, 'aas'],
  ...range(0x40, 0x47, 'inc', 'Zv'), ...range(0x48, 0x4f, 'dec', 'Zv'),
  ...range(0x50, 0x57, 'push', 'Zv'), ...range(0x58, 0x5f, 'pop', 'Zv'),
  ...since(I386, [
    [0x60, 'pusha'], [0x61, 'popa'], [0x62, 'bound', 'Gv M'], [0x63, 'arpl', 'Ew Gw'],
    [0x68, 'push', 'Iv'], [0x69, 'imul3', 'Gv Ev Iv'], [0x6a, 'push', 'Is'], [0x6b, 'imul3', 'Gv Ev Is'],
    [0x6c, 'insByte'], [0x6d, 'insWord'], [0x6e, 'outsByte'], [0x6f, 'outsWord'],
    [0xc8, 'enter', 'Iw Ib'], [0xc9, 'leave'], [0xf1, 'int1'],
  ]),
  ...range(0x70, 0x7f, 'jcc', 'Jb'),
  [0x84, 'test', 'Eb Gb'], [0x85, 'test', 'Ev Gv'],
  [0x86, 'xchg', 'Eb Gb', { lock: true }], [0x87, 'xchg', 'Ev Gv', { lock: true }],
  [0x88, 'mov', 'Eb Gb'], [0x89, 'mov', 'Ev Gv'], [0x8a, 'mov', 'Gb Eb'], [0x8b, 'mov', 'Gv Ev'],
  [0x8c, 'movFromSegment', 'Ev Sw'], [0x8d, 'lea', 'Gv M'], [0x8e, 'movToSegment', 'Sw Ew'], [0x8f, 'pop', 'Ev', { ext: 0 }],
  [0x90, 'nop'], ...range(0x91, 0x97, 'xchg', 'Zv eAX'),
  [0x98, 'cbw'], [0x99, 'cwd'], [0x9a, 'callFar', 'Ap'], [0x9b, 'wait'],
  [0x9c, 'pushf'], [0x9d, 'popf'], [0x9e, 'sahf'], [0x9f, 'lahf'],
  [0xa0, 'mov', 'AL Ob'], [0xa1, 'mov', 'eAX Ov'], [0xa2, 'mov', 'Ob AL'], [0xa3, 'mov', 'Ov eAX'],
  [0xa4, 'movsByte'], [0xa5, 'movsWord'], [0xa6, 'cmpsByte'], [0xa7, 'cmpsWord'],
  [0xa8, 'test', 'AL Ib'], [0xa9, 'test', 'eAX Iv'],
  [0xaa, 'stosByte'], [0xab, 'stosWord'], [0xac, 'lodsByte'], [0xad, 'lodsWord'], [0xae, 'scasByte'], [0xaf, 'scasWord'],
  ...range(0xb0, 0xb7, 'mov', 'Zb Ib'), ...range(0xb8, 0xbf, 'mov', 'Zv Iv'),
  ...shifts(),
  [0xc2, 'ret', 'Iw'], [0xc3, 'ret'], [0xc4, 'loadFarPointer', 'Gv Mp ES'], [0xc5, 'loadFarPointer', 'Gv Mp DS'],
  [0xc6, 'mov', 'Eb Ib', { ext: 0 }], [0xc7, 'mov', 'Ev Iv', { ext: 0 }],
  [0xca, 'retFar', 'Iw'], [0xcb, 'retFar'],
  [0xcc, 'int3'], [0xcd, 'int', 'Ib'], [0xce, 'into'], [0xcf, 'iret'],
  [0xd4, 'aam', 'Ib'], [0xd5, 'aad', 'Ib'], [0xd6, 'salc'], [0xd7, 'xlat'],
  ...range(0xd8, 0xdf, 'escape', 'Ev'),
  [0xe0, 'loopne', 'Jb'], [0xe1, 'loope', 'Jb'], [0xe2, 'loop', 'Jb'], [0xe3, 'jcxz', 'Jb'],
  [0xe4, 'in', 'AL Ib'], [0xe5, 'in', 'eAX Ib'], [0xe6, 'out', 'Ib AL'], [0xe7, 'out', 'Ib eAX'],
  [0xe8, 'call', 'Jv'], [0xe9, 'jmp', 'Jv'], [0xea, 'jmpFar', 'Ap'], [0xeb, 'jmp', 'Jb'],
  [0xec, 'in', 'AL DX'], [0xed, 'in', 'eAX DX'], [0xee, 'out', 'DX AL'], [0xef, 'out', 'DX eAX'],
  [0xf4, 'hlt'], [0xf5, 'cmc'],
  [0xf6, 'test', 'Eb Ib', { ext: 0 }], [0xf6, 'test', 'Eb Ib', { ext: 1 }], [0xf7, 'test', 'Ev Iv', { ext: 0 }], [0xf7, 'test', 'Ev Iv', { ext: 1 }],
  [0xf6, 'not', 'Eb', { ext: 2, lock: true }], [0xf7, 'not', 'Ev', { ext: 2, lock: true }],
  [0xf6, 'neg', 'Eb', { ext: 3, lock: true }], [0xf7, 'neg', 'Ev', { ext: 3, lock: true }],
  [0xf6, 'mul', 'Eb', { ext: 4 }], [0xf7, 'mul', 'Ev', { ext: 4 }], [0xf6, 'imul', 'Eb', { ext: 5 }], [0xf7, 'imul', 'Ev', { ext: 5 }],
  [0xf6, 'div', 'Eb', { ext: 6 }], [0xf7, 'div', 'Ev', { ext: 6 }], [0xf6, 'idiv', 'Eb', { ext: 7 }], [0xf7, 'idiv', 'Ev', { ext: 7 }],
  [0xf8, 'clc'], [0xf9, 'stc'], [0xfa, 'cli'], [0xfb, 'sti'], [0xfc, 'cld'], [0xfd, 'std'],
  [0xfe, 'inc', 'Eb', { ext: 0, lock: true }], [0xfe, 'dec', 'Eb', { ext: 1, lock: true }],
  [0xff, 'inc', 'Ev', { ext: 0, lock: true }], [0xff, 'dec', 'Ev', { ext: 1, lock: true }],
  [0xff, 'call', 'Ev', { ext: 2 }], [0xff, 'callFar', 'Mp', { ext: 3 }], [0xff, 'jmp', 'Ev', { ext: 4 }], [0xff, 'jmpFar', 'Mp', { ext: 5 }],
  [0xff, 'push', 'Ev', { ext: 6 }],

  ...since(I386, [
    [0x0f00, 'sldt', 'Ev', { ext: 0 }], [0x0f00, 'str', 'Ev', { ext: 1 }], [0x0f00, 'lldt', 'Ew', { ext: 2 }], [0x0f00, 'ltr', 'Ew', { ext: 3 }],
    [0x0f00, 'verr', 'Ew', { ext: 4 }], [0x0f00, 'verw', 'Ew', { ext: 5 }],
    [0x0f01, 'sgdt', 'M', { ext: 0 }], [0x0f01, 'sidt', 'M', { ext: 1 }], [0x0f01, 'lgdt', 'M', { ext: 2 }], [0x0f01, 'lidt', 'M', { ext: 3 }],
    [0x0f01, 'smsw', 'Ev', { ext: 4 }], [0x0f01, 'lmsw', 'Ew', { ext: 6 }],
    [0x0f02, 'lar', 'Gv Ew'], [0x0f03, 'lsl', 'Gv Ew'], [0x0f06, 'clts'], [0x0f0b, 'ud'],
    [0x0f20, 'movFromControl', 'Rd Cd'], [0x0f21, 'movFromDebug', 'Rd Dd'], [0x0f22, 'movToControl', 'Cd Rd'], [0x0f23, 'movToDebug', 'Dd Rd'],
    ...range(0x0f80, 0x0f8f, 'jcc', 'Jv'), ...range(0x0f90, 0x0f9f, 'setcc', 'Eb'),
    [0x0fa0, 'pushSegment', 'FS'], [0x0fa1, 'popSegment', 'FS'], [0x0fa3, 'bt', 'Ev Gv'],
    [0x0fa4, 'shld', 'Ev Gv Ib'], [0x0fa5, 'shld', 'Ev Gv CL'],
    [0x0fa8, 'pushSegment', 'GS'], [0x0fa9, 'popSegment', 'GS'], [0x0fab, 'bts', 'Ev Gv', { lock: true }],
    [0x0fac, 'shrd', 'Ev Gv Ib'], [0x0fad, 'shrd', 'Ev Gv CL'], [0x0faf, 'imul2', 'Gv Ev'],
    [0x0fb2, 'loadFarPointer', 'Gv Mp SS'], [0x0fb3, 'btr', 'Ev Gv', { lock: true }],
    [0x0fb4, 'loadFarPointer', 'Gv Mp FS'], [0x0fb5, 'loadFarPointer', 'Gv Mp GS'],
    [0x0fb6, 'movzx', 'Gv Eb'], [0x0fb7, 'movzx', 'Gv Ew'], [0x0fb9, 'ud', 'Gv Ev'],
    [0x0fba, 'bt', 'Ev Ib', { ext: 4 }], [0x0fba, 'bts', 'Ev Ib', { ext: 5, lock: true }],
    [0x0fba, 'btr', 'Ev Ib', { ext: 6, lock: true }], [0x0fba, 'btc', 'Ev Ib', { ext: 7, lock: true }],
    [0x0fbb, 'btc', 'Ev Gv', { lock: true }], [0x0fbc, 'bsf', 'Gv Ev'], [0x0fbd, 'bsr', 'Gv Ev'],
    [0x0fbe, 'movsx', 'Gv Eb'], [0x0fbf, 'movsx', 'Gv Ew'], [0x0fff, 'ud', 'Gv Ev'],
  ]),
  // those of the 80486 are listed with the Pentium, the first later part there is
  ...since(PENTIUM, [
    [0x0f01, 'invlpg', 'M', { ext: 7 }], [0x0f08, 'invd'], [0x0f09, 'wbinvd'],
    [0x0fb0, 'cmpxchg', 'Eb Gb', { lock: true }], [0x0fb1, 'cmpxchg', 'Ev Gv', { lock: true }],
    [0x0fc0, 'xadd', 'Eb Gb', { lock: true }], [0x0fc1, 'xadd', 'Ev Gv', { lock: true }], ...range(0x0fc8, 0x0fcf, 'bswap', 'Zd'),
    [0x0f30, 'wrmsr'], [0x0f31, 'rdtsc'], [0x0f32, 'rdmsr'], [0x0fa2, 'cpuid'], [0x0fc7, 'cmpxchg8b', 'M', { ext: 1, lock: true }],
  ]),
  ...since(P6, [
    ...range(0x0f18, 0x0f1f, 'nopModrm', 'Ev'), [0x0f01, 'vmcall', '', { modrm: 0xc1 }], [0x0f34, 'sysenter'], [0x0f35, 'sysexit'], ...range(0x0f40, 0x0f4f, 'cmov', 'Gv Ev'),
  ]),
]; // prettier-ignore

/**
 * Forms that only the 8086 has: opcodes that it decodes incompletely, and so as something else. What depends on its microcode
 * (FE /2 to /7, a far pointer or an address of a register) does nothing here.
 */
const ENTRIES_8086: readonly Entry[] = [
  ...range(0x60, 0x6f, 'jcc', 'Jb'), [0x0f, 'popSegment', 'CS'],
  [0xc0, 'ret', 'Iw'], [0xc1, 'ret'], [0xc8, 'retFar', 'Iw'], [0xc9, 'retFar'],
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((ext): Entry[] => [
    [0x8f, 'pop', 'Ev', { ext }], [0xc6, 'mov', 'Eb Ib', { ext }], [0xc7, 'mov', 'Ev Iv', { ext }],
  ]),
  ...[2, 3, 4, 5, 6, 7].map((ext): Entry => [0xfe, 'nopModrm', 'Eb', { ext }]), [0xff, 'push', 'Ev', { ext: 7 }],
  [0xd0, 'setAllOnes', 'Eb 1', { ext: 6 }], [0xd1, 'setAllOnes', 'Ev 1', { ext: 6 }],
  [0xd2, 'setAllOnes', 'Eb CL', { ext: 6 }], [0xd3, 'setAllOnes', 'Ev CL', { ext: 6 }],
]; // prettier-ignore

/** Forms that only the 80386 has: the test registers of its TLB. */
const ENTRIES_386: readonly Entry[] = [
  [0x0f24, 'movFromTest', 'Rd Td'], [0x0f26, 'movToTest', 'Td Rd'],
]; // prettier-ignore

function toRow([opcode, name, operands = '', options = {}]: Entry): Row {
  const list = operands === '' ? [] : (operands.split(' ') as Operand[]);
  return {
    opcode,
    extension: options.ext ?? -1,
    modrm: options.modrm ?? -1,
    name,
    operands: list,
    lock: options.lock ?? false,
    memoryOnly: list.some((operand) => operand === 'M' || operand === 'Mp'),
    since: options.since ?? LEVEL.i8086,
  };
}

/** Every instruction form of the 80386 and its successors; `since` says from which on. */
export const ROWS: readonly Row[] = ENTRIES.map(toRow);
/** The forms that the 8086 has beyond, or in place of, those of ROWS. */
export const ROWS_8086: readonly Row[] = ENTRIES_8086.map(toRow);
/** The forms that no later processor than the 80386 has. */
export const ROWS_386: readonly Row[] = ENTRIES_386.map(toRow);
/** What the 8086 makes of a register where an instruction needs an address. */
export const NO_ADDRESS_8086: Row = toRow([0x8d, 'nopModrm', 'Ev']);

const MODRM = new Set<Operand>([
  'Eb', 'Ew', 'Ev', 'Ed', 'Gb', 'Gw', 'Gv', 'Gd', 'M', 'Mp', 'Sw', 'Cd', 'Dd', 'Td', 'Rd',
]); // prettier-ignore
/** Does this form have a ModRM byte? */
export const hasModrm = (row: Row): boolean => row.extension >= 0 || row.modrm >= 0 || row.operands.some((operand) => MODRM.has(operand));

/** What stands at an opcode: nothing (#UD), one form, or one for each ModRM reg. */
export interface Slot {
  readonly modrm: boolean;
  readonly forms: readonly (Row | undefined)[];
  /** forms that are known by their whole ModRM byte */
  readonly exact?: ReadonlyMap<number, Row>;
}

function index(rows: readonly Row[]): (Slot | undefined)[] {
  const slots: (Slot | undefined)[] = new Array<Slot | undefined>(512).fill(undefined);
  for (const row of rows) {
    const at = row.opcode < 0x100 ? row.opcode : 0x100 | (row.opcode & 0xff);
    const found = slots[at];
    if (row.modrm >= 0) slots[at] = { modrm: true, forms: [], ...found, exact: new Map([...(found?.exact ?? []), [row.modrm, row]]) };
    else if (row.extension < 0) slots[at] = { modrm: hasModrm(row), forms: [row] };
    else {
      const forms = [...(found?.forms ?? new Array<Row | undefined>(8).fill(undefined))];
      forms[row.extension] = row;
      slots[at] = { ...found, modrm: true, forms };
    }
  }
  return slots;
}

const MAPS: readonly (readonly (Slot | undefined)[])[] = Object.values(LEVEL).map((level) =>
  index([...ROWS.filter((row) => row.since <= level), ...(level === LEVEL.i8086 ? ROWS_8086 : level === LEVEL.i386 ? ROWS_386 : [])]),
);

/** What an instruction set has at each opcode: 0–255 the one-byte map, 256–511 the 0F map. */
export const opcodeSlots = (level: Level): readonly (Slot | undefined)[] => MAPS[level]!;
/** The newest instruction set's. */
export const OPCODE_SLOTS = opcodeSlots(LEVEL.p6);
