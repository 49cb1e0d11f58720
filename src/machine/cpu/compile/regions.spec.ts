/** How many regions there are: one for the code of a loop, wherever slices end in it, and another where that is entered often. */
import { expect, it } from 'vitest';
import { assembleInto, flatProtected, makeBench } from '../test-bench.spec-support';
import { random } from '../../random.spec-support';

/** A loop with an inner one, eleven instructions that slices can end before. */
const LOOPS = `bits 32
org 0x2000
outer: mov ecx, 40
inner: add eax, ecx
  xor edx, eax
  rol edx, 3
  lea ebx, [eax+edx]
  dec ecx
  jnz inner
  add esi, 1
  mov edi, esi
  or edi, edx
  jmp outer`;

it('a loop is compiled once, not again for each instruction that a slice ended before', () => {
  const bench = makeBench(2, 'compiled');
  assembleInto(bench, LOOPS);
  flatProtected(bench, 0x2000, 0x5000);
  const next = random(5);
  for (let slice = 0; slice < 600; slice++) expect(bench.processor.run(100 + (next() % 100)).reason).toBe('budget');
  const { compiled } = bench.processor.interpreter.compiled!.regions;
  // the inner loop, and around it the outer one
  expect(compiled).toBeGreaterThanOrEqual(2);
  expect(compiled).toBeLessThanOrEqual(4);
});

it('code inside a compiled region that threaded code is in goes on there, and gets no region of its own for having been asked for', () => {
  const bench = makeBench(2, 'auto');
  assembleInto(bench, LOOPS);
  flatProtected(bench, 0x2000, 0x5000);
  const { blocks, compiled, threaded } = bench.processor.interpreter;
  blocks.hotAfter = 2;
  threaded!.hotAfter = 8;
  const next = random(5);
  for (let slice = 0; slice < 600; slice++) expect(bench.processor.run(100 + (next() % 100)).reason).toBe('budget');
  const made = compiled!.regions.compiled;
  expect(made).toBeGreaterThanOrEqual(2);
  expect(made).toBeLessThanOrEqual(4);
});
