/** The decode table and the log as the window asks for them. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';

const files = {
  'a.asm': `
    mov ax, 0x2000
    mov ds, ax
    mov byte [0], 1      ; 0x2_0000: DRAM, not in the log
    mov ax, 0xb800
    mov ds, ax
    mov word [0], 0x0741
    mov al, 'x'
    out 0xe9, al
    in al, 0x99
    mov ax, 0x9000
    mov ds, ax
    mov al, [0]
    hlt`,
};
const yaml = `
format: pagewalk.lab/1
title: t
board:
  processor: "386"
  slots: [{ id: A1, base: 0, dimm: ddr3-128m, window: 512 KiB }, { id: A2, base: 0xA_0000, dimm: ddr3-128m }]
  devices: [{ id: vga0, kind: vga-memory }]
machine: { program: a.asm }
`;

function ran() {
  const { document } = loadLab(yaml, files);
  const { computer, problems } = powerOn(document!, files);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  computer!.run(1_000);
  return computer!;
}

describe('the chipset as a view', () => {
  it('shows every entry of the decode table once, what it hides, what was counted and where nobody answered', () => {
    const { entries, counters, unanswered, physicalAddressBits } = ran().chipset();
    expect([entries[0]!.base, entries.at(-1)!.end]).toEqual([0, 2 ** physicalAddressBits]);
    expect(entries.slice(0, 4).map(({ kind, device, slots }) => [kind, device, slots])).toEqual([
      ['dram', null, ['A1']],
      ['hole', null, []],
      ['mmio', 'vga0', ['A2']],
      ['dram', null, ['A2']],
    ]);
    expect(counters).toMatchObject({ registers: 1, unansweredMemory: 1, unansweredPorts: 1 });
    expect(unanswered).toEqual([[0x9_0000, 1]]);
  });

  it('finds entries by who, what, where and outcome, and pages back', () => {
    const computer = ran();
    const all = computer.findTransactions({ most: 500 });
    expect(all.entries).toHaveLength(all.total);
    const kinds = (query: object) => computer.findTransactions({ most: 500, ...query }).entries.map(({ kind }) => kind);
    expect(kinds({ kinds: ['mmio-write'] })).toEqual(['mmio-write']);
    expect(kinds({ from: 0xa_0000, to: 0xb_ffff })).toEqual(['mmio-write']);
    expect(kinds({ from: 0x9_0000, to: 0x9_0000 })).toEqual(['unanswered']);
    expect(kinds({ failed: true })).toEqual(['unanswered', 'unanswered']);
    expect(kinds({ kinds: ['port-write'], from: 0xe9, to: 0xe9 })).toEqual(['port-write']);
    expect(kinds({ who: 'nobody-of-that-name' })).toEqual([]);
    const [write] = computer.findTransactions({ kinds: ['mmio-write'], most: 1 }).entries;
    expect(write).toMatchObject({ who: 'cpu', answeredBy: 'vga0', matched: '0x000A_0000 – 0x000B_FFFF', size: 2, value: 0x741n });
    expect(computer.chipset().entries.map(({ name }) => name)).toContain(write!.matched);
    const last = computer.findTransactions({ most: 1 });
    expect([last.matching, last.entries[0]!.sequence]).toEqual([all.total, all.total - 1]);
    const older = computer.findTransactions({ most: 1, before: last.entries[0]!.sequence });
    expect(older.entries[0]!.sequence).toBe(all.total - 2);
    expect(all.actors).toEqual(['cpu']);
  });

  it('a cell under a window is hidden', () => {
    const computer = ran();
    expect(computer.locate(0xb_8000)).toMatchObject({ hiddenBy: 'vga0', cell: { slot: 'A2' } });
    expect(computer.locate(0x10_0000).hiddenBy).toBeNull();
  });
});
