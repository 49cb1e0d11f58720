/**
 * Where the returns of a region go back to: behind the calls of the function that they belong to, as far as its calls are in the
 * region. A guess that decides what a return is compared with, never where it goes.
 */
import { IR, IR_STRIDE } from '../lower/ir';
import { returnOf, type Region, type RegionBlock } from './region';

/** By block: places in the region's list of entries that a return at its end may lead to. */
export function findReturns(region: Region): ReadonlyMap<RegionBlock, readonly number[]> {
  const { blocks, indexOf, entries, links } = region;
  const behind = blocks.map((block) => indexOf.get(returnOf(block) ?? NaN));
  /** by the first block of a function, where its calls come back to */
  const callers = new Map<number, Set<number>>();
  const calls = (callee: number, place: number): void => {
    if (!callers.has(callee)) callers.set(callee, new Set());
    callers.get(callee)!.add(place);
  };
  blocks.forEach(({ ir, targets }, index) => {
    const place = behind[index] === undefined ? -1 : entries.indexOf(behind[index]);
    if (place < 0) return;
    for (const target of targets) calls(indexOf.get(target)!, place);
    // through a pointer
    if (ir.ops.at(-IR_STRIDE) === IR.jumpTo) for (const link of links) calls(entries[link]!, place);
  });
  const found = new Map<RegionBlock, Set<number>>();
  for (const [callee, places] of callers) {
    // the blocks of the function: over its own calls, not into them
    const seen = new Set([callee]);
    for (const index of seen) {
      const block = blocks[index]!;
      if (!found.has(block)) found.set(block, new Set());
      for (const place of places) found.get(block)!.add(place);
      const over = behind[index];
      const next = over === undefined ? block.targets.map((target) => indexOf.get(target)!) : [over];
      for (const to of next) seen.add(to);
    }
  }
  return new Map([...found].map(([block, places]) => [block, [...places]]));
}
