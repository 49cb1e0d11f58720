/**
 * A random program and what came of it: the case that the runner (runner.asm) is given and the record that it writes. Where the
 * runner keeps things is stated there; the numbers here are the same.
 */
import { random } from '../../../random.spec-support';

/** Physical addresses that cases are made of. */
export const DATA = 0x2_0000;
export const DATA_BYTES = 0x2000;
/** two frames with the code, which lies around their border */
export const CODE = 0x2_4000;
/** 256 bytes around the border, all of them INT3 but for the code */
export const CODE_WINDOW = CODE + 0xf80;
export const CODE_WINDOW_BYTES = 256;
/** linear 4 MiB: eight pages of the case's own page-table entries */
export const WINDOW = 0x40_0000;
/** linear 8 MiB: a second directory entry, of the case's own too */
export const SECOND_WINDOW = 0x80_0000;
export const WINDOW_TABLE = 0xf0_2000;
/** index of the first descriptor of a case, and how many there are */
export const FIRST_DESCRIPTOR = 5;
export const DESCRIPTORS = 11;
/** selector of the LDT, which is the GDT's own bytes */
export const LDT = 0x90;
export const RUNNER = 0x100_0000;
export const POOL_BYTES = 2 * DATA_BYTES;

export const KIND = { real: 0, ring0: 1, outerRing: 2, virtual8086: 3 } as const;

/** One instruction of a case. */
export interface CaseInstruction {
  /** bytes, with jumps within the case already resolved */
  bytes: number[];
  /** its form: opcode row, operand size, `r` or `m` */
  form: string;
  /** flags that it reads, that it leaves undefined, and that it defines */
  reads: number;
  undefines: number;
  defines: number;
  /** prepared by the one before it: no jump leads here, and neither is left out alone */
  joined?: true;
  /** a displacement or address in its bytes that leads to a later instruction */
  link?: { at: number; size: 1 | 2 | 4; relative: boolean; skip: number };
}

export interface ProgramCase {
  mode: string;
  kind: number;
  cr0: number;
  cr4: number;
  cs: number;
  /** linear or physical address less this is EIP */
  codeBase: number;
  /** offset of the code in its window */
  codeOffset: number;
  eflags: number;
  esp: number;
  ss: number;
  ds: number;
  es: number;
  fs: number;
  gs: number;
  /** EAX ECX EDX EBX EBP ESI EDI */
  registers: number[];
  pool: number;
  entries: number[];
  directory: [number, number];
  /** low and high halves */
  descriptors: [number, number][];
  ldt: number;
  /** DR0 to DR3, DR7 */
  dr: number[];
  /** ESP0 SS0 ESP1 SS1 ESP2 SS2 of the task; the runner's own stack when left out */
  stacks?: number[];
  /** low and high halves of the gates of vectors 38h to 3Bh; not present when left out */
  gates?: [number, number][];
  /** bytes put into memory before the case runs, at physical addresses */
  patches?: { at: number; bytes: number[] }[];
  /** #TS, #NP, #SS and #GP have tasks of their own; then EIP is the interrupted task's selector and its segment has the rest */
  faultTasks?: true;
  instructions: CaseInstruction[];
}

/** EIP of the first instruction. */
export const entryPoint = (test: ProgramCase): number => (CODE_WINDOW + test.codeOffset - test.codeBase) >>> 0;

const dword = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];

/** Number of the instruction that a link of instruction `index` leads to, which is none that another prepares; the end's is their count. */
function targetOf(instructions: readonly CaseInstruction[], index: number, skip: number): number {
  let target = Math.min(index + 1 + skip, instructions.length);
  while (target < instructions.length && instructions[target]!.joined) target++;
  return target;
}

/** UD2: how every case ends that nothing else ended */
const END = [0x0f, 0x0b];

/** The code, with its jumps put in. */
export function codeOf(test: ProgramCase): number[] {
  const starts: number[] = [];
  let length = 0;
  for (const { bytes } of test.instructions) {
    starts.push(length);
    length += bytes.length;
  }
  starts.push(length);
  return [
    ...test.instructions.flatMap(({ bytes, link }, index) => {
      if (link === undefined) return bytes;
      const target = starts[targetOf(test.instructions, index, link.skip)]!;
      const value = link.relative ? target - starts[index + 1]! : entryPoint(test) + target;
      const resolved = [...bytes];
      resolved.splice(link.at, link.size, ...dword(value >>> 0).slice(0, link.size));
      return resolved;
    }),
    ...END,
  ];
}

/** EIP of each instruction, and of the end. */
export function addressesOf(test: ProgramCase): number[] {
  let at = entryPoint(test);
  return [...test.instructions.map(({ bytes }) => (at += bytes.length) - bytes.length), at];
}

/** The flags that are undefined before each instruction, whichever way it is reached, and behind the last. */
export function undefinedFlags(instructions: readonly CaseInstruction[]): number[] {
  const arriving = new Array<number>(instructions.length + 1).fill(0);
  const result: number[] = [];
  let now = 0;
  instructions.forEach(({ undefines, defines, link }, index) => {
    now |= arriving[index]!;
    result.push(now);
    if (link) arriving[targetOf(instructions, index, link.skip)]! |= now | undefines;
    now = (now & ~defines) | undefines;
  });
  return [...result, now | arriving[instructions.length]!];
}

const exactly = (count: number, values: readonly number[]): number[] => Array.from({ length: count }, (_, index) => values[index] ?? 0);

/** As the runner reads it. */
function caseBytes(test: ProgramCase): Uint8Array {
  const code = codeOf(test);
  const patches = test.patches ?? [];
  const dwords = [
    test.kind, test.cr0, test.cr4, entryPoint(test), test.cs, test.eflags, test.esp, test.ss, test.ds, test.es, test.fs, test.gs,
    ...test.registers, test.pool, CODE_WINDOW, CODE_WINDOW + test.codeOffset, code.length, ...test.entries, ...test.directory,
    ...test.descriptors.flat(), test.ldt, ...test.dr, ...exactly(6, test.stacks ?? []), ...exactly(8, test.gates?.flat() ?? []), patches.length, test.faultTasks ? 1 : 0,
  ]; // prettier-ignore
  const behind = [...code, ...patches.flatMap(({ at, bytes }) => [...dword(at), ...dword(bytes.length), ...bytes])];
  const size = (4 + dwords.length * 4 + behind.length + 3) & ~3;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  [size, ...dwords].forEach((value, index) => view.setUint32(index * 4, value >>> 0, true));
  bytes.set(behind, 4 + dwords.length * 4);
  return bytes;
}

export interface ImageOptions {
  /** number of the first case to run */
  first?: number;
  /** number of the case whose memory is to be printed */
  dump?: number;
  /** physical address that records are put at, by number of the case; left out: they are written to port 0xE9 */
  records?: number;
}

const encoded = new WeakMap<ProgramCase, Uint8Array>();
/** As the runner reads it: made once, since every image with the case has the same bytes. */
function bytesOf(test: ProgramCase): Uint8Array {
  const found = encoded.get(test) ?? caseBytes(test);
  encoded.set(test, found);
  return found;
}

let filled: Uint8Array | undefined;
/** What memory is filled from: random, with numbers among it that are small or at the edges. */
function poolBytes(): Uint8Array {
  const next = random(1);
  return (filled ??= Uint8Array.from({ length: POOL_BYTES }, (_, at) =>
    at % 16 < 12 ? next() : [0, 0xff, 0x80, 0x7f, 1, 0x40][next() % 6]!,
  ));
}

/** What lies at RUNNER: the runner, the pool that memory is filled from, the cases. */
export function makeImage(runner: Uint8Array, cases: readonly ProgramCase[], options: ImageOptions = {}): Uint8Array {
  const made = cases.map(bytesOf);
  const pool = poolBytes();
  const casesAt = runner.length + pool.length;
  const image = new Uint8Array(casesAt + made.reduce((sum, bytes) => sum + bytes.length, 0));
  image.set(runner);
  image.set(pool, runner.length);
  let at = casesAt;
  for (const bytes of made) {
    image.set(bytes, at);
    at += bytes.length;
  }
  const view = new DataView(image.buffer);
  const header = [
    options.first ?? 0,
    cases.length,
    RUNNER + casesAt,
    RUNNER + runner.length,
    options.dump ?? 0xffff_ffff,
    options.records ?? 0,
  ];
  header.forEach((value, index) => view.setUint32(4 + index * 4, value, true));
  return image;
}

/** What is compared, in the order of the record. */
export const FIELDS = [
  'vector', 'error', 'eip', 'cs', 'ss', 'eflags', 'eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'ds', 'es', 'fs', 'gs',
  'cr2', 'dr6', 'data', 'tables',
] as const; // prettier-ignore
export type Field = (typeof FIELDS)[number];
export type Outcome = Record<Field, number>;
const MARKER = 0x5ac3_d2e1;
export const RECORD_BYTES = (FIELDS.length + 3) * 4;
const SELECTORS: readonly Field[] = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'];
export const DUMP_BYTES = DATA_BYTES + 22 * 4 + 8 * 4 + 8;

export interface Report {
  /** by number of the case */
  outcomes: Map<number, Outcome>;
  /** cases that reached for what is no DRAM on a PC, where every emulator has something else; only ours tells */
  strayed?: ReadonlySet<number>;
  /** the runner went through to the end */
  complete: boolean;
  /** memory, descriptors and table entries of the case that was to be dumped */
  dump?: Uint8Array;
}

/** Reads what came out of port 0xE9; an emulator may print other things in between. */
export function readReport(bytes: Uint8Array): Report {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outcomes = new Map<number, Outcome>();
  let at = 0;
  let dump: Uint8Array | undefined;
  while (at + RECORD_BYTES <= bytes.length) {
    if (bytes[at] !== (MARKER & 255) || view.getUint32(at, true) !== MARKER) {
      at++;
      continue;
    }
    let check = 0;
    for (let index = 0; index < RECORD_BYTES / 4 - 1; index++) {
      check = (check + view.getUint32(at + index * 4, true)) >>> 0;
      check = ((check << 1) | (check >>> 31)) >>> 0;
    }
    if (check !== view.getUint32(at + RECORD_BYTES - 4, true)) {
      at++;
      continue;
    }
    const outcome = {} as Outcome;
    FIELDS.forEach((field, index) => {
      const value = view.getUint32(at + 8 + index * 4, true);
      outcome[field] = SELECTORS.includes(field) ? value & 0xffff : value;
    });
    outcomes.set(view.getUint32(at + 4, true), outcome);
    at += RECORD_BYTES;
    dump = bytes.subarray(at, at + DUMP_BYTES);
  }
  return { outcomes, complete: Buffer.from(bytes).includes('END.'), dump };
}
