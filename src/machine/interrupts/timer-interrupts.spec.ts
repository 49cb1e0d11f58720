/**
 * A guest under timers, on a whole machine: interrupts of the 8254 and of the local APIC's timer land at the same instruction in
 * every run and however the run is cut; DMA to the interrupt range is an interrupt; a processor that waits is woken, or stays
 * halted when nothing can wake it.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../assembler';
import { hostPhysical } from '../address';
import type { Board } from '../board/schema';
import { boot } from '../firmware/boot';
import { applyProcessorStart } from '../firmware/processor-start';
import { Machine } from '../machine';

const board = (apic: boolean, devices: Board['devices'] = []): Board => ({
  processor: 'p6-virtualization',
  assignment: 'fixed',
  slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
  devices,
  apic: { present: apic },
});

function machineWith(source: string, drawn: Board): Machine {
  const { bytes, diagnostics } = assemble({ 'a.asm': source }, 'a.asm');
  expect(diagnostics).toEqual([]);
  const machine = new Machine(drawn);
  const { start } = boot(machine.platform, { file: 'a.asm', bytes, format: 'flat', mode: 'protected', load: 0x10_0000 });
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.byteLength), start!);
  machine.processor.stateReplaced();
  return machine;
}

/** Protected mode with an IDT whose vectors 0x20 to 0x4F go to `handler`; `{SETUP}` and `{EOI}` differ. */
const guest = (setup: string, eoi: string, main: string): string => `bits 32
org 0x100000
  mov esp, 0x80000
  mov edi, 0x20 * 8 + idt
  mov ecx, 0x30
fill:
  mov eax, handler
  mov [edi], ax
  mov word [edi + 2], 8
  mov word [edi + 4], 0x8E00
  shr eax, 16
  mov [edi + 6], ax
  add edi, 8
  loop fill
  lidt [idtr]
${setup}
  sti
${main}
handler:
  push eax
  inc dword [0x200000]
${eoi}
  pop eax
  iret
idtr: dw 0x50 * 8 - 1
dd idt
align 8
idt: times 0x50 * 2 dd 0
`;

const PIC = `  mov al, 0x11
  out 0x20, al
  mov al, 0x20
  out 0x21, al
  mov al, 4
  out 0x21, al
  mov al, 1
  out 0x21, al
  mov al, 0xFE
  out 0x21, al
`;
const PIT = (count: number): string => `  mov al, 0x34
  out 0x43, al
  mov al, ${count & 255}
  out 0x40, al
  mov al, ${count >> 8}
  out 0x40, al
`;
const EOI_8259 = '  mov al, 0x20\n  out 0x20, al\n';
const EOI_APIC = '  mov dword [0xFEE000B0], 0\n';
const COUNT = '  mov ebx, 0\nagain:\n  inc ebx\n  mov [0x200004], ebx\n  jmp again\n';
const word = (machine: Machine, address: number): number =>
  new DataView(machine.chipset.peek(hostPhysical(address), 4).buffer).getUint32(0, true);

/** Where every interrupt landed: the instruction count and the vector. */
const landed = (machine: Machine) =>
  machine.processor.delivered.filter(({ kind }) => kind === 'external').map(({ instructions, vector }) => [instructions, vector]);

function runInPieces(machine: Machine, total: number, piece: number): Machine {
  while (machine.instructions < total) {
    const { reason } = machine.run(Math.min(piece, total - machine.instructions));
    if (reason !== 'budget') throw new Error(reason);
  }
  return machine;
}

const TIMER_GUESTS: [name: string, source: string, apic: boolean, vector: number, period: number][] = [
  ['8254 through the 8259 pair', guest(PIC + PIT(10), EOI_8259, COUNT), false, 0x20, 8380],
  ['8254 through the 8259 pair and LINT0', guest(PIC + PIT(10), EOI_8259, COUNT), true, 0x20, 8380],
  [
    '8254 through the IOAPIC',
    guest(`  mov dword [0xFEE000F0], 0x1FF\n  mov dword [0xFEC00000], 0x14\n  mov dword [0xFEC00010], 0x42\n${PIT(10)}`, EOI_APIC, COUNT),
    true,
    0x42,
    8380,
  ],
  [
    'local APIC timer',
    guest(
      '  mov dword [0xFEE000F0], 0x1FF\n  mov dword [0xFEE003E0], 0xB\n  mov dword [0xFEE00320], 0x20041\n  mov dword [0xFEE00380], 5000\n',
      EOI_APIC,
      COUNT,
    ),
    true,
    0x41,
    5000,
  ],
];

describe('timer interrupts', () => {
  for (const [name, source, apic, vector, period] of TIMER_GUESTS) {
    it(`land at the same instructions in every run and in pieces: ${name}`, () => {
      const [whole, again, pieces] = [200_000, 200_000, 777].map((piece) => runInPieces(machineWith(source, board(apic)), 100_000, piece));
      const at = landed(whole!);
      expect(at.length).toBeGreaterThanOrEqual(Math.floor(99_000 / period));
      expect(new Set(at.map(([, each]) => each))).toEqual(new Set([vector]));
      const apart = at.slice(2).map(([tick], index) => tick! - at[index + 1]![0]!);
      // exactly at the edge: one tick is one instruction while nothing waits
      expect(new Set(apart)).toEqual(new Set([period]));
      for (const other of [again!, pieces!]) {
        expect(landed(other)).toEqual(at);
        expect([word(other, 0x20_0000), word(other, 0x20_0004)]).toEqual([word(whole!, 0x20_0000), word(whole!, 0x20_0004)]);
        expect(Buffer.concat([...other.stateChunks()]).equals(Buffer.concat([...whole!.stateChunks()]))).toBe(true);
      }
      expect(word(whole!, 0x20_0000)).toBe(at.length);
    });
  }

  it('go on the same after a snapshot was restored', () => {
    const [, source] = TIMER_GUESTS[3]!;
    const straight = runInPieces(machineWith(source, board(true)), 60_000, 200_000);
    const first = runInPieces(machineWith(source, board(true)), 33_333, 200_000);
    const other = new Machine(board(true));
    other.restore(first.snapshot());
    runInPieces(other, 60_000, 200_000);
    expect(Buffer.concat([...other.stateChunks()]).equals(Buffer.concat([...straight.stateChunks()]))).toBe(true);
  });

  it('wake a processor that waits, and the clock jumps there', () => {
    const machine = machineWith(
      // the output goes high when the timer is set up: that is the first edge
      guest(PIC + PIT(50_000), EOI_8259, 'again:\n  hlt\n  cmp dword [0x200000], 3\n  jb again\n  cli\n  hlt\n'),
      board(false),
    );
    expect(machine.run(10_000).reason).toBe('halted');
    expect(word(machine, 0x20_0000)).toBe(3);
    expect(machine.ticks).toBeGreaterThan(2 * 50_000 * 838);
    expect(machine.instructions).toBeLessThan(1000);
  });

  it('leave a processor halted that cannot take them', () => {
    for (const stuck of ['  cli\n  hlt\n', '  mov al, 0xFF\n  out 0x21, al\n  hlt\n']) {
      const machine = machineWith(guest(PIC + PIT(100), EOI_8259, stuck), board(true));
      expect(machine.run(100_000).reason).toBe('halted');
    }
    // in the handler, before the end of interrupt
    const nested = machineWith(guest(PIC + PIT(100), '  sti\n  hlt\n', '  hlt\n  hlt\n'), board(false));
    expect(nested.run(100_000).reason).toBe('halted');
    expect(word(nested, 0x20_0000)).toBe(1);
  });
});

describe('interrupt messages', () => {
  /** The edu device writes 4 bytes of its buffer to the interrupt range. */
  const dma = (vector: number): string => `  mov dword [0xFEE000F0], 0x1FF
  mov dword [0x201000], ${vector}
  mov esi, 0xFE000000
  mov dword [esi + 0x80], 0x201000
  mov dword [esi + 0x88], 0x40000
  mov dword [esi + 0x90], 4
  mov dword [esi + 0x98], 1
first:
  test dword [esi + 0x98], 1
  jnz first
  mov dword [esi + 0x80], 0x40000
  mov dword [esi + 0x88], 0xFEE00000
  mov dword [esi + 0x98], 3
`;
  const edu: Board['devices'] = [{ id: 'dma0', kind: 'edu', dmaMask: 32 }];

  it('of a device are taken by the local APIC, and change no memory', () => {
    const machine = machineWith(guest(dma(0x45), EOI_APIC, 'again:\n  hlt\n  jmp again\n'), board(true, edu));
    expect(machine.run(100_000).reason).toBe('halted');
    expect(landed(machine).map(([, vector]) => vector)).toEqual([0x45]);
    expect(word(machine, 0x20_0000)).toBe(1);
  });

  it('go nowhere on a board without one', () => {
    const machine = machineWith(guest(dma(0x45), EOI_APIC, '  hlt\n'), board(false, edu));
    expect(machine.run(100_000).reason).toBe('halted');
    expect(landed(machine)).toEqual([]);
  });
});

it('CPUID and IA32_APIC_BASE say whether the board has an APIC', () => {
  const probe = `bits 32
org 0x100000
  mov eax, 1
  cpuid
  mov [0x200000], edx
  mov ecx, 0x1B
  rdmsr
  mov [0x200004], eax
  hlt
`;
  for (const apic of [true, false]) {
    const machine = machineWith(probe, board(apic));
    machine.run(100);
    expect((word(machine, 0x20_0000) >> 9) & 1).toBe(apic ? 1 : 0);
    expect(word(machine, 0x20_0004)).toBe(apic ? 0xfee0_0900 : 0);
  }
});
