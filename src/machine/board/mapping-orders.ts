/**
 * In which order a memory controller cuts an address into channel, rank, bank, row and column. Orders are named as in
 * Ramulator, from the most to the least significant part; the byte of the bus is always the least. Where `Ch` comes last,
 * neighbouring blocks of addresses take turns among the channels; where it comes first, each channel is filled in its turn.
 */

/** Levels inside one module, most significant first. */
export const MAPPING_LEVELS = {
  /** neighbouring columns stay in an open row, then the ranks and banks take turns: good for streams */
  RoBaRaCoCh: ['row', 'bankGroup', 'bank', 'rank', 'column', 'subchannel'],
  /** as above, but the banks take turns before the ranks do */
  RoRaBaCoCh: ['row', 'rank', 'bankGroup', 'bank', 'column', 'subchannel'],
  /** neighbouring columns lie in different banks */
  RoRaCoBaCh: ['row', 'rank', 'column', 'bankGroup', 'bank', 'subchannel'],
  /** a bank is filled row by row before the next one begins: good for seeing rows next to each other */
  ChRaBaRoCo: ['subchannel', 'rank', 'bankGroup', 'bank', 'row', 'column'],
} as const satisfies Record<string, readonly ('subchannel' | 'rank' | 'bankGroup' | 'bank' | 'row' | 'column')[]>;

export type MappingOrder = keyof typeof MAPPING_LEVELS;
export const MAPPING_ORDERS = Object.keys(MAPPING_LEVELS) as [MappingOrder, ...MappingOrder[]];
export const DEFAULT_MAPPING: MappingOrder = 'RoBaRaCoCh';

/** Do neighbouring blocks of addresses take turns among the channels? */
export const interleavesChannels = (order: MappingOrder): boolean => order.endsWith('Ch');
