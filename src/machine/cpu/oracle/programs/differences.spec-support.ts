/**
 * In what ours and another emulator end differently, and which of that is the other's, or left open by the manual: those reasons are
 * listed here with the manual's section; docs/specification.md has the same list.
 */
import { FLAG } from '../../flags';
import {
  addressesOf,
  codeOf,
  DATA,
  DATA_BYTES,
  FIELDS,
  FIRST_DESCRIPTOR,
  KIND,
  SECOND_WINDOW,
  undefinedFlags,
  WINDOW,
  type Field,
  type Outcome,
  type ProgramCase,
} from './layout.spec-support';

const STATUS = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF;

/** CR0.PG, as a number; a directory entry's PS; the bits of a descriptor's type that say code */
const PAGING = 2 ** 31;
const LARGE_PAGE = 0x80;
const IS_CODE = 0x1800;

/** Faults that an access to memory raises. */
const ACCESS_FAULTS = [12, 13, 14, 17];
/** Did both fault at the same instruction, by accesses to memory and not by what was read? */
const bothAccess = (ours: Outcome, theirs: Outcome): boolean =>
  ours.eip === theirs.eip && [ours, theirs].every(({ vector, error }) => ACCESS_FAULTS.includes(vector) && (vector === 14 || error === 0));

/** bits of EFLAGS that are zero in every processor */
const RESERVED_FLAGS = 0xffc0_8028;

export type Other = 'bochs' | 'qemu';
/** Another emulator, or another tier of ours. */
export type Judge = Other | 'threaded' | 'compiled';
const isOther = (judge: Judge): judge is Other => judge === 'bochs' || judge === 'qemu';

/** Flags that mean something where the case ended. */
function definedFlags(test: ProgramCase, eip: number): number {
  const at = addressesOf(test).indexOf(eip);
  if (at < 0) return ~STATUS;
  return ~undefinedFlags(test.instructions)[at]!;
}

const uses = (test: ProgramCase, form: RegExp): boolean => test.instructions.some((instruction) => form.test(instruction.form));

/** The form at an address, or nothing. */
function formAt(test: ProgramCase, eip: number): string {
  return test.instructions[addressesOf(test).indexOf(eip)]?.form ?? '';
}

/** Physical address of what lies at a linear one where a case's data is: its own pages, or a large one from zero. */
function physicalOf(test: ProgramCase, linear: number): number {
  if (test.kind === KIND.real || test.kind === KIND.virtual8086 || test.cr0 < PAGING) return linear;
  const page = (linear - WINDOW) >>> 12;
  if (page < test.entries.length) return (test.entries[page]! & -0x1000) + (linear & 0xfff);
  const second = linear - SECOND_WINDOW;
  if (second < 0 || second >= 0x40_0000) return linear;
  if ((test.directory[1] & LARGE_PAGE) !== 0) return second;
  return second >>> 12 < test.entries.length ? (test.entries[second >>> 12]! & -0x1000) + (linear & 0xfff) : linear;
}

/** Does it end in a code segment of its own that lies over the random data? The LDT is the GDT's own bytes. */
function endsInData(test: ProgramCase, { cs, eip }: Outcome): boolean {
  if (cs === test.cs || test.kind === KIND.real || test.kind === KIND.virtual8086) return false;
  const [low, high] = test.descriptors[(cs >>> 3) - FIRST_DESCRIPTOR] ?? [0, 0];
  const base = (((high & 0xff) << 16) | (low >>> 16) | (high & 0xff00_0000)) >>> 0;
  const at = physicalOf(test, (base + eip) >>> 0);
  return (high & IS_CODE) === IS_CODE && at >= DATA && at < DATA + DATA_BYTES;
}

const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];

/** The opcode at an address of the case's code, behind prefixes, and the byte after it; -1 where there is none. */
function opcodeAt(test: ProgramCase, eip: number): [opcode: number, modrm: number] {
  const code = codeOf(test);
  let at = eip - addressesOf(test)[0]!;
  while (PREFIXES.includes(code[at] ?? -1)) at++;
  return [code[at] ?? -1, code[at + 1] ?? -1];
}

/** Bits of DR6 for breakpoints that are disabled or on code. */
function lateBreakpoints(test: ProgramCase): number {
  const control = test.dr[4]!;
  if (uses(test, /movToDebug/)) return 15;
  const late = [0, 1, 2, 3].filter((index) => ((control >> (index * 2)) & 3) === 0 || ((control >> (16 + index * 4)) & 3) === 0);
  return late.reduce((bits, index) => bits | (1 << index), 0);
}

/** The real-mode part of the runner (runner.asm, LOW), whose stubs push; a stack that is too small for that faults there. */
const RUNNER_STUBS = { first: 0x1000, end: 0x1300 };

/**
 * Did a real-mode case end in the runner's own stubs? The stack of its first exception had no room for what they push, so the
 * flags that this exception pushed are still in the case's memory, undefined ones with them.
 */
const endedInStubs = (test: ProgramCase, { cs, eip, eflags }: Outcome): boolean =>
  test.kind === KIND.real && cs === 0 && (eflags & FLAG.VM) === 0 && eip >= RUNNER_STUBS.first && eip < RUNNER_STUBS.end;

const leavesUndefined = (test: ProgramCase): boolean => undefinedFlags(test.instructions).some((flags) => flags !== 0);

interface Known {
  other: Other;
  why: string;
  /** fields that may differ; all of them when left out */
  fields?: readonly Field[];
  applies: (test: ProgramCase, ours: Outcome, theirs: Outcome) => boolean;
  /** also when the other never ends */
  endless?: true;
}

/** Differences that are the other emulator's, or that the manual leaves open. */
export const KNOWN: readonly Known[] = [
  {
    other: 'bochs',
    why: 'a double fault is an abort, so the manual does not say what its RF is: Bochs keeps that of the first fault (SDM vol. 3, 18.3.1.1); nor which of the pushes before it reached memory',
    fields: ['eflags', 'data'],
    applies: (test, ours, theirs) =>
      [8, 0xff].includes(ours.vector) && ((ours.eflags ^ theirs.eflags) & ~FLAG.RF & definedFlags(test, ours.eip)) === 0,
  },
  {
    other: 'bochs',
    why: 'near CALL: Bochs pushes the return address before it checks the target (SDM vol. 2, CALL has it the other way round)',
    fields: ['data', 'tables', 'vector'],
    applies: (test, ours, theirs) =>
      ours.vector === 13 && ACCESS_FAULTS.includes(theirs.vector) && /^(e8|ff\/2) |callFar/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'far CALL: what was pushed before the stack ended is in memory in Bochs; the manual has instructions restart (SDM vol. 3, 6.6)',
    fields: ['data'],
    applies: (test, ours, theirs) => ours.vector === 12 && theirs.vector === 12 && /callFar|^call \d/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'far CALL: Bochs wants room for both pushes in one piece, and has none where SP wraps around between or before them (SDM vol. 1, 6.2.3)',
    applies: (test, _, theirs) => theirs.vector === 12 && (test.esp & 0xffff) < 8 && /callFar|^call \d/.test(formAt(test, theirs.eip)),
  },
  {
    other: 'bochs',
    why: 'call gate of 32 bits from a 16-bit stack: Bochs pushes SP, the manual has ESP, whose upper half is what the last inner stack left (SDM vol. 3, 5.8.5)',
    fields: ['data'],
    applies: (test) =>
      uses(test, /^call \d/) &&
      (test.cs & 3) !== 0 &&
      ((test.descriptors[(test.ss >> 3) - FIRST_DESCRIPTOR]?.[1] ?? 0x40_0000) & 0x40_0000) === 0,
  },
  {
    other: 'bochs',
    why: "far CALL to conforming code of an inner ring: Bochs pushes with that ring's rights to the pages; the ring does not change (SDM vol. 3, 5.8.1.2)",
    applies: (test, ours, theirs) =>
      ours.vector === 14 && (ours.error & 4) !== 0 && theirs.vector === 6 && /callFar/.test(formAt(test, ours.eip)),
  },
  {
    other: 'qemu',
    why: "pushes of a far CALL are the supervisor's in QEMU, so that they succeed where the program's would not (SDM vol. 3, 4.6)",
    applies: (test, ours, theirs) =>
      ours.vector === 14 && (ours.error & 4) !== 0 && theirs.vector === 6 && /callFar/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'PUSHA, SGDT and SIDT: what was written before a later part faulted is in memory in Bochs; the manual has instructions restart (SDM vol. 3, 6.6)',
    fields: ['data', 'tables'],
    applies: (test, ours) => [12, 13, 14, 17].includes(ours.vector) && /pusha|s[gi]dt/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'IRET to virtual-8086 mode: Bochs cuts EIP off at 16 bits, the manual has #GP (SDM vol. 2, IRET)',
    applies: (test, ours, theirs) => ours.vector === 13 && (theirs.eflags & FLAG.VM) !== 0 && /iret/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'ARPL on a segment that may not be written: Bochs refuses it before it reads, also where the word would not change (SDM vol. 2, ARPL, Operation)',
    applies: (test, ours, theirs) =>
      theirs.vector === 13 &&
      theirs.error === 0 &&
      // ours went on, or the read itself faulted
      (ours.eip !== theirs.eip || ours.vector === 14 || ours.vector === 17) &&
      ours.vector !== 8 &&
      /arpl .* m$/.test(formAt(test, theirs.eip)),
  },
  {
    other: 'bochs',
    why: 'ARPL on a segment that may not be written, where the word would change: the read before has marked its page as accessed, in Bochs there was none',
    fields: ['tables'],
    applies: (test, ours, theirs) => ours.vector === 13 && theirs.vector === 13 && /arpl .* m$/.test(formAt(test, theirs.eip)),
  },
  {
    other: 'bochs',
    why: 'UD0 and UD1: whether they have a ModRM byte, whose fetch may fault, depends on the processor (SDM vol. 2, UD)',
    applies: (test, ours, theirs) =>
      (ours.vector === 6 || (theirs.vector === 6 && theirs.eip === ours.eip && [13, 14].includes(ours.vector))) &&
      /^f(ff|b9) ud/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'Bochs reads on behind an undefined opcode, and so marks the next page as accessed (SDM vol. 3, 4.8 leaves that open)',
    fields: ['tables'],
    applies: (_, ours) => ours.vector === 6 && (ours.eip & 0xfff) > 0xff0,
  },
  {
    other: 'bochs',
    why: 'LDS and the like: Bochs reads the selector before the offset, so that another of two access faults may be raised; the manual does not say (SDM vol. 2, LDS)',
    fields: ['cr2', 'error', 'tables', 'vector', 'data'],
    applies: (test, ours, theirs) =>
      bothAccess(ours, theirs) && /loadFarPointer|(call|jmp)Far .* m$|^l[defgs]s /.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'far RET: Bochs reads the selector before the offset (SDM vol. 2, RET has it the other way round)',
    fields: ['cr2', 'error', 'tables'],
    applies: (test, ours, theirs) => ours.vector === 14 && theirs.vector === 14 && /retFar/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'an access across 4 GiB in a segment of 4 GiB may fault or wrap (SDM vol. 3, 5.3)',
    applies: (_, ours, theirs) => [8, 12, 13, 14].includes(ours.vector) && theirs.cr2 > 0xffff_ffe0,
  },
  {
    other: 'bochs',
    why: 'an x87 opcode without a meaning is #UD to Bochs even when CR0.EM is set (SDM vol. 3, 2.5, EM)',
    applies: (test, ours, theirs) => ours.vector === 7 && theirs.vector === 6 && /escape/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'B0 to B3 of DR6 may be set for breakpoints that are not enabled (SDM vol. 3, 18.2.3); a single step is reported together with a breakpoint on the next instruction; and some exceptions clear them',
    fields: ['dr6'],
    applies: (test, ours, theirs) => ((ours.dr6 ^ theirs.dr6) & ~lateBreakpoints(test)) === 0,
  },
  {
    other: 'bochs',
    why: 'a MOV that DR7.GD catches while TF is set: Bochs reports the single step that has not been taken too (SDM vol. 3, 18.2.3)',
    fields: ['dr6'],
    applies: (test, ours, theirs) => (ours.dr6 ^ theirs.dr6) === 0x4000 && (ours.dr6 & 0x2000) !== 0 && /dr\d/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'ENTER with operands and a stack of different size: what becomes of the upper half of EBP differs between editions of the manual (SDM vol. 2, ENTER)',
    fields: ['ebp', 'data'],
    applies: (test, ours, theirs) => uses(test, /^c8 enter/) && ((ours.ebp ^ theirs.ebp) & 0xffff) === 0,
  },
  {
    other: 'bochs',
    why: 'what ENTER pushed before it faulted is in memory in Bochs; the manual has instructions restart (SDM vol. 3, 6.6)',
    fields: ['data', 'tables', 'vector'],
    applies: (test, ours, theirs) => bothAccess(ours, theirs) && /^c8 enter/.test(formAt(test, ours.eip)),
  },
  {
    other: 'qemu',
    why: 'the same of QEMU, which does not look at the stack that ENTER allocates either',
    fields: ['ebp', 'tables', 'data'],
    applies: (test) => uses(test, /^c8 enter/),
  },
  {
    other: 'qemu',
    why: 'bit 12 of DR6 can be set in QEMU; it reads as zero (SDM vol. 3, 18.2.3)',
    fields: ['dr6'],
    applies: (test, ours, theirs) => uses(test, /movToDebug/) && ((ours.dr6 ^ theirs.dr6) & ~0x1000) === 0,
  },
  {
    other: 'qemu',
    why: 'QEMU translates blocks ahead and writes accessed and dirty bits when it fills its TLB, not at the access (SDM vol. 3, 4.8 leaves that open)',
    fields: ['tables'],
    applies: () => true,
  },
  {
    other: 'qemu',
    why: 'DR7.GD has no effect in QEMU (SDM vol. 3, 18.2.4)',
    applies: (test, ours) => uses(test, /movToDebug/) && (ours.dr6 & 0x2000) !== 0,
  },
  {
    other: 'qemu',
    why: 'LAR with 32 bits: QEMU gives zeros for the limit bits 19:16, which are undefined (SDM vol. 2, LAR)',
    applies: (test) => uses(test, /^f02 lar 32/),
  },
  {
    other: 'qemu',
    why: 'QEMU checks no limits, types and null selectors at an access, nor the code limit (SDM vol. 3, 5.3 to 5.5)',
    applies: (_, ours) => [8, 12, 13, 0xff].includes(ours.vector),
  },
  {
    other: 'qemu',
    why: 'QEMU sets no RF in the EFLAGS that a fault pushes (SDM vol. 3, 18.3.1.1), and IRET of ring 0 no VIF and VIP (vol. 2, IRET)',
    fields: ['eflags'],
    applies: (_, ours, theirs) => ((ours.eflags ^ theirs.eflags) & ~(FLAG.RF | FLAG.VIF | FLAG.VIP) & ~STATUS) === 0,
  },
  {
    other: 'qemu',
    why: "QEMU reads before it writes, and pushes of a far CALL are the supervisor's: the error code of a page fault (SDM vol. 3, 4.7)",
    applies: (_, ours, theirs) => ours.vector === 14 && theirs.vector === 14 && ((ours.error ^ theirs.error) & ~7) === 0,
  },
  {
    other: 'bochs',
    why: 'a case that writes over its own code through CS can make an MMX or SSE instruction of it, which only the Pentium III of Bochs has (SDM vol. 2, table A-3)',
    applies: (test, ours) =>
      ours.vector === 6 && test.kind === KIND.real && test.instructions.some(({ bytes, form }) => bytes.includes(0x2e) && / m$/.test(form)),
  },
  {
    other: 'bochs',
    why: 'an undefined form that also reaches beyond the limit of CS: which fault is raised is open (SDM vol. 3, 6.9)',
    applies: (_, ours, theirs) => ours.vector === 6 && theirs.vector === 13 && ours.eip === theirs.eip,
  },
  {
    other: 'qemu',
    why: 'QEMU refuses an instruction by its privilege before it has read on behind the border of a page (SDM vol. 3, 6.9: fetching comes first)',
    applies: (_, ours, theirs) =>
      ours.vector === 14 &&
      [6, 13].includes(theirs.vector) &&
      ours.eip === theirs.eip &&
      (ours.cr2 & 0xfff) === 0 &&
      (ours.eip & 0xfff) > 0xff0,
  },
  {
    other: 'qemu',
    why: 'PREFETCH with a register (0F 18 of mod 3) is #UD to QEMU, a NOP to processors (SDM vol. 2, table A-3)',
    applies: (test) => uses(test, /^f18 .* r$/),
  },
  {
    other: 'qemu',
    why: 'TEST as F6 /1 and F7 /1 is #UD to QEMU; the manual has no such form, processors take it for /0 (SDM vol. 2, table A-6)',
    applies: (test) => uses(test, /^f[67]\/1 /),
  },
  { other: 'qemu', why: 'INT1 is #UD to QEMU (SDM vol. 2, INT1)', applies: (test) => uses(test, /^f1 /) },
  {
    other: 'qemu',
    why: "SGDT and SIDT of 16 bits: QEMU writes zero to the base's last byte, processors since the 80386 all of the base (SDM vol. 2, SGDT)",
    fields: ['data'],
    applies: (test) => uses(test, /s[gi]dt 16/),
  },
  {
    other: 'qemu',
    why: 'SGDT and SIDT at FFFE with addresses of 16 bits: the base is at offset 0 to processors and Bochs; QEMU goes on beyond 64 KiB (SDM vol. 1, 3.3.5)',
    fields: ['data'],
    applies: (test) => uses(test, /s[gi]dt/) && (test.kind === KIND.real || test.kind === KIND.virtual8086),
  },
  {
    other: 'qemu',
    why: 'a single step behind STI: QEMU holds back the trap as well as interrupts for one instruction (SDM vol. 3, 6.8.3: interrupts only)',
    applies: (test, ours) => ours.vector === 1 && (ours.dr6 & 0x4000) !== 0 && uses(test, /^fb /),
  },
  {
    other: 'qemu',
    why: 'CMPS reads ES:EDI first in QEMU, DS:ESI in ours and in Bochs: which of two page faults is raised is open (SDM vol. 2, CMPS)',
    applies: (test, ours, theirs) =>
      ours.vector === 14 && theirs.vector === 14 && ours.cr2 !== theirs.cr2 && /cmps/.test(formAt(test, ours.eip)),
  },
  {
    other: 'bochs',
    why: 'a far jump into the random data runs code that nobody made: MMX and SSE, which only the Pentium III of Bochs has, and undefined flags',
    applies: (test, ours) => endsInData(test, ours),
  },
  {
    other: 'qemu',
    why: 'MOV of a control register that does not exist is #GP to QEMU when the privilege lacks as well (SDM vol. 2, MOV)',
    applies: (test, ours, theirs) => theirs.vector === 13 && ours.vector === 6 && /Control/.test(formAt(test, theirs.eip)),
  },
  {
    other: 'qemu',
    why: 'CMPXCHG8B leaves other flags than ZF wrong in QEMU, even a reserved one (SDM vol. 2, CMPXCHG8B)',
    fields: ['eflags'],
    applies: (test) => uses(test, /cmpxchg8b/),
  },
  {
    other: 'qemu',
    why: 'the same, where VM is among the wrong flags: what was saved is then read as that of a virtual-8086 task (SDM vol. 2, CMPXCHG8B)',
    applies: (test, _, theirs) => uses(test, /cmpxchg8b/) && (theirs.eflags & RESERVED_FLAGS) !== 0,
  },
  {
    other: 'qemu',
    why: 'and where a later instruction reads one of the wrong flags, its result is wrong as well (SDM vol. 2, CMPXCHG8B)',
    applies: (test) => {
      const first = test.instructions.findIndex(({ form }) => /cmpxchg8b/.test(form));
      return first >= 0 && test.instructions.slice(first + 1).some(({ reads }) => (reads & ~FLAG.ZF) !== 0);
    },
  },
  {
    other: 'qemu',
    why: 'C6 and C7 are MOV to QEMU whatever the reg field says; /1 to /7 are undefined (SDM vol. 2, table A-6, group 11)',
    applies: (test, ours) => {
      const [opcode, modrm] = opcodeAt(test, ours.eip);
      return ours.vector === 6 && (opcode === 0xc6 || opcode === 0xc7) && (modrm & 0x38) !== 0;
    },
  },
  {
    other: 'qemu',
    why: 'CALL through a gate of 16 bits: QEMU takes the upper half of the offset too, which only gates of 32 bits have (SDM vol. 3, 5.8.3)',
    applies: (test, _, theirs) =>
      uses(test, /callFar|^call \d/) &&
      test.descriptors.some(([, high]) => (high & 0x1f00) === 0x0400 && high >>> 16 !== 0 && high >>> 16 === theirs.eip >>> 16),
  },
  {
    other: 'qemu',
    why: 'far JMP through a gate to code that is not present is #GP to QEMU (SDM vol. 2, JMP: #NP)',
    fields: ['vector', 'eflags', 'data'],
    applies: (test, ours, theirs) =>
      ours.vector === 11 && theirs.vector === 13 && ours.error === theirs.error && /jmpFar/.test(formAt(test, ours.eip)),
  },
  {
    other: 'qemu',
    why: 'far RET in real and virtual-8086 mode: QEMU reads the selector beyond 64 KiB where SP wraps around behind the offset (SDM vol. 1, 6.2.3)',
    endless: true,
    applies: (test) =>
      (test.kind === KIND.real || test.kind === KIND.virtual8086) && ((test.esp + 16) & 0xffff) < 32 && uses(test, /retFar/),
  },
  {
    other: 'qemu',
    why: 'QEMU refuses LOCK late or not at all where it is not allowed (SDM vol. 2, LOCK)',
    endless: true,
    applies: (test, ours, theirs) =>
      test.instructions.some(({ bytes }) => bytes.includes(0xf0)) && (ours.vector === 6 || theirs.vector === 6),
  },
];

const knownIn = (test: ProgramCase, ours: Outcome, theirs: Outcome, other: Other, field: Field): boolean =>
  KNOWN.some((known) => known.other === other && (known.fields?.includes(field) ?? true) && known.applies(test, ours, theirs));

/** The fields in which ours ends differently, but for known differences. A case that never ends has no outcome. */
export function differences(test: ProgramCase, ours: Outcome | undefined, theirs: Outcome | undefined, other: Judge): string[] {
  if (
    ours !== undefined &&
    theirs === undefined &&
    KNOWN.some((known) => known.endless && known.other === other && known.applies(test, ours, ours))
  )
    return [];
  if (ours === undefined || theirs === undefined) return ours === theirs ? [] : ['end'];
  const mask = definedFlags(test, ours.eip);
  const flagsInMemory = endedInStubs(test, ours) && endedInStubs(test, theirs) && leavesUndefined(test);
  return FIELDS.filter((field) => {
    if (field === 'data' && flagsInMemory) return false;
    const same = field === 'eflags' ? ((ours.eflags ^ theirs.eflags) & mask) === 0 : ours[field] === theirs[field];
    return !same && (!isOther(other) || !knownIn(test, ours, theirs, other, field));
  });
}
