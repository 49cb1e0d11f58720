import { describe, expect, it } from 'vitest';
import {
  addressDigits,
  exactSize,
  formatAscii,
  formatBytes,
  formatCount,
  formatFrame,
  formatHex,
  formatMoment,
  formatSize,
  vmHue,
  vmLetter,
} from './format';

describe('numbers on screen', () => {
  it('groups counts and marks moments', () => {
    expect(formatCount(1284507)).toBe('1,284,507');
    expect(formatMoment(1284507)).toBe('#1,284,507');
  });
  it('writes sizes in binary units, without idle decimals', () => {
    expect(formatSize(256 * 1024 ** 2)).toBe('256 MiB');
    expect(formatSize(1.5 * 1024 ** 3)).toBe('1.5 GiB');
    expect(formatSize(2 ** 52)).toBe('4 PiB');
    expect(formatSize(4096)).toBe('4 KiB');
    expect(formatSize(10240)).toBe('10 KiB');
    expect(formatSize(12)).toBe('12 B');
  });
  it('keeps sizes apart that differ by less than a decimal shows', () => {
    expect(exactSize(3584 * 1024 ** 2)).toBe('3.5 GiB');
    expect(exactSize(3585 * 1024 ** 2)).toBe('3585 MiB');
    expect(exactSize(4097)).toBe('4,097 B');
  });
  it('gives a space as many digits as its last address needs', () => {
    expect(addressDigits(0xffff_ffff)).toBe(8);
    expect(addressDigits(2 ** 32)).toBe(12);
    expect(addressDigits(1n << 63n)).toBe(16);
  });
  it('drops the prefix in columns and the offset in frames', () => {
    expect(formatHex(0x19010)).toBe('0001_9010');
    expect(formatFrame(0x2a4c_7010)).toBe('0x2A4C_7');
  });
  it('shows bytes in memory order', () => {
    const bytes = new Uint8Array([0x53, 0x45, 0x00, 0x52]);
    expect(formatBytes(bytes)).toBe('53 45 00 52');
    expect(formatAscii(bytes)).toBe('SE.R');
  });
  it('names VMs by letter, then by number, repeating hues', () => {
    expect(vmLetter(0)).toBe('A');
    expect(vmLetter(12)).toBe('13');
    expect(vmHue(12)).toBe(1);
  });
});
