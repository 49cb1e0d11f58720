import { describe, expect, it } from 'vitest';
import type { Band, HostBox } from './layout';
import { bandPaths, gridPaths, hostPaths, stretchPath } from './paths';

const extent = { base: 0, bytes: 4096, owner: { kind: 'preoccupied' } } as const;
const box = (x: number, fill: string): HostBox => ({ x, width: 2, fill, extent });
const band = (i: number): Band => ({
  vm: 'a',
  index: 0,
  guest: i * 4096,
  host: i * 8192,
  bytes: 4096,
  pieces: 1,
  guestX: i,
  guestWidth: 1,
  hostX: 2 * i,
  hostWidth: 1,
});
/** how many closed outlines there are in all of them */
const outlines = (paths: readonly string[]): number => paths.join('').match(/z/gi)?.length ?? 0;

describe('paths of the memory map', () => {
  it('draws thousands of bands as a handful of paths, every one of them', () => {
    const paths = bandPaths(Array.from({ length: 1_200 }, (_, i) => band(i)), 70, 300); // prettier-ignore
    expect(paths.length).toBeLessThan(9);
    expect(outlines(paths)).toBe(1_200);
    expect(bandPaths([band(0)], 70, 300)).toEqual(['M0 70C0 194.2 0 180.4 0 300H1C1 180.4 1 194.2 1 70Z']);
    expect(bandPaths([], 70, 300)).toEqual([]);
  });

  it('draws what has one colour as one path, colours in the order in which they come', () => {
    const paths = hostPaths([box(0, 'grey'), box(10, 'red'), box(20, 'grey')], 5, 36);
    expect(paths).toEqual([
      { fill: 'grey', d: 'M0 5h2v36h-2zM20 5h2v36h-2z' },
      { fill: 'red', d: 'M10 5h2v36h-2z' },
    ]);
  });

  it('keeps a stretch of next to no width visible', () => {
    expect(stretchPath([{ x: 3, width: 0.01 }], 40, 30)).toBe('M3 40h0.8v30h-0.8z');
  });

  it('puts each frame of a grid into its row and column', () => {
    expect(gridPaths(['a', 'b', 'a', 'a'], 2, 16, 100, 13, 1)).toEqual([
      { fill: 'a', d: 'M17 101h11v11h-11zM17 114h11v11h-11zM30 114h11v11h-11z' },
      { fill: 'b', d: 'M30 101h11v11h-11z' },
    ]);
  });
});
