/** DMA on the bare board: the processor sleeps while a transfer runs, and the device's interrupt wakes it, by the 8259 pair and by the IOAPIC. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';

const program = (apic: boolean, scatter: boolean) => `
bits 32
org 0x100000
%define VECTOR ${apic ? '0x50' : '0x72'}
start:  mov esp, 0x80000
        mov eax, handler
        mov [idt + VECTOR * 8], ax
        mov word [idt + VECTOR * 8 + 2], 0x08
        mov word [idt + VECTOR * 8 + 4], 0x8E00
        shr eax, 16
        mov [idt + VECTOR * 8 + 6], ax
        lidt [idtr]
        call controllers
        mov edi, BAR
${
  scatter
    ? `
        mov dword [0x30000], 0x40000
        mov dword [0x30008], 0x1800
        mov dword [0x30010], 0x50010
        mov dword [0x30018], 0x800
        mov dword [edi + 0x10], 0x30000
        mov dword [edi + 0x18], 2`
    : `
        mov dword [edi + 0x10], 0x40000
        mov dword [edi + 0x18], 0x2000`
}
        mov dword [edi + 0x1C], 0x1000
        mov dword [edi + 0x08], 3
        sti
sleep:  hlt
        cmp dword [count], 0
        je sleep
        cli
        hlt

handler:
        push eax
        inc dword [count]
        mov eax, [BAR + 0x04]
        mov [seen], eax
        mov dword [BAR + 0x04], 6
${apic ? '        mov dword [0xFEE000B0], 0' : '        mov al, 0x20\n        out 0xA0, al\n        out 0x20, al'}
        pop eax
        iret

controllers:
${
  apic
    ? `
        mov al, 0xFF
        out 0x21, al
        out 0xA1, al
        mov dword [0xFEE000F0], 0x1FF
        mov dword [0xFEC00000], 0x24        ; redirection of line 10: vector, level triggered
        mov dword [0xFEC00010], VECTOR | 0x8000
        ret`
    : `
        mov al, 0x11
        out 0x20, al
        out 0xA0, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x70
        out 0xA1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xA1, al
        mov al, 1
        out 0x21, al
        out 0xA1, al
        mov al, 0xFB
        out 0x21, al
        out 0xA1, al
        ret`
}
align 8
idtr:   dw 0x7FF
        dd idt
count:  dd 0
seen:   dd 0
idt:    times 256 dq 0
`;

const lab = (apic: boolean, kind: string) => `
format: pagewalk.lab/1
title: t
board:
  slots: [{ id: A1, base: 0, dimm: ddr3-256m }]
  apic: { present: ${apic} }
  bridges: [{ id: rp1, kind: root-port }, { id: sw1, kind: switch, parent: rp1 }]
  devices: [{ id: dma0, kind: ${kind}, ${kind === 'dma-scatter' ? 'parent: sw1.0' : 'at: "00:04.0"'} }]
machine: { program: { file: a.asm, load: 0x10_0000, mode: protected, defines: { BAR: { barOf: dma0 } } } }
`;

describe('a DMA transfer that ends in an interrupt', () => {
  it.each([
    ['dma-contiguous', false],
    ['dma-contiguous', true],
    ['dma-scatter', false],
    ['dma-scatter', true],
  ])('%s, APIC %s', (kind, apic) => {
    const files = { 'a.asm': program(apic, kind === 'dma-scatter') };
    const { computer, problems } = powerOn(loadLab(lab(apic, kind), files).document!, files);
    expect(problems).toEqual([]);
    const end = computer!.run(10_000);
    expect(end).toMatchObject({ kind: 'stopped', stop: { kind: 'halted' } });
    // the processor moved none of it: a few dozen instructions, and the clock ran on while it slept
    expect(computer!.instructions).toBeLessThan(120);
    expect(computer!.ticks - computer!.instructions).toBeGreaterThan(150);
    const word = (base: bigint): number => {
      const { bytes } = computer!.readMemory({ space: 'host', vm: null, base, length: 4 });
      return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    };
    expect([word(0x4_0000n), word(0x4_17fcn)]).toEqual([0x1000, 0x1000 + 0x5ff]);
    expect(kind === 'dma-scatter' ? word(0x5_0010n) : word(0x4_1800n)).toBe(0x1000 + 0x600);
    const all = computer!.findTransactions({ kinds: ['mmio-read'], who: 'cpu', most: 10 }).entries;
    expect(all.map(({ value }) => value)).toEqual([2n]);
  });
});
