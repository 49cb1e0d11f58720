/** Code that is written to while it is executed. */
import { describe, expect, it } from 'vitest';
import { dword, go, registers, run } from './small-programs.spec-support';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

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
