import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OwnedExtent } from '../../../../lab/protocol';
import { frameWindow, ownerAt } from './frames';

const EXTENTS: OwnedExtent[] = [
  { base: 0x4000, bytes: 0x3000, owner: { kind: 'vm', vm: 'a' } },
  { base: 0x9000, bytes: 0x1000, owner: { kind: 'table', part: 'ept' } },
];

describe('frames', () => {
  it('finds the owner of any address, and none where it is free', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), (address) => {
        const plain = EXTENTS.find((extent) => address >= extent.base && address < extent.base + extent.bytes)?.owner ?? null;
        expect(ownerAt(EXTENTS, address)).toEqual(plain);
      }),
    );
  });

  it('shows whole rows around the address, and stays inside memory', () => {
    const slots = [{ base: 0, bytes: 0x10_0000 }];
    const grid = frameWindow(EXTENTS, slots, 0x9000, 8, 4);
    expect(grid).toHaveLength(32);
    expect(grid[0]?.address).toBe(0);
    expect(grid.find((frame) => frame.address === 0x9000)?.owner).toEqual({ kind: 'table', part: 'ept' });
    expect(frameWindow(EXTENTS, slots, 0xf_f000, 8, 4).at(-1)?.address).toBe(0xf_f000);
  });

  it('knows where no slot answers', () => {
    expect(frameWindow([], [{ base: 0x8000, bytes: 0x8000 }], 0, 8, 2).map((frame) => frame.dram)).toEqual([
      ...Array<boolean>(8).fill(false),
      ...Array<boolean>(8).fill(true),
    ]);
  });
});
