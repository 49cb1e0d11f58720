import { describe, expect, it } from 'vitest';
import { sizeText } from './columns';

describe('sizes in words', () => {
  it.each([
    [4096, '4 KiB'],
    [768 * 2 ** 20, '768 MiB'],
    [63.75 * 2 ** 30, '63.75 GiB'],
    [2045 * 2 ** 30, '2045 GiB'],
    [2 ** 41, '2 TiB'],
    [12_864 * 1024, '12.56 MiB'],
    [0, '0 bytes'],
  ])('%d bytes: %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
});
