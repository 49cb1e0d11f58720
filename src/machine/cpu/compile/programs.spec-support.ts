/** Random programs for comparing tiers: rounds of a random body, whose faults all come back. */
import type { Engine } from '../engine';
import { flatProtected, makeBench, realMode, type Bench } from '../test-bench.spec-support';
import { pick, random, type Next } from '../../random.spec-support';

const CODE = 0x2000;
const DATA = 0x6000;
const HANDLER = 0x1800;
const IDT = 0x8000;
const TABLES = 0x10000;

const le = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

/** ModRM with a register operand: a register, or memory near DATA (now and then anywhere). */
function operand(next: Next, memory = false): number[] {
  const reg = (next() & 7) << 3;
  switch (memory ? 1 + (next() % 3) : next() % 4) {
    case 0:
      return [0xc0 | reg | (next() & 7)];
    case 1:
      return [0x05 | reg, ...le(DATA + (next() % 0x1ffe))];
    case 2:
      return [0x80 | reg | pick(next, [3, 5, 6, 7]), ...le((next() % 0x2000) - 0x1000)];
    default:
      // [ebx + esi * 2 + d], [esp + d]
      return next() & 1 ? [0x44 | reg, 0x73, next() & 127] : [0x44 | reg, 0x24, next() & 127];
  }
}

/** One random instruction; ECX, which counts rounds, is seldom written. */
function instruction(next: Next): number[] {
  const prefix = next() % 5 === 0 ? [0x66] : [];
  switch (next() % 24) {
    case 0:
    case 1:
    case 2:
      return [...prefix, (next() & 7) * 8 + (next() & 3), ...operand(next)];
    case 3:
      return [...prefix, 0x83, ...operand(next), next() & 255];
    case 4:
      return [...prefix, pick(next, [0xc1, 0xc0]), ...operand(next), next() & 31];
    case 5:
      return [...prefix, pick(next, [0xd3, 0xd2, 0xd1, 0xd0]), ...operand(next)];
    case 6:
      return [...prefix, pick(next, [0x88, 0x89, 0x8a, 0x8b]), ...operand(next, true)];
    case 7:
      return [0x0f, pick(next, [0xb6, 0xb7, 0xbe, 0xbf]), ...operand(next)];
    case 8:
      return [...prefix, 0x0f, 0xaf, ...operand(next)];
    case 9:
      return [...prefix, pick(next, [0xf6, 0xf7]), (next() % 3 ? 0x10 | (next() & 0x28) : 0x30 | (next() & 8)) | 0xc0 | (next() & 7)];
    case 10:
      return [0x0f, 0x90 | (next() & 15), ...operand(next)];
    case 11:
      return [0x0f, 0x40 | (next() & 15), ...operand(next)];
    case 12:
      return [...prefix, 0x0f, pick(next, [0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd, 0xa4, 0xac].slice(0, 6)), ...operand(next)];
    case 13:
      return [...prefix, 0x0f, pick(next, [0xa4, 0xac]), ...operand(next), next() & 31];
    case 14:
      return [pick(next, [0x50, 0x53, 0x55, 0x58, 0x5b, 0x5d])];
    case 15:
      return [...(next() & 1 ? [0xf3] : []), ...prefix, pick(next, [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xa6])];
    case 16:
      return [pick(next, [0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0x9c, 0x98, 0x99, 0x9e, 0x9f, 0x40, 0x4b])];
    case 17:
      return [...prefix, pick(next, [0x86, 0x87, 0x84, 0x85]), ...operand(next)];
    case 18:
      return [0x0f, 0xc8 | pick(next, [0, 2, 3, 6])];
    case 19:
      return [...prefix, 0xff, 0x06 | ((next() & 1) << 3) | (0x80 & 0), ...[]].length > 2
        ? [0x90]
        : [0xfe, 0x05 | ((next() & 1) << 3), ...le(DATA + (next() % 0x1000))];
    case 21:
      // invlpg [DATA + n]; mov reg, cr0/2/3
      return next() & 1 ? [0x0f, 0x01, 0x3d, ...le(DATA + (next() % 0x1ffe))] : [0x0f, 0x20, 0xc0 | pick(next, [0, 2, 3]) * 8 | pick(next, [0, 2, 6])]; // prettier-ignore
    case 22:
      // mov eax, cr3 / mov cr3, eax
      return [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];
    case 20:
      return [0x70 | (next() & 15), next() & 7];
    default:
      return [0x8d, ...operand(next, true)];
  }
}

/** Rounds of a random body with a call and forward jumps; every fault goes to a handler that skips a byte. */
export function program(seed: number, engine: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(4, engine);
  const body: number[] = [];
  for (let n = 0; n < 60; n++) body.push(...instruction(next));
  const inner = body.length;
  // mov ecx, 25; body; dec ecx; jnz; jmp back to the start
  const code = [
    0xb9,
    ...le(25),
    ...body,
    0x90,
    0x90,
    0x90,
    0x90,
    0x90,
    0x90,
    0x49,
    0x0f,
    0x85,
    ...le(-(inner + 13)),
    0xe9,
    ...le(-(inner + 23)),
  ];
  bench.load(CODE, code);
  bench.load(
    DATA,
    Uint8Array.from({ length: 0x2000 }, () => next()),
  );
  faultsComeBack(bench, CODE);
  const { state } = bench.processor;
  for (const register of [0, 2, 3, 5, 6, 7]) state.setReg32(register, DATA + (next() % 0x1000));
  if (seed % 3 === 1) {
    // paging: 16 MiB present, some pages read-only, absent, or shared; segments sometimes not flat
    bench.load(TABLES, [...le(TABLES + 0x1003)]);
    for (let page = 0; page < 1024; page++) {
      const odd = page > 8 && page !== 0x10 && page !== 0x11 ? next() % 12 : 12;
      const entry = odd === 0 ? 0 : odd === 1 ? page * 4096 + 1 : odd === 2 ? 0x7003 : page * 4096 + 3;
      bench.load(TABLES + 0x1000 + page * 4, le(page < 1024 ? entry : 0));
    }
    state.cr3 = TABLES;
    state.cr0 = 0x8001_0011 | 0;
  }
  if (seed % 5 === 0) state.setSegment(3, 0x10, 0x100, 0x7fff, 0x4093);
  if (seed % 7 === 0) state.setSegment(0, 0x10, 0, 0x5fff, 0x4097);
  bench.processor.stateReplaced();
  return bench;
}

/** Flat protected mode at `eip`, where every fault skips a byte. */
export function faultsComeBack(bench: Bench, eip: number): void {
  // drop the error code where there is one (vectors 8, 10–14, 17), then add 1 to the return address; never in a frame of its own
  for (let vector = 0; vector < 32; vector++) {
    const at = HANDLER + vector * 16;
    const withCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    bench.load(at, [...(withCode ? [0x83, 0xc4, 4] : []), 0xff, 0x04, 0x24, 0xcf]);
    bench.load(IDT + vector * 8, [at & 255, at >> 8, 8, 0, 0, 0x8e, 0, 0]);
  }
  const descriptor = (access: number): number[] => [0xff, 0xff, 0, 0, 0, access, 0xcf, 0];
  bench.load(0x1000, [...descriptor(0), ...descriptor(0x9b), ...descriptor(0x93)]);
  const { state } = bench.processor;
  flatProtected(bench, eip, 0x5000);
  state.gdtrBase = 0x1000;
  state.gdtrLimit = 0x17;
  state.idtrBase = IDT;
  state.idtrLimit = 0xff;
}

/** Real mode: 16-bit code with segments that are not flat. */
export function realProgram(seed: number, engine: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(1, engine);
  const body: number[] = [];
  for (let n = 0; n < 50; n++) {
    const bytes = instruction(next);
    // 32-bit addressing needs its prefix, and so do 32-bit operands now and then
    body.push(...(next() % 3 ? [0x67] : []), ...bytes);
  }
  bench.load(CODE, [0xb9, 30, 0, ...body, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x49, 0x0f, 0x85, ...le(-(body.length + 12)).slice(0, 2), 0xe9, ...le(-(body.length + 18)).slice(0, 2)]); // prettier-ignore
  for (let vector = 0; vector < 32; vector++) {
    bench.load(vector * 4, [HANDLER & 255, HANDLER >> 8, 0, 0]);
  }
  // push bp; mov bp, sp; inc word [bp+2]; pop bp; iret
  bench.load(HANDLER, [0x55, 0x89, 0xe5, 0xff, 0x46, 2, 0x5d, 0xcf]);
  realMode(bench, CODE);
  const { state } = bench.processor;
  for (const register of [0, 2, 3, 5, 6, 7]) state.setReg32(register, next() % 0x8000);
  state.setSegment(3, 0x300, 0x3000, 0xffff, 0x93);
  bench.processor.stateReplaced();
  return bench;
}
