/**
 * Repeated string instructions in every tier: a count of zero makes no access, though blocks count their accesses in advance, and
 * REPE and REPNE end early. Pages are translated, so each access is seen in the TLB's statistics.
 */
import { expect, it } from 'vitest';
import { assembleInto, flatProtected, makeBench, type Bench } from '../test-bench.spec-support';
import { ENGINES, type Engine } from '../engine';
import { seen } from './same-state.spec-support';
import { random } from '../../random.spec-support';

const TABLES = 0x1_0000;
const COUNTS = [0, 1, 0, 2, 5, 0, 0, 3];
const INSTRUCTIONS = ['movsb', 'movsd', 'stosb', 'stosd', 'lodsb', 'lodsd', 'scasb', 'cmpsb', 'cmpsd'];
const OF_COMPARISONS = ['scasb', 'cmpsb', 'cmpsd'];

/** Rounds over counts from a table, so that blocks get hot with some of them; the last three pages of data are shared. */
const source = (): string =>
  [
    'bits 32\norg 0x2000\nmov ebp, 12\nround: xor ebx, ebx\nnext:',
    ...INSTRUCTIONS.flatMap((name, index) => [
      `mov esi, 0x60f0 + ${index}\nmov edi, 0x6ffe\nmov ecx, [counts + ebx * 4]\nxor eax, eax`,
      `${OF_COMPARISONS.includes(name) ? (index % 2 ? 'repne' : 'repe') : 'rep'} ${name}`,
      // with 16-bit addresses only CX counts
      index % 3 === 0 ? `mov ecx, [counts + ebx * 4]\nor ecx, 0x70000\nmov esi, 0x6100\nmov edi, 0x6200\na16 rep ${name}` : '',
      'add edx, ecx',
    ]),
    `inc ebx\ncmp ebx, ${COUNTS.length}\njb near next\ndec ebp\njnz near round\nhlt`,
    `align 4\ncounts: dd ${COUNTS.join(', ')}`,
  ].join('\n');

function started(engine: Engine): Bench {
  const bench = makeBench(2, engine);
  assembleInto(bench, source());
  const page = (number: number): number[] => [3, number << 4, number >> 4, 0];
  bench.load(TABLES, [3, 0x10, 1, 0]);
  for (let number = 0; number < 32; number++) bench.load(TABLES + 0x1000 + number * 4, page(number === 7 ? 8 : number));
  bench.load(
    0x6000,
    Uint8Array.from({ length: 0x3000 }, (_, index) => index % 5),
  );
  const { interpreter } = bench.processor;
  // twelve rounds are enough
  if (engine !== 'interpreter') interpreter.blocks.hotAfter = 3;
  if (engine === 'auto') interpreter.threaded!.hotAfter = 20;
  flatProtected(bench, 0x2000, 0x5000);
  const { state } = bench.processor;
  state.cr3 = TABLES;
  state.cr0 = 0x8001_0011 | 0;
  bench.processor.stateReplaced();
  return bench;
}

it('counts the same accesses, with counts of zero and of more', { timeout: 120_000 }, () => {
  const course = (engine: Engine): string[] => {
    const bench = started(engine);
    const next = random(17);
    const list: string[] = [];
    for (;;) {
      const { reason } = bench.processor.run(1 + (next() % 400));
      list.push(seen(bench, [[0, 32]]));
      if (reason === 'halted') return list;
      expect(reason).toBe('budget');
    }
  };
  const interpreted = course('interpreter');
  expect(interpreted.length).toBeGreaterThan(20);
  for (const engine of ENGINES) {
    const list = course(engine);
    // the first difference says the most
    const first = list.findIndex((line, index) => line !== interpreted[index]);
    expect(list[first], engine).toBe(interpreted[first]);
  }
});
