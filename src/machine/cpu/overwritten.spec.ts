/**
 * Guests that write over everything: their code while it runs, their page tables, their IDT. Each ends as hardware would (in a
 * triple fault, or never; no hang and no exception of ours), at the same instruction with the same memory in every tier, and the processor can be
 * used again.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ENGINES, type Engine } from './engine';
import { assembleInto, flatProtected, makeBench, type Bench } from './test-bench.spec-support';

const MEBIBYTES = 1;
const MOST = 120_000;

/** From `start` on, dword by dword over all of memory and round again; `write` is one instruction of the loop. */
const everywhere = (value: number, write: string, esp = 0x5000): string => `
bits 32
org 0x8000
start:
  mov eax, ${value}
  xor edi, edi
  xor ecx, ecx
  mov esp, ${esp}
again:
  ${write}
  and edi, ${MEBIBYTES * 2 ** 20 - 1}
  inc ecx
  jmp again
`;
/** The same behind page tables at 0x20000 that map everything to itself, with a page-fault handler that returns. */
const paged = (from: number): string => `
bits 32
org 0x8000
start:
  mov edi, 0x20000
  mov dword [edi], 0x21003
  mov edi, 0x21000
  mov eax, 3
fill: mov [edi], eax
  add edi, 4
  add eax, 0x1000
  cmp eax, ${MEBIBYTES * 2 ** 20}
  jb fill
  mov dword [0x30000 + 14 * 8], 0x00080000 + handler
  mov dword [0x30000 + 14 * 8 + 4], 0x00008e00
  lidt [idtr]
  mov eax, 0x20000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  mov edi, ${from}
  xor eax, eax
again:
  mov [edi], eax
  add edi, 4
  and edi, ${MEBIBYTES * 2 ** 20 - 1}
  jmp again
handler:
  add esp, 4
  iret
idtr: dw 0x7ff
  dd 0x30000
`;
/** Each INT 0x40 changes its own gate, at last into one that is not present; #NP has no handler. */
const ownGate = `
bits 32
org 0x8000
start:
  mov dword [0x30000 + 0x40 * 8], 0x00080000 + handler
  mov dword [0x30000 + 0x40 * 8 + 4], 0x00008e00
  lidt [idtr]
  xor ebx, ebx
again:
  int 0x40
  jmp again
handler:
  inc ebx
  xor dword [0x30000 + 0x40 * 8], (handler ^ other)
  iret
other:
  xor dword [0x30000 + 0x40 * 8], (handler ^ other)
  cmp ebx, 500
  jb back
  mov byte [0x30000 + 0x40 * 8 + 5], 0x0e
back:
  iret
idtr: dw 0x7ff
  dd 0x30000
`;

/** Its own gates behind code and data segments of the GDT, which events read. */
function bench(engine: Engine, source: string): Bench {
  const made = makeBench(MEBIBYTES, engine);
  assembleInto(made, source);
  made.load(0x6008, [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]);
  made.processor.state.gdtrBase = 0x6000;
  made.processor.state.gdtrLimit = 0x17;
  flatProtected(made, 0x8000, 0x5000);
  return made;
}

interface End {
  reason: string;
  instructions: number;
  eip: number;
  memory: string;
}

function end({ processor, memory }: Bench): End {
  let reason = 'budget';
  // slices of odd lengths, as devices would cut them
  let left = MOST;
  // an access that nobody answers ends a slice, as a device's does
  for (let slices = 0; slices < 100 && left > 0 && reason === 'budget'; slices++) {
    const ran = processor.run(Math.min(left, 77_777));
    // exceptions without end whose handlers never complete an instruction: the machine gives up there
    reason = ran.executed === 0 && ran.reason === 'budget' ? 'fault-loop' : ran.reason;
    left -= ran.executed;
  }
  const bytes = memory.readBytes(0 as never, MEBIBYTES * 2 ** 20);
  return {
    reason,
    instructions: processor.state.instructions,
    eip: processor.state.eip,
    memory: createHash('sha256').update(bytes).digest('hex'),
  };
}

describe('a guest that writes over everything', () => {
  it.each([
    ['its code becomes UD2', everywhere(0x0b0f_0b0f, 'stosd'), 'triple-fault'],
    ['its code becomes all ones', everywhere(0xffff_ffff, 'stosd'), 'budget'],
    ['its code becomes INT3', everywhere(0xcccc_cccc, 'stosd'), 'triple-fault'],
    ['its code becomes HLT', everywhere(0xf4f4_f4f4, 'stosd'), 'halted'],
    ['one string instruction over all of it', everywhere(0xffff_ffff, `mov ecx, ${MEBIBYTES * 2 ** 18}\n rep stosd`), 'triple-fault'],
    ['downwards, through what is on its stack', everywhere(0xfeff_ffff, 'push eax', 0xa000), 'triple-fault'],
    ['its page tables, then its IDT', paged(0x2_0000), 'triple-fault'],
    // zeroes are instructions: it goes on through them, and the limit ends it
    ['its code, with zeroes', paged(0x7000), 'budget'],
    ['the gate that it is called through', ownGate, 'triple-fault'],
  ])('%s', (_, source, reason) => {
    const expected = end(bench('interpreter', source));
    expect(expected.reason).toBe(reason);
    for (const engine of ENGINES) {
      if (engine === 'interpreter') continue;
      const made = bench(engine, source);
      expect(end(made), engine).toEqual(expected);
      // and once more from power-on, as a reset does it
      made.processor.reset();
      assembleInto(made, 'bits 32\norg 0x8000\nmov eax, 0x1234\nhlt\n');
      flatProtected(made, 0x8000, 0x5000);
      expect([made.processor.run(10).reason, made.processor.state.reg32(0)], engine).toEqual(['halted', 0x1234]);
    }
  });
});
