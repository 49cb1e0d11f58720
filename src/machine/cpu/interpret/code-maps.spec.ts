import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CODE_MAPS, POOL_RESERVED } from '../state-layout';
import { CodeMaps } from './code-maps';

const buffer = new ArrayBuffer(POOL_RESERVED);

it('knows exactly the bytes that were marked', () => {
  const maps = new CodeMaps(buffer);
  maps.take();
  const map = maps.take();
  const range = fc.tuple(fc.nat(4096), fc.nat(40)).map(([start, length]) => [start, Math.min(4096, start + length)] as const);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), fc.array(range, { minLength: 1, maxLength: 20 }), (marked, asked) => {
      maps.clear(map);
      for (const [start, end] of marked) maps.mark(map, start, end);
      for (const [start, end] of asked) {
        expect(maps.holds(map, start, end)).toBe(marked.some(([from, to]) => Math.max(from, start) < Math.min(to, end)));
      }
    }),
  );
});

it('gives each map once, asks for every write until a map is cleared, and when it was given back', () => {
  const maps = new CodeMaps(buffer);
  const taken = new Set(Array.from({ length: CODE_MAPS.most }, () => maps.take()));
  expect(taken.size).toBe(CODE_MAPS.most);
  expect(maps.left).toBe(0);
  expect(() => maps.take()).toThrow(/all 8191 code maps/);
  // two bytes may be read at once
  expect(Math.max(...taken) + CODE_MAPS.frameBytes + 1).toBeLessThanOrEqual(POOL_RESERVED);
  const [first] = [...taken] as [number];
  expect(maps.holds(first, 4095, 4096)).toBe(true);
  maps.clear(first);
  expect(maps.holds(first, 0, 4096)).toBe(false);
  maps.give(first);
  expect(maps.holds(first, 17, 18)).toBe(true);
  expect(maps.take()).toBe(first);
});
