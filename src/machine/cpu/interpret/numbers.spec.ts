/** Numbers in instructions that keep being overwritten have their effect at once, though the blocks are not made anew. */
import { expect, it } from 'vitest';
import { assembleInto, flatProtected, makeBench } from '../test-bench.spec-support';

const FUNCTION = `
bits 32
org 0x3000
start:
  mov eax, 0x11111111
first equ $ - 4
  add eax, [0x6000]
second equ $ - 4
  xor eax, 0x22222222
third equ $ - 4
  sub eax, byte 5
small equ $ - 1
  add eax, 0x11111111
fourth equ $ - 4
  jmp there
far equ $ - 4
  nop
there:
  hlt
`;

it('patched numbers, displacements, bytes and jumps have their effect at once', () => {
  const bench = makeBench(1);
  const at = assembleInto(bench, FUNCTION.replace('jmp there', 'jmp near there'));
  for (let word = 0; word < 64; word++) bench.load(0x6000 + word * 4, [word * 7, word, 1, 0]);
  const { state } = bench.processor;
  const { blocks } = bench.processor.interpreter;
  let [first, second, third, small, fourth] = [0x1111_1111, 0x6000, 0x2222_2222, 5, 0x1111_1111];
  const write = (address: number, value: number, size: number): void =>
    bench.load(
      address,
      Array.from({ length: size }, (_, byte) => (value >>> (8 * byte)) & 255),
    );
  let seed = 1;
  let made = 0;
  for (let round = 0; round < 300; round++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    // a field is patched for a while, then another
    switch (Math.floor(round / 20) % 6) {
      case 0:
        write(at.first!, (first = seed), 4);
        break;
      case 1:
        write(at.second!, (second = 0x6000 + (seed & 0x3c)), 4);
        break;
      case 2:
        write(at.third!, (third = round % 3 === 0 ? 0 : seed), 4);
        break;
      case 3:
        write(at.small!, (small = seed & 0x7f), 1);
        break;
      case 4:
        write(at.fourth!, (fourth = round % 2 === 0 ? first : seed), 4);
        break;
      default:
        write(at.far!, round & 1, 4);
    }
    flatProtected(bench, at.start!);
    const before = blocks.translated;
    bench.processor.run(20);
    if (blocks.translated === before) made++;
    const word = (second - 0x6000) / 4;
    const loaded = ((word * 7) & 255) | (word << 8) | 0x1_0000;
    expect(state.reg32(0), `round ${round}`).toBe(((((first + loaded) ^ third) - small + fourth) | 0) >>> 0);
    state.activity = 0;
  }
  // few of them were made anew
  expect(made).toBeGreaterThan(270);
});
