/**
 * Random instructions out of the decode table: any row in any operand and address size, with register or memory, so that what the
 * table has is what is tested. What would leave the case for good (HLT in ring 0, the loads of GDT, IDT and TR) or differs between
 * emulators by design (I/O ports, CPUID, the time stamp) is left out where the privilege lets it through.
 */
import { hasModrm, ROWS, type Row } from '../../decode/table';
import { flagUse } from './undefined-flags.spec-support';
import { undefinedFlags, type CaseInstruction } from './layout.spec-support';

export type Next = () => number;
export const pick = <T>(next: Next, list: readonly T[]): T => list[next() % list.length]!;
export const chance = (next: Next, percent: number): boolean => next() % 100 < percent;
const word = (value: number): number[] => [value & 255, (value >>> 8) & 255];
const dword = (value: number): number[] => [...word(value), ...word(value >>> 16)];

const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 0xf, 0x10, 0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
/** Values near the edges as often as any. */
export const value = (next: Next): number => (chance(next, 45) ? pick(next, EDGES) : next() >>> 0);

export interface Context {
  next: Next;
  code32: boolean;
  /** CPL 0, real mode included */
  privileged: boolean;
  /** real or virtual-8086 mode */
  segmented8086: boolean;
  /** IN, OUT, CLI and STI may be carried out */
  ioAllowed: boolean;
  /** CR0.EM: escapes are #NM; without it there is no x87 to compare */
  emulated: boolean;
  /** CR4.TSD holds RDTSC back */
  timeHidden: boolean;
  /** offset of some data in its segment */
  offset: () => number;
  /** a selector, or a real-mode segment, that means something */
  selector: () => number;
  /** a jump to anywhere ends at the limit of CS, on every emulator that is asked */
  limitsChecked: boolean;
  /** selector of the code that runs */
  codeSelector: number;
}

/** Forms that differ by design, or that end the run. */
function excluded(row: Row, c: Context): boolean {
  switch (row.name) {
    case 'cpuid':
    case 'vmcall':
      return true;
    case 'rdtsc':
      return c.privileged || !c.timeHidden;
    case 'escape':
      return !c.emulated;
    case 'in':
    case 'out':
    case 'insByte':
    case 'insWord':
    case 'outsByte':
    case 'outsWord':
      return c.ioAllowed;
    case 'hlt':
    case 'lgdt':
    case 'lidt':
    case 'ltr':
    case 'lmsw':
    case 'movToControl':
    case 'rdmsr':
    case 'wrmsr':
    case 'invd':
      return c.privileged;
    case 'loadFarPointer':
    case 'popSegment':
      return c.segmented8086;
    default:
      return false;
  }
}

const NAMES = [...new Set(ROWS.map(({ name }) => name))];
const BY_NAME = new Map(NAMES.map((name) => [name, ROWS.filter((row) => row.name === name)]));
const STRINGS = new Set(['movsByte', 'movsWord', 'cmpsByte', 'cmpsWord', 'stosByte', 'stosWord', 'lodsByte', 'lodsWord', 'scasByte', 'scasWord', 'insByte', 'insWord', 'outsByte', 'outsWord']); // prettier-ignore
/** Bit tests with their offset in a register: one of these, which is prepared. */
const BIT_TESTS = new Set(['bt', 'bts', 'btr', 'btc']);
const BIT_OFFSETS = [0, 1, 2] as const;
const SHIFTS = new Set(['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar', 'shld', 'shrd']);

/** Bytes of a ModRM operand in memory, near some data. */
function memoryOperand(c: Context, reg: number, address32: boolean): number[] {
  const { next } = c;
  const field = reg << 3;
  const small = (next() % 48) - 16;
  if (!address32) {
    switch (next() % 4) {
      case 0:
        return [field | 6, ...word(c.offset())];
      case 1:
        return [0x40 | field | pick(next, [4, 5, 6, 7]), small & 255];
      case 2:
        return [0x80 | field | pick(next, [0, 1, 2, 3]), ...word(c.offset() - next())];
      default:
        return [field | pick(next, [4, 5, 7, 0, 1])];
    }
  }
  switch (next() % 7) {
    case 0:
    case 1:
      return [field | 5, ...dword(c.offset())];
    case 2:
      return [0x40 | field | pick(next, [3, 5, 6, 7]), small & 255];
    case 3:
      return [0x80 | field | pick(next, [3, 5, 6, 7]), ...dword(small)];
    case 4:
      return [0x44 | field, 0x24, small & 255];
    case 5:
      return [0x44 | field, ((next() & 3) << 6) | (pick(next, [1, 1, 4, 0]) << 3) | pick(next, [3, 5, 6, 7]), small & 255];
    default:
      return [field | pick(next, [3, 6, 7])];
  }
}

interface Made {
  bytes: number[];
  row: Row;
  wide: boolean;
  memory: boolean;
  /** of a shift */
  count: number | undefined;
  repeat: boolean;
  link?: CaseInstruction['link'];
}

/** A 16-bit operand size cuts off the upper half of where these lead to. */
const leads = (row: Row): boolean => row.operands.some((operand) => operand === 'Jb' || operand === 'Jv' || operand === 'Ap');

/** Encodes one form, with random operands. */
function encode(c: Context, row: Row, forced: { operand?: boolean; register?: number } = {}): Made {
  const { next } = c;
  const prefixes: number[] = [];
  const operandPrefix = forced.operand ?? (row.name === 'bswap' ? !c.code32 : chance(next, c.limitsChecked || !leads(row) ? 25 : 0));
  const addressPrefix = chance(next, 12);
  const wide = operandPrefix !== c.code32;
  const address32 = addressPrefix !== c.code32;
  if (operandPrefix) prefixes.push(0x66);
  if (addressPrefix) prefixes.push(0x67);
  if (chance(next, 12)) prefixes.push(pick(next, [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]));
  const repeat = STRINGS.has(row.name) && chance(next, 60);
  if (repeat) prefixes.push(pick(next, [0xf2, 0xf3]));
  const modrm = hasModrm(row);
  const memory = modrm && row.modrm < 0 && !row.operands.includes('Rd') && (row.memoryOnly ? !chance(next, 3) : chance(next, 50));
  if (row.lock && memory ? chance(next, 12) : chance(next, 1)) prefixes.push(0xf0);
  // in any order
  for (let index = prefixes.length - 1; index > 0; index--) {
    const other = next() % (index + 1);
    [prefixes[index], prefixes[other]] = [prefixes[other]!, prefixes[index]!];
  }
  // up to and beyond 15 bytes
  if (chance(next, 1)) while (prefixes.length < 9 + (next() % 7)) prefixes.push(pick(next, [0x2e, 0x3e, 0x26]));
  const bytes = [...prefixes];
  if (row.opcode >= 0x100) bytes.push(0x0f);
  const inOpcode = row.operands.some((operand) => operand[0] === 'Z');
  bytes.push((row.opcode & 0xff) | (inOpcode ? (forced.register ?? 0) : 0));
  if (modrm) {
    let reg = row.extension >= 0 ? row.extension : next() & 7;
    if (row.name === 'movToSegment') reg = pick(next, [0, 2, 3, 4, 5, 3, 0, 1, 6]);
    if (row.name === 'movFromControl') reg = pick(next, [0, 2, 3, 4, 0, 1, 5, 7]);
    if (BIT_TESTS.has(row.name) && row.extension < 0) reg = pick(next, BIT_OFFSETS);
    if (row.modrm >= 0) bytes.push(row.modrm);
    else if (memory) bytes.push(...memoryOperand(c, reg, address32));
    else bytes.push(0xc0 | (reg << 3) | pick(next, [0, 1, 2, 3, 5, 6, 7, 0, 1, 2, 3, 4]));
  }
  let count: number | undefined = SHIFTS.has(row.name) && row.operands.includes('1') ? 1 : undefined;
  let link: CaseInstruction['link'];
  const put = (size: number, number: number): void => void bytes.push(...dword(number >>> 0).slice(0, size));
  for (const operand of row.operands) {
    switch (operand) {
      case 'Ib': {
        let byte = row.name === 'int' ? pick(next, [3, 4, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x3f, 0x28]) : value(next) & 255;
        if (row.name === 'enter') byte = pick(next, [0, 0, 1, 1, 2, 3, 31, 33]);
        if (row.name === 'shld' || row.name === 'shrd') byte = next() % (wide ? 32 : 16);
        if (SHIFTS.has(row.name)) count = byte & 31;
        put(1, byte);
        break;
      }
      case 'Is':
        put(1, value(next));
        break;
      case 'Jb':
        link = { at: bytes.length, size: 1, relative: true, skip: next() % 3 };
        put(1, 0);
        break;
      case 'Jv':
        link = { at: bytes.length, size: wide ? 4 : 2, relative: true, skip: next() % 3 };
        put(wide ? 4 : 2, 0);
        break;
      case 'Iw':
        put(2, row.name === 'enter' ? next() % 64 : pick(next, [0, 2, 4, 8, 16]));
        break;
      case 'Iv':
        put(wide ? 4 : 2, value(next));
        break;
      case 'Ob':
      case 'Ov':
        put(address32 ? 4 : 2, c.offset());
        break;
      case 'Ap':
        link = { at: bytes.length, size: wide ? 4 : 2, relative: false, skip: next() % 3 };
        put(wide ? 4 : 2, 0);
        put(2, c.segmented8086 || chance(next, 50) ? c.codeSelector : c.selector());
        break;
    }
  }
  return { bytes, row, wide, memory, count, repeat, link };
}

const rowOf = (name: string, opcode: number): Row => ROWS.find((row) => row.name === name && row.opcode === opcode)!;
const MOV_WIDE = rowOf('mov', 0xb8);
const MOV_CL = rowOf('mov', 0xb0);
const PUSH_IMMEDIATE = rowOf('push', 0x68);
const CMP = rowOf('cmp', 0x39);

/** Where random instructions are collected; knows which flags are undefined at its end. */
export class Program {
  readonly instructions: CaseInstruction[] = [];
  constructor(private readonly c: Context) {}

  private add(made: Made): void {
    const { row, wide } = made;
    const byte = row.operands[0]?.endsWith('b') === true || row.operands[0] === 'AL';
    const bits = byte ? 8 : wide ? 32 : 16;
    const use = flagUse(row.name, row.opcode & 255, bits, made.count, made.repeat);
    const extension = row.extension >= 0 ? `/${row.extension}` : '';
    this.instructions.push({
      bytes: made.bytes,
      form: `${row.opcode.toString(16).padStart(2, '0')}${extension} ${row.name} ${wide ? 32 : 16} ${made.memory ? 'm' : 'r'}`,
      reads: use.reads,
      undefines: use.undefinedAfter,
      defines: use.defined,
      ...(made.link ? { link: made.link } : {}),
    });
  }

  /** MOV of a constant to a 16- or 32-bit register. */
  private moveTo(register: number, size: 2 | 4, number: number): void {
    const operand = (size === 4) !== this.c.code32;
    const bytes = [...(operand ? [0x66] : []), 0xb8 + register, ...dword(number >>> 0).slice(0, size)];
    this.add({ bytes, row: MOV_WIDE, wide: size === 4, memory: false, count: undefined, repeat: false });
  }

  private push(number: number, link?: CaseInstruction['link']): void {
    const size = this.c.code32 ? 4 : 2;
    const bytes = [0x68, ...dword(number >>> 0).slice(0, size)];
    this.add({ bytes, row: PUSH_IMMEDIATE, wide: size === 4, memory: false, count: undefined, repeat: false, link });
  }

  /** The address of a later instruction, pushed. */
  private pushTarget(): void {
    this.push(0, { at: 1, size: this.c.code32 ? 4 : 2, relative: false, skip: 1 + (this.c.next() % 2) });
  }

  /** What makes an instruction likely to get anywhere; false when there is nothing but to leave it out. */
  private prepare(row: Row): { operand?: boolean; register?: number } | undefined {
    const { c } = this;
    const { next } = c;
    switch (row.name) {
      case 'ret':
        this.pushTarget();
        return { operand: false };
      case 'retFar':
        if (!c.limitsChecked || !chance(next, 20)) {
          this.push(c.segmented8086 || chance(next, 50) ? c.codeSelector : c.selector());
          this.pushTarget();
        }
        return { operand: false };
      case 'iret':
        if (!c.limitsChecked || !chance(next, 20)) {
          this.push(value(next) & ~0x2_4100);
          this.push(c.segmented8086 || chance(next, 60) ? c.codeSelector : c.selector());
          this.pushTarget();
        }
        return { operand: false };
      case 'popf':
        this.push(value(next) & (chance(next, 90) ? ~0x100 : -1));
        return { operand: false };
      case 'call':
      case 'jmp':
        if (row.operands[0] !== 'Ev') return {};
        if (!c.limitsChecked || !chance(next, 20)) {
          const register = pick(next, [0, 1, 2]);
          const size = c.code32 ? 4 : 2;
          const bytes = [0xb8 + register, ...dword(0).slice(0, size)];
          this.add({ bytes, row: MOV_WIDE, wide: c.code32, memory: false, count: undefined, repeat: false, link: { at: 1, size, relative: false, skip: 1 + (next() % 2) } }); // prettier-ignore
          const reg = row.extension << 3;
          this.add({ bytes: [0xff, 0xc0 | reg | register], row, wide: c.code32, memory: false, count: undefined, repeat: false });
          return undefined;
        }
        return {};
      case 'callFar':
      case 'jmpFar':
        return row.operands[0] === 'Mp' && !c.limitsChecked ? undefined : {};
      case 'movToSegment':
        if (c.segmented8086 || chance(next, 70)) {
          const register = pick(next, [0, 1, 2, 3]);
          this.moveTo(register, 2, c.selector());
          const segment = c.segmented8086 ? pick(next, [0, 3, 4, 5]) : pick(next, [0, 2, 3, 4, 5]);
          this.add({ bytes: [0x8e, 0xc0 | (segment << 3) | register], row, wide: c.code32, memory: false, count: undefined, repeat: false }); // prettier-ignore
          return undefined;
        }
        return {};
      case 'popSegment':
        if (chance(next, 80)) this.push(c.selector());
        return { operand: false };
      case 'lldt':
      case 'lar':
      case 'lsl':
      case 'verr':
      case 'verw':
      case 'arpl':
        this.moveTo(pick(next, [0, 1, 2, 3]), 2, c.selector());
        return {};
      case 'div':
      case 'idiv':
        if (chance(next, 60)) this.moveTo(2, 4, pick(next, [0, 0, 1, 0xffff_ffff]));
        if (chance(next, 30)) this.moveTo(0, 4, value(next) & 0x7fff);
        return {};
      case 'shld':
      case 'shrd':
        if (row.operands.includes('CL')) this.add({ bytes: [0xb1, next() % 16], row: MOV_CL, wide: c.code32, memory: false, count: undefined, repeat: false }); // prettier-ignore
        return {};
      case 'bt':
      case 'bts':
      case 'btr':
      case 'btc':
        // with an offset in a register: near, since 2 GiB of bits reach what belongs to no case
        if (row.operands[1] === 'Gv') for (const register of BIT_OFFSETS) this.moveTo(register, 4, (next() % 256) - 128);
        return {};
    }
    if (STRINGS.has(row.name)) this.moveTo(1, 4, chance(next, 90) ? next() % 12 : next() % 64);
    return {};
  }

  /** The instructions from one on mean something only together: a return is wild without its pushes, SHLD undefined without its count. */
  private join(first: number): void {
    for (let index = first + 1; index < this.instructions.length; index++) this.instructions[index]!.joined = true;
  }

  /** Adds one random instruction, and what it needs in front of it. */
  step(): void {
    const { c } = this;
    for (;;) {
      const row = chance(c.next, 70) ? pick(c.next, ROWS) : pick(c.next, BY_NAME.get(pick(c.next, NAMES))!);
      if (excluded(row, c)) continue;
      const before = this.instructions.length;
      const prepared = this.prepare(row);
      if (prepared === undefined) {
        if (this.instructions.length === before) continue;
        this.join(before);
        return;
      }
      const made = encode(c, row, prepared.operand === undefined ? {} : { operand: prepared.operand });
      const use = flagUse(row.name, row.opcode & 255, 32, made.count, made.repeat);
      if ((use.reads & undefinedFlags(this.instructions).at(-1)!) !== 0) {
        // CMP EAX, EAX defines everything
        this.add({ bytes: [0x39, 0xc0 | pick(c.next, [1, 2, 3, 5]) << 3], row: CMP, wide: c.code32, memory: false, count: undefined, repeat: false }); // prettier-ignore
      }
      // with a 32-bit operand PUSH writes four bytes or two (SDM vol. 2, PUSH): what lies there is made zero first
      if (row.name === 'pushSegment' && made.wide) made.bytes.unshift(...(c.code32 ? [0x6a, 0, 0x5a] : [0x66, 0x6a, 0, 0x66, 0x5a]));
      this.add(made);
      this.join(before);
      return;
    }
  }
}
