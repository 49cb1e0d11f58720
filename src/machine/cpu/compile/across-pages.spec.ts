/**
 * Regions of several pages: a loop that calls functions in other pages while these are remapped, invalidated, taken away, evicted
 * from the TLB, and overwritten by the program, by themselves and from outside. The same at every count as interpreted.
 */
import { expect, it } from 'vitest';
import type { Engine } from '../engine';
import { SEGMENT_INDEX } from '../state-layout';
import { assembleInto, flatProtected, makeBench, type Bench } from '../test-bench.spec-support';
import { seen } from './same-state.spec-support';
import { pick, random, type Next } from '../../random.spec-support';

const TABLES = 0x8_0000;
const TABLE = TABLES + 0x1000;
const FUNCTIONS = [0, 1, 2];
/** page of each function; the frame mapped there instead at times is so many on */
const PAGE_OF = [3, 4, 6];
const OTHER_FRAME = 0x20;
const IDT = 0x9000;
const GDT = 0x9800;

const entryOf = (k: number): string => `${TABLE + PAGE_OF[k]! * 4}`;

/** Something that happens every so many rounds, a power of two. */
const seldom = (every: number, n: number, text: string): string => `test dword [rounds], ${every - 1}\njnz .s${n}\n${text}\n.s${n}:`;

function act(next: Next, n: number): string {
  const k = pick(next, FUNCTIONS);
  const again = `mov ecx, ${1 + (next() % 5)}`;
  switch (next() % 14) {
    case 0:
    case 1:
    case 2:
    case 3:
      return `${again}\n.l${n}: call f${k}\ndec ecx\njnz .l${n}`;
    case 4:
    case 5:
      return `${again}\n.l${n}: mov ebx, ecx\nand ebx, 3\ncall [functions + ebx * 4]\nadd eax, ecx\ndec ecx\njnz .l${n}`;
    case 6:
      return `push dword .b${n}\npush ebp\njmp f${k}.tail\n.b${n}:`;
    case 7:
      return seldom(4, n, `invlpg [f${k}]`);
    case 8:
      return seldom(4, n, `mov ebx, cr3\nmov cr3, ebx`);
    case 9:
      // without INVLPG the old page is found until its entry is evicted
      return seldom(8, n, `xor dword [${entryOf(k)}], ${OTHER_FRAME << 12}\n${next() % 3 ? `invlpg [f${k}]` : ''}`);
    case 10:
      // between two calls, of which only the second one is of what was written
      return `mov ecx, 3\n.l${n}: call f${k}\n${seldom(64, n, `mov [f${k}.number + 1], eax`)}\ndec ecx\njnz .l${n}`;
    case 11:
      // more pages than the TLB has entries
      return seldom(8, n, `mov esi, 0x100000\n.t${n}: mov ebx, [esi]\nadd esi, 0x1000\ncmp esi, 0x160000\njb .t${n}`);
    case 12:
      return seldom(8, n, `and dword [${entryOf(k)}], ~1\ninvlpg [f${k}]`);
    default:
      return seldom(128, n, `mov [.o${n} + 1], edx\n.o${n}: mov edi, 5`);
  }
}

/** Each adds a number of its own; the last one writes into the others, and into itself. */
const functionAt = (k: number): string =>
  [
    `times ${PAGE_OF[k]! * 4096}-($-$$)-0x2000 db 0x90`,
    `f${k}: push ebp\nmov ebp, esp\n.number: add eax, ${1000 + k}`,
    k === 2 ? 'test eax, 0x1ff\njnz .tail\nmov [f0.number + 1], eax\nmov [.number + 1], eax' : `test al, 1\njz .tail\nxor edx, eax`,
    `.tail: rol eax, ${k + 3}\npop ebp\nret`,
  ].join('\n');

function started(seed: number, engine: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(2, engine);
  const acts = Array.from({ length: 14 }, (_, n) => act(next, n));
  const symbols = assembleInto(
    bench,
    [
      'bits 32\norg 0x2000',
      `main: ${acts.join('\n')}\nadd dword [rounds], 1\njmp near main`,
      // a page that is not there comes back
      `fault: push eax\npush ebx\nmov ebx, cr2\nshr ebx, 12\nor dword [${TABLE} + ebx * 4], 1\npop ebx\npop eax\nadd esp, 4\niretd`,
      'align 4\nfunctions: dd f0, f1, f2, f1\nrounds: dd 0',
      ...FUNCTIONS.map(functionAt),
    ].join('\n'),
  );
  const number = (address: number): number[] => [address, address >> 8, address >> 16, address >> 24];
  bench.load(TABLES, number(TABLE + 3));
  for (let page = 0; page < 0x160; page++) bench.load(TABLE + page * 4, number(page * 4096 + 3));
  for (const page of PAGE_OF) {
    bench.load((page + OTHER_FRAME) * 4096, bench.memory.peek((page * 4096) as never, 4096));
    bench.load((page + OTHER_FRAME) * 4096 + 4, [page * 7]);
  }
  bench.load(GDT + 8, [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]);
  const fault = symbols.fault!;
  bench.load(IDT + 14 * 8, [fault, fault >> 8, 8, 0, 0, 0x8e, 0, 0]);
  flatProtected(bench, 0x2000, 0x8000);
  const { state } = bench.processor;
  state.gdtrBase = GDT;
  state.gdtrLimit = 0x17;
  state.idtrBase = IDT;
  state.idtrLimit = 0xff;
  state.cr3 = TABLES;
  state.cr0 = 0x8001_0011 | 0;
  bench.processor.stateReplaced();
  return bench;
}

/** Flat data, and code of a segment that begins elsewhere: RIP and the linear address differ. Regions of one page call each other. */
function elsewhere(engine: Engine, base: number): Bench {
  const bench = started(1, engine);
  assembleInto(
    bench,
    `bits 32\norg 0x2000\nmain: inc ebx\nand ebx, 1\ncall [functions + ebx * 4]\nadd ecx, eax\njmp near main
     align 64\nf: mov edi, 3\n.l: add eax, edi\ndec edi\njnz .l\nret
     align 64\ng: mov edi, 4\n.l: xor eax, edi\ndec edi\njnz .l\nmov [0xa000], eax\nret
     align 64\nfunctions: dd f - ${base}, g - ${base}`,
  );
  const { state } = bench.processor;
  state.setSegment(SEGMENT_INDEX.CS, 8, base, 0xffff_ffff, 0xc09b);
  state.eip = 0x2000 - base;
  bench.processor.stateReplaced();
  return bench;
}

it('regions of a page in a segment of its own are in that page of it', () => {
  for (const base of [0x1000, 0x1230]) {
    const [reference, other] = [elsewhere('interpreter', base), elsewhere('compiled', base)];
    other.processor.interpreter.blocks.hotAfter = 2;
    for (let run = 0; run < 30; run++) {
      const budget = 40 + run * 7;
      expect(other.processor.run(budget)).toEqual(reference.processor.run(budget));
      expect(seen(other, [[2, 11]]), `run ${run}`).toBe(seen(reference, [[2, 11]]));
    }
    expect(other.processor.interpreter.compiled!.regions.compiled).toBeGreaterThan(1);
  }
});

let across = 0;

it.each(Array.from({ length: 5 }, (_, seed) => seed + 1))('program %i', (seed) => {
  const [reference, other] = [started(seed, 'interpreter'), started(seed, 'compiled')];
  const { interpreter } = other.processor;
  interpreter.blocks.hotAfter = 2;
  const { regions } = interpreter.compiled!;
  regions.sampling = { after: 1, most: 3 };
  const next = random(seed * 77);
  for (let run = 0; run < 40; run++) {
    const budget = 1 + (next() % (next() % 3 ? 6000 : 30));
    // a device writes into a function, wherever it is mapped
    if (next() % 8 === 0) {
      const at = (pick(next, PAGE_OF) + (next() % 2 ? OTHER_FRAME : 0)) * 4096 + 4;
      const value = [next() & 0xff];
      for (const bench of [reference, other]) bench.load(at, value);
    }
    expect(other.processor.run(budget), `run ${run}`).toEqual(reference.processor.run(budget));
    const pages = [[2, 10], [0x20, 0x28], [0x80, 0x83]] as const; // prettier-ignore
    const expected = seen(reference, pages);
    if (seen(other, pages) !== expected) expect(seen(other, pages), `run ${run}`).toBe(expected);
  }
  across += regions.compiledAcross;
});

it('were there', () => expect(across).toBeGreaterThan(10));
