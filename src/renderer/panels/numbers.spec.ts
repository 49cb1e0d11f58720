import { describe, expect, it } from 'vitest';
import { formatRange, formatRequester, littleEndian } from './numbers';

describe('numbers of the panels', () => {
  it('writes a range with its last byte', () => {
    expect(formatRange(0x2c00_0000, 0x400_0000)).toBe('0x2C00_0000 – 0x2FFF_FFFF');
    expect(formatRange(0x10_0000_0000, 4096, 12)).toBe('0x0010_0000_0000 – 0x0010_0000_0FFF');
  });

  it('reads bytes little-endian', () => {
    expect(littleEndian([0x27, 0x90, 0x01, 0x00])).toBe(0x19027n);
    expect(littleEndian([])).toBe(0n);
  });

  it('writes a requester as bus, device and function', () => {
    expect(formatRequester((0 << 8) | (4 << 3) | 0)).toBe('00:04.0');
    expect(formatRequester((0x1a << 8) | (31 << 3) | 7)).toBe('1a:1f.7');
  });
});
