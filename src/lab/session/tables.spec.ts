/** Descriptor tables and page tables as the session shows them, from programs that build them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { LinearSpaceView } from '../protocol';
import type { Computer } from './computer';
import { ran } from './shipped-lab.spec-support';

describe('segments-and-paging', () => {
  it('lists its GDT, LDT and IDT, decoded', () => {
    const { real, gdt, ldt, idt, tss } = ran('segments-and-paging').tables(null);
    expect(real).toBe(false);
    expect(gdt.entries.map(({ index, kind }) => [index, kind])).toEqual([[1, 'code'], [2, 'data'], [3, 'ldt']]); // prettier-ignore
    expect(gdt.entries[0]!.segment).toMatchObject({ base: 0n, limit: 0xffff_ffff });
    expect(ldt!.entries).toMatchObject([{ index: 1, kind: 'data', segment: { base: 0x9000n, limit: 0xfff } }]);
    expect(idt.entries.map(({ index, kind, gate }) => [index, kind, gate!.selector])).toEqual([[13, 'interrupt-gate-32', 8], [14, 'interrupt-gate-32', 8]]); // prettier-ignore
    expect(tss).toBeNull();
  });

  it('lists its page directory, and the table in it with the runs of pages put together', () => {
    const computer = ran('segments-and-paging');
    const root = computer.pageTable(null, [])!;
    expect(root).toMatchObject({ format: '32-bit', at: 0x2_0000n, empty: 1023 });
    expect(root.entries).toMatchObject([{ first: 0, leads: 'table', target: 0x2_1000n, present: true }]);
    const table = computer.pageTable(null, [0])!;
    expect(table.entries.find(({ first }) => first === 0x300)).toMatchObject({ count: 1, linear: 0x30_0000n, target: 0x50_0000n });
    expect(table.entries.reduce((sum, { count }) => sum + count, table.empty)).toBe(1024);
    expect(table.entries.length).toBeLessThan(12);
    expect(computer.pageTable(null, [1])).toBeNull();
    expect(computer.pageTable(null, [0, 0])).toBeNull();
  });

  it('shows the instructions in front of one as they were assembled, though their bytes could be read otherwise', async () => {
    const computer = ran('segments-and-paging');
    const text = await readFile('resources/labs/segments-and-paging.asm', 'utf8');
    const line = text.split('\n').findIndex((row) => row.includes("'X'")) + 1;
    const entry = computer.programs[0]!.assembly!.lineMap.breakpoint('segments-and-paging.asm', line)!;
    const lines = computer.disassemble(null, BigInt(entry.address), 1, 3);
    expect(lines.map(({ text: shown }) => shown.split(' ')[0])).toEqual(['mov', 'call', 'mov', 'mov']);
    expect(lines.map(({ linear, bytes }) => linear + BigInt(bytes.length)).slice(0, 3)).toEqual(lines.map(({ linear }) => linear).slice(1));
    expect(lines.at(-1)!.line).toBe(line);
  });
});

describe('linear spaces', () => {
  const runs = (space: LinearSpaceView): unknown[] =>
    space.runs.map(({ linear, bytes, guest, writable }) => [Number(linear), bytes, Number(guest), writable]);

  it('are shown for each CR3 that was loaded: two processes with one linear address and two frames', () => {
    const computer = ran('two-processes');
    const [one, two, ...others] = computer.linearSpaces(null);
    expect(others).toEqual([]);
    expect([one!.cr3, one!.current, two!.cr3, two!.current]).toEqual([0x2_1000n, true, 0x2_3000n, false]);
    expect(runs(one!)).toEqual([
      [0, 0x40_0000, 0, true],
      [0x40_0000, 4096, 0x50_0000, true],
    ]);
    expect(runs(two!)[1]).toEqual([0x40_0000, 4096, 0x60_0000, true]);
  });

  it('forget a process that a snapshot has not loaded yet', () => {
    const computer = ran('two-processes');
    const begun = ran('two-processes', 3000);
    expect(begun.linearSpaces(null)).toHaveLength(0);
    computer.restore(begun.snapshot());
    expect(computer.linearSpaces(null)).toEqual([]);
  });

  it('name rights, large pages and NX of PAE tables', () => {
    const [before, space] = ran('pae-and-large-pages').linearSpaces(null);
    expect(before).toMatchObject({ format: '32-bit', current: false });
    expect(before!.runs.some(({ pageBytes }) => pageBytes === 2 ** 22)).toBe(true);
    expect(space).toMatchObject({ format: 'pae', current: true, more: 0 });
    expect(space!.runs.some(({ pageBytes }) => pageBytes === 2 ** 21)).toBe(true);
    expect(space!.runs.some(({ executable }) => !executable)).toBe(true);
    expect(ran('real-mode-20-bits').linearSpaces(null)).toEqual([]);
  });
});

describe('an access that crosses into the next page', () => {
  const at = (computer: Computer, address: bigint, size: 4 | 2 = 4) =>
    computer.explain({ vm: null, space: 'linear', address, size, kind: 'read' });

  it('is two walks: both pages, each with its own bytes and its own frame', () => {
    const computer = ran('two-processes');
    const { end, rest } = at(computer, 0x3f_fffen);
    expect(end).toMatchObject({ kind: 'dram', hostAddress: 0x3f_fffen });
    expect(rest).toMatchObject({
      access: { space: 'linear', address: 0x40_0000n, size: 2, cpl: 0 },
      end: { kind: 'dram', hostAddress: 0x50_0000n },
    });
    expect(rest!.steps.map(({ structure, index }) => [structure, index])).toEqual(expect.arrayContaining([['pde', 1], ['pte', 0]])); // prettier-ignore
    expect([(end as { value?: Uint8Array }).value, (rest!.end as { value?: Uint8Array }).value]).toEqual([
      Uint8Array.of(0, 0),
      new TextEncoder().encode('on'),
    ]);
    expect(at(computer, 0x3f_fffen, 2).rest).toBeUndefined();
  });

  it('faults on the second page with its address, and not at all there when the first refuses', () => {
    const computer = ran('two-processes');
    expect(at(computer, 0x40_0ffdn).rest!.end).toMatchObject({ kind: 'fault', fault: { name: 'page-fault', cr2: 0x40_1000n } });
    const refused = at(computer, 0x40_1ffdn);
    expect(refused.end).toMatchObject({ kind: 'fault', fault: { cr2: 0x40_1ffdn } });
    expect(refused.rest).toBeUndefined();
  });
});
