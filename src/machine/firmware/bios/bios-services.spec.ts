/** A boot sector asks for the memory as operating systems do, on boards and in a VM, in every tier of the processor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../assembler';
import { loadBoard } from '../../../lab/document/load';
import { hostOf } from '../../../vmm/host-of-machine';
import { Vmm } from '../../../vmm/vmm';
import { hostPhysical } from '../../address';
import type { Board } from '../../board/schema';
import { ENGINES, type Engine } from '../../cpu/engine';
import { Machine } from '../../machine';
import { boot, type BootResult } from '../boot';
import { e820 } from '../memory-map';
import { applyProcessorStart } from '../processor-start';

const BOARDS = join(import.meta.dirname, '../../../../resources/boards');
const sample = (name: string, change: Partial<Board> = {}): Board => ({
  ...loadBoard(readFileSync(join(BOARDS, `${name}.board.yaml`), 'utf8')).board!.board,
  ...change,
});

const sector = (source: string): Uint8Array => {
  const text = `bits 16\norg 0x7C00\n${source}\ntimes 510-($-$$) db 0\ndw 0xAA55\n`;
  const { bytes, diagnostics } = assemble({ 'a.asm': text }, 'a.asm');
  expect(diagnostics).toEqual([]);
  return bytes;
};

/** At 0x6000: how many entries there are, then at 0x6100 what the other calls return; the entries at 0x8000. 40 rounds, so that every tier has its turn. */
const ASKS = sector(
  `
%define SMAP 0x534D4150
        mov     bp, 40
round:  xor     ebx, ebx
        mov     di, 0x8000
        mov     dword [0x6000], 0
next:   mov     eax, 0xE820
        mov     edx, SMAP
        mov     ecx, 24
        int     0x15
        jc      failed
        cmp     eax, SMAP
        jne     failed
        cmp     ecx, 24
        jne     failed
        inc     dword [0x6000]
        add     di, 24
        test    ebx, ebx
        jnz     next
        dec     bp
        jnz     round

        mov     ax, 0xE801
        int     0x15
        jc      failed
        mov     [0x6100], ax
        mov     [0x6102], bx
        mov     [0x6104], cx
        mov     [0x6106], dx
        mov     ah, 0x88
        int     0x15
        jc      failed
        mov     [0x6108], ax
        int     0x12
        mov     [0x610A], ax

        ; 20 bytes for those who know no attributes
        mov     eax, 0xE820
        mov     edx, SMAP
        mov     ecx, 20
        xor     ebx, ebx
        mov     di, 0x7000
        mov     dword [0x7014], 0x55555555
        int     0x15
        jc      failed
        mov     [0x610C], cx
        ; refused: no SMAP, no room, an entry that is not there, a function that is not there
        mov     byte [0x610E], 0
        mov     eax, 0xE820
        xor     edx, edx
        call    refused
        mov     eax, 0xE820
        mov     edx, SMAP
        mov     ecx, 19
        call    refused
        mov     eax, 0xE820
        mov     ecx, 20
        mov     ebx, [0x6000]
        call    refused
        mov     ax, 0x8700
        call    refused
        mov     ah, 2
        int     0x13
        jnc     failed
        mov     ah, 1
        int     0x16
        jnz     failed
        mov     si, text
.put:   lodsb
        test    al, al
        jz      .done
        mov     ah, 0x0E
        int     0x10
        jmp     .put
.done:  hlt
refused:
        int     0x15
        jnc     failed
        cmp     ah, 0x86
        jne     failed
        inc     byte [0x610E]
        ret
failed: mov     word [0x6000], 0xDEAD
        hlt
text:   db      'asked', 10, 0
`,
);

const start = (machine: Machine, bytes: Uint8Array): BootResult => {
  const result = boot(machine.platform, { file: 'sector', bytes, format: 'boot-sector' });
  const { state } = machine.processor;
  if (result.start) applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.byteLength), result.start);
  machine.processor.stateReplaced();
  return result;
};

type Peek = (address: number, bytes: number) => Uint8Array;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function answers(peek: Peek) {
  const word = (at: number): number => viewOf(peek(at, 2)).getUint16(0, true);
  const count = viewOf(peek(0x6000, 4)).getUint32(0, true);
  expect(count, 'a call failed').not.toBe(0xdead);
  const table = viewOf(peek(0x8000, count * 24));
  const entries = Array.from({ length: count }, (_, index) => {
    const [base, length] = [Number(table.getBigUint64(index * 24, true)), Number(table.getBigUint64(index * 24 + 8, true))];
    expect(table.getUint32(index * 24 + 20, true)).toBe(1);
    return { base, end: base + length, type: ['', 'usable', 'reserved'][table.getUint32(index * 24 + 16, true)] };
  });
  expect([...peek(0x7000, 20)]).toEqual([...peek(0x8000, 20)]);
  expect(viewOf(peek(0x7014, 4)).getUint32(0, true)).toBe(0x5555_5555);
  expect(word(0x610c)).toBe(20);
  expect(peek(0x610e, 1)[0]).toBe(4);
  expect([word(0x6104), word(0x6106)]).toEqual([word(0x6100), word(0x6102)]);
  return { entries, e801: [word(0x6100), word(0x6102)], h88: word(0x6108), int12: word(0x610a) };
}

function ask(board: Board, engine: Engine = 'auto') {
  const machine = new Machine(board, { engine });
  const { steps, refused } = start(machine, ASKS);
  expect(refused).toBeNull();
  expect(machine.run(1_000_000).reason).toBe('halted');
  expect(new TextDecoder().decode(machine.uart.output)).toBe('asked\n');
  return { ...answers((address, bytes) => machine.chipset.peek(hostPhysical(address), bytes)), steps };
}

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const low = [
  { base: 0, end: 0xa_0000, type: 'usable' },
  { base: 0xa_0000, end: 0x10_0000, type: 'reserved' },
];

describe('INT 15h', () => {
  it.each(ENGINES)('tells of a hole between the DIMMs (%s)', (engine) => {
    const { entries, e801, h88, int12, steps } = ask(sample('with-a-hole'), engine);
    expect(entries).toEqual([...low, { base: MIB, end: 512 * MIB, type: 'usable' }, { base: GIB, end: GIB + 512 * MIB, type: 'usable' }]);
    expect(e801).toEqual([15 * KIB, (496 * MIB) / (64 * KIB)]);
    expect([h88, int12]).toEqual([63 * KIB, 640]);
    expect(steps.map(({ text }) => text.en).join('\n')).toContain('Publishes e820 by INT 15h AX=E820h: 4 entries at 0x000F_EFA0');
  });

  it('tells of what was moved above 4 GiB, beside the SMBIOS tables', () => {
    const board = sample('dual-channel-desktop');
    const machine = new Machine(board);
    const { entries, e801 } = ask(board);
    expect(entries).toEqual(e820(machine.map.ranges));
    expect(entries.at(-1)).toEqual({ base: 4 * GIB, end: 9 * GIB, type: 'usable' });
    expect(entries[2]).toEqual({ base: MIB, end: 3 * GIB, type: 'usable' });
    expect(e801).toEqual([15 * KIB, (3 * GIB - 16 * MIB) / (64 * KIB)]);
  });

  it('reserves what several DIMMs answer', () => {
    const { entries } = ask(sample('overlapping-windows', { overlaps: 'allow' }));
    expect(entries.slice(2)).toEqual([
      { base: MIB, end: 128 * MIB, type: 'usable' },
      { base: 128 * MIB, end: 256 * MIB, type: 'reserved' },
      { base: 256 * MIB, end: 384 * MIB, type: 'usable' },
    ]);
  });

  it('needs memory at 0: not where the first slot is wired and empty, but where the firmware assigns', () => {
    const wired = sample('empty-first-slot');
    expect(start(new Machine(wired), ASKS).refused?.code).toBe('boot-no-memory-at-load-address');
    const forced = start(new Machine({ ...wired, firmware: { loader: 'force' } }), ASKS);
    expect(forced.steps.map(({ text }) => text.en)).toContain('No BIOS services (INT 10h to 1Ah): there is no memory at 0x0000_0000');
    const slots = wired.slots.map(({ id, dimm }) => ({ id, dimm }));
    expect(ask({ ...wired, assignment: 'automatic', slots }).entries).toEqual([...low, { base: MIB, end: 768 * MIB, type: 'usable' }]);
  });

  it('has nothing above 1 MiB on a small 386', () => {
    expect(ask(sample('386-four-simms'))).toMatchObject({ entries: low, e801: [0, 0], h88: 0, int12: 640 });
  });

  it("tells a VM of its own memory, not of the board's", () => {
    const machine = new Machine(sample('with-a-hole'));
    const vms = [{ id: 'a', memory: 4 * MIB, backing: 'on-touch' as const, passthrough: [] }];
    const vmm = new Vmm(hostOf(machine), { allocation: { seed: 1, preoccupied: 0 }, iommuEnabled: false, vms });
    const vm = vmm.vm('a')!;
    vm.start(boot(vm.platform, { file: 'sector', bytes: ASKS, format: 'boot-sector' }).start!);
    vmm.run(1_000_000);
    const { entries, e801, h88 } = answers((address, bytes) => vm.readGuest(address, bytes));
    expect(entries).toEqual([...low, { base: MIB, end: 4 * MIB, type: 'usable' }]);
    expect([e801, h88]).toEqual([[3 * KIB, 0], 3 * KIB]);
    expect(new TextDecoder().decode(vm.bus.uart.output)).toBe('asked\n');
  });
});

describe('the other services', () => {
  it('answer an 8086 in its own instructions: sizes and text, no INT 15h', () => {
    const machine = new Machine(sample('8086-one-mib', { devices: [{ id: 'vga0', kind: 'vga-memory' }] }));
    start(
      machine,
      sector(`
        cld
        int 0x12
        mov [0x6000], ax
        int 0x11
        mov [0x6002], ax
        mov ax, 0xE820
        int 0x15
        jnc failed
        mov [0x6004], ah
        mov cx, 26
line:   mov ax, 0x0E41
        add al, 26
        sub al, cl
        int 0x10
        mov ax, 0x0E0D
        int 0x10
        mov ax, 0x0E0A
        int 0x10
        loop line
        mov ax, 0x0E78
        int 0x10
failed: hlt`),
    );
    expect(machine.run(1_000_000).reason).toBe('halted');
    const peek: Peek = (address, bytes) => machine.chipset.peek(hostPhysical(address), bytes);
    expect([...peek(0x6000, 5)]).toEqual([640 & 255, 640 >> 8, 0x20, 2, 0x86]);
    // 26 lines on a screen of 25: A and B have left it
    const lines = Array.from({ length: 25 }, (_, row) => String.fromCharCode(peek(0xb_8000 + row * 160, 1)[0]!));
    expect(lines.join('')).toBe('CDEFGHIJKLMNOPQRSTUVWXYZx'.slice(0, 24) + 'x');
    expect([...peek(0x450, 2)]).toEqual([1, 24]);
    expect(new TextDecoder().decode(machine.uart.output)).toMatch(/^A\r\nB\r\n.*Z\r\nx$/s);
  });

  it('opens and closes the A20 gate', () => {
    const machine = new Machine(sample('four-dimms'));
    start(
      machine,
      sector(`
        mov ax, 0x2400
        int 0x15
        mov ax, 0x2402
        int 0x15
        mov [0x6000], ax
        mov ax, 0x2401
        int 0x15
        mov ax, 0x2402
        int 0x15
        mov [0x6002], ax
        mov ax, 0x2403
        int 0x15
        mov [0x6004], bx
        int 3
        int 0x70
        int 0x18`),
    );
    expect(machine.run(10_000).reason).toBe('halted');
    expect([...machine.chipset.peek(hostPhysical(0x6000), 6)]).toEqual([0, 0, 1, 0, 2, 0]);
  });

  it('stay away where the program itself lies, and are not there for protected mode', () => {
    const bytes = Uint8Array.of(0xf4);
    const texts = (load: number, mode: 'real' | 'protected'): string =>
      boot(new Machine(sample('four-dimms')).platform, { file: 'x', bytes, format: 'flat', mode, load })
        .steps.map(({ text }) => text.en)
        .join('\n');
    expect(texts(0x400, 'real')).toContain('No BIOS services (INT 10h to 1Ah): the program lies at 0x0000_0000 itself');
    expect(texts(0xf_ff00, 'real')).toContain('the program lies at 0x000F_');
    expect(texts(0x10_0000, 'protected')).not.toContain('BIOS');
  });
});
