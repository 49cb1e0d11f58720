/** How a run is cut into slices is nobody's business: the state hash, the counts and the output are the same (DESIGN, principle 4). */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { Observe } from '../protocol';
import { powerOn } from './power-on';

const PROGRAM = `org 0x7C00
mov cx, 5000
l: mov [0x5000], cx
inc word [0x6000]
push cx
pop dx
loop l
mov al, 'H'
out 0xE9, al
hlt
`;
const HEAD = 'format: pagewalk.lab/1\ntitle: t\nboard: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }] }\n';
const BARE = HEAD + 'machine: { program: a.asm }\n';
const VMS =
  HEAD +
  'vmm: { translation: ept }\nvms:\n  - { id: one, memory: 4 MiB, program: a.asm, backing: on-touch }\n  - { id: two, memory: 4 MiB, program: a.asm }\n';

/** Runs to the end, or to exactly `limit` instructions, in slices of `slice`. */
function outcome(yaml: string, slice: number, limit = Infinity, observe: Observe = 'off'): object {
  const files = { 'a.asm': PROGRAM };
  const { computer } = powerOn(loadLab(yaml, files).document!, files);
  computer!.observe = observe;
  while (computer!.instructions < limit && computer!.run(Math.min(slice, limit - computer!.instructions)).kind === 'budget');
  return {
    hash: computer!.stateHash(),
    instructions: computer!.instructions,
    exits: computer!.virtualization().vms.map(({ exits }) => exits),
    tlb: computer!.tlb(),
    serial: computer!.serial(),
  };
}

describe.each([
  ['bare machine', BARE],
  ['two VMs', VMS],
])('%s', (_name, yaml) => {
  it('ends the same in one slice or many', () => {
    const whole = outcome(yaml, 1e9);
    for (const slice of [1_000, 4_097]) expect(outcome(yaml, slice)).toEqual(whole);
  });

  it('ends the same whichever accesses are counted', () => {
    const whole = outcome(yaml, 1e9);
    for (const observe of ['sampled', 'exact'] as const) {
      expect(outcome(yaml, 1e9, Infinity, observe)).toEqual(whole);
      expect(outcome(yaml, 10_000, Infinity, observe)).toEqual(whole);
    }
  });

  it('is the same at any instruction on the way', () => {
    const whole = outcome(yaml, 1e9, 12_345);
    for (const slice of [1, 777]) expect(outcome(yaml, slice, 12_345)).toEqual(whole);
  });
});
