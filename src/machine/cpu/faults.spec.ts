/** Instructions that fault, and what they leave behind. */
import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { dword, go, halted, realBench, registers } from './small-programs.spec-support';
import { SEGMENT_INDEX } from './state-layout';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

describe('faults', () => {
  it.each([
    ['divide by zero', 'xor cx, cx\ndiv cx', 0],
    ['quotient too large', 'mov dx, 5\nmov ax, 0\nmov cx, 5\ndiv cx', 0],
    ['IDIV of the smallest number by -1', 'mov edx, -1\nmov eax, 0x80000000\nmov ecx, -1\nidiv ecx', 0],
    ['AAM 0', 'aam 0', 0],
    ['INT3', 'int3', 3],
    ['INTO with OF', 'mov al, 0x7f\ninc al\ninto', 4],
    ['BOUND below', 'mov word [0x3000], 5\nmov word [0x3002], 9\nmov ax, 4\nbound ax, [0x3000]', 5],
    ['UD2', 'ud2', 6],
    ['an unknown opcode', 'db 0x0f, 0x04', 6],
    ['LOCK on a register', 'db 0xf0, 0x01, 0xc0', 6],
    ['MOV to CS', 'db 0x8e, 0xc8', 6],
    ['CR7', 'db 0x0f, 0x20, 0xf8', 6],
    ['protected-mode instructions in real mode', 'lar ax, bx', 6],
    ['ESC with CR0.EM', 'mov eax, cr0\nor al, 4\nmov cr0, eax\nfninit', 7],
    ['more than 15 bytes', 'times 15 db 0x66\nnop', 13],
    ['a word across the end of the segment', 'mov ax, [0xffff]', 13],
  ])('%s', (_name, body, vector) => {
    const bench = realBench(`${body}\nmov ax, 0x600\njmp ax`);
    go(bench, 1000);
    expect(halted(bench)).toBe(vector);
  });

  it('BOUND within bounds and INTO without OF do nothing', () => {
    const bench = realBench(
      'mov word [0x3000], -5\nmov word [0x3002], 9\nmov ax, -5\nbound ax, [0x3000]\nmov ax, 9\nbound ax, [0x3000]\nxor cx, cx\ninto\nmov dx, 77\nhlt',
    );
    go(bench);
    expect(bench.processor.state.reg16(2)).toBe(77);
    expect(halted(bench)).toBe(-1);
  });

  it('counts unknown opcodes, and what was delivered', () => {
    const bench = realBench('db 0x0f, 0x04');
    go(bench);
    expect(bench.processor.unknownOpcodes).toBe(1);
    expect(bench.processor.deliveredByVector.get(6)).toBe(1);
    expect(bench.processor.delivered[0]).toMatchObject({ vector: 6, kind: 'fault', instructions: 0 });
  });

  it('does not count what is known to be undefined', () => {
    for (const body of ['ud2', 'db 0xf0, 0x01, 0xc0', 'db 0x8d, 0xc0', 'db 0x0f, 0x20, 0xf8']) {
      const bench = realBench(body);
      go(bench);
      expect(halted(bench), body).toBe(6);
      expect(bench.processor.unknownOpcodes, body).toBe(0);
    }
  });

  it.each(['lar eax, ecx', 'lsl eax, ecx', 'verr cx', 'verw cx'])('%s on a descriptor in a page that is not there leaves ZF', (text) => {
    for (const zero of [true, false]) {
      const bench = makeBench();
      assembleInto(bench, `bits 32\norg 0x1000\n${text}`);
      flatProtected(bench, 0x1000);
      // one page of 4 MiB
      bench.load(0x8000, [0x83, 0, 0, 0]);
      const { state } = bench.processor;
      state.cr3 = 0x8000;
      state.cr4 = 0x10;
      state.cr0 = 0xe000_0011;
      state.gdtrBase = 0x80_0000;
      state.setReg32(1, 0x10);
      state.setFlag(FLAG.ZF, zero);
      bench.processor.stateReplaced();
      expect(bench.processor.interpreter.run(1, true)).toBe(0);
      expect([state.cr2, state.reg32(0), state.flag(FLAG.ZF)]).toEqual([0x80_0010, 0, zero]);
    }
  });

  it('a fault leaves registers, flags and memory as they were, and names the faulting instruction', () => {
    // A data segment that ends at 0x3FFF: the second half of each of these does not fit.
    for (const body of [
      'add [0x3ffe], eax',
      'xchg [0x3ffe], eax',
      'pop dword [0x3ffe]',
      'cmpxchg8b [0x3ffc]',
      'inc dword [0x3ffe]',
      'movsd',
      'shl dword [0x3ffe], 3',
      'bts dword [0x3ffe], 1',
    ]) {
      const bench = makeBench();
      assembleInto(bench, `bits 32\norg 0x1000\nnop\n${body}\nhlt`);
      flatProtected(bench, 0x1000);
      const { state } = bench.processor;
      for (const segment of [0, 3]) state.setSegment(segment, 0x10, 0, 0x3fff, 0x4093);
      state.setReg32(0, 0x1234);
      state.setReg32(6, 0x3000);
      state.setReg32(7, 0x3ffe);
      bench.load(0x3ffc, [1, 2, 3, 4]);
      state.eflags = 2 | FLAG.CF | FLAG.AF;
      const before = registers(bench);
      bench.processor.run(1);
      // no IDT: the delivery ends in shutdown, which leaves the program's registers alone
      state.idtrLimit = 0;
      expect(bench.processor.run(10).reason, body).toBe('triple-fault');
      expect(registers(bench), body).toEqual(before);
      expect(state.eflags & 0xff, body).toBe(2 | FLAG.CF | FLAG.AF);
      expect(state.eip, body).toBe(0x1001);
      expect(state.instructions).toBe(1);
      expect([...bench.memory.peek(0x3ffc as never, 4)], body).toEqual([1, 2, 3, 4]);
    }
  });

  it('code beyond the limit of CS faults at the instruction that reaches it', () => {
    const bench = realBench('');
    bench.load(0xfffd, [0x90, 0x90, 0x90, 0x90]);
    bench.processor.state.eip = 0xfffd;
    bench.processor.stateReplaced();
    go(bench, 100);
    expect(halted(bench)).toBe(13);
    expect(bench.processor.state.instructions).toBe(4);
  });

  it('executing where nobody answers raises #UD (FF FF)', () => {
    const bench = makeBench(1);
    flatProtected(bench, 0x40_0000);
    bench.processor.state.idtrLimit = 0;
    expect(bench.processor.run(10).reason).toBe('triple-fault');
    expect(bench.processor.unknownOpcodes).toBe(1);
    expect(bench.memory.unanswered).toBe(2);
  });
});

describe('ARPL on a word that may not be written', () => {
  it.each(['interpreter', 'threaded', 'compiled'] as const)('faults only where the word would change, in the %s', (engine) => {
    const bench = makeBench(8, engine);
    const { handler, place } = assembleInto(
      bench,
      `bits 32\norg 0x1000\nmov ecx, 40\nmov bx, 2\n.l: xor ax, ax\narpl [place], bx\nsetz al\nadd edx, eax\nloop .l
       mov esi, 1\nmov bx, 3\nstc\narpl [place], bx\nmov esi, 2\nhlt\nhandler: hlt\nplace: dw 0xfffa`,
    );
    flatProtected(bench, 0x1000);
    const { state, interpreter } = bench.processor;
    interpreter.blocks.hotAfter = 1;
    bench.load(0x1808, [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0]);
    bench.load(0x2000 + 13 * 8, [handler! & 255, handler! >> 8, 8, 0, 0, 0x8e, 0, 0]);
    [state.gdtrBase, state.gdtrLimit, state.idtrBase, state.idtrLimit] = [0x1800, 0xf, 0x2000, 0xff];
    state.setReg32(2, 0);
    state.setSegment(SEGMENT_INDEX.DS, 0x10, 0, 0xffff_ffff, 0xc091);
    bench.processor.stateReplaced();
    expect(go(bench)).toBe('halted');
    expect(registers(bench).filter((_, index) => index === 2 || index === 6)).toEqual([0, 1]);
    expect(bench.memory.read(place as never, 2)).toBe(0xfffa);
    // the frame: error code 0, and CF as it was
    expect([dword(bench, state.reg32(4)), dword(bench, state.reg32(4) + 12) & FLAG.CF]).toEqual([0, 1]);
    // two, forty turns of five, three, and HLT: what stands behind ARPL counts only when it is executed
    expect(state.instructions).toBe(2 + 40 * 5 + 3 + 1);
  });
});
