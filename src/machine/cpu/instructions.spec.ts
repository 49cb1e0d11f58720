/** What instructions do, and how they are counted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { dword, go, realBench, registers, run } from './small-programs.spec-support';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

describe('instructions and counts', () => {
  it('runs a loop and counts every instruction, HLT included', () => {
    const bench = run('mov ecx, 10\nxor eax, eax\n.l: add eax, ecx\nloop .l\nhlt');
    expect(bench.processor.state.reg32(0)).toBe(55);
    expect(bench.processor.state.instructions).toBe(2 + 20 + 1);
    expect(bench.processor.state.ticks).toBe(23);
  });

  it('counts each iteration of REP, and one for REP with ECX = 0', () => {
    const bench = run('mov esi, 0x3000\nmov edi, 0x4000\nmov ecx, 7\nrep movsb\nmov ecx, 0\nrep stosd\nhlt');
    expect(bench.processor.state.instructions).toBe(3 + 7 + 1 + 1 + 1);
    expect(bench.processor.state.reg32(7)).toBe(0x4007);
  });

  it('REPNE SCASB stops at the match, REPE CMPSB at the difference', () => {
    const bench = run(`mov edi, text\nmov ecx, 100\nmov al, 0\nrepne scasb\nmov ebx, edi
      mov esi, text\nmov edi, other\nmov ecx, 100\nrepe cmpsb\nhlt\ntext: db "hello",0\nother: db "help",0`);
    expect(bench.processor.state.reg32(3)).toBe(bench.symbols.text! + 6);
    expect(bench.processor.state.reg32(6)).toBe(bench.symbols.text! + 4);
    expect(bench.processor.state.flag(FLAG.ZF)).toBe(false);
  });

  it('strings run downwards with DF, and by 16-bit addresses', () => {
    const bench = run(
      'std\nmov edi, 0x4010\nmov ecx, 4\nmov eax, 0x11223344\nrep stosd\ncld\nmov edi, 0xffff5000\nmov ecx, 0x50002\na16 rep stosb\nhlt',
    );
    expect([0x4004, 0x4008, 0x400c, 0x4010].map((at) => dword(bench, at))).toEqual(new Array(4).fill(0x11223344));
    expect(dword(bench, 0x5000) & 0xffff).toBe(0x4444);
    expect(bench.processor.state.reg32(7)).toBe(0xffff5002);
    expect(bench.processor.state.reg32(1)).toBe(0x50000);
  });

  it('a slice may end anywhere: any slicing gives the same state', () => {
    const source = `mov esi, 0x3000\nmov edi, 0x4000\nmov ecx, 9\n.fill: mov [esi+ecx*4], ecx\nimul eax, eax, 7\nadd eax, [esi+ecx*4]\nadc ebx, eax
      push eax\npop edx\nsbb [edi+4], edx\nloop .fill\nmov ecx, 12\nrep movsb\ncall f\nout 0x80, al\nmov ecx, 5\n.w: call f\ndec ecx\njnz .w\nhlt\nf: rol ebx, 5\nxor [0x4100], ebx\nret`;
    const whole = run(source);
    const total = whole.processor.state.instructions;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (slices) => {
        const bench = makeBench();
        assembleInto(bench, `bits 32\norg 0x1000\n${source}\n`);
        flatProtected(bench, 0x1000);
        for (let i = 0; bench.processor.state.instructions < total; i++) {
          const wanted = slices[i % slices.length]!;
          const before = bench.processor.state.instructions;
          const { executed } = bench.processor.run(wanted);
          expect(executed).toBeLessThanOrEqual(wanted);
          expect(bench.processor.state.instructions - before).toBe(executed);
        }
        expect(registers(bench)).toEqual(registers(whole));
        expect(bench.processor.state.eflags).toBe(whole.processor.state.eflags);
        expect(bench.processor.state.eip).toBe(whole.processor.state.eip);
        expect(dword(bench, 0x4100)).toBe(dword(whole, 0x4100));
      }),
      { numRuns: 25 },
    );
  });

  it('the count is exact when a device looks at it', () => {
    const bench = makeBench();
    assembleInto(bench, 'bits 32\norg 0x1000\nnop\nnop\nout 0x80, al\nnop\nin al, 0x80\nhlt');
    flatProtected(bench, 0x1000);
    const seen: number[] = [];
    const record = bench.output.push.bind(bench.output);
    bench.output.push = (...items) => {
      seen.push(bench.processor.machineInstructions);
      return record(...items);
    };
    go(bench);
    expect(seen).toEqual([2]);
    expect(bench.processor.state.reg8(0)).toBe(0xa5);
  });
});

describe('stack and calls', () => {
  it('PUSHA, POPA, PUSHF, ENTER and LEAVE', () => {
    const bench = run(`mov eax,1\nmov ecx,2\nmov edx,3\nmov ebx,4\nmov ebp,0x7777\npusha\nxor eax,eax\nxor ebp,ebp\npopa
      stc\npushf\npop edi\nmov ebp, 0x7f00\nmov dword [0x7efc], 0xabcd\nenter 16, 2\nmov esi, esp\nmov eax, [ebp-4]\nmov ecx, ebp\nleave\nhlt`);
    const [eax, ecx, , ebx, esp, ebp, esi, edi] = registers(bench);
    expect([eax, ebx, ebp, esp]).toEqual([0xabcd, 4, 0x7f00, 0x8000]);
    expect(edi! & FLAG.CF).toBe(1);
    expect(ecx).toBe(0x7ffc);
    expect(esi).toBe(0x7ffc - 8 - 16);
    expect(dword(bench, 0x7ff4)).toBe(0x7ffc);
  });

  it('ENTER of 32 bits takes its frame pointer from all of ESP, whatever part of it addresses the stack', () => {
    const bench = realBench('mov esp, 0x12347000\nmov ebp, 0xabcd6f00\no32 enter 8, 2\no16 enter 4, 1\nhlt');
    go(bench);
    expect(dword(bench, 0x6ffc)).toBe(0xabcd6f00);
    expect(dword(bench, 0x6ff4)).toBe(0x12346ffc);
    const { state } = bench.processor;
    // the second, of 16 bits, changes only BP
    expect([state.reg32(4), state.reg32(5)]).toEqual([0x12346fe4, 0x12346fea]);
    expect(dword(bench, 0x6fe8)).toBe(0x6ffc6fea);
  });

  it('PUSH ESP pushes the old value, POP ESP takes the popped one, POP [ESP] addresses with the new ESP', () => {
    const bench = run(
      'push esp\npop eax\npush 0x4321\nmov ebx, esp\npop dword [esp]\nmov ecx, [esp]\nmov edx, esp\npush 0x6000\npop esp\nhlt',
    );
    const [eax, ecx, edx, ebx, esp] = registers(bench);
    expect([eax, ebx, ecx, edx, esp]).toEqual([0x8000, 0x7ffc, 0x4321, 0x8000, 0x6000]);
  });

  it('calls and returns, near and indirect, with RET n', () => {
    const bench = run(
      'push 5\npush 6\ncall f\nmov edx, esp\nmov ecx, table\ncall [ecx]\nhlt\nf: mov eax,[esp+4]\nadd eax,[esp+8]\nret 8\ng: mov ebx, 9\nret\ntable: dd g',
    );
    const [eax, , edx, ebx] = registers(bench);
    expect([eax, edx, ebx]).toEqual([11, 0x8000, 9]);
  });

  it('a 16-bit stack wraps within 64 KiB and leaves the upper half of ESP alone', () => {
    const bench = realBench('mov esp, 0x12340002\nmov ax, 0xbeef\npush ax\npush ax\nmov bx, sp\nmov edx, esp\nhlt');
    go(bench);
    expect(bench.processor.state.reg16(3)).toBe(0xfffe);
    expect(bench.processor.state.reg32(2)).toBe(0x1234fffe);
    expect(bench.memory.read(0xfffe as never, 2)).toBe(0xbeef);
  });
});

describe('real mode', () => {
  it('segments, far jumps and calls, string moves between segments', () => {
    const bench = realBench(`mov ax, 0x200\nmov ds, ax\nmov ax, 0x300\nmov es, ax\nmov word [0], 0x1234\nxor si, si\nxor di, di\nmovsw
      call 0:f\njmp 0x100:0x100\nf: mov bx, [es:0]\nretf`);
    bench.load(0x1100, [0x8c, 0xca, 0xf4]); // mov dx, cs; hlt
    go(bench);
    expect(bench.processor.state.reg16(3)).toBe(0x1234);
    expect(bench.processor.state.reg16(2)).toBe(0x100);
    expect(bench.memory.read(0x3000 as never, 2)).toBe(0x1234);
  });

  it('an instruction across the end of its segment is #GP, also when a page ends there', () => {
    const bench = realBench('jmp 0x100:0xffff');
    bench.load(13 * 4, [0, 0x20, 0, 0]);
    bench.load(0x10fff, [0x31, 0xc0]); // xor ax, ax
    bench.load(0x2000, [0xf4]);
    bench.processor.state.setReg32(0, 5);
    go(bench, 20);
    const { state } = bench.processor;
    expect([state.eip, state.reg16(0), bench.memory.read(state.reg16(4) as never, 2)]).toEqual([0x2001, 5, 0xffff]);
  });

  it('a jump wraps at 64 KiB with 16-bit operands', () => {
    const bench = realBench('jmp 0xfff0');
    bench.load(0xfff0, [0xeb, 0x0e]); // jmp short $+16 → 0x0000
    bench.load(0, [0xf4]);
    go(bench, 20);
    expect(bench.processor.state.eip).toBe(1);
  });
});
