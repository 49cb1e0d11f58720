import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { FrameStore } from '../memory/frame-store';
import { CONTROL, CONTROL_BLOCK_SIZE, ControlBlock, EVENT_TYPE, skipInstruction } from './control-block';
import type { VmExit } from './exit';
import { decodeIoQualification } from './ports';
import { Processor } from './processor';
import { IDT, PlainMemory, SEL } from './system.spec-support';
import { encodeSegment } from './segmentation';
import { POOL_RESERVED } from './state-layout';

const BLOCK = 0x10_0000;
const EPT = 0x11_0000;
const RAM = 0x20_0000;
const GUEST_PAGES = 64;

/** One guest of 256 KiB, guest-physical 0 at host-physical RAM, with `code` at guest-physical 0x1000 and IP there, in real mode. */
function makeGuest(code: number[], flags = 7) {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 64 * 1024 * 1024 });
  const memory = new PlainMemory(frames, 16 * 1024 * 1024);
  const waiting: number[] = [];
  const portWrites: number[][] = [];
  const processor = new Processor({
    frames,
    memory,
    ports: {
      readPort: () => 0xff,
      writePort: (port, size, value) => void portWrites.push([port, size, value]),
      interrupts: { pending: () => waiting.length > 0, acknowledge: () => waiting.shift()! },
    },
    part: { physicalAddressBits: 36, tlb: { entries: 64, ways: 4 }, features: ['virtualization'] },
  });
  const write64 = (address: number, value: number): void => memory.write64(hostPhysical(address), BigInt(value));
  write64(EPT, (EPT + 0x1000) | 7);
  write64(EPT + 0x1000, (EPT + 0x2000) | 7);
  write64(EPT + 0x2000, (EPT + 0x3000) | 7);
  const map = (page: number, entry: number): void => write64(EPT + 0x3000 + page * 8, entry);
  for (let page = 0; page < GUEST_PAGES; page++) map(page, (RAM + page * 4096) | flags);
  memory.writeBytes(hostPhysical(RAM + 0x1000), Uint8Array.from(code));
  const block = new ControlBlock(memory, hostPhysical(BLOCK));
  block.initialise({ eptPointer: EPT | 0x1e, vpid: 1 });
  block.setSegment('CS', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x9b });
  block.rip = 0x1000n;
  block.setReg32(4, 0x8000);
  const enter = (budget = 1000): VmExit => processor.enter(hostPhysical(BLOCK), budget);
  return { frames, memory, processor, block, enter, map, waiting, portWrites };
}

describe('entering and leaving a guest', () => {
  it('runs real-mode code under EPT, exits on HLT, and keeps host state apart', () => {
    // mov ax, 0x1234 / mov [0x2000], ax / hlt / inc ax / hlt
    const guest = makeGuest([0xb8, 0x34, 0x12, 0xa3, 0x00, 0x20, 0xf4, 0x40, 0xf4]);
    const { state } = guest.processor;
    state.setReg32(0, 0x5555_aaaa);
    const exit = guest.enter();
    expect(exit).toMatchObject({ reason: 'hlt', instructionLength: 1 });
    expect(guest.memory.read(hostPhysical(RAM + 0x2000), 2)).toBe(0x1234);
    expect(guest.block.rip).toBe(0x1006n);
    expect(guest.block.instructions).toBe(2);
    expect([state.reg32(0), state.virtualizationMode, state.instructions]).toEqual([0x5555_aaaa, 0, 2]);
    skipInstruction(guest.block, exit);
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.reg32(0)).toBe(0x1235);
    expect(guest.block.instructions).toBe(4);
    expect(guest.block.lastExit?.reason).toBe('hlt');
  });

  it('stops exactly at the budget', () => {
    const guest = makeGuest([0x40, 0xeb, 0xfd]); // inc ax / jmp $-1
    expect(guest.enter(1001).reason).toBe('preemption-timer');
    expect([guest.block.instructions, guest.block.reg32(0)]).toEqual([1001, 501]);
  });

  it('exits for port I/O with what is wanted, and completes it with the answer', () => {
    // mov dx, 0x3f8 / in al, dx / out dx, al / hlt
    const guest = makeGuest([0xba, 0xf8, 0x03, 0xec, 0xee, 0xf4]);
    const first = guest.enter();
    expect(first).toMatchObject({ reason: 'io-instruction', instructionLength: 1, access: { kind: 'read', size: 1 } });
    expect(decodeIoQualification(first.qualification)).toEqual({ port: 0x3f8, size: 1, input: true });
    guest.block.addCompletion({ kind: 'portIn', address: 0x3f8, size: 1, value: 0x61 });
    const second = guest.enter();
    expect(second).toMatchObject({ reason: 'io-instruction', access: { kind: 'write', size: 1, value: 0x61 } });
    guest.block.addCompletion({ kind: 'portOut', address: 0x3f8, size: 1, value: 0 });
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.instructions).toBe(3);
    expect(guest.block.completionCount).toBe(0);
  });

  it('gives string I/O one exit an element, each counted once', () => {
    // mov cx, 3 / mov si, 0x2000 / mov dx, 0xe9 / rep outsb / hlt
    const guest = makeGuest([0xb9, 0x03, 0x00, 0xbe, 0x00, 0x20, 0xba, 0xe9, 0x00, 0xf3, 0x6e, 0xf4]);
    guest.memory.writeBytes(hostPhysical(RAM + 0x2000), Uint8Array.from([0x41, 0x42, 0x43]));
    const seen: number[] = [];
    let exit = guest.enter();
    while (exit.reason === 'io-instruction') {
      seen.push(exit.access!.value);
      guest.block.addCompletion({ kind: 'portOut', address: 0xe9, size: 1, value: 0 });
      exit = guest.enter();
    }
    expect([exit.reason, seen, guest.block.instructions]).toEqual(['hlt', [0x41, 0x42, 0x43], 6]);
  });

  it('emulates a read-modify-write of a device with two completions', () => {
    // or word [0x5000], 0x0101 / hlt — page 5 belongs to a device of the VMM's
    const guest = makeGuest([0x81, 0x0e, 0x00, 0x50, 0x01, 0x01, 0xf4]);
    guest.map(5, 0);
    const read = guest.enter();
    expect(read).toMatchObject({ reason: 'ept-violation', guestPhysical: 0x5000, guestLinear: 0x5000n, qualification: 0x181n });
    expect(read.access).toEqual({ kind: 'read', size: 2, value: 0 });
    guest.block.addCompletion({ kind: 'memoryRead', address: 0x5000, size: 2, value: 0x8000 });
    const write = guest.enter();
    expect(write).toMatchObject({ reason: 'ept-violation', qualification: 0x182n, access: { kind: 'write', size: 2, value: 0x8101 } });
    guest.block.addCompletion({ kind: 'memoryWrite', address: 0x5000, size: 2, value: 0 });
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.instructions).toBe(1);
  });

  it('backs a page on its first touch and runs the instruction again', () => {
    const guest = makeGuest([0xc7, 0x06, 0x10, 0x60, 0x42, 0x00, 0xf4]); // mov word [0x6010], 0x42 / hlt
    guest.map(6, 0);
    expect(guest.enter()).toMatchObject({ reason: 'ept-violation', guestPhysical: 0x6010 });
    guest.map(6, (RAM + 0x3_f000) | 7);
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.memory.read(hostPhysical(RAM + 0x3_f010), 2)).toBe(0x42);
  });

  it('reports a misconfigured entry, with W and not R', () => {
    const guest = makeGuest([0xa1, 0x00, 0x50, 0xf4]);
    guest.map(5, (RAM + 0x5000) | 2);
    expect(guest.enter()).toMatchObject({ reason: 'ept-misconfiguration', guestPhysical: 0x5000 });
  });

  it('an overwritten EPT entry leads to the frame it names, once the TLB has forgotten the old one', () => {
    const guest = makeGuest([0xa1, 0x00, 0x50, 0xf4, 0xa1, 0x00, 0x50, 0xf4]); // mov ax, [0x5000] / hlt, twice
    guest.memory.write(hostPhysical(RAM + 0x5000), 2, 0x1111);
    guest.memory.write(hostPhysical(RAM + 0x9000), 2, 0x2222);
    skipInstruction(guest.block, guest.enter());
    expect(guest.block.reg32(0)).toBe(0x1111);
    guest.map(5, (RAM + 0x9000) | 7);
    guest.processor.tlb.invalidateEpt(EPT);
    guest.enter();
    expect(guest.block.reg32(0)).toBe(0x2222);
  });

  it('exits for CPUID and RDMSR, triple fault, and a host interrupt', () => {
    expect(makeGuest([0x0f, 0xa2]).enter()).toMatchObject({ reason: 'cpuid', instructionLength: 2 });
    expect(makeGuest([0x0f, 0x32]).enter()).toMatchObject({ reason: 'rdmsr', instructionLength: 2 });
    const broken = makeGuest([0x0f, 0x0b]); // ud2 without any vector table
    broken.block.write('idtrLimit', 0);
    expect(broken.enter().reason).toBe('triple-fault');
    const interrupted = makeGuest([0xeb, 0xfe]);
    interrupted.waiting.push(0x20);
    expect(interrupted.enter()).toMatchObject({ reason: 'external-interrupt', instructionLength: 0 });
    expect(interrupted.waiting).toEqual([0x20]);
  });

  it('delivers an injected event once, through the guest’s own vector table', () => {
    const guest = makeGuest([0xeb, 0xfe]);
    guest.memory.write(hostPhysical(RAM + 0x21 * 4), 4, 0x1100);
    guest.memory.writeBytes(hostPhysical(RAM + 0x1100), Uint8Array.from([0xf4]));
    guest.block.injectEvent({ vector: 0x21, type: EVENT_TYPE.external });
    expect(guest.enter().reason).toBe('hlt');
    expect([guest.block.rip, guest.block.hasInjection, guest.memory.read(hostPhysical(RAM + 0x7ffa), 2)]).toEqual([0x1100n, false, 0x1000]);
  });

  it('puts an event back when its delivery needs a page that is not there', () => {
    const guest = makeGuest([0xeb, 0xfe]);
    guest.memory.write(hostPhysical(RAM + 0x21 * 4), 4, 0x1100);
    guest.memory.writeBytes(hostPhysical(RAM + 0x1100), Uint8Array.from([0xf4]));
    guest.map(7, 0);
    guest.block.injectEvent({ vector: 0x21, type: EVENT_TYPE.external });
    const exit = guest.enter();
    expect(exit).toMatchObject({ reason: 'ept-violation', interruption: { information: 0x8000_0021 } });
    expect(guest.block.hasInjection).toBe(true);
    expect(guest.block.reg32(4)).toBe(0x8000);
    guest.map(7, (RAM + 0x7000) | 7);
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.rip).toBe(0x1100n);
  });

  it('walks the guest’s own tables through EPT: two dimensions', () => {
    const guest = makeGuest([0xa1, 0x00, 0x00, 0x40, 0x00, 0xf4]); // mov eax, [0x400000] / hlt
    const gpa = (address: number, value: number): void => guest.memory.write(hostPhysical(RAM + address), 4, value);
    gpa(0x1_0000, 0x1_1007);
    gpa(0x1_0004, 0x1_2007);
    gpa(0x1_1004, 0x1007);
    gpa(0x1_2000, 0x3007);
    gpa(0x3000, 0xcafe_f00d);
    guest.block.write('cr0', 0x8000_0011n);
    guest.block.write('cr3', 0x1_0000n);
    guest.block.setSegment('CS', { selector: 8, base: 0n, limit: 0xffff_ffff, attributes: 0xc09b });
    for (const name of ['SS', 'DS', 'ES', 'FS', 'GS'] as const) {
      guest.block.setSegment(name, { selector: 16, base: 0n, limit: 0xffff_ffff, attributes: 0xc093 });
    }
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.reg32(0)).toBe(0xcafe_f00d);
    expect(guest.memory.read(hostPhysical(RAM + 0x1_2000), 4)).toBe(0x3027);
    const tlb = guest.processor.tlb.entries().find((entry) => entry.page === 0x400);
    expect(tlb).toMatchObject({ vpid: 1, eptRoot: EPT, guestFrame: 3, hostFrame: RAM / 4096 + 3 });
    // a table that the VMM does not map: a violation that names the table, not the access
    guest.processor.tlb.flushAll();
    guest.map(0x12, 0);
    guest.block.rip = 0x1000n;
    const exit = guest.enter();
    expect(exit).toMatchObject({ reason: 'ept-violation', guestPhysical: 0x1_2000, guestLinear: 0x40_0000n, qualification: 0x81n });
    expect(exit.access).toBeUndefined();
  });

  it('keeps two guests apart in the TLB', () => {
    const guest = makeGuest([0xa1, 0x00, 0x50, 0xf4]);
    guest.enter();
    const other = new ControlBlock(guest.memory, hostPhysical(BLOCK + 0x1000));
    other.initialise({ eptPointer: EPT | 0x1e, vpid: 2 });
    other.setSegment('CS', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x9b });
    other.rip = 0x1000n;
    guest.processor.enter(hostPhysical(BLOCK + 0x1000), 10);
    expect(new Set(guest.processor.tlb.entries().map((entry) => entry.vpid))).toEqual(new Set([1, 2]));
    guest.processor.tlb.invalidateVpid(1);
    expect(new Set(guest.processor.tlb.entries().map((entry) => entry.vpid))).toEqual(new Set([2]));
  });

  it('exits on MOV CR and #PF only when the controls say so', () => {
    const code = [0x0f, 0x20, 0xd8, 0xf4]; // mov eax, cr3 / hlt
    expect(makeGuest(code).enter().reason).toBe('hlt');
    const guest = makeGuest(code);
    guest.block.controls = CONTROL.ept | CONTROL.crAccess;
    expect(guest.enter()).toMatchObject({ reason: 'cr-access', qualification: 0x13n, instructionLength: 3 });
  });
});

describe('exits by instruction', () => {
  it('VMCALL leaves with its length, and the guest goes on behind it', () => {
    // vmcall / mov bx, 7 / hlt
    const guest = makeGuest([0x0f, 0x01, 0xc1, 0xbb, 0x07, 0x00, 0xf4]);
    expect(guest.enter()).toMatchObject({ reason: 'vmcall', instructionLength: 3, qualification: 0n });
    expect([guest.block.rip, guest.block.instructions]).toEqual([0x1000n, 0]);
    skipInstruction(guest.block, { instructionLength: 3 });
    expect(guest.enter().reason).toBe('hlt');
    expect(guest.block.reg32(3)).toBe(7);
  });

  it('MOV DR leaves only when the controls say so, before general detect and with the register and direction', () => {
    // mov dr7, eax / mov ecx, dr7 / hlt
    const code = [0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xf9, 0xf4];
    const free = makeGuest(code);
    free.block.setReg32(0, 0x402);
    expect(free.enter().reason).toBe('hlt');
    expect([free.block.reg32(1), free.processor.state.dr(7)]).toEqual([0x402, 0x400]);
    const watched = makeGuest(code);
    watched.block.controls |= CONTROL.drAccess;
    watched.block.setReg32(0, 0x2402);
    expect(watched.enter()).toMatchObject({ reason: 'dr-access', qualification: 7n, access: { kind: 'write', value: 0x2402 } });
    expect(watched.block.instructions).toBe(0);
    skipInstruction(watched.block, { instructionLength: 3 });
    expect(watched.enter()).toMatchObject({ reason: 'dr-access', qualification: 0x17n, access: { kind: 'read' }, instructionLength: 3 });
  });
});

describe('a damaged control block', () => {
  it('fails the entry, says what was wrong, and leaves the host as it was', () => {
    const damages: [name: string, damage: (block: ControlBlock) => void][] = [
      ['revision', (block) => block.writeHeader('revision', 0x4141_4141)],
      ['controls', (block) => block.writeHeader('controls', 0x8000_0001)],
      ['VPID', (block) => (block.vpid = 0)],
      ['EPT pointer', (block) => block.memory.write64(block.addressOfHeader('eptPointer'), 0x4141_4141_4141_4141n)],
      ['event', (block) => block.writeHeader('entryInterruption', 0xffff_ffff)],
      ['CR0', (block) => block.write('cr0', 0x8000_0010n)],
      ['CR4', (block) => block.write('cr4', 0x4141_4141n)],
      ['RFLAGS', (block) => block.write('rflags', 0n)],
      ['RIP', (block) => block.write('rip', 1n << 40n)],
      ['CS', (block) => block.setSegment('CS', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x4141_4141 })],
      ['TR', (block) => block.setSegment('TR', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x89 })],
      ['instructions', (block) => block.write('instructions', Number.NaN)],
      ['completions', (block) => block.write('completionCount', 0x4141)],
    ];
    for (const [name, damage] of damages) {
      const guest = makeGuest([0xf4]);
      guest.processor.state.setReg32(3, 0x77);
      damage(guest.block);
      const exit = guest.enter();
      expect(exit.reason, name).toBe('entry-failure-guest-state');
      expect(exit.detail?.en, name).toContain(name);
      expect(exit.detail?.['zh-CN'].length, name).toBeGreaterThan(4);
      expect(guest.processor.state.reg32(3)).toBe(0x77);
      expect(guest.processor.state.virtualizationMode).toBe(0);
    }
  });

  it('never throws and never runs past its budget, whatever the bytes are', () => {
    const guest = makeGuest([0x40, 0xeb, 0xfd]);
    const whole = guest.memory.readBytes(hostPhysical(BLOCK), CONTROL_BLOCK_SIZE);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(0x300), fc.nat(255)), { minLength: 1, maxLength: 12 }), (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        guest.memory.writeBytes(hostPhysical(BLOCK), bytes);
        const before = guest.processor.state.instructions;
        const exit = guest.enter(50);
        expect(exit.reason).toBeTypeOf('string');
        expect(guest.processor.state.instructions - before).toBeLessThanOrEqual(50);
        expect(guest.processor.state.virtualizationMode).toBe(0);
      }),
      { numRuns: 300, seed: 20 },
    );
  });

  it('a changed saved register is the guest’s register at the next entry', () => {
    const guest = makeGuest([0x40, 0xf4]);
    guest.memory.write(guest.block.addressOfField('gpr', 0), 4, 0x41);
    guest.enter();
    expect(guest.block.reg32(0)).toBe(0x42);
  });
});

describe('protected mode in a guest', () => {
  it('sets up its own GDT and IDT, and a software interrupt reaches its handler', () => {
    // lgdt [0x1100] / mov eax, cr0 / or al, 1 / mov cr0, eax / jmp 8:0x1020
    const enterProtected = [0x0f, 0x01, 0x16, 0x00, 0x11, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0xea, 0x20, 0x10, 0x08, 0x00];
    const guest = makeGuest(enterProtected);
    const gpa = (address: number, ...bytes: number[]): void => guest.memory.writeBytes(hostPhysical(RAM + address), Uint8Array.from(bytes));
    const gpa32 = (address: number, value: number): void => guest.memory.write(hostPhysical(RAM + address), 4, value >>> 0);
    gpa(0x1100, 0xff, 0x00, 0x00, 0x30, 0, 0);
    // mov ax, 0x10 / mov ds, ax / mov ss, ax / lidt [0x1200] / int 0x40 / hlt
    gpa(0x1020, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xd0, 0x0f, 0x01, 0x1d, 0x00, 0x12, 0x00, 0x00, 0xcd, 0x40, 0xf4);
    gpa(0x1200, 0xff, 0x07, IDT & 255, IDT >> 8, 0, 0);
    gpa(0x1300, 0x43, 0xcf); // inc ebx / iret
    const descriptors = [
      encodeSegment({ base: 0, limit: 0xffff_ffff, attributes: 0xc09a }),
      encodeSegment({ base: 0, limit: 0xffff_ffff, attributes: 0xc092 }),
    ];
    descriptors.forEach(([low, high], index) => {
      gpa32(0x3008 + index * 8, low);
      gpa32(0x300c + index * 8, high);
    });
    gpa32(IDT + 0x40 * 8, (SEL.code0 << 16) | 0x1300);
    gpa32(IDT + 0x40 * 8 + 4, 0x8e00);
    const exit = guest.enter();
    expect(exit.reason).toBe('hlt');
    expect([guest.block.reg32(3), guest.block.rip, guest.block.segment('CS').selector]).toEqual([1, 0x1031n, 8]);
  });
});
