import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOfSlot, layoutStrip, type StripKind, type StripRange } from './strip';

const MIB = 1024 ** 2;

/** Ranges one after the other from 0, as the address map gives them. */
function ranges(parts: [StripKind, number, ...string[]][]): StripRange[] {
  let base = 0;
  return parts.map(([kind, mib, ...slots]) => {
    const range = { base, bytes: mib * MIB, kind, slots, label: slots.join(' + ') || kind };
    base += range.bytes;
    return range;
  });
}

describe('address strip', () => {
  const board = ranges([
    ['dram', 256, 'A1'],
    ['dram', 128, 'A2'],
    ['hole', 128],
    ['dram', 192, 'B1'],
    ['conflict', 64, 'B1', 'B2'],
    ['dram', 192, 'B2'],
    ['hole', 3000],
    ['mmio', 1],
  ]);

  it('draws DRAM in proportion and folds what nobody answers', () => {
    const { boxes } = layoutStrip(board, 560, 'breaks');
    expect(boxes[0]!.height / boxes[1]!.height).toBeCloseTo(2);
    expect(boxes.map((box) => box.folded)).toEqual([false, false, false, false, false, false, true, false]);
    expect(boxes.at(-1)!.height).toBe(24);
  });

  it('writes bases beside the strip so that none touches another, names before holes', () => {
    const crowded = ranges([
      ['dram', 4096, 'A1'],
      ['hole', 1],
      ['mmio', 1],
      ['hole', 1],
      ['mmio', 1],
    ]);
    const { boxes } = layoutStrip(crowded, 300, 'breaks');
    expect(boxes.filter((box) => box.kind !== 'hole').every((box) => box.tick)).toBe(true);
    const tops = boxes.filter((box) => box.tick).map((box) => box.top);
    tops.slice(1).forEach((top, i) => expect(top - tops[i]!).toBeGreaterThanOrEqual(13));
  });

  it('frames a slot over every range it answers, conflicts included', () => {
    const strip = layoutStrip(board, 560, 'breaks');
    const frame = frameOfSlot(strip, 'B2')!;
    expect(frame.top).toBe(strip.boxes[4]!.top);
    expect(frame.height).toBeCloseTo(strip.boxes[4]!.height + strip.boxes[5]!.height);
    expect(frameOfSlot(strip, 'C9')).toBeNull();
  });

  it('to scale, every box that is not hairline-thin has its true share', () => {
    const { boxes, height } = layoutStrip(board, 1000, 'scale');
    const bytes = board.reduce((sum, range) => sum + range.bytes, 0);
    expect(boxes[0]!.height / height).toBeCloseTo((256 * MIB) / bytes, 2);
  });

  it('covers the strip without gaps, and never thins what has a name', () => {
    const part = fc.tuple(
      fc.constantFrom<StripKind>('dram', 'hole', 'mmio', 'conflict'),
      fc.integer({ min: 1, max: 70_000 }),
      fc.constantFrom('A1', 'A2'),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 60 }), fc.integer({ min: 100, max: 900 }), (parts, available) => {
        const strip = layoutStrip(ranges(parts), available, 'breaks');
        let top = 0;
        for (const box of strip.boxes) {
          expect(box.top).toBeCloseTo(top);
          if (box.kind !== 'hole') expect(box.height).toBeGreaterThanOrEqual(24);
          top += box.height;
        }
        if (strip.boxes.some((box) => !box.folded)) expect(strip.height).toBeGreaterThan(available - 1);
      }),
    );
  });

  it('stays drawable for a board of ten thousand slots', () => {
    const many = ranges(Array.from({ length: 10_000 }, (_, i): [StripKind, number, string] => ['dram', 16, `S${i}`]));
    expect(layoutStrip(many, 600, 'breaks').boxes.length).toBeLessThanOrEqual(300);
  });
});
