/** What a segment's attributes say, as short marks in the manual's letters (SDM vol. 3, 3.4.5). Attributes in VMX's format. Pure. */
import type { DescriptorView, SegmentView } from '../../../lab/protocol';
import type { FlagBit } from '../../components/FlagBits.vue';

const bit = (attributes: number, at: number): boolean => ((attributes >>> at) & 1) === 1;

/** `unusable`, `code`, `data`, `ldt`, `tss` or `system`: what a hidden part describes. */
export function hiddenKind(attributes: number): 'unusable' | 'code' | 'data' | 'ldt' | 'tss' | 'system' {
  if (bit(attributes, 16)) return 'unusable';
  if (bit(attributes, 4)) return bit(attributes, 3) ? 'code' : 'data';
  const type = attributes & 15;
  return type === 2 ? 'ldt' : [1, 3, 9, 11].includes(type) ? 'tss' : 'system';
}

/** A; W and E (data: writable, expands down) or R and C (code: readable, conforming); D or B; G; P. */
export function segmentFlags(attributes: number): FlagBit[] {
  const flag = (name: string, at: number): FlagBit => ({ name, set: bit(attributes, at) });
  if (bit(attributes, 16)) return [];
  if (!bit(attributes, 4)) return [flag('P', 7), flag('G', 15)];
  const code = bit(attributes, 3);
  return [flag('P', 7), flag('A', 0), flag(code ? 'R' : 'W', 1), flag(code ? 'C' : 'E', 2), flag(code ? 'D' : 'B', 14), flag('G', 15)];
}

export const segmentDpl = (attributes: number): number => (attributes >>> 5) & 3;

/** Is what a segment register was loaded with still what the descriptor says? The accessed bit is set by the load itself. */
export const agrees = (held: SegmentView, entry: DescriptorView): boolean =>
  entry.segment !== undefined &&
  held.base === entry.segment.base &&
  held.limit === entry.segment.limit &&
  (held.attributes | 1) === (entry.segment.attributes | 1);
