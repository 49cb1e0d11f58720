import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressAt,
  cutName,
  cutTo,
  frameOfSlot,
  heightOf,
  inSight,
  layoutStrip,
  roundBase,
  SIGHT_STEP,
  stripWidths,
  zoomWindow,
  type StripKind,
  type StripRange,
} from './strip';

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
  it.each([
    [240, 8],
    [240, 12],
    [240, 16],
    [480, 16],
  ])('a panel of %i px has room for addresses of %i digits, the bar and the sizes', (width, digits) => {
    const { ticks, bar, aside } = stripWidths(width, digits);
    expect(ticks + bar + aside).toBeLessThanOrEqual(width);
    expect(bar).toBeGreaterThanOrEqual(42);
  });

  it('cuts a name that is longer than its room, and leaves the others', () => {
    expect(cutName('A1 B1 C1 +5', 66)).toBe('A1 B1 C1 +5');
    expect(cutName('abcdefghijklmnopqrstuvwxyz', 66)).toBe('abcdefghij…');
  });

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

  it('logarithmic, the first MiB has its room beside 64 GiB', () => {
    const low = ranges([
      ['dram', 1, 'A1'],
      ['hole', 65_535],
    ]);
    const { boxes, height } = layoutStrip(low, 600, 'log');
    expect(height).toBeCloseTo(600);
    expect(boxes[0]!.height).toBeGreaterThan(150);
  });

  it.each(['scale', 'breaks', 'log'] as const)('%s: what is drawn at a height is the address that is drawn there', (mode) => {
    const strip = layoutStrip(board, 560, mode);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: strip.last }), (address) => {
        const y = heightOf(strip, address)!;
        const box = strip.boxes.find(({ top, height }) => y < top + height)!;
        expect(Math.abs(addressAt(strip, y) - address)).toBeLessThanOrEqual(Math.max(4096, box.bytes / 1e6));
      }),
    );
    expect(heightOf(strip, strip.last + 1)).toBeNull();
    expect(addressAt(strip, -5)).toBe(0);
    expect(addressAt(strip, 1e9)).toBe(strip.last);
  });

  it('zooms from the whole space down to a page and back, around the same address', () => {
    const end = 2 ** 52;
    let window = { from: 0, to: end };
    const around = 0x1234_5678;
    for (let i = 0; i < 60; i++) window = zoomWindow(window, around, 0.5, end);
    expect(window).toEqual({ from: 0x1234_5000, to: 0x1234_6000 });
    for (let i = 0; i < 60; i++) {
      window = zoomWindow(window, around, 2, end);
      expect(window.from).toBeLessThanOrEqual(around);
      expect(window.to).toBeGreaterThan(around);
    }
    expect(window).toEqual({ from: 0, to: end });
  });

  it('cuts ranges to a window', () => {
    expect(cutTo(board, { from: 300 * MIB, to: 400 * MIB }).map(({ base, bytes, label }) => [base / MIB, bytes / MIB, label])).toEqual([
      [300, 84, 'A2'],
      [384, 16, 'hole'],
    ]);
  });

  it('rounds a dragged base to what a pixel can tell', () => {
    expect(roundBase(0x1003_0000, 1 * MIB, 256 * MIB)).toBe(0x1000_0000);
    expect(roundBase(0x1003_0123, 16, 256 * MIB)).toBe(0x1003_0000);
    expect(roundBase(700 * MIB, 4096 * MIB, 256 * MIB)).toBe(768 * MIB);
    expect(roundBase(-5, 1, MIB)).toBe(0);
  });
});

describe('a long strip', () => {
  const ranges = Array.from({ length: 128 }, (_, i): StripRange => ({ base: i * 2 ** 20, bytes: 2 ** 20, kind: 'dram', slots: [`S${i}`], label: `S${i}` }));

  it('is drawn where it is in sight and a step around it, a short one whole', () => {
    const { boxes, height } = layoutStrip(ranges, 600, 'breaks', 24);
    expect([boxes.length, height > 3_000]).toEqual([128, true]);
    for (const from of [0, 720, height - 600]) {
      const shown = new Set(inSight(boxes, Math.floor(from / SIGHT_STEP) * SIGHT_STEP, 600));
      expect(shown.size).toBeLessThan(64);
      for (const box of boxes) if (box.top + box.height > from && box.top < from + 600) expect(shown.has(box), box.label).toBe(true);
    }
    expect(inSight(boxes.slice(0, 40), 0, 10)).toHaveLength(40);
  });
}); // prettier-ignore
