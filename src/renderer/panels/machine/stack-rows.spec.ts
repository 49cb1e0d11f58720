import { describe, expect, it } from 'vitest';
import type { RegistersView } from '../../../lab/protocol';
import { stackRows, stackTop } from './stack-rows';

const segment = (name: string, base: bigint, attributes: number) => ({ name, selector: 0x10, base, limit: 0xffff_ffff, attributes });
function registers(esp: bigint, ebp: bigint, ss: number, cs: number): RegistersView {
  const general = [0n, 0n, 0n, 0n, esp, ebp, 0n, 0n];
  return { general, segments: [segment('SS', 0x1_0000n, ss), segment('CS', 0n, cs)] } as unknown as RegistersView;
}

describe('the stack', () => {
  it('has words of what the code pushes, from SS:ESP on, and knows the frame pointer', () => {
    const top = stackTop(registers(0x8ff8n, 0x8ffcn, 0x4093, 0x409b))!;
    expect(top).toMatchObject({ linear: 0x1_8ff8n, offset: 0x8ff8, word: 4 });
    const bytes = Uint8Array.of(1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 9, 9, 9, 9);
    const present = Uint8Array.from(bytes, (_, at) => (at < 8 ? 1 : 0));
    expect(stackRows(top, { base: top.linear, bytes, present })).toEqual([
      { offset: 0x8ff8, linear: 0x1_8ff8n, value: 1, top: true, frame: false },
      { offset: 0x8ffc, linear: 0x1_8ffcn, value: 0x1234_5678, top: false, frame: true },
      { offset: 0x9000, linear: 0x1_9000n, value: null, top: false, frame: false },
    ]);
  });

  it('of 16 bits ends at offset FFFF, whatever the upper half of ESP holds', () => {
    const top = stackTop(registers(0xabcd_fffcn, 0n, 0x93, 0x9b))!;
    expect(top).toMatchObject({ linear: 0x1_fffcn, offset: 0xfffc, word: 2 });
    const bytes = new Uint8Array(8);
    expect(stackRows(top, { base: top.linear, bytes, present: bytes }).map(({ offset }) => offset)).toEqual([0xfffc, 0xfffe]);
  });

  it('is not there while SS is unusable', () => {
    expect(stackTop(registers(0n, 0n, 0x1_0000, 0x409b))).toBeUndefined();
  });
});
