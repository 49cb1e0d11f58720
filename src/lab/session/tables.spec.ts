/** Descriptor tables and page tables as the session shows them, from programs that build them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';
import type { Computer } from './computer';

async function ran(name: string): Promise<Computer> {
  const yaml = await readFile(`resources/labs/${name}.lab.yaml`, 'utf8');
  const files = { [`${name}.asm`]: await readFile(`resources/labs/${name}.asm`, 'utf8') };
  const { document } = loadLab(yaml, files);
  const { computer } = powerOn(document!, files);
  computer!.run(100_000);
  return computer!;
}

describe('segments-and-paging', () => {
  it('lists its GDT, LDT and IDT, decoded', async () => {
    const { real, gdt, ldt, idt, tss } = (await ran('segments-and-paging')).tables(null);
    expect(real).toBe(false);
    expect(gdt.entries.map(({ index, kind }) => [index, kind])).toEqual([[1, 'code'], [2, 'data'], [3, 'ldt']]); // prettier-ignore
    expect(gdt.entries[0]!.segment).toMatchObject({ base: 0n, limit: 0xffff_ffff });
    expect(ldt!.entries).toMatchObject([{ index: 1, kind: 'data', segment: { base: 0x9000n, limit: 0xfff } }]);
    expect(idt.entries.map(({ index, kind, gate }) => [index, kind, gate!.selector])).toEqual([[13, 'interrupt-gate-32', 8], [14, 'interrupt-gate-32', 8]]); // prettier-ignore
    expect(tss).toBeNull();
  });

  it('lists its page directory, and the table in it with the runs of pages put together', async () => {
    const computer = await ran('segments-and-paging');
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
    const computer = await ran('segments-and-paging');
    const text = await readFile('resources/labs/segments-and-paging.asm', 'utf8');
    const line = text.split('\n').findIndex((row) => row.includes("'X'")) + 1;
    const entry = computer.programs[0]!.assembly!.lineMap.breakpoint('segments-and-paging.asm', line)!;
    const lines = computer.disassemble(null, BigInt(entry.address), 1, 3);
    expect(lines.map(({ text: shown }) => shown.split(' ')[0])).toEqual(['mov', 'call', 'mov', 'mov']);
    expect(lines.map(({ linear, bytes }) => linear + BigInt(bytes.length)).slice(0, 3)).toEqual(lines.map(({ linear }) => linear).slice(1));
    expect(lines.at(-1)!.line).toBe(line);
  });
});
