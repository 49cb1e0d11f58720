/** Memory timing and disturbance seen from a whole run: repeatable however it is cut, on the bare machine and with VMs. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';

/** Timer interrupts every 30 pulses, while memory is walked with a stride that changes rows. */
const PROGRAM = `org 0x7C00
cli
xor ax, ax
mov ds, ax
mov es, ax
mov ss, ax
mov sp, 0x7000
mov word [8 * 4], tick
mov word [8 * 4 + 2], 0
mov al, 0x11
out 0x20, al
mov al, 8
out 0x21, al
mov al, 4
out 0x21, al
mov al, 1
out 0x21, al
mov al, 0xFE
out 0x21, al
mov al, 0x34
out 0x43, al
mov al, 30
out 0x40, al
xor al, al
out 0x40, al
sti
mov ax, 0x2000
mov ds, ax
mov cx, 1200
l: mov [bx], cx
add bx, 0x1234
mov dx, [bx]
add dx, [si]
add si, 0x0840
loop l
mov al, [es:count]
out 0xE9, al
cli
hlt
tick: push ax
inc byte [es:count]
mov al, 0x20
out 0x20, al
pop ax
iret
count: db 0
`;
const board = (memory: string): string =>
  `format: pagewalk.lab/1\ntitle: t\nboard: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }]${memory && `, memory: ${memory}`} }\n`;
const BARE = 'machine: { program: a.asm }\n';
const VMS =
  'vmm: { translation: ept }\nvms:\n  - { id: one, memory: 4 MiB, program: a.asm, backing: on-touch }\n  - { id: two, memory: 4 MiB, program: a.asm }\n';

function computerOf(yaml: string) {
  const files = { 'a.asm': PROGRAM };
  return powerOn(loadLab(yaml, files).document!, files).computer!;
}

function outcome(yaml: string, slice: number, limit = Infinity): object {
  const computer = computerOf(yaml);
  while (computer.instructions < limit && computer.run(Math.min(slice, limit - computer.instructions)).kind === 'budget');
  return { hash: computer.stateHash(), instructions: computer.instructions, ticks: computer.ticks, serial: computer.serial() };
}

describe.each([
  ['bare machine', BARE],
  ['two VMs', VMS],
])('memory timing, %s', (_name, who) => {
  const timed = board('{ timing: true, inFlight: 2 }') + who;

  it('ends the same in one slice or many, at every instruction on the way', () => {
    const whole = outcome(timed, 1e9);
    // the timer has come; a VM has none that interrupts
    if (who === BARE) expect(JSON.stringify(whole)).not.toContain('"0xE9","text":"\\u0000"');
    for (const slice of [1_000, 4_097]) expect(outcome(timed, slice)).toEqual(whole);
    const part = outcome(timed, 1e9, 3_210);
    for (const slice of [1, 777]) expect(outcome(timed, slice, 3_210)).toEqual(part);
  });

  it('costs time, and off it costs none', () => {
    const ticks = (yaml: string): number => (outcome(yaml, 1e9) as { ticks: number }).ticks;
    const plain = board('') + who;
    expect(ticks(timed)).toBeGreaterThan(ticks(plain));
    expect(outcome(board('{ timing: false }') + who, 1e9)).toEqual(outcome(plain, 1e9));
  });

  it('goes on from a snapshot as it would have', () => {
    const computer = computerOf(timed);
    computer.run(5_000);
    const kept = structuredClone(computer.snapshot());
    const restored = computerOf(timed);
    restored.restore(kept);
    expect(restored.stateHash()).toBe(computer.stateHash());
    for (const each of [computer, restored]) each.run(1e9);
    expect(restored.stateHash()).toBe(computer.stateHash());
  });
});
