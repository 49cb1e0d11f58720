/** Watchpoints of whoever uses the machine: exact in every tier, and no part of the machine's state. */
import { describe, expect, it } from 'vitest';
import { guest, hashOf } from './compile/guests.spec-support';
import type { Watchpoint } from './debug';
import { ENGINES, type Engine } from './engine';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

const DATA = 0x5000;
const EDGE = 0x7000;

/** Stores of all kinds, hot enough to be compiled; `data` is read and written, `edge` lies across two pages. */
const PROGRAM = `bits 32
org 0x1000
start:
  mov ecx, 700
spin:
  mov [${EDGE}], ecx
  inc dword [${DATA} + 4]
  mov eax, [${DATA} + 8]
  push ecx
  call sub
  pop ecx
target:
  loop spin
  mov esi, ${DATA}
  mov edi, ${DATA} + 0x40
  mov ecx, 8
  cld
  rep movsd
  mov word [${EDGE} - 1], 0x1234
  hlt
sub:
  xchg [${DATA} + 12], eax
  ret`;

/**
 * Every stop up to the end of the program: the count of instructions, the access, and the place of the instruction.
 * @param touched is told of every access, one by one, as memory does that counts them
 */
function stops(engine: Engine, points: readonly Watchpoint[], from = 0, touched?: (access: string) => void): string[] {
  const bench = makeBench(1, engine);
  assembleInto(bench, PROGRAM);
  flatProtected(bench, 0x1000);
  const { processor } = bench;
  if (touched) {
    processor.memoryObserver = {
      touch: (address, size, write) => touched(`${processor.state.instructions} ${address} ${size} ${write}`),
    };
  }
  if (from > 0) processor.run(from);
  processor.setWatchpoints(points);
  const list: string[] = [];
  for (;;) {
    const { reason } = processor.run(1_000_000);
    const hit = processor.takeWatchHit();
    expect(reason === 'watchpoint').toBe(hit !== null);
    if (hit === null) {
      expect(reason).toBe('halted');
      return list;
    }
    const { linear, size, write, instruction } = hit;
    list.push(`${processor.state.instructions} ${write ? 'write' : 'read'} ${linear.toString(16)}/${size} by ${instruction?.toString(16)}`);
  }
}

describe('a watchpoint', () => {
  it('ends the run after the instruction that made the access, and names both', () => {
    const inc = stops('interpreter', [{ linear: DATA + 4, bytes: 4, kind: 'access' }]);
    expect(inc).toHaveLength(700 + 1);
    // MOV ECX, then MOV and INC: what reads and writes is told of as a write
    expect(inc[0]).toBe('3 write 5004/4 by 100b');
    expect(inc.at(-1)).toBe(`${1 + 700 * 9 + 4 + 2} read 5004/4 by 102f`);
    expect(stops('interpreter', [{ linear: DATA + 8, bytes: 4, kind: 'write' }])).toEqual([]);
    // one byte of two, in the second page
    expect(stops('interpreter', [{ linear: EDGE, bytes: 1, kind: 'write' }]).at(-1)).toMatch(/^\d+ write 6fff\/2 by /);
  });

  it.each(ENGINES.filter((engine) => engine !== 'interpreter'))('is the same in %s', (engine) => {
    const points: Watchpoint[] = [
      { linear: DATA + 4, bytes: 2, kind: 'write' },
      { linear: DATA + 8, bytes: 4, kind: 'access' },
      { linear: DATA + 13, bytes: 1, kind: 'write' },
      { linear: EDGE - 2, bytes: 4, kind: 'write' },
      { linear: 0x7ff8, bytes: 4, kind: 'access' },
    ];
    // hot when they are set
    for (const from of [0, 5_401]) expect(stops(engine, points, from)).toEqual(stops('interpreter', points, from));
  });

  it('neither needs that accesses are counted nor changes what is counted', () => {
    const points: Watchpoint[] = [
      { linear: DATA + 4, bytes: 2, kind: 'write' },
      { linear: EDGE - 2, bytes: 4, kind: 'write' },
    ];
    const counted = (which: Engine, watched: readonly Watchpoint[]): { stopped: string[]; accesses: string[] } => {
      const accesses: string[] = [];
      return { stopped: stops(which, watched, 0, (access) => accesses.push(access)), accesses };
    };
    const { stopped, accesses } = counted('threaded', points);
    expect(stopped).toEqual(stops('threaded', points));
    expect(accesses).toEqual(counted('threaded', []).accesses);
    expect(accesses).toEqual(counted('interpreter', points).accesses);
    expect(accesses.length).toBeGreaterThan(700 * 7);
  });

  it('of what the delivery of an event pushes belongs to no instruction', () => {
    const bench = makeBench(1);
    assembleInto(bench, 'bits 16\norg 0x1000\nmov word [0x40], 0x1100\nmov word [0x42], 0\nmov sp, 0x3000\nsti\nnop\nnop\nhlt');
    const { state } = bench.processor;
    for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, 0x93);
    state.eip = 0x1000;
    bench.processor.stateReplaced();
    bench.processor.setWatchpoints([{ linear: 0x2ffe, bytes: 2, kind: 'write' }]);
    bench.processor.run(5);
    bench.interrupts.vector = 0x10;
    expect(bench.processor.run(100)).toEqual({ reason: 'watchpoint', executed: 0 });
    expect(bench.processor.takeWatchHit()).toMatchObject({ linear: 0x2ffe, size: 2, write: true, instruction: null });
    expect(state.eip).toBe(0x1100);
  });

  it('leaves the machine as it would be without it, with paging and translations that come and go', () => {
    const plain = guest('ptc.asm', 'auto');
    while (plain.run(1_000_000).reason === 'budget');
    const watched = guest('ptc.asm', 'auto');
    // the page that is remapped, one of those read after each load of CR3, and a page table's entry
    watched.processor.setWatchpoints([
      { linear: 0x700_0000, bytes: 4, kind: 'write' },
      { linear: 0x400_3000, bytes: 1, kind: 'access' },
      { linear: 0x20_1000 + 0x7000 * 4 + 1, bytes: 2, kind: 'write' },
    ]);
    const hits = new Map<number, number>();
    for (;;) {
      const { reason } = watched.run(5_000);
      const hit = watched.processor.takeWatchHit();
      if (hit) hits.set(hit.point.linear, (hits.get(hit.point.linear) ?? 0) + 1);
      if (reason === 'halted') break;
    }
    expect([...hits.values()].sort((a, b) => a - b)).toEqual([1, 120, 123]);
    expect(hashOf(watched)).toBe(hashOf(plain));
  });
});
