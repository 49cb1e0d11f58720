import { describe, expect, it } from 'vitest';
import { DEVICES, DIMMS, PROCESSORS, dimmPart, devicePart, processorPart } from './parts';

const isPowerOfTwo = (value: number) => Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value));

describe('parts catalogue', () => {
  it.each(DIMMS.map((part) => [part.id, part] as const))('%s: the geometry multiplies to the size, and the chips hold it', (_id, part) => {
    const g = part.geometry;
    expect(g.subchannels * g.ranks * g.bankGroups * g.banks * g.rows * g.columns * g.busBytes).toBe(part.bytes);
    expect((part.chips.count * part.chips.megabits * 1024 ** 2) / 8).toBe(part.bytes);
    expect(Object.values(g).every(isPowerOfTwo)).toBe(true);
    expect(Number.isInteger(part.chips.count)).toBe(true);
    expect(part.chips.count * part.chips.width).toBe(g.subchannels * g.ranks * g.busBytes * 8);
  });

  it('names every part once, in both languages', () => {
    for (const names of [DIMMS.map((part) => part.id), PROCESSORS.map((part) => part.id), DEVICES.map((part) => part.kind)]) {
      expect(new Set(names).size).toBe(names.length);
    }
    for (const part of [...DIMMS, ...PROCESSORS, ...DEVICES]) {
      expect(part.name.en).not.toBe('');
      expect(part.name['zh-CN']).not.toBe('');
    }
  });

  it('finds parts by name and nothing else', () => {
    expect(dimmPart('ddr3-256m')?.bytes).toBe(256 * 1024 ** 2);
    expect(processorPart('p6-virtualization')?.physicalAddressBits).toBe(36);
    expect(devicePart('edu')?.bars).toEqual([1024 ** 2]);
    for (const name of ['', 'ddr9-1g', 'toString', '__proto__', 'constructor']) {
      expect(dimmPart(name)).toBeUndefined();
      expect(processorPart(name)).toBeUndefined();
      expect(devicePart(name)).toBeUndefined();
    }
  });
});
