/**
 * A program for specs in which events follow each other closely: a kernel in ring 0 with paging, and a random program in ring 3
 * that faults, traps, calls the kernel in every way there is, and changes its own code.
 */
import type { Engine } from '../engine';
import { STATE } from '../state-layout';
import { assembleInto, flatProtected, makeBench, type Bench } from '../test-bench.spec-support';
import { pick, random, type Next } from '../../random.spec-support';

/** The pages that the program changes: first and behind the last. */
export const KERNEL_MEMORY: readonly (readonly [first: number, end: number])[] = [[1, 0x13], [0x20, 0x30], [0x40, 0x50], [0x80, 0x83]]; // prettier-ignore

const GDT = 0x1000;
const IDT = 0x2000;
const TSS = 0x3000;
const TABLES = 0x8_0000;
const DATA = 0x4_0000;
const PAGES = 16;
/** Where a large page shows all of memory once more, if there is one. */
const WINDOW = 0x40_0000;

/** The tables of a kernel: entries of 4 bytes, and perhaps a page of 4 MiB; or of 8 bytes, and one of 2 MiB. */
type Paging = 'legacy' | 'large' | 'pae';
const pagingOf = (seed: number): Paging => (['legacy', 'large', 'pae'] as const)[(seed + Math.floor(seed / 3)) % 3]!;

/** Seeds of programs that run in ring 0 themselves, so that events stay there. */
export const IN_RING_0: readonly number[] = [4, 7];

/** One thing that the user's program does. EBP tells the fault handler how many bytes to skip. */
function act(next: Next, n: number, patches: boolean, ring: 0 | 3, paging: Paging): string {
  const window = paging !== 'legacy' && next() % 4 === 0 ? WINDOW : 0;
  const data = `${DATA + window} + ${next() % (PAGES * 4096 - 4)}`;
  const skipped = (length: number, text: string): string => `mov ebp, ${length}\n${text}`;
  switch (next() % (patches ? 20 : 18)) {
    case 0:
      // now and then one of the kernel's pages
      return next() % 8 === 0 ? `mov eax, [${0x4000 + (next() % 0xc) * 0x1000}]` : `mov eax, [${data}]`;
    case 1:
      return `add [${data}], eax`;
    case 2:
      return `inc word [${data}]`;
    case 3:
      return `mov eax, ${next() % PAGES}\nint 0x80`;
    case 4:
      return skipped(1, pick(next, ring === 3 ? ['cli', 'hlt', 'sti'] : ['cli', 'sti', 'sti']));
    case 5:
      return skipped(2, pick(next, ['ud2', 'int 0x21', 'int 0x22', 'div dword ecx', 'clts']));
    case 6:
      return `pushfd\nxor dword [esp], ${pick(next, [0x100, 0x4_0000, 0x4000, 0x20_0000, 0x8d5, 0x400])}\npopfd\nnop`;
    case 7:
      return next() & 1
        ? `push dword 0x202\npush dword ${pick(next, ring === 3 ? [0, 0x10, 8, 0x23, 0x33, 0x1b] : [0, 0x10, 8, 0x33])}\npush dword .b${n}\nmov ebp, 1\niretd\nadd esp, 12\n.b${n}:`
        : `mov eax, ${pick(next, [8, 0x13, 0x33, 0x2b])}\nmov ebp, 2\nmov ds, ax`;
    case 8:
      return `pushfd\nxor dword [esp], ${pick(next, [0, 0x1_0000, 0x1_0100, 0x4000, 0x4_0000])}\npush dword ${ring === 3 ? 0x1b : 8}\npush dword .n${n}\n.f${n}: mov ebp, 1\niretd\n.n${n}:`;
    case 9:
      return `mov ecx, ${1 + (next() % 6)}\n.l${n}: add ebx, ecx\ndec ecx\njnz .l${n}`;
    case 10:
      if (ring === 0) return hostile(next, n);
      return `mov ecx, esp\nmov edx, .s${n}\nsysenter\n.s${n}:`;
    case 11:
      return `mov esi, ${DATA} + ${next() % 0x8000}\nmov edi, ${DATA} + 0x8000 + ${next() % 0x7000}\nmov ecx, ${1 + (next() % 40)}\ncld\nrep movsb`;
    case 12:
      return `mov eax, ${data}\nint 0x81`;
    case 18:
      return `mov dword [patched + 1], ${next() & 0xffff}\ncall patched`;
    case 13:
      return `int 0x82`;
    case 14:
      return `call double`;
    case 15:
      return skipped(2, `int ${pick(next, [3, 4, 0x20])}`);
    case 16:
      return `rdtsc\ncpuid`;
    case 17:
      return `mov eax, ds\nmov es, eax\npush es\npop fs`;
    default:
      return `mov dword [.p${n} + 1], ebx\n.p${n}: mov edx, 0x1234`;
  }
}

/** A fault in ring 0 whose delivery finds its gate, its segment or its stack otherwise than usual. */
function hostile(next: Next, n: number): string {
  const fault = `mov ebp, 2\nud2`;
  const flip = (address: number, bits: number): string => `xor byte [${address}], ${bits}\n${fault}\nxor byte [${address}], ${bits}`;
  const gate = IDT + 6 * 8;
  switch (next() % 8) {
    case 0:
      return flip(gate + 5, 0x80);
    case 1:
      return flip(gate + 5, pick(next, [0x01, 0x60, 0x10, 0x02]));
    case 2:
      return flip(gate + 2, pick(next, [0x03, 0x04, 0x08, 0x18, 0x60]));
    case 3:
      return flip(GDT + 8 + 5, 1);
    case 4:
      return flip(GDT + 8 + 6, 0x10);
    default:
      return `mov edx, esp\nmov esp, 0x2e000 + ${next() % 20}\n${fault}\n.e${n}: mov esp, edx`;
  }
}

const source = (next: Next, patches: boolean, ring: 0 | 3, paging: Paging, width = paging === 'pae' ? 8 : 4): string => `
bits 32
org 0x10000
pageFault:
  push eax
  push edx
  inc dword [counts]
  mov eax, cr2
  shr eax, 12
  lea edx, [${TABLES + 0x1000} + eax * ${width}]
  or dword [edx], 7
  pop edx
  pop eax
  add esp, 4
  iretd
; skips the instruction, and makes what is left of TF and NT go
withCode:
  add esp, 4
withoutCode:
  add [esp], ebp
  and dword [esp + 8], ~0x4100
  iretd
debug:
  and dword [esp + 8], ~0x100
  iretd
call80:
  push eax
  push edx
  lea edx, [${TABLES + 0x1000} + eax * ${width} + ${(DATA >> 12) * width}]
  and dword [edx], ~1
  shl eax, 12
  invlpg [eax + ${DATA}]
  ${paging === 'legacy' ? '' : `invlpg [eax + ${DATA + WINDOW}]`}
  pop edx
  pop eax
  iretd
; a fault in the kernel
call81:
  push ebp
  pushfd
  add dword [eax], 3
  mov ebp, 2
  ud2
  sti
  popfd
  pop ebp
  iretd
; tables anew, and a far call and return
call82:
  push eax
  mov eax, cr3
  mov cr3, eax
  call 8:farther
  pop eax
  iretd
farther:
  retf
interrupt:
  inc dword [counts + 4]
  iretd
entered:
  ${next() % 2 ? 'sti' : 'nop'}
  add dword [counts + 8], 1
  sysexit
times 0x1000 - ($ - $$) db 0
counts: dd 0, 0, 0
times 0x10000 - ($ - $$) db 0
user:
${Array.from({ length: 40 }, (_, n) => act(next, n, patches, ring, paging)).join('\n')}
  jmp user
times 0x12000 - ($ - $$) db 0
patched:
  mov eax, 0x11111111
  ret
double:
  add ebx, ebx
  ret
`;

/** The kernel with the program of a seed, about to run. Every third program changes its code; every other TLB is a small one. */
export function littleKernel(seed: number, engine: Engine, mebibytes = 4): Bench {
  const next = random(seed);
  const paging = pagingOf(seed);
  const bench = makeBench(mebibytes, engine, seed % 2 ? { entries: 8, ways: 2 } : undefined);
  const words = (address: number, ...values: number[]): void =>
    bench.load(
      address,
      values.flatMap((value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]),
    );
  const ring = IN_RING_0.includes(seed) ? 0 : 3;
  const at = assembleInto(bench, source(next, seed % 3 === 2, ring, paging));
  // code and data of ring 0, of ring 3, the TSS; none is marked accessed
  words(GDT, 0, 0, 0xffff, 0xcf_9a00, 0xffff, 0xcf_9200, 0xffff, 0xcf_fa00, 0xffff, 0xcf_f200, (TSS << 16) | 0x67, 0x8b00);
  words(TSS + 4, 0x9000, 0x10);
  words(TSS + 0x64, 0x68 << 16);
  const gate = (vector: number, symbol: string, attributes: number): void =>
    words(IDT + vector * 8, 0x8_0000 | (at[symbol]! & 0xffff), (at[symbol]! & 0xffff_0000) | (attributes << 8));
  const kind = (): number => 0x8e | (next() & 1);
  for (let vector = 0; vector < 32; vector++) gate(vector, [8, 10, 11, 12, 13, 17].includes(vector) ? 'withCode' : 'withoutCode', kind());
  gate(1, 'debug', kind());
  gate(3, 'interrupt', 0x60 | kind());
  gate(14, 'pageFault', kind());
  gate(0x20, 'interrupt', kind());
  gate(0x22, 'call80', 0x60 | (kind() & 0x7f));
  for (const [vector, symbol] of [[0x80, 'call80'], [0x81, 'call81'], [0x82, 'call82']] as const) gate(vector, symbol, 0x60 | kind()); // prettier-ignore
  const entry = (table: number, index: number, value: number): void =>
    paging === 'pae' ? words(table + index * 8, value, 0) : words(table + index * 4, value);
  const upper = paging === 'pae' ? TABLES + 0x2000 : TABLES;
  if (paging === 'pae') for (let index = 0; index < 4; index++) words(TABLES + index * 8, upper | 1, 0);
  entry(upper, 0, (TABLES + 0x1000) | 7);
  if (paging !== 'legacy') entry(upper, paging === 'pae' ? 2 : 1, 0x87);
  for (let page = 0; page < 512; page++) {
    const user = page >= 0x20;
    const data = page >= DATA >> 12 && page < (DATA >> 12) + PAGES;
    const absent = data && next() % 3 === 0;
    const readOnly = data && next() % 4 === 0;
    entry(TABLES + 0x1000, page, (page << 12) | (user ? 4 : 0) | (readOnly ? 0 : 2) | (absent ? 0 : 1));
  }
  flatProtected(bench, at.user!, 0x2_f000);
  const { state, tlb } = bench.processor;
  state.gdtrBase = GDT;
  state.gdtrLimit = 0x2f;
  state.idtrBase = IDT;
  state.idtrLimit = 0x7ff;
  if (ring === 3) {
    state.setSegment(1, 0x1b, 0, 0xffff_ffff, 0xc0fb);
    for (const segment of [0, 2, 3, 4, 5]) state.setSegment(segment, 0x23, 0, 0xffff_ffff, 0xc0f3);
  }
  state.setSegment(7, 0x28, TSS, 0x67, 0x8b);
  state.u32[STATE.sysenterCs.offset >> 2] = 8;
  state.u32[STATE.sysenterEsp.offset >> 2] = 0x9000;
  state.u32[STATE.sysenterEip.offset >> 2] = at.entered!;
  state.eflags = 0x202 | (seed % 4 === 3 ? 0x3000 : 0);
  state.cr3 = TABLES;
  state.cr4 = { legacy: 0, large: 0x10, pae: 0x30 }[paging];
  // alignment is checked where a program asks for it
  state.cr0 = (seed % 5 === 4 ? 0x8004_0011 : 0x8005_0011) | 0;
  tlb.flushAll();
  if (paging === 'pae') for (let index = 0; index < 4; index++) state.u32[(STATE.pdpte.offset >> 2) + index * 2] = upper | 1;
  bench.processor.stateReplaced();
  return bench;
}
