import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { SEGMENT_INDEX } from './state-layout';
import { assembleInto, flatProtected, makeBench, realMode, type Bench } from './test-bench.spec-support';

/** Runs a flat 32-bit program at 0x1000 until it halts (or `limit` instructions). */
function run(body: string, limit = 100_000): Bench & { symbols: Record<string, number> } {
  const bench = makeBench();
  const symbols = assembleInto(bench, `bits 32\norg 0x1000\nstart:\n${body}\n`);
  flatProtected(bench, 0x1000);
  go(bench, limit);
  return { ...bench, symbols };
}

function go(bench: Bench, limit = 100_000): string {
  for (let left = limit; ;) {
    const { reason, executed } = bench.processor.run(left);
    left -= executed;
    if (reason !== 'budget' || left <= 0) return reason;
  }
}

const dword = (bench: Bench, address: number): number => bench.memory.read(address as never, 4);
const registers = ({ processor }: Bench): number[] => Array.from({ length: 8 }, (_, i) => processor.state.reg32(i));

/** Interrupt table of real mode: vector → handler that halts at 0x600 + vector × 4 … */
function realBench(body: string): Bench {
  const bench = makeBench();
  assembleInto(bench, `bits 16\norg 0x1000\n${body}\n`);
  for (let vector = 0; vector < 32; vector++) bench.load(vector * 4, [(0x600 + vector) & 0xff, 6, 0, 0]);
  bench.load(0x600, new Array<number>(32).fill(0xf4));
  realMode(bench, 0x1000);
  return bench;
}
/** Vector whose handler the bench halted in, or -1. */
const halted = (bench: Bench): number => {
  const at = bench.processor.state.eip - 0x601;
  return at >= 0 && at < 32 ? at : -1;
};

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

describe('code that changes', () => {
  it('a store into the next instruction of the same block takes effect', () => {
    const bench = run('mov byte [patch+1], 42\npatch: mov al, 1\nhlt');
    expect(bench.processor.state.reg8(0)).toBe(42);
  });

  it('a patched function is executed as patched, each time', () => {
    const bench = run(
      `xor ebx, ebx\nmov ecx, 5\n.l: mov byte [f+1], cl\ncall f\nmovzx eax, al\nadd ebx, eax\nloop .l\nhlt\nalign 4096\nf: mov al, 0\nret`,
    );
    expect(bench.processor.state.reg32(3)).toBe(15);
  });

  it('data beside code does not throw the code away', () => {
    const bench = run('mov ecx, 1000\n.l: inc dword [counter]\nloop .l\nhlt\nalign 64\ncounter: dd 0');
    expect(dword(bench, bench.symbols.counter!)).toBe(1000);
    expect(bench.processor.interpreter.blocks.translated).toBeLessThan(10);
  });

  it('a page that holds only data again becomes directly writable', () => {
    const bench = run(`call f\nmov byte [f], 0x90\nmov ecx, 200\n.l: mov [f+0x100], ecx\nloop .l\nhlt\nalign 4096\nf: ret`);
    expect(bench.frames.holdsCode(bench.symbols.f! >> 12)).toBe(false);
  });

  it('a write from outside (DMA, the VMM) counts too', () => {
    const bench = run('mov eax, 1\njmp start', 100);
    bench.load(0x1000, [0xb8, 2, 0, 0, 0, 0xf4]);
    bench.processor.state.eip = 0x1000;
    expect(go(bench)).toBe('halted');
    expect(bench.processor.state.reg32(0)).toBe(2);
  });

  it('an instruction across two pages sees changes in either', () => {
    const bench = makeBench();
    assembleInto(bench, 'bits 32\norg 0x1ffd\nf: mov eax, 0x11223344\nret');
    assembleInto(
      bench,
      'bits 32\norg 0x3000\ncall 0x1ffd\nmov ebx, eax\nmov byte [0x2000], 0x99\ncall 0x1ffd\nmov ecx, eax\nmov byte [0x1ffe], 0x55\ncall 0x1ffd\nhlt',
    );
    flatProtected(bench, 0x3000);
    go(bench);
    expect(registers(bench).slice(0, 4)).toEqual([0x11993355, 0x11993344, 0x633, 0x11223344]);
  });
});

describe('between instructions', () => {
  it('stops before a breakpoint and can run off it', () => {
    const bench = makeBench();
    const { at } = assembleInto(bench, 'bits 32\norg 0x1000\nmov ecx, 3\nl: inc eax\nat: inc ebx\nloop l\nhlt');
    flatProtected(bench, 0x1000);
    bench.processor.setBreakpoints([at!]);
    for (let round = 0; round < 3; round++) {
      expect(bench.processor.run(100, { passBreakpoint: round > 0 })).toMatchObject({ reason: 'breakpoint' });
      expect(bench.processor.state.eip).toBe(at);
      expect(bench.processor.state.reg32(3)).toBe(round);
    }
    bench.processor.setBreakpoints([]);
    expect(bench.processor.run(100).reason).toBe('halted');
  });

  it('an interrupt is taken at a boundary when IF is set, never in the shadow of STI, and wakes HLT', () => {
    const bench = realBench('cli\nnop\nsti\ninc bx\ninc cx\nhlt');
    bench.load(0x20 * 4, [0x00, 0x50, 0, 0]);
    bench.load(0x5000, [0x42, 0xcf]); // inc dx; iret
    bench.interrupts.vector = 0x20;
    bench.processor.run(2);
    expect(bench.processor.deliveredByVector.get(0x20)).toBeUndefined();
    bench.processor.run(2);
    expect(bench.processor.state.reg16(3)).toBe(1);
    bench.processor.run(1);
    expect(bench.processor.deliveredByVector.get(0x20)).toBe(1);
    expect(bench.processor.state.reg16(2)).toBe(0x634);
    expect(go(bench)).toBe('halted');
    expect(bench.processor.state.reg16(1)).toBe(1);
    bench.interrupts.vector = 0x20;
    expect(bench.processor.run(2).executed).toBe(2);
    expect(bench.processor.state.reg16(2)).toBe(0x635);
  });

  it('TF traps after each instruction', () => {
    const bench = realBench('pushf\npop ax\nor ah, 1\npush ax\npopf\ninc bx\ninc bx\nhlt');
    bench.load(4, [0x00, 0x50, 0, 0]);
    bench.load(0x5000, [0x41, 0xcf]); // inc cx; iret
    go(bench, 30);
    expect(bench.processor.deliveredByVector.get(1)).toBeGreaterThanOrEqual(2);
    expect(bench.processor.state.reg16(3)).toBe(2);
    expect(bench.processor.delivered[0]).toMatchObject({ vector: 1, kind: 'trap' });
  });

  it('records the last data access when asked', () => {
    const bench = makeBench();
    assembleInto(bench, 'bits 32\norg 0x1000\nmov eax, [0x3004]\nmov [0x3010], ax\nhlt');
    flatProtected(bench, 0x1000);
    bench.processor.recordAccess = true;
    bench.processor.step();
    expect(bench.processor.lastAccess).toMatchObject({ through: { segment: 3 }, offset: 0x3004, linear: 0x3004, size: 4, kind: 'read' });
    bench.processor.step();
    expect(bench.processor.lastAccess).toMatchObject({ offset: 0x3010, size: 2, kind: 'write' });
  });

  it('records in hot code too, and forgets when it no longer watches', () => {
    const bench = makeBench();
    assembleInto(
      bench,
      'bits 32\norg 0x1000\nagain: inc dword [0x3000]\ninc ecx\ncmp ecx, 3000\njne again\nmov [0x3010], cx\nlast: inc ecx\njmp last',
    );
    flatProtected(bench, 0x1000);
    bench.processor.run(4 * 2_500);
    bench.processor.recordAccess = true;
    bench.processor.run(4 * 100);
    expect(bench.processor.lastAccess).toMatchObject({ offset: 0x3000, size: 4 });
    bench.processor.recordAccess = false;
    bench.processor.run(10_000);
    bench.processor.recordAccess = true;
    bench.processor.run(64);
    expect(bench.processor.lastAccess).toBeNull();
  });

  it('leaves the flags of the last instruction, wherever a slice ends', () => {
    const bench = makeBench();
    // cmp eax, 1; xor ecx, ecx; the second hides the flags of the first
    bench.load(0x1000, [0x83, 0xf8, 1, 0x31, 0xc9, 0xf4]);
    for (const [slices, flags] of [
      [[1], 0x97],
      [[1, 1], 0x46],
      [[2], 0x46],
    ] as const) {
      // prettier-ignore
      flatProtected(bench, 0x1000);
      bench.processor.state.setReg32(0, 0);
      for (const slice of slices) bench.processor.run(slice);
      expect(bench.processor.state.eflags & 0xd7).toBe(flags);
    }
  });

  it('starts where RESET says', () => {
    const { processor } = makeBench();
    const { state } = processor;
    expect([state.eip, state.selector(1), state.segmentBase(1), state.eflags, state.cr0]).toEqual([
      0xfff0, 0xf000, 0xffff_0000, 2, 0x6000_0010,
    ]);
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

describe('decimal adjustment', () => {
  /** As the manual's operation says it: AL, AH, CF, AF behind it. */
  type Adjusted = [al: number, ah: number, carry: boolean, adjust: boolean];
  type Model = (al: number, ah: number, carry: boolean, adjust: boolean) => Adjusted;
  const digits =
    (sign: 1 | -1): Model =>
    (old, ah, carried, adjusted) => {
      const adjust = (old & 15) > 9 || adjusted;
      const low = adjust ? old + sign * 6 : old;
      const high = old > 0x99 || carried;
      return [(high ? low + sign * 0x60 : low) & 0xff, ah, high || (adjust && (low < 0 || low > 0xff)), adjust];
    };
  const ascii =
    (sign: 1 | -1): Model =>
    (old, ah, _, adjusted) => {
      const adjust = (old & 15) > 9 || adjusted;
      const ax = ah * 256 + old + (adjust ? sign * 0x106 : 0);
      return [ax & 15, (ax >> 8) & 0xff, adjust, adjust];
    };
  const MODELS: Record<string, Model> = {
    daa: digits(1),
    das: digits(-1),
    aaa: ascii(1),
    aas: ascii(-1),
    ...Object.fromEntries(
      [1, 2, 7, 10, 16, 254, 255].flatMap((base): [string, Model][] => [
        [`aam ${base}`, (al) => [al % base, Math.floor(al / base), false, false]],
        [`aad ${base}`, (al, ah) => [(al + ah * base) & 0xff, 0, false, false]],
      ]),
    ),
  };

  it.each(Object.keys(MODELS))('%s is as the manual has it, for every AL', (code) => {
    const bench = makeBench();
    assembleInto(bench, `bits 32\norg 0x1000\n${code}\nhlt`);
    flatProtected(bench, 0x1000);
    const { processor } = bench;
    const { state } = processor;
    for (let n = 0; n < 0x400; n++) {
      const [al, ah, carry, adjust] = [n & 0xff, (n * 37) & 0xff, (n & 0x100) !== 0, (n & 0x200) !== 0];
      state.setReg32(0, 0x8765_0000 | (ah << 8) | al);
      state.eflags = 2 | (carry ? FLAG.CF : 0) | (adjust ? FLAG.AF : 0) | (n & 1 ? FLAG.OF | FLAG.ZF : FLAG.SF | FLAG.PF);
      state.eip = 0x1000;
      processor.stateReplaced();
      processor.run(1);
      const seen = [state.reg8(0), state.reg8(4), state.flag(FLAG.CF), state.flag(FLAG.AF)];
      const expected = MODELS[code]!(al, ah, carry, adjust);
      const parity = [...expected[0].toString(2)].filter((bit) => bit === '1').length % 2 === 0;
      const of = (flag: number): boolean => state.flag(flag);
      expect([...seen, of(FLAG.ZF), of(FLAG.SF), of(FLAG.PF), of(FLAG.OF), state.reg32(0) >>> 16]).toEqual([
        ...expected,
        expected[0] === 0,
        expected[0] > 0x7f,
        parity,
        false,
        0x8765,
      ]);
    }
  });

  it('AAM 0 is #DE', () => {
    const bench = realBench('mov ax, 0x1234\naam 0\nhlt');
    go(bench);
    expect([halted(bench), bench.processor.state.reg16(0)]).toEqual([0, 0x1234]);
  });
});
