/** What the processors of the catalogue differ in: each line says which of them do what. */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { assemble } from '../../assembler';
import { PROCESSORS, processorPart } from '../board/processors';
import { FrameStore } from '../memory/frame-store';
import { contextFromState, explainAccess } from './explain';
import { FLAG } from './flags';
import { Processor } from './processor';
import { POOL_RESERVED } from './state-layout';
import { PlainMemory } from './system.spec-support';

interface Computer {
  processor: Processor;
  memory: PlainMemory;
  word(address: number): number;
}

/** A part with 18 MiB, in real mode at 0000:1000; its exceptions reach HLT at 0600 + vector. */
function computer(id: string, source = 'nop', bits: 16 | 32 = 16): Computer {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: POOL_RESERVED + 32 * 2 ** 20 });
  const memory = new PlainMemory(frames, 18 * 2 ** 20);
  const ports = { readPort: () => 0xff, writePort: () => undefined, interrupts: { pending: () => false, acknowledge: () => 0 } };
  const processor = new Processor({ frames, memory, ports, part: processorPart(id)! });
  const made = assemble({ 'test.asm': `bits ${bits}\norg 0x1000\n${source}\nhlt\n` }, 'test.asm');
  if (!made.ok) throw new Error(made.diagnostics.map((d) => `${d.line}: ${d.message.en}`).join('\n'));
  memory.writeBytes(hostPhysical(0x1000), made.bytes);
  for (let vector = 0; vector < 32; vector++) memory.write(hostPhysical(vector * 4), 4, 0x600 + vector);
  memory.writeBytes(hostPhysical(0x600), new Uint8Array(32).fill(0xf4));
  const { state } = processor;
  for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, segment === 1 ? 0x9b : 0x93);
  state.idtrLimit = 0x3ff;
  state.eip = 0x1000;
  state.setReg32(4, 0x800);
  processor.stateReplaced();
  return { processor, memory, word: (address) => memory.read(hostPhysical(address), 2) };
}

function run(id: string, source: string): Computer {
  const made = computer(id, source);
  for (let left = 1000; left > 0;) {
    const { reason, executed } = made.processor.run(left);
    if (reason !== 'budget') break;
    left -= executed;
  }
  return made;
}
/** Vector whose handler it halted in, or 'no fault'. */
const fault = ({ processor }: Computer): number | 'no fault' =>
  processor.state.eip > 0x600 && processor.state.eip <= 0x620 ? processor.state.eip - 0x601 : 'no fault';
const ids = PROCESSORS.map(({ id }) => id);
const after8086 = ids.filter((id) => id !== '8086');
/** The parts on which a program ends without a fault. */
const accepting = (source: string): string[] => ids.filter((id) => fault(run(id, source)) === 'no fault');

describe('instruction sets', () => {
  const from = (id: string): string[] => ids.slice(0, ids.indexOf(id) + 1);

  it.each([
    ['pusha\npopa', after8086.length],
    ['movzx eax, bl', after8086.length],
    ['bswap eax', from('pentium').length],
    ['xadd bx, cx', from('pentium').length],
    ['cmpxchg [0x3000], cx', from('pentium').length],
    ['invlpg [0x3000]', from('pentium').length],
    ['xor eax, eax\ncpuid', from('pentium').length],
    ['rdtsc', from('pentium').length],
    ['mov ecx, 0x10\nrdmsr', from('pentium').length],
    ['mov eax, cr4', from('pentium').length],
    ['cmpxchg8b [0x3000]', from('pentium').length],
    ['cmovz eax, ebx', from('p6').length],
    ['db 0x0f, 0x1f, 0x00', from('p6').length],
    ['mov ecx, 0x174\nrdmsr', from('p6').length],
  ])('%s: %i parts know it, the others raise #UD (an MSR that is not there: #GP)', (source, count) => {
    // the 8086 takes any bytes for something; what it makes of these is not looked at here
    expect(accepting(source).filter((id) => id !== '8086')).toEqual(after8086.slice(0, count));
    for (const id of after8086.slice(count)) expect([6, 13]).toContain(fault(run(id, source)));
  });

  it('SYSENTER and VMCALL have no meaning in real mode and outside a guest', () => {
    expect(fault(run('p6', 'db 0x0f, 0x34'))).toBe(13);
    expect(fault(run('pentium', 'db 0x0f, 0x34'))).toBe(6);
    expect(fault(run('p6-virtualization', 'db 0x0f, 0x01, 0xc1'))).toBe(6);
  });

  it('CPUID says what there is, and the flags that can be flipped tell the generations apart', () => {
    const flips = 'pushfd\npop eax\nmov ebx, eax\nxor eax, 0x240000\npush eax\npopfd\npushfd\npop eax\nxor eax, ebx';
    const flipped = (id: string): number => run(id, flips).processor.state.reg32(0) & (FLAG.AC | FLAG.ID);
    expect([flipped('386'), flipped('386sx')]).toEqual([0, 0]);
    expect(flipped('pentium')).toBe(FLAG.AC | FLAG.ID);
    const leaf = (id: string): number[] => {
      const { state } = run(id, 'mov eax, 1\ncpuid').processor;
      return [(state.reg32(0) >> 8) & 15, state.reg32(2)];
    };
    expect(leaf('pentium')).toEqual([5, 0x13c]);
    expect(leaf('p6')).toEqual([6, 0x2e9fc]);
  });

  it('control registers have the bits of their generation', () => {
    const cr0 = (id: string): number => run(id, 'mov eax, cr0\nor eax, 0x50020\nmov cr0, eax\nmov eax, cr0').processor.state.reg32(0);
    expect(cr0('386') & 0x5_0020).toBe(0);
    expect(cr0('pentium') & 0x5_0020).toBe(0x5_0020);
    const physicalExtension = 'mov eax, 0x20\nmov cr4, eax';
    expect(fault(run('pentium', physicalExtension))).toBe(13);
    expect(fault(run('p6', physicalExtension))).toBe('no fault');
  });

  it('an escape without a coprocessor: nothing where that is a chip of its own, else #UD; #NM when CR0.EM says so', () => {
    expect(accepting('fninit')).toEqual(['386', '386sx', '8086']);
    expect(fault(run('386', 'mov eax, cr0\nor al, 4\nmov cr0, eax\nfninit'))).toBe(7);
    expect(fault(run('p6', 'mov eax, cr0\nor al, 4\nmov cr0, eax\nfninit'))).toBe(7);
  });

  it('begin where their RESET says, and identify themselves in DX', () => {
    const start = (id: string): number[] => {
      const { processor } = computer(id);
      processor.reset();
      return [processor.currentLinear, processor.state.reg16(2)];
    };
    expect(start('8086')).toEqual([0xf_fff0, 0]);
    expect(start('386')).toEqual([0xffff_fff0, 0x308]);
    expect(start('386sx')).toEqual([0xffff_fff0, 0x2308]);
    expect(start('p6')).toEqual([0xffff_fff0, 0x633]);
  });
});

describe('the 8086', () => {
  it('PUSH SP stores what SP is afterwards', () => {
    expect(run('8086', 'push sp\npop ax').processor.state.reg16(0)).toBe(0x7fe);
    expect(run('386', 'push sp\npop ax').processor.state.reg16(0)).toBe(0x800);
  });

  it('its upper flags always read as ones', () => {
    expect(run('8086', 'xor ax, ax\npush ax\npopf\npushf\npop ax').processor.state.reg16(0)).toBe(0xf002);
    expect(run('386', 'xor ax, ax\npush ax\npopf\npushf\npop ax').processor.state.reg16(0)).toBe(2);
  });

  it.each([
    ['shl', 33, 0, 2],
    ['shr', 200, 0, 0x80],
    ['sar', 255, 0xffff, 0xffff],
    ['rol', 33, 3, 3],
    ['rcl', 34, 0x8001, 5],
    ['rcr', 35, 0x4000, 0x5000],
  ] as const)('%s by %i counts all of CL', (name, count, on8086, on386) => {
    const source = `clc\nmov ax, 0x8001\nmov cl, ${count}\n${name} ax, cl`;
    expect(run('8086', source).processor.state.reg16(0)).toBe(on8086);
    expect(run('386', source).processor.state.reg16(0)).toBe(on386);
  });

  it('a division that fails counts as done; on the 80386 it is executed again', () => {
    const source = 'mov word [0], 0x650\nmov byte [0x650], 0xcf\nxor bx, bx\nat: div bx\ninc cx';
    const on8086 = run('8086', source);
    expect([on8086.processor.state.reg16(1), fault(on8086)]).toEqual([1, 'no fault']);
    expect(run('386', source).processor.deliveredByVector.get(0)).toBeGreaterThan(100);
  });

  it('IDIV has no quotient −128 or −32768; later parts have', () => {
    const bytes = 'mov ax, -256\nmov bl, 2\nidiv bl';
    const words = 'mov dx, 0xffff\nxor ax, ax\nmov bx, 2\nidiv bx';
    for (const source of [bytes, words]) {
      expect(run('8086', source).processor.deliveredByVector.get(0)).toBe(1);
      expect(fault(run('386', source))).toBe('no fault');
    }
    expect(run('8086', 'mov ax, -254\nmov bl, 2\nidiv bl').processor.state.reg16(0)).toBe(0x81);
  });

  it.each([0x1000, 0x1008])('an instruction at the end of the segment has its other bytes at offset 0 (segment %i)', (segment) => {
    const made = computer('8086');
    const { state } = made.processor;
    // mov ax, 1234 / mov cx, 5678, over the end; hlt
    const program = [0xb8, 0x34, 0x12, 0xb9, 0x78, 0x56, 0xf4];
    program.forEach((byte, index) => made.memory.write(hostPhysical(segment * 16 + ((0xfffb + index) & 0xffff)), 1, byte));
    state.setSegment(1, segment, segment * 16, 0xffff, 0x9b);
    state.eip = 0xfffb;
    made.processor.stateReplaced();
    expect(made.processor.run(100).reason).toBe('halted');
    expect([state.reg16(0), state.reg16(1), state.eip & 0xffff]).toEqual([0x1234, 0x5678, 2]);
  });

  it('a word at offset FFFF goes on at 0, and nothing is beyond a limit', () => {
    const source = 'mov ax, 0x2000\nmov ds, ax\nmov bx, 0xffff\nmov word [bx], 0x1234\nmov cx, [bx]';
    const made = run('8086', source);
    expect([made.word(0x2_ffff) & 0xff, made.word(0x2_0000) & 0xff, made.processor.state.reg16(1)]).toEqual([0x34, 0x12, 0x1234]);
    expect(fault(run('386', source))).toBe(13);
  });

  it('addresses wrap at 1 MiB', () => {
    const source = 'mov ax, 0xffff\nmov ds, ax\nmov word [0x3010], 0x5678\nmov ax, [0x1010]';
    expect(run('8086', source).word(0x3000)).toBe(0x5678);
    expect(run('386', source).word(0x3000)).toBe(0);
    expect(run('386', source).word(0x10_3000)).toBe(0x5678);
  });

  it('has no undefined opcodes: 60–6F jump, C0 and C8 return, 0F pops CS, any number of prefixes is passed over', () => {
    expect(run('8086', 'xor ax, ax\ndb 0x64, 1\ninc bx\ninc cx').processor.state.reg16(3)).toBe(0);
    const popped = run('8086', 'push cs\npush cs\ndb 0x0f\npop ax');
    expect([popped.processor.state.selector(1), popped.processor.state.reg16(4)]).toEqual([0, 0x800]);
    expect(run('8086', 'call f\ninc cx\nhlt\nf: db 0xc1').processor.state.reg16(1)).toBe(1);
    expect(run('8086', `times 40 db 0x2e\ninc cx\ndb 0xf1\ninc cx`).processor.state.reg16(1)).toBe(2);
    expect(run('8086', 'db 0xd1, 0xf0').processor.state.reg16(0)).toBe(0xffff);
    expect(fault(run('386', `times 15 db 0x2e\ninc cx`))).toBe(13);
  });

  it('takes any byte for something: all first bytes, with any second one, without a fault', () => {
    const made = computer('8086');
    const { state } = made.processor;
    for (let first = 0; first < 256; first++) {
      for (const second of [0x00, 0x46, 0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf0, 0xf8]) {
        // INT, a division by what is there and HLT have reasons of their own
        if ((first >= 0xcc && first <= 0xce) || first === 0xf4 || first === 0xd4) continue;
        if ((first & 0xfe) === 0xf6 && (second & 0x30) === 0x30) continue;
        made.memory.writeBytes(hostPhysical(0x1000), Uint8Array.from([first, second, 0, 0, 0, 0x90]));
        state.setSegment(1, 0, 0, 0xffff, 0x9b);
        state.eip = 0x1000;
        state.setReg32(4, 0x800);
        state.eflags = 2;
        made.processor.stateReplaced();
        made.processor.run(1);
        expect(made.processor.deliveredByVector.size, `${first.toString(16)} ${second.toString(16)}`).toBe(0);
      }
    }
  });
});

describe('address lines', () => {
  it('the 80386SX wraps around at 16 MiB', () => {
    const { processor, memory } = computer('386sx');
    processor.state.cr0 = 0x11;
    processor.state.setSegment(3, 8, 0, 0xffff_ffff, 0xc093);
    processor.stateReplaced();
    processor.system.access.store(3, 0x0100_4000, 4, 0xabcd);
    expect(memory.read(hostPhysical(0x4000), 4)).toBe(0xabcd);
  });

  it('line 20 follows the A20 gate at once: data, code, page tables, and what is explained', () => {
    const { processor, memory } = computer('386', 'mov ax, 0xffff\nmov ds, ax\nagain: inc word [0x4010]\njmp again');
    processor.run(4);
    expect(memory.read(hostPhysical(0x10_4000), 2)).toBe(1);
    processor.addressLine20 = false;
    processor.run(2);
    expect([memory.read(hostPhysical(0x10_4000), 2), memory.read(hostPhysical(0x4000), 2)]).toEqual([1, 1]);
    const steps: unknown[] = [];
    const context = contextFromState(processor.state, 32);
    const query = { space: 'linear', address: 0x10_4000n, size: 2, kind: 'read' } as const;
    expect(explainAccess(context, query, memory, { step: (step) => steps.push(step) })).toEqual({ hostAddress: 0x4000 });
    expect(steps.at(-1)).toMatchObject({ room: 'vmm-map', to: { space: 'host', address: 0x4000n }, fields: { A20: false } });
    processor.addressLine20 = true;
    processor.run(2);
    expect(memory.read(hostPhysical(0x10_4000), 2)).toBe(2);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  it('go to flat segments of ring 0 and back to ring 3', () => {
    const { processor, memory } = computer('p6');
    const { state } = processor;
    state.cr0 = 0x11;
    state.setSegment(1, 0x1b, 0, 0xffff_ffff, 0xc0fb);
    state.setSegment(2, 0x23, 0, 0xffff_ffff, 0xc0f3);
    memory.writeBytes(hostPhysical(0x1000), Uint8Array.of(0x0f, 0x34));
    memory.writeBytes(hostPhysical(0x2000), Uint8Array.of(0x0f, 0x35));
    processor.stateReplaced();
    const msr = (number: number, value: number): void => {
      const kept = [0, 1, 2].map((register) => state.reg32(register));
      const attributes = state.segmentAttributes(2);
      state.setSegmentAttributes(2, 0xc093);
      state.setReg32(0, value);
      state.setReg32(1, number);
      state.setReg32(2, 0);
      expect(processor.system.writeMsr()).toBe(true);
      kept.forEach((old, register) => state.setReg32(register, old));
      state.setSegmentAttributes(2, attributes);
    };
    msr(0x174, 0x40);
    msr(0x175, 0x7000);
    msr(0x176, 0x2000);
    state.eflags = 0x0001_0202;
    state.setReg32(1, 0x6000);
    state.setReg32(2, 0x1800);
    processor.run(1);
    expect([state.eip, state.reg32(4), state.selector(1), state.selector(2), state.cpl, state.eflags]).toEqual([
      0x2000, 0x7000, 0x40, 0x48, 0, 2,
    ]);
    processor.run(1);
    expect([state.eip, state.reg32(4), state.selector(1), state.selector(2), state.cpl]).toEqual([0x1800, 0x6000, 0x53, 0x5b, 3]);
    expect(processor.deliveredByVector.size).toBe(0);
  });
});

describe('the test registers of the 80386', () => {
  // mov tr6, eax / mov eax, tr6 / … by their bytes: no later processor has them
  const TO_TR6 = 'db 0x0F, 0x26, 0xF0';
  const TO_TR7 = 'db 0x0F, 0x26, 0xF8';
  const FROM_TR7 = 'db 0x0F, 0x24, 0xF8';
  /** TR6: linear page, valid, and each of D, U, W as 1, with their complements 0. */
  const write = (linear: number, way: number, physical: number, attributes = 0xd40): string =>
    `mov eax, ${physical | (way << 2) | 0x10}\n${TO_TR7}\nmov eax, ${linear | attributes}\n${TO_TR6}\n`;
  const lookUp = (linear: number, attributes = 0xfe1): string => `mov eax, ${linear | attributes}\n${TO_TR6}\n${FROM_TR7}\n`;
  const result = (source: string): number => run('386', source).processor.state.reg32(0);

  it('exist on it alone, and only 6 and 7', () => {
    expect(after8086.filter((id) => accepting(`${TO_TR7}\n${FROM_TR7}`).includes(id))).toEqual(ids.filter((id) => id.startsWith('386')));
    expect(fault(run('386', 'db 0x0F, 0x26, 0xE8'))).toBe(6);
    expect(fault(run('pentium', TO_TR6))).toBe(6);
  });

  it('write an entry where they say, and find it again with its frame and way', () => {
    const { processor } = run('386', write(0x1234_5000, 2, 0x6789_a000));
    expect(processor.tlb.entries()).toMatchObject([{ set: 5, way: 2, page: 0x1_2345, hostFrame: 0x6_789a }]);
    expect(result(write(0x1234_5000, 2, 0x6789_a000) + lookUp(0x1234_5000)) >>> 0).toBe(0x6789_a018);
    expect(result(write(0x1234_5000, 2, 0x6789_a000) + lookUp(0x1234_6000)) & 0x10).toBe(0);
  });

  it('look up by attributes: 10 wants a one, 01 a zero, 11 takes both, 00 neither', () => {
    // the entry is writable, for the user, and clean
    const clean = write(0x8000, 1, 0x3000, 0x940 | 0x200);
    const hit = (attributes: number): boolean => (result(clean + lookUp(0x8000, attributes)) & 0x10) !== 0;
    expect(hit(0xfe1)).toBe(true);
    expect(hit(0x801 | 0x200 | 0x100 | 0x40)).toBe(true);
    expect(hit(0x801 | 0x400 | 0x100 | 0x40)).toBe(false);
    expect(hit(0x801 | 0x200 | 0x80 | 0x40)).toBe(false);
    expect(hit(0x801 | 0x200 | 0x100)).toBe(false);
  });

  it('take an entry away with V clear; translations use what they wrote', () => {
    const gone = run('386', write(0x8000, 1, 0x3000) + write(0x8000, 1, 0x3000, 0x540));
    expect(gone.processor.tlb.entries()).toEqual([]);
    const { processor, memory } = run('386', write(0x9000, 0, 0x3000));
    memory.write(hostPhysical(0x3000), 4, 0x7777);
    const { state, system } = processor;
    state.cr3 = 0x10_0000;
    state.cr0 = (state.cr0 | 0x8000_0001) >>> 0;
    processor.stateReplaced();
    expect(system.access.loadSystem(0x9000, 4)).toBe(0x7777);
    expect(processor.tlb.statistics.misses).toBe(0);
  });
});
