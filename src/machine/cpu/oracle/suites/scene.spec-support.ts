/**
 * One case of a systematic suite, written as NASM text: the same harness as the random programs (programs/), but what is executed,
 * and under which descriptors, tasks and memory, is said in full. Bochs's word on each is kept in expected/.
 */
import { assemble } from '../../../../assembler';
import {
  CODE_WINDOW,
  CODE_WINDOW_BYTES,
  DATA,
  DESCRIPTORS,
  FIRST_DESCRIPTOR,
  KIND,
  LDT,
  type CaseInstruction,
  type ProgramCase,
} from '../programs/layout.spec-support';

export type Halves = [low: number, high: number];

/** Selectors that every scene has; the rest of 28h to 78h is the scene's. */
export const SELECTOR = { code: 0x28, stack: 0x30, data: 0x38, first: 0x40 } as const;
/** Of the runner, which every case may use: flat code and data of ring 0. */
export const RUNNER_SELECTOR = { code: 0x08, data: 0x10, task: 0x18 } as const;
/** The LDT is the GDT's own bytes: a selector of it. */
export const inLdt = (selector: number): number => selector | 4;

/** A segment descriptor. `flags`: G 8, D/B 4. @param access the access byte */
export function segment(base: number, limit: number, access: number, flags = 4): Halves {
  return [
    (((base & 0xffff) << 16) | (limit & 0xffff)) >>> 0,
    ((base & 0xff00_0000) | (flags << 20) | (limit & 0xf_0000) | (access << 8) | ((base >>> 16) & 0xff)) >>> 0,
  ];
}
/** A gate descriptor. @param access present, DPL and type @param count parameters of a call gate */
export function gate(selector: number, offset: number, access: number, count = 0): Halves {
  return [((selector << 16) | (offset & 0xffff)) >>> 0, ((offset & 0xffff_0000) | (access << 8) | count) >>> 0];
}
export const FLAT = { limit: 0xf_ffff, flags: 0xc } as const;
export const flat = (access: number, flags: number = FLAT.flags): Halves => segment(0, FLAT.limit, access, flags);

export const words = (...values: number[]): number[] => values.flatMap((value) => [value & 255, (value >>> 8) & 255]);
export const dwords = (...values: number[]): number[] =>
  values.flatMap((value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);

export interface Scene {
  /** unique within its suite; what fails is called by it */
  name: string;
  /** of the code; 32 unless told */
  bits?: 16 | 32;
  /** 0 unless told; or real or virtual-8086 mode, where the code is 16-bit */
  ring?: 0 | 1 | 2 | 3;
  kind?: 'real' | 'virtual';
  /** NASM; an UD2 follows it. Labels are offsets in CS. `;=` begins the form that a line is known by in KNOWN (compare). */
  code: string;
  /** base of CS, instead of 0 (32 bits) or DATA (16 bits) */
  base?: number;
  /** where the code begins in its window of 256 bytes; its middle is the border of two frames */
  offset?: number;
  /** by selector; given the label's offsets */
  descriptors?: (at: (label: string) => number) => Record<number, Halves>;
  gates?: (at: (label: string) => number) => Halves[];
  patches?: (at: (label: string) => number) => { at: number; bytes: number[] }[];
  /** by name; eax to edi. Pointers by default: EBX EBP ESI EDI lead to the data */
  registers?: Partial<Record<(typeof REGISTERS)[number], number>>;
  selectors?: Partial<Record<'ds' | 'es' | 'fs' | 'gs' | 'ss' | 'cs', number>>;
  esp?: number;
  eflags?: number;
  cr0?: number;
  cr4?: number;
  stacks?: number[];
  entries?: number[];
  directory?: [number, number];
  /** DR0 to DR3, DR7 */
  debug?: (at: (label: string) => number) => number[];
  /** see ProgramCase */
  faultTasks?: true;
  /** flags that the manual leaves undefined at the end */
  undefined?: number;
}
const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'ebp', 'esi', 'edi'] as const;

/** Where the parts of the data are: offsets from DATA. The stack of the code itself grows down from 0x1800. */
export const PLACE = {
  data: 0x400,
  other: 0x800,
  taskA: 0x1800,
  taskB: 0x1a00,
  ring0: 0x1400,
  ring1: 0x1000,
  ring2: 0xc00,
  stack: 0x1800,
} as const;

interface Assembled {
  instructions: CaseInstruction[];
  at: (label: string) => number;
}

function assembled(scene: Scene, entry: number): Assembled {
  const bits = scene.bits ?? 32;
  const made = assemble({ scene: `org ${entry}\nbits ${bits}\n${scene.code}\n` }, 'scene');
  if (!made.ok) throw new Error(`${scene.name}: ${made.diagnostics.map(({ line, message }) => `${line}: ${message.en}`).join('; ')}`);
  const lines = scene.code.split('\n');
  const instructions = made.lineMap.entries.map(({ address, length, line }): CaseInstruction => {
    const [source = '', form] = (lines[line - 3] ?? '').split(';=');
    const text =
      form ??
      source
        .replace(/;.*/, '')
        .replace(/^\s*\w+:/, '')
        .trim();
    return { bytes: [...made.bytes.subarray(address - entry, address - entry + length)], form: text, reads: 0, undefines: 0, defines: 0 };
  });
  const at = (label: string): number => {
    const symbol = made.symbols[label];
    if (symbol === undefined) throw new Error(`${scene.name}: no label ${label}`);
    return Number(symbol.value);
  };
  return { instructions, at };
}

/** The case that the runner is given. @throws when the text does not assemble or is too long */
export function caseOf(suite: string, scene: Scene): ProgramCase {
  const bits = scene.bits ?? 32;
  const ring = scene.ring ?? 0;
  const windowed = scene.kind === undefined;
  const base = scene.base ?? (windowed && bits === 32 ? 0 : DATA);
  const codeOffset = scene.offset ?? 0;
  const entry = CODE_WINDOW + codeOffset - base;
  const { instructions, at } = assembled(scene, entry);
  if (instructions.reduce((sum, { bytes }) => sum + bytes.length, codeOffset) > CODE_WINDOW_BYTES - 4)
    throw new Error(`${scene.name}: too long`);
  const last = instructions.at(-1);
  if (last) last.undefines = scene.undefined ?? 0;
  const privilege = ring << 5;
  const size = bits === 32 ? 0xc : 0x8;
  // 16-bit code has its data at 0 too, so that small offsets reach it
  const given: Record<number, Halves> = {
    [SELECTOR.code]: segment(base, FLAT.limit, 0x9b | privilege, size),
    [SELECTOR.stack]: segment(base, FLAT.limit, 0x93 | privilege, size),
    [SELECTOR.data]: segment(base, FLAT.limit, 0x93 | privilege, size),
    ...scene.descriptors?.(at),
  };
  const descriptors = Array.from({ length: DESCRIPTORS }, (_, index): Halves => given[(FIRST_DESCRIPTOR + index) * 8] ?? [0, 0]);
  const pointers = { ebx: PLACE.data, ebp: PLACE.stack - 0x100, esi: PLACE.data, edi: PLACE.other };
  const registers: Record<string, number> = { eax: 0x1234_5678, ecx: 3, edx: 0x80, ...scene.registers };
  for (const [name, offset] of Object.entries(pointers)) registers[name] ??= DATA - base + offset;
  const select = (selector: number): number => (windowed ? selector | ring : base >> 4);
  const selectors = scene.selectors ?? {};
  const test: ProgramCase = {
    mode: suite,
    kind: scene.kind === 'real' ? KIND.real : scene.kind === 'virtual' ? KIND.virtual8086 : ring === 0 ? KIND.ring0 : KIND.outerRing,
    cr0: (scene.cr0 ?? 0) | 0x30 | (scene.kind === 'real' ? 0 : 1),
    cr4: scene.cr4 ?? 0,
    cs: selectors.cs ?? select(SELECTOR.code),
    codeBase: base,
    codeOffset,
    eflags: (scene.eflags ?? 0) | 2 | (scene.kind === 'virtual' ? 0x2_0000 : 0),
    esp: scene.esp ?? DATA - base + PLACE.stack,
    ss: selectors.ss ?? select(SELECTOR.stack),
    ds: selectors.ds ?? select(SELECTOR.data),
    es: selectors.es ?? select(SELECTOR.data),
    fs: selectors.fs ?? select(SELECTOR.data),
    gs: selectors.gs ?? select(SELECTOR.data),
    registers: REGISTERS.map((name) => registers[name]!),
    pool: 0,
    entries: scene.entries ?? new Array<number>(8).fill(0),
    directory: scene.directory ?? [0, 0],
    descriptors,
    ldt: LDT,
    dr: scene.debug?.(at) ?? [0, 0, 0, 0, 0x400],
    instructions,
    ...(scene.stacks ? { stacks: scene.stacks } : {}),
    ...(scene.gates ? { gates: scene.gates(at) } : {}),
    ...(scene.faultTasks ? { faultTasks: true } : {}),
    ...(scene.patches ? { patches: scene.patches(at) } : {}),
  };
  test.cr0 >>>= 0;
  return test;
}
