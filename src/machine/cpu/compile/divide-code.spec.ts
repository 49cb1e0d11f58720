/** Division in WebAssembly against the interpreter's, at the edges of what fits and at random. */
import { describe, expect, it } from 'vitest';
import type { CpuState } from '../cpu-state';
import { divide } from '../interpret/divide';
import { emitDivide } from './divide-code';
import { FunctionBody, OP, encodeModule } from './encoder';
import { LOCAL, LOCALS, LOCALS_64, REGION_TYPE, TYPES } from './locals';

const DIVIDED = 0;
const REFUSED = 1;
const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: true });
const words = new Int32Array(memory.buffer);

/** (EAX, EDX, divisor) → 1 when refused; else quotient and remainder are in the memory's first two words. */
function compiled(size: number, kind: number): (eax: number, edx: number, divisor: number) => number {
  const body = new FunctionBody();
  const register = (number: number): FunctionBody => body.get(LOCAL.registers + number);
  emitDivide(
    body,
    size,
    kind,
    () => register(3),
    () => body.if().i32(REFUSED).op(OP.return).end(),
  );
  for (const [at, number] of [0, 2].entries()) {
    body.i32(at * 4);
    register(number).memory(OP.store, 0);
  }
  body.i32(DIVIDED);
  const bytes = encodeModule({
    types: TYPES,
    imports: [],
    functions: [{ name: 'f', type: REGION_TYPE, locals: LOCALS, locals64: LOCALS_64, body }],
  });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, t: table } }).exports as {
    f: (...values: number[]) => number;
  };
  return (eax, edx, divisor) => f(0, eax, 0, edx, divisor, ...new Array<number>(11).fill(0));
}

/** The same by the interpreter. */
function interpreted(size: number, kind: number, eax: number, edx: number, divisor: number): readonly number[] | undefined {
  const registers = [eax, 0, edx];
  const state = {
    raise: () => false,
    reg16: (number: number) => registers[number]! & 0xffff,
    reg32: (number: number) => registers[number]! >>> 0,
    setReg16: (number: number, value: number) => (registers[number] = (registers[number]! & ~0xffff) | (value & 0xffff)),
    setReg32: (number: number, value: number) => (registers[number] = value | 0),
  } as unknown as CpuState;
  return divide(state, size, kind !== 0, divisor, kind === 2) ? [registers[0]! | 0, registers[2]! | 0] : undefined;
}

const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1_0000];
const WIDE = [...EDGES, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_8000, 0xffff_ff80, 0xffff_fffe, 0xffff_ffff];

describe('division in compiled code', () => {
  it.each([
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
    [4, 0],
    [4, 1],
  ])('by %i bytes, kind %i', (size, kind) => {
    const f = compiled(size, kind);
    const mask = 2 ** (size * 8) - 1;
    let [divided, refused] = [0, 0];
    const compare = (eax: number, edx: number, wide: number): void => {
      const divisor = (wide & mask) >>> 0;
      const expected = interpreted(size, kind, eax, edx, divisor);
      const result = f(eax, edx, divisor) === REFUSED ? undefined : [words[0]!, words[1]!];
      if (expected === undefined) refused++;
      else divided++;
      if (String(result) !== String(expected)) expect(result, `${edx}:${eax} by ${divisor}`).toEqual(expected);
    };
    for (const eax of WIDE) for (const edx of WIDE) for (const divisor of WIDE) compare(eax | 0, edx | 0, divisor);
    let seed = size * 4 + kind;
    const random = (): number => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0);
    for (let i = 0; i < 20_000; i++) compare(random(), random() >> (random() & 31), random() >>> (random() & 31));
    expect(divided).toBeGreaterThan(1000);
    expect(refused).toBeGreaterThan(1000);
  });
});
