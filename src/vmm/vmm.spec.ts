/** VMs end to end: isolation, backing, devices, exits, scheduling, and what a guest that goes astray gets. */
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../machine/address';
import { VmmSetupError } from './text';
import { MIB, runToEnd, setUpLab } from './vmm.spec-support';

/** Writes MARK to a guest-physical address, reads it back and prints it as one byte. */
const writeAndRead = (mark: string): string => `
  mov dword [0x5000], '${mark}'
  mov ecx, 3000
spin:
  loop spin
  mov eax, [0x5000]
  mov dx, 0x3f8
  out dx, al
  hlt`;

describe('two VMs', () => {
  it('write to the same guest-physical address and read back their own', () => {
    const lab = setUpLab({ vms: [{ id: 'a', source: writeAndRead('A') }, { id: 'b', source: writeAndRead('B') }] }); // prettier-ignore
    expect(runToEnd(lab.vmm)).toMatchObject({ reason: 'stopped' });
    expect([lab.serial('a'), lab.serial('b')]).toEqual(['A', 'B']);
    const [hostA, hostB] = [lab.vm('a').hostAddress(0x5000)!, lab.vm('b').hostAddress(0x5000)!];
    expect(hostA).not.toBe(hostB);
    expect([lab.hostBytes(hostA, 1)[0], lab.hostBytes(hostB, 1)[0]]).toEqual([0x41, 0x42]);
    expect(lab.vm('a').readGuest(0x5000, 1)[0]).toBe(0x41);
    expect(lab.vmm.reachViolations()).toEqual([]);
    expect(lab.vmm.audit()).toEqual([]);
  });

  it('count instructions exactly, each for itself and on the machine', () => {
    const lab = setUpLab({ vms: [{ id: 'a', source: writeAndRead('A') }, { id: 'b', source: writeAndRead('B') }] }); // prettier-ignore
    const { executed } = runToEnd(lab.vmm);
    // mov, mov, 3000 × loop, mov, mov, out, hlt
    expect(lab.vm('a').instructions).toBe(3006);
    expect(lab.vm('b').instructions).toBe(3006);
    expect(executed).toBe(6012);
    expect(lab.machine.instructions).toBe(6012);
    expect(lab.vm('a').exits).toMatchObject({ hlt: 1, 'io-instruction': 1 });
  });

  it('share the processor in turns of ten thousand instructions', () => {
    const forever = 'again: inc ebx\njmp again';
    const lab = setUpLab({ vms: [{ id: 'a', source: forever }, { id: 'b', source: forever }] }); // prettier-ignore
    expect(lab.vmm.run(10_000)).toEqual({ reason: 'budget', executed: 10_000 });
    expect([lab.vm('a').instructions, lab.vm('b').instructions]).toEqual([10_000, 0]);
    lab.vmm.run(15_000);
    expect([lab.vm('a').instructions, lab.vm('b').instructions]).toEqual([15_000, 10_000]);
    // one turn used up; the run's end in the middle of the next is no exit of its own
    expect(lab.vm('a').exits['preemption-timer']).toBe(1);
  });

  it('run in real mode too', () => {
    const lab = setUpLab({ vms: [{ id: 'a', mode: 'real', source: "mov al, 'R'\nout 0xe9, al\nhlt" }] });
    runToEnd(lab.vmm);
    expect(new TextDecoder().decode(lab.vm('a').bus.debugPort.output)).toBe('R');
    expect(lab.vm('a').state).toBe('halted');
  });
});

describe('backing', () => {
  it('on touch takes a frame for each page that is touched, and no more', () => {
    const source = 'mov edi, 0x200000\nmov ecx, 5\nnext:\nmov [edi], ecx\nadd edi, 0x2000\nloop next\nhlt';
    const lab = setUpLab({ vms: [{ id: 'a', backing: 'on-touch', source }] });
    const before = lab.vm('a').map.mappedFrames;
    runToEnd(lab.vmm);
    expect(lab.vm('a').state).toBe('halted');
    expect(lab.vm('a').map.mappedFrames).toBe(before + 5);
    expect(lab.vm('a').exits['ept-violation']).toBe(5);
    expect([...lab.vm('a').readGuest(0x200000, 4)]).toEqual([5, 0, 0, 0]);
    expect(lab.vmm.reachViolations()).toEqual([]);
  });

  it('on a preoccupied host puts neighbouring guest pages into different DIMMs, and the guest cannot tell', () => {
    // fills 2 MiB with each dword its own address, then adds all of them up
    const source = `
      mov edi, 0x200000
      mov ecx, 0x80000
    fill:
      mov [edi], edi
      add edi, 4
      loop fill
      mov esi, 0x200000
      mov ecx, 0x80000
      xor ebx, ebx
    check:
      mov eax, [esi]
      cmp eax, esi
      jne bad
      add esi, 4
      loop check
      mov al, 'K'
      jmp say
    bad:
      mov al, 'X'
    say:
      mov dx, 0x3f8
      out dx, al
      hlt`;
    const lab = setUpLab({ preoccupied: 0.75, vms: [{ id: 'a', backing: 'on-touch', source }, { id: 'b', backing: 'on-touch', source }] }); // prettier-ignore
    runToEnd(lab.vmm, 20_000_000);
    expect([lab.serial('a'), lab.serial('b')]).toEqual(['K', 'K']);
    const slotOf = (guestFrame: number): string => lab.vm('a').slotsOf(guestFrame * PAGE_SIZE, PAGE_SIZE)[0]!;
    const pairs = Array.from({ length: 511 }, (_, i) => 0x200 + i).filter((frame) => slotOf(frame) !== slotOf(frame + 1));
    expect(pairs.length).toBeGreaterThan(0);
    expect(lab.vmm.reachViolations()).toEqual([]);
  });

  it('keeps the VMM above the guests, and owns every frame once', () => {
    const lab = setUpLab({ vms: [{ id: 'a', memory: 64 * MIB }, { id: 'b', memory: 64 * MIB }] }); // prettier-ignore
    const extents = lab.vmm.extents();
    const own = extents.filter(({ owner }) => owner.kind === 'vmm' || owner.kind === 'table');
    expect(Math.min(...own.map(({ base }) => base))).toBeGreaterThan(1000 * MIB);
    for (const part of ['gdt', 'idt', 'secret', 'iommu'] as const) expect(lab.vmm.part(part)).not.toBeNull();
    for (const part of ['control-block', 'ept', 'ept-leaf'] as const) {
      const range = lab.vmm.part(part, 'b')!;
      expect(lab.vmm.ownerAt(range.base)).toMatchObject({ vm: 'b', part: part === 'control-block' ? 'control-block' : 'ept' });
    }
    expect(lab.vmm.part('ept')).toBeNull();
    expect(lab.vmm.part('nonsense', 'a')).toBeNull();
  });

  it('says when the board is too small', () => {
    expect(() => setUpLab({ vms: [{ id: 'a', memory: 2048 * MIB }] })).toThrow(VmmSetupError);
    expect(() => setUpLab({ vms: [{ id: 'a', memory: 100 }] })).toThrow(/100 bytes/);
    expect(() => setUpLab({ vms: [{ id: 'a' }, { id: 'a' }] })).toThrow(/Two VMs/);
    expect(() => setUpLab({ vms: [{ id: 'a', passthrough: ['nic0'] }] })).toThrow(/nic0/);
    expect(() => setUpLab({ vms: [{ id: 'a', memory: 4080 * MIB, passthrough: ['dma0'] }] })).toThrow(/reaches beyond/);
    const both = [{ id: 'a', passthrough: ['dma0'] }, { id: 'b', passthrough: ['dma0'] }]; // prettier-ignore
    expect(() => setUpLab({ vms: both })).toThrow(/given to a and to b/);
  });
});

describe('exits', () => {
  it('answers CPUID and MSRs, and injects #GP for an MSR that is not there', () => {
    const source = `
      mov eax, 0
      cpuid
      mov [0x6000], ebx
      mov eax, 1
      cpuid
      mov [0x6004], ecx
      mov ecx, 0x277
      mov eax, 0x11223344
      mov edx, 0x55667788
      wrmsr
      xor eax, eax
      xor edx, edx
      rdmsr
      mov [0x6008], eax
      mov [0x600c], edx
      lidt [idtr]
      lgdt [gdtr]
      mov word [0x7000 + 13*8], handler
      mov word [0x7000 + 13*8 + 2], 8
      mov word [0x7000 + 13*8 + 4], 0x8e00
      mov word [0x7000 + 13*8 + 6], 0x10
      mov ecx, 0x12345
      rdmsr
      hlt
    handler equ 0x8000
    idtr: dw 0x7ff
          dd 0x7000
    gdtr: dw 23
          dd gdt
    gdt:  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff`;
    const lab = setUpLab({ vms: [{ id: 'a', source: source }] });
    // the handler lies at 0x10_8000: prints '#' and halts
    lab.vm('a').writeGuest(0x10_8000, Uint8Array.of(0xb0, 0x23, 0xe6, 0xe9, 0xf4));
    runToEnd(lab.vmm);
    const words = new DataView(lab.vm('a').readGuest(0x6000, 0x10).buffer);
    expect(words.getUint32(4, true) & (1 << 5)).toBe(0);
    expect(words.getUint32(8, true)).toBe(0x11223344);
    expect(words.getUint32(12, true)).toBe(0x55667788);
    expect(new TextDecoder().decode(lab.vm('a').bus.debugPort.output)).toBe('#');
    expect(lab.vm('a').exits).toMatchObject({ cpuid: 2, rdmsr: 2, wrmsr: 1 });
  });

  it('reads all ones where nobody answers, in memory and at ports, and counts it', () => {
    const source = `
      mov eax, [0x40000000]
      mov [0x6000], eax
      mov dword [0x40000004], 5
      in eax, 0x70
      mov [0x6004], eax
      hlt`;
    const lab = setUpLab({ vms: [{ id: 'a', source }] });
    runToEnd(lab.vmm);
    expect([...lab.vm('a').readGuest(0x6000, 8)]).toEqual(Array.from({ length: 8 }, () => 0xff));
    expect(lab.vm('a').unanswered()).toBe(2);
    expect(lab.vm('a').unanswered(0x4000_0000)).toBe(1);
    expect(lab.vm('a').state).toBe('halted');
    expect(lab.machine.log.newest().filter(({ kind, who }) => kind === 'unanswered' && who === 'a')).toHaveLength(3);
  });

  it('ends a run when a guest asks for it', () => {
    const lab = setUpLab({ vms: [{ id: 'a', source: 'mov al, 7\nout 0xf4, al\njmp $' }] });
    expect(lab.vmm.run(1_000_000)).toEqual({ reason: 'exit-port', executed: 2 });
    const stepped = setUpLab({ vms: [{ id: 'a', source: 'out 0xf4, al\njmp $' }] });
    expect(stepped.vmm.step().reason).toBe('exit-port');
  });

  it.each([
    ['a triple fault', 'lidt [0x6000]\nint3', /triple fault/, true],
    ['a jump into the void', 'jmp 0x70000000', /executes at guest-physical 0x7000_0000/, false],
    [
      'page tables in the void',
      'mov eax, 0x70000000\nmov cr3, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\nnop',
      /page tables lie at guest-physical/,
      false,
    ],
  ])('%s crashes that VM alone, with a reason', (_name, source, message, tripleFault) => {
    const lab = setUpLab({ vms: [{ id: 'bad', source }, { id: 'good', source: writeAndRead('G') }] }); // prettier-ignore
    expect(runToEnd(lab.vmm).reason).toBe('stopped');
    expect(lab.vm('bad').state).toBe('crashed');
    expect(lab.vm('bad').detail?.en).toMatch(message);
    expect(lab.vm('bad').detail?.['zh-CN']).not.toBe('');
    expect(lab.vm('bad').tripleFault).toBe(tripleFault);
    expect(lab.serial('good')).toBe('G');
  });
});

describe('stepping', () => {
  it('completes exactly one instruction of the VM asked for, whatever exits it takes', () => {
    const source = 'mov al, 65\nmov dx, 0x3f8\nout dx, al\nmov [0x400000], eax\nhlt';
    const lab = setUpLab({ vms: [{ id: 'a', source }, { id: 'b', backing: 'on-touch', source }] }); // prettier-ignore
    for (let count = 1; count <= 5; count++) {
      expect(lab.vmm.step('b')).toEqual({ reason: 'budget', executed: 1 });
      expect(lab.vm('b').instructions).toBe(count);
    }
    expect(lab.vm('a').instructions).toBe(0);
    expect(lab.vm('b').state).toBe('halted');
    expect(lab.serial('b')).toBe('A');
    expect(lab.vmm.step()).toEqual({ reason: 'budget', executed: 1 });
    expect(lab.vm('a').instructions).toBe(1);
  });

  it('delivers an event inside a VM as a step of its own: its handler has not begun', () => {
    const source = `lgdt [gdtr]
      lidt [idtr]
      ud2
handler: nop
      hlt
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: dw $-gdt-1
      dd gdt
idt: times 6 dq 0
      dw handler-0x100000, 8, 0x8e00, 0x10
idtr: dw $-idt-1
      dd idt`;
    const lab = setUpLab({ vms: [{ id: 'a', source }] });
    for (let count = 1; count <= 2; count++) expect(lab.vmm.step()).toEqual({ reason: 'budget', executed: 1 });
    const opcode = lab.vm('a').vcpu.block.rip;
    expect(lab.vmm.step()).toEqual({ reason: 'budget', executed: 0 });
    expect(lab.vm('a').vcpu.block.rip).toBe(opcode + 2n);
    expect(lab.vmm.step()).toEqual({ reason: 'budget', executed: 1 });
    expect(lab.vm('a').vcpu.block.rip).toBe(opcode + 3n);
  });

  it('stops before an instruction with a breakpoint, in the VM that has it', () => {
    const source = 'nop\nnop\nnop\nhlt';
    const lab = setUpLab({ vms: [{ id: 'a', source }, { id: 'b', source }] }); // prettier-ignore
    lab.vmm.setStops('b', { breakpoints: [0x10_0002], watchpoints: [] });
    expect(lab.vmm.run(1000)).toEqual({ reason: 'breakpoint', executed: 6, vm: 'b' });
    expect(lab.vm('a').state).toBe('halted');
    expect(lab.vm('b').vcpu.block.rip).toBe(0x10_0002n);
    expect(lab.vmm.run(1000, true)).toEqual({ reason: 'stopped', executed: 2 });
  });

  it('stops after an access to memory that is watched in the VM that made it, also where the VMM backs the page or answers', () => {
    const source = 'mov ebx, 0x400000\nmov [ebx], eax\nadd dword [ebx + 4], 3\nhlt';
    const lab = setUpLab({ vms: [{ id: 'a', source }, { id: 'b', backing: 'on-touch', source }] }); // prettier-ignore
    const { processor } = lab.machine;
    lab.vmm.setStops('b', { breakpoints: [], watchpoints: [{ linear: 0x40_0002, bytes: 4, kind: 'write' }] });
    expect(lab.vmm.run(1000)).toEqual({ reason: 'watchpoint', executed: 6, vm: 'b' });
    expect(processor.takeWatchHit()).toMatchObject({ linear: 0x40_0000, write: true, instruction: 0x10_0005 });
    expect(lab.vmm.step('b')).toEqual({ reason: 'watchpoint', executed: 1, vm: 'b' });
    expect(processor.takeWatchHit()).toMatchObject({ linear: 0x40_0004, write: true, instruction: 0x10_0007 });
    expect(lab.vmm.run(1000)).toEqual({ reason: 'stopped', executed: 1 });
  });
});
