import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { addressMap } from '../board/address-map';
import { boardSchema } from '../board/schema';
import type { JourneyStep } from '../journey/journey';
import { MemoryController } from './memory-controller';

function controller(drawing: object): MemoryController {
  const board = boardSchema.parse(drawing);
  return new MemoryController(board, addressMap(board).dram);
}
const four = controller({
  slots: ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 0x1000_0000, dimm: 'ddr3-256m' })),
});

describe('memory controller', () => {
  it('finds the first and last cell of each DIMM of the default board', () => {
    for (const [index, slot] of ['A1', 'A2', 'B1', 'B2'].entries()) {
      expect(four.locate(hostPhysical(index * 0x1000_0000))!.cell).toMatchObject({ slot, rank: 0, bank: 0, row: 0, column: 0, byte: 0 });
      expect(four.locate(hostPhysical(index * 0x1000_0000 + 0x0fff_ffff))!.cell).toMatchObject({
        slot,
        bank: 7,
        row: 4095,
        column: 1023,
        byte: 7,
      });
    }
    expect(four.locate(hostPhysical(0x4000_0000))).toBeUndefined();
  });

  it('follows a DIMM that was split around device windows', () => {
    const split = controller({
      assignment: 'automatic',
      slots: ['A1', 'B1'].map((id) => ({ id, dimm: 'ddr3-2g' })),
      iommu: { present: true },
    });
    const low = split.locate(hostPhysical(0xfed8_ffff))!;
    const high = split.locate(hostPhysical(0x1_0000_0000))!;
    expect(low.cell.slot).toBe('B1');
    expect(high.cell.slot).toBe('B1');
    expect(high.dimmOffset).toBe(low.dimmOffset + 1);
  });

  it('records one step for each DIMM that answers', () => {
    const steps: JourneyStep[] = [];
    const both = controller({
      slots: [
        { id: 'A1', base: 0, dimm: 'ddr3-256m' },
        { id: 'A2', base: 0x0800_0000, dimm: 'ddr3-256m' },
      ],
    });
    both.explain(hostPhysical(0x0800_0010), { step: (step) => steps.push(step) });
    expect(steps.map(({ fields }) => [fields['slot'], fields['dimmOffset']])).toEqual([
      ['A1', 0x0800_0010n],
      ['A2', 0x10n],
    ]);
    expect(steps[0]).toMatchObject({ room: 'memory-controller', structure: 'dram-mapping', to: { space: 'dram' } });
  });
});
