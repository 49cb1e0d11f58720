/**
 * Several modules behind one range of addresses: channels that take turns block by block, and narrow SIMMs side by side, whose
 * blocks are single bytes. Says which module holds a byte, and back. Works on plain numbers, so it holds beyond 4 GiB.
 */

export interface InterleaveWay {
  slot: string;
  slotIndex: number;
  /** first byte of the module that takes part */
  dimmOffset: number;
}

export interface Interleave {
  ways: readonly InterleaveWay[];
  /** bytes in one way before the next has its turn */
  granularity: number;
  /** choose the way by all block bits XORed together, not by the lowest alone; only for a power of two of ways */
  hash: boolean;
  /** the interleaved byte that the range begins with */
  offset: number;
}

/** Digits of `value` in base `ways` (a power of two), XORed. */
function fold(value: number, ways: number): number {
  let folded = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / ways)) folded ^= rest % ways;
  return folded;
}

const swizzle = ({ ways, hash }: Interleave, turn: number): number =>
  hash && ways.length > 1 && Number.isInteger(Math.log2(ways.length)) ? fold(turn, ways.length) : 0;

/** The module that holds the byte `distance` bytes into the range, and that byte's offset in it. */
export function wayAt(interleave: Interleave, distance: number): { way: InterleaveWay; dimmOffset: number } {
  const { ways, granularity, offset } = interleave;
  const position = offset + distance;
  const block = Math.floor(position / granularity);
  const turn = Math.floor(block / ways.length);
  const way = ways[(block % ways.length) ^ swizzle(interleave, turn)]!;
  return { way, dimmOffset: way.dimmOffset + turn * granularity + (position % granularity) };
}

/** The modules that hold a part of the bytes from `from` to `end` into the range, each once. */
export function waysWithin(interleave: Interleave, from: number, end: number): Set<InterleaveWay> {
  const found = new Set<InterleaveWay>();
  const { granularity, ways } = interleave;
  for (let at = from; at < end && found.size < ways.length; at += granularity - ((interleave.offset + at) % granularity))
    found.add(wayAt(interleave, at).way);
  return found;
}

/** The inverse: how far into the range a module's byte lies; negative before it. Undefined when the module takes no part from that byte on. */
export function distanceOf(interleave: Interleave, slotIndex: number, dimmOffset: number): number | undefined {
  const { ways, granularity, offset } = interleave;
  const index = ways.findIndex((way) => way.slotIndex === slotIndex && dimmOffset >= way.dimmOffset);
  if (index < 0) return undefined;
  const within = dimmOffset - ways[index]!.dimmOffset;
  const turn = Math.floor(within / granularity);
  const block = turn * ways.length + (index ^ swizzle(interleave, turn));
  return block * granularity + (within % granularity) - offset;
}
