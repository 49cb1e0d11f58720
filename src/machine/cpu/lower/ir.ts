/**
 * The intermediate representation: what an instruction does, without x86's encodings. The interpreter executes it, and a
 * compiler can turn it into WebAssembly; both read the same blocks.
 *
 * A block is a run of instructions that ends at the first transfer of control, at a system instruction, or at the end of its
 * page. Each instruction is a list of operations on slots:
 *
 *     slot 0–15      general registers (32 bits of each in today's operations; 64-bit ones will be rows of their own)
 *     slot 16–31     temporaries, alive within one instruction
 *     negative       constants of the block: -1 is constants[0]
 *
 * Values are 32-bit. A narrower value is held zero-extended; `get8`, `get16`, `sext8`, `sext16`, `put8`, `put16` convert.
 * Sizes are bytes, explicit in every operation whose meaning depends on them; the address size shows as an explicit mask on
 * the address, the stack size as a mask on ESP and a 16-bit write to it.
 *
 * Flags: `flags` notes what was computed (flags.ts) and is evaluated only when somebody asks. A `flags` overwritten before
 * anyone can see it is dropped when the block is finished (optimise.ts).
 *
 * Faults: an operation marked `faults` may end the instruction. The lowering orders operations so that nothing
 * architectural has been written when one does: registers and flags are written after the last operation that can fault.
 * Where a store follows other stores, `probe` checks it first. An operation marked `observes` may let a device see the
 * instruction count. Both carry their instruction's number within the block, from which RIP is restored.
 *
 * RIP stays at the block's first instruction while the block runs; terminators and `advance` add distances to it, so a block
 * is valid wherever its page is mapped.
 */

import type { Level } from '../instruction-set';

/** How an operand word is read: `d` slot written, `u` slot read, `i` literal, `l` place for a link to the next block. */
export interface IrOpcode {
  readonly name: string;
  readonly number: number;
  readonly operands: string;
  /** may end the instruction with a fault or a VM exit */
  readonly faults: boolean;
  /** last operation of a block */
  readonly terminator: boolean;
  readonly flags: 'none' | 'reads' | 'writes' | 'updates';
}

type Row = readonly [name: string, operands: string, options?: { faults?: true; end?: true; flags?: IrOpcode['flags'] }];

/** Row order is the numbering, for the interpreter's switch too (execute.spec.ts). */
const ROWS = [
  // data
  ['mov', 'du'],
  ['get8', 'dui'], // d = byte of u at bit i (0 or 8)
  ['get16', 'du'],
  ['put8', 'dui'], // byte of register d at bit i = u
  ['put16', 'du'],
  ['sext8', 'du'],
  ['sext16', 'du'],
  ['bswap', 'du'],
  // arithmetic on 32 bits
  ['add', 'duu'],
  ['sub', 'duu'],
  ['and', 'duu'],
  ['or', 'duu'],
  ['xor', 'duu'],
  ['shl', 'duu'],
  ['shr', 'duu'],
  ['sar', 'duu'],
  ['mul', 'duu'], // low 32 bits
  ['mulHigh', 'duui'], // high 32 bits; i: signed
  ['mulOverflow', 'duuii'], // bits 0 and 1 set when u × u does not fit; i: size, i: signed
  ['equal', 'duu'], // 1 or 0
  ['less', 'duu'], // 1 when u < u as signed numbers, else 0
  ['choose', 'duuu'], // u1 ≠ 0 ? u2 : u3
  ['scan', 'dui'], // index of the lowest (i = 0) or highest (1) one of a nonzero value
  // shifts and rotates as x86 counts them: op (ROTATE), size, value, count; d = result
  ['rotate', 'diiuu', { flags: 'reads' }],
  ['rotateFlags', 'iiuu', { flags: 'updates' }],
  // op (0 left, 1 right), size, value, filler, count
  ['doubleShift', 'diiuuu'],
  ['doubleShiftFlags', 'iiuuu', { flags: 'updates' }],
  // implicit AX / DX:AX / EDX:EAX: size, signed, divisor; #DE
  ['divide', 'iiu', { faults: true }],
  // a number within the code that keeps being patched: bytes from the block's start, size; zero-extended
  ['code', 'dii'],
  // flags
  ['flags', 'iiuuu', { flags: 'writes' }], // kind (LAZY), size, left, right, result
  ['flagsIncDec', 'iiuuu', { flags: 'updates' }], // the same, CF kept
  ['carry', 'd', { flags: 'reads' }],
  ['setFlags', 'ui', { flags: 'updates' }], // rflags bits under mask i = u
  ['getFlags', 'd', { flags: 'reads' }],
  ['condition', 'di', { flags: 'reads' }],
  ['stringStep', 'di'], // i or -i by DF
  // memory: segment, then address / value
  ['load8', 'diu', { faults: true }],
  ['load16', 'diu', { faults: true }],
  ['load32', 'diu', { faults: true }],
  ['store8', 'iuu', { faults: true }],
  ['store16', 'iuu', { faults: true }],
  ['store32', 'iuu', { faults: true }],
  ['probe', 'iui', { faults: true }], // segment, address, size
  // checks
  ['raise', 'ii', { faults: true }], // vector, error code or -1
  ['raiseIf', 'uii', { faults: true }],
  ['checkTarget', 'u', { faults: true }], // #GP(0) when the jump target is beyond CS's limit
  ['checkVirtual', 'i', { faults: true, flags: 'reads' }], // #GP(0) when IOPL < 3 in virtual-8086 mode
  ['unknown', '', { faults: true }], // an opcode nobody knows: counted, #UD
  // the system side, by SYSTEM_CALL: result, id, three arguments
  ['advance', 'i'], // RIP = start of block + i
  ['nextRip', 'di'], // d = start of block + i
  ['call', 'diuuu', { faults: true, flags: 'updates' }],
  // the instruction is over and RIP += i when u is 0: a side exit in the last instruction of a block (REP, INTO)
  ['exitIfZero', 'uil'],
  // ends of a block
  ['goto', 'il', { end: true }], // RIP += i, to the next instruction
  ['jump', 'iil', { end: true }], // RIP += i, masked to i bytes
  ['branch', 'iiiill', { end: true, flags: 'reads' }], // condition; distance when true, when false; target size
  ['branchIf', 'uiiill', { end: true }], // the same on a value being nonzero
  ['jumpTo', 'u', { end: true }], // RIP = u
  ['leave', '', { end: true }], // RIP is set already; modes and interrupts may have changed
] as const satisfies readonly Row[];

export type IrName = (typeof ROWS)[number][0];

export const IR_OPCODES: readonly IrOpcode[] = (ROWS as readonly Row[]).map(([name, operands, options = {}], number) => ({
  name,
  number,
  operands,
  faults: options.faults ?? false,
  terminator: options.end ?? false,
  flags: options.flags ?? 'none',
}));

/** Number of each operation by name. */
export const IR = Object.fromEntries(IR_OPCODES.map((opcode) => [opcode.name, opcode.number])) as Readonly<Record<IrName, number>>;

/** Words of one operation in `IrBlock.ops`: the number, then up to six operands. */
export const IR_STRIDE = 7;

export const TEMPORARY = 16;
export const TEMPORARIES = 16;

/** Operations of `rotate`, in the encoding's order; 6 is 4. */
export const ROTATE = { rol: 0, ror: 1, rcl: 2, rcr: 3, shl: 4, shr: 5, sar: 7 } as const;

/** Calls to the system side (runtime.ts) by number, with what the three arguments are. */
export const SYSTEM_CALL = {
  /** segment, selector */
  loadSegment: 0,
  /** selector, offset, operand size */
  jumpFar: 1,
  callFar: 2,
  /** operand size, bytes to pop */
  returnFar: 3,
  /** operand size */
  returnFromInterrupt: 4,
  /** vector, offset of the next instruction, 1 when the gate's privilege is checked */
  softwareInterrupt: 5,
  /** base, limit */
  loadGdtr: 6,
  loadIdtr: 7,
  /** selector */
  loadLdtr: 8,
  loadTr: 9,
  /** index */
  readControl: 10,
  /** index, value */
  writeControl: 11,
  readDebug: 12,
  writeDebug: 13,
  /** linear address is segment base + offset: segment, offset */
  invalidatePage: 14,
  readMsr: 15,
  writeMsr: 16,
  cpuid: 17,
  /** the lower half; nobody may look at both halves but together */
  readTimestamp: 18,
  /** selector, register, its size */
  accessRights: 19,
  segmentLimit: 20,
  /** selector, for write; result 1 or 0 */
  verify: 21,
  /** value, operand size */
  writeFlags: 22,
  /** value */
  setInterruptFlag: 23,
  halt: 24,
  /** port, size */
  portIn: 25,
  /** port, size, value */
  portOut: 26,
  requirePrivilege: 27,
  /** segment; result is the selector */
  selector: 28,
  /** which (0 GDTR, 1 IDTR); result base / limit */
  tableBase: 29,
  tableLimit: 30,
  /** bit of INTERRUPT_SHADOW to set */
  shadow: 31,
  /** #NM when CR0 says so: 0 for an escape opcode, 1 for WAIT */
  checkCoprocessor: 32,
  /** CR0.TS = 0 */
  clearTaskSwitched: 33,
  /** CR0 for SMSW, whatever the privilege */
  machineStatus: 34,
  sysenter: 35,
  sysexit: 36,
  vmcall: 37,
  /** port, size: #GP(0) unless IOPL or the I/O bitmap allows it */
  checkPort: 38,
  /** index (6 or 7), value */
  readTest: 39,
  writeTest: 40,
  /** segment, offset: CMPXCHG8B */
  compareExchange8: 41,
  /** segment, offset, privilege: ARPL on a word that may not be written; result 0 when that is all of it, 1 when it may be written */
  adjustReadOnly: 42,
  /** segment, operand size */
  popSegment: 43,
  /** what and where (packFarPointer), where the offset lies, where the selector lies */
  loadFarPointer: 44,
  /** port, size, offset in ES: INS; offset in a segment, port and size (packString): OUTS */
  portInString: 45,
  portOutString: 46,
  /** the upper half of what readTimestamp has read */
  timestampHigh: 47,
} as const;

/**
 * The calls that reach devices or the clock, of IN, OUT, INS, OUTS and RDTSC: made from every tier, which goes on behind them. What
 * IN and its like reach may ask for the slice to end behind their instruction, which is the last of its block.
 */
export const DEVICE_CALLS: ReadonlySet<number> = new Set([
  SYSTEM_CALL.portIn,
  SYSTEM_CALL.portOut,
  SYSTEM_CALL.portInString,
  SYSTEM_CALL.portOutString,
  SYSTEM_CALL.checkPort,
  SYSTEM_CALL.readTimestamp,
  SYSTEM_CALL.timestampHigh,
]);

/** OUTS: the size, and the segment that is read. */
export const packString = (size: number, segment: number): number => size | (segment << 3);

/** LDS and its like: the segment register loaded, the segment that the pointer lies in, the register, and its size. */
export const packFarPointer = (loaded: number, from: number, register: number, size: number): number =>
  loaded | (from << 4) | (register << 8) | (size << 12);

/** One instruction of a block. */
export interface IrInstruction {
  /** bytes from the block's first byte */
  offset: number;
  length: number;
  /** index of its first operation in `ops`, in operations */
  first: number;
}

/** What a block was translated for; part of the key under which it is kept. */
export interface Mode {
  /** CS.D */
  code32: boolean;
  /** SS.B */
  stack32: boolean;
  /** CR0.PE without EFLAGS.VM */
  protectedMode: boolean;
  /** CS's limit ends below what the code size can address: near jumps are checked against it */
  codeLimited: boolean;
  /** instruction set; the same for all blocks of a processor, so no part of the key. The newest unless told */
  level?: Level;
}

export const MODE_KEYS = 16;
export const modeKey = (mode: Mode): number =>
  (mode.code32 ? 1 : 0) | (mode.stack32 ? 2 : 0) | (mode.protectedMode ? 4 : 0) | (mode.codeLimited ? 8 : 0);

/** A number in the code of a block: bytes from its start, and how many. */
export interface CodeNumber {
  readonly offset: number;
  readonly bytes: number;
}

export interface IrBlock {
  mode: Mode;
  /** IR_STRIDE words an operation */
  ops: Int32Array;
  constants: Int32Array;
  instructions: IrInstruction[];
  /** bytes of code the block was made from */
  bytes: number;
  /** parts of them that `code` reads when it is executed: the block is the same whatever they hold */
  numbers?: readonly CodeNumber[];
  /** flags that only the end of the block makes invisible were left out: a part of it must be made anew */
  flagsDropped?: boolean;
}

/** The block as text, one operation a line: for tests and for people. */
export function dumpIr(block: IrBlock): string {
  const slot = (s: number): string => (s < 0 ? `#${block.constants[-1 - s]}` : s < TEMPORARY ? `r${s}` : `t${s - TEMPORARY}`);
  const lines: string[] = [];
  const starts = new Map(block.instructions.map((instruction, i) => [instruction.first, i]));
  for (let at = 0, n = 0; at < block.ops.length; at += IR_STRIDE, n++) {
    const start = starts.get(n);
    if (start !== undefined) lines.push(`${start}: +${block.instructions[start]!.offset}`);
    const opcode = IR_OPCODES[block.ops[at]!]!;
    const operands = [...opcode.operands].flatMap((kind, i) => {
      const word = block.ops[at + 1 + i]!;
      return kind === 'l' ? [] : [kind === 'i' ? `${word}` : slot(word)];
    });
    lines.push(`  ${opcode.name} ${operands.join(', ')}`.trimEnd());
  }
  return lines.join('\n');
}
