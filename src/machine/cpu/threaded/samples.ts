/**
 * What the loop has handlers for: the shapes of common instructions, each taken from a sample in machine code that is lowered
 * like any other code, and every single operation, of which the rest is put together. The list decides speed and nothing else.
 */
import { LAZY } from '../flags';
import { IR_STRIDE, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock } from '../lower/lower';
import { MOST_WORDS } from './locals';
import { singleOperations } from './single-operations';
import { isThreaded, makeUnit, type Range, type Unit } from './unit';

export interface SampleHandler {
  unit: Unit;
  /** its operations */
  ir: IrBlock;
  range: Range;
  /** `lazyKind` that it is for; undefined: any */
  kind: number | undefined;
}

type Bytes = readonly number[];
/** Where flags come from: any operation, or one of these that conditional jumps often follow. */
const KINDS = [undefined, LAZY.add, LAZY.sub, LAZY.logic, LAZY.inc, LAZY.dec, LAZY.known];

const PROTECTED: Mode = { code32: true, stack32: true, protectedMode: true, codeLimited: false };
const REAL: Mode = { code32: false, stack32: false, protectedMode: false, codeLimited: false };
const ALL_FLAT = 0x3f;
const NOP = 0x90;
/** TEST EAX, EAX: makes the flags of what is before it dead */
const DEAD = [0x85, 0xc0];

/** Register 2 (EDX) as the operand of ModRM, 1 (ECX) as its register; then ECX twice. */
const REGISTER = [0xca];
const SAME = [0xc9];
/** [ebx], [ebx+8] */
const SIMPLE = [[0x0b], [0x4b, 8]] as const;
const ABSOLUTE = [0x0d, 0, 0, 1, 0];
/** [ebx+esi*4], [ebx+esi], [ebx+esi*4+8], [ebx+esi+8], [esi*4+10000] */
const INDEXED = [
  [0x0c, 0xb3],
  [0x0c, 0x33],
  [0x4c, 0xb3, 8],
  [0x4c, 0x33, 8],
  [0x0c, 0xb5, 0, 0, 1, 0],
] as const;
/** the register that is read is the address: MOV ECX, [ECX] */
const CHAINED = [[0x09], [0x49, 8], [0x0c, 0x8d, 0, 0, 1, 0]] as const;
const EVERY_ADDRESS = [...SIMPLE, ABSOLUTE, ...INDEXED];
const WIDE = [1, 2, 3, 4];

const [ADD, ADC, SBB, AND, SUB, CMP] = [0, 2, 3, 4, 5, 7];
const extension = (form: Bytes, number: number): Bytes => [(form[0]! & 0xc7) | (number << 3), ...form.slice(1)];

/** Instructions of 32-bit code whose flags are worth a handler for when they are dead, too. */
function arithmetic(): Bytes[] {
  const list: Bytes[] = [];
  for (let op = ADD; op <= CMP; op++) {
    const base = op << 3;
    list.push([base | 3, ...REGISTER], [0x83, ...extension(REGISTER, op), 5]);
    if (op === ADC || op === SBB) continue;
    list.push([base | 3, ...SAME]);
    for (const form of SIMPLE) {
      list.push([base | 3, ...form], [base | 1, ...form], [0x83, ...extension(form, op), 5]);
    }
    list.push([base | 2, ...REGISTER], [0x80, ...extension(REGISTER, op), 5], [base | 2, ...SIMPLE[0]], [base | 2, 0xc1]);
    list.push([0x80, ...extension(SIMPLE[1], op), 5]);
  }
  list.push([0x33, ...INDEXED[4]], [0x03, ...INDEXED[0]], [0x3b, ...ABSOLUTE], [0x03, ...ABSOLUTE], [0x83, ...extension(ABSOLUTE, CMP), 5]);
  for (const op of [4, 5, 7]) list.push([0xc1, ...extension(REGISTER, op), 3], [0xd3, ...extension(REGISTER, op)]);
  list.push(
    [0xc1, 0xc2, 3],
    [0xc1, 0xca, 3],
    [0x0f, 0xaf, ...REGISTER],
    [0x0f, 0xaf, ...SAME],
    [0x69, ...REGISTER, ...WIDE],
    [0x69, ...SAME, ...WIDE],
  );
  list.push(
    [0x0f, 0xaf, ...SIMPLE[1]],
    [0x41],
    [0x49],
    [0xff, ...extension(SIMPLE[1], 0)],
    [0xff, ...extension(SIMPLE[1], 1)],
    [0xf7, 0xd9],
    [0xf7, 0xe2],
  );
  list.push(
    [0x85, ...REGISTER],
    [0x85, ...SAME],
    [0x84, ...SAME],
    [0xf7, ...extension(REGISTER, 0), ...WIDE],
    [0xf6, ...extension(REGISTER, 0), 1],
  );
  list.push([0xf6, ...extension(SIMPLE[1], 0), 1]);
  return list;
}

/** Instructions of 32-bit code without flags. */
function data(): Bytes[] {
  const list: Bytes[] = [];
  for (const form of EVERY_ADDRESS) list.push([0x8b, ...form], [0x89, ...form], [0x8a, ...form], [0x88, ...form], [0x0f, 0xb6, ...form]);
  for (const form of [...SIMPLE, INDEXED[1]]) list.push([0x0f, 0xb7, ...form], [0x0f, 0xbe, ...form], [0x0f, 0xbf, ...form]);
  for (const form of CHAINED) list.push([0x8b, ...form], [0x0f, 0xb6, ...form]);
  for (const form of [...SIMPLE, ABSOLUTE]) list.push([0xc7, ...extension(form, 0), ...WIDE], [0xc6, ...extension(form, 0), 1]);
  for (const form of [SIMPLE[1], ...INDEXED]) list.push([0x8d, ...form]);
  // LEA ECX, [ECX+8], [ECX+ECX*2+1], [ECX+EBX], [ECX*4]
  list.push([0x8d, 0x49, 8], [0x8d, 0x4c, 0x49, 1], [0x8d, 0x0c, 0x49], [0x8d, 0x0c, 0x19], [0x8d, 0x0c, 0x8d, 0, 0, 0, 0]);
  list.push([0x8b, ...REGISTER], [0xb9, ...WIDE], [0x8a, ...REGISTER], [0xb1, 1], [0x87, ...REGISTER], [0x98], [0x99], [0xf7, 0xd1]);
  for (const opcode of [0xb6, 0xb7, 0xbe, 0xbf]) list.push([0x0f, opcode, ...REGISTER], [0x0f, opcode, ...SAME]);
  for (const op of [6, 7]) list.push([0xf7, ...extension(REGISTER, op)]);
  list.push(
    [0x51],
    [0x59],
    [0x6a, 1],
    [0xff, ...extension(SIMPLE[1], 6)],
    [0xc9],
    [0xc3],
    [0xc2, 4, 0],
    [0xe8, ...WIDE],
    [0xff, 0xd1],
    [0xff, 0xe1],
    [0xeb, 2],
  );
  list.push([0xff, ...extension(INDEXED[4], 2)], [0xff, ...extension(INDEXED[4], 4)], [0xff, ...extension(SIMPLE[1], 2)], [0xe2, 2]);
  for (const opcode of [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad]) list.push([opcode], [0xf3, opcode]);
  return list;
}

/** Instructions of 16-bit code, and with an operand-size prefix of 32-bit code; their addresses are units of their own. */
function words(): Bytes[] {
  const list: Bytes[] = [[0x8b, ...REGISTER], [0xb9, 1, 2], [0x41], [0x49], [0x51], [0x59], [0xc3], [0xe8, 1, 0], [0xe2, 2]];
  for (let op = ADD; op <= CMP; op++) list.push([(op << 3) | 3, ...REGISTER], [0x83, ...extension(REGISTER, op), 5]);
  list.push([0x33, ...SAME], [0x85, ...SAME], [0xd1, 0xe1], [0xd1, 0xe9], [0xc1, 0xe1, 3]);
  // [si], [si+8], [100]
  for (const form of [[0x0c], [0x4c, 8], [0x0e, 0, 1]]) list.push([0x8b, ...form], [0x89, ...form], [0x8a, ...form], [0x88, ...form]);
  for (const opcode of [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad]) list.push([opcode], [0xf3, opcode]);
  return list;
}

/** after CMP: all but overflow and parity */
const COMPARED = [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15];
const EQUAL = [4, 5];
/** Instructions of 32-bit code that a conditional jump often stands behind, and its conditions. */
const FUSED: readonly (readonly [Bytes, readonly number[]])[] = [
  [[0x3b, ...REGISTER], COMPARED],
  [[0x83, ...extension(REGISTER, CMP), 5], COMPARED],
  [[0x3b, ...SIMPLE[1]], COMPARED],
  [[0x83, ...extension(SIMPLE[1], CMP), 5], COMPARED],
  [[0x83, ...extension(SIMPLE[0], CMP), 5], EQUAL],
  [[0x83, ...extension(ABSOLUTE, CMP), 5], EQUAL],
  [
    [0x80, ...extension(REGISTER, CMP), 5],
    [2, 3, 4, 5, 6, 7],
  ],
  ...[...SIMPLE, INDEXED[1], ABSOLUTE].map((form) => [[0x80, ...extension(form, CMP), 5], EQUAL] as const),
  [[0x80, 0xbe, 0, 0, 1, 0, 5], EQUAL],
  [
    [0x85, ...SAME],
    [4, 5, 8, 9, 14, 15],
  ],
  [[0x84, ...SAME], EQUAL],
  [[0xf7, ...extension(REGISTER, 0), ...WIDE], EQUAL],
  [[0xf6, ...extension(REGISTER, 0), 1], EQUAL],
  [[0x41], EQUAL],
  [[0x49], [4, 5, 8, 9]],
  [
    [0x2b, ...REGISTER],
    [2, 3, 4, 5],
  ],
  [
    [0x83, ...extension(REGISTER, SUB), 5],
    [2, 3, 4, 5],
  ],
  [[0x83, ...extension(REGISTER, AND), 5], EQUAL],
  [
    [0x03, ...REGISTER],
    [2, 3],
  ],
  [
    [0xd1, 0xe9],
    [2, 3],
  ],
];

/** The unit of the first `count` instructions, or undefined when the loop cannot have it. */
function sample(bytes: Bytes, mode: Mode, flatSegments: number, count: number, kind?: number): SampleHandler | undefined {
  const ir = lowerBlock({ bytes: Uint8Array.from([...bytes, NOP, NOP]), start: 0, end: bytes.length + 2 }, mode);
  if (ir === 'truncated') return undefined;
  const next = ir.instructions[count];
  const range = { from: 0, to: next === undefined ? ir.ops.length : next.first * IR_STRIDE };
  if (range.to <= IR_STRIDE || !isThreaded(ir, 0, range.to)) return undefined;
  const unit = makeUnit(ir, range, { flatSegments, rip: 0, addend: 0, kind, instruction: 0, before: 0, ahead: 0, whole: range });
  return unit === undefined || unit.words.length > MOST_WORDS ? undefined : { unit, ir, range, kind };
}

/** The sample instructions of 32-bit and of 16-bit code. */
export const sampleInstructions = (): { protected: Bytes[]; real: Bytes[] } => ({
  protected: [...arithmetic(), ...data(), ...words().map((bytes) => [0x66, ...bytes]), ...FUSED.map(([setter]) => [...setter, 0x74, 2])],
  real: words(),
});

/** All of them; each shape once. */
export function sampleHandlers(): SampleHandler[] {
  const found = new Map<string, SampleHandler>();
  const add = (handler: SampleHandler | undefined): void => {
    if (handler !== undefined && !found.has(handler.unit.shape)) found.set(handler.unit.shape, handler);
  };
  for (const handler of singleOperations(KINDS)) add(handler);
  for (const bytes of arithmetic()) {
    for (const kind of KINDS) add(sample(bytes, PROTECTED, ALL_FLAT, 1, kind));
    add(sample([...bytes, ...DEAD], PROTECTED, ALL_FLAT, 1));
  }
  for (const bytes of data()) add(sample(bytes, PROTECTED, ALL_FLAT, 1));
  for (const bytes of words()) {
    for (const tail of [[], DEAD]) {
      add(sample([...bytes, ...tail], REAL, 0, 1));
      add(sample([0x66, ...bytes, ...tail], PROTECTED, ALL_FLAT, 1));
    }
  }
  for (const [setter, conditions] of FUSED) {
    for (const condition of conditions) {
      for (const kind of KINDS) add(sample([...setter, 0x70 | condition, 2], PROTECTED, ALL_FLAT, 2, kind));
    }
  }
  return [...found.values()];
}
