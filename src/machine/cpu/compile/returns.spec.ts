import { expect, it } from 'vitest';
import { PAGE_SIZE } from '../../address';
import { discoverRegion } from './region';
import { findReturns } from './returns';

const RET = 0xc3;
/** CALL from one offset to another */
const call = (from: number, to: number): number[] => [0xe8, to - from - 5, 0, 0, 0];

it('a return is expected behind the calls of its own function', () => {
  const bytes = new Uint8Array(PAGE_SIZE);
  bytes.set([...call(0, 0x10), ...call(5, 0x20), RET]);
  bytes.set([...call(0x10, 0x20), RET], 0x10);
  bytes.set([RET], 0x20);
  const mode = { code32: true, stack32: true, protectedMode: true, codeLimited: false };
  const region = discoverRegion({ pages: new Map([[0, { bytes, known: () => true }]]), mode, mostInstructions: 100 }, 0)!;
  const found = new Map(
    [...findReturns(region)].map(([{ start }, places]) => [start, places.map((place) => region.blocks[region.entries[place]!]!.start)]),
  );
  expect(found.get(0x15)).toEqual([5]);
  expect(found.get(0x20)).toEqual(expect.arrayContaining([0xa, 0x15]));
  // who has called the first one is not in the region
  expect(found.get(0xa)).toBeUndefined();
});
