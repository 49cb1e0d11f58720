/**
 * The entries of the remapping tables as bits: root, context and second-level paging entries (VT-d chapter 9). Decoding
 * only; who reads them, and what a bad one means, is the walker's business.
 */

/** An entry where it was read: which structure, its index in the table, its host-physical address and its one or two words. */
export interface EntryRead {
  structure: 'root-entry' | 'context-entry' | 'sl-pml4e' | 'sl-pdpte' | 'sl-pde' | 'sl-pte';
  index: number;
  address: number;
  low: bigint;
  /** upper word of the 16-byte entries; 0 for paging entries */
  high: bigint;
}

const ADDRESS_FIELD = 0x000f_ffff_ffff_f000n;
/** Address bits of an entry that the host does not have. They are reserved. */
const beyond = (hostAddressBits: number): bigint => ADDRESS_FIELD & ~((1n << BigInt(hostAddressBits)) - 1n);
const tableOf = (word: bigint): number => Number(word & ADDRESS_FIELD);

export interface RootEntry {
  present: boolean;
  contextTable: number;
  reserved: boolean;
}

export function decodeRoot({ low, high }: EntryRead, hostAddressBits: number): RootEntry {
  return {
    present: (low & 1n) !== 0n,
    contextTable: tableOf(low),
    reserved: (low & (0xffen | beyond(hostAddressBits) | ~((1n << 52n) - 1n))) !== 0n || high !== 0n,
  };
}

export const TRANSLATION_TYPE = { multiLevel: 0, deviceTlb: 1, passThrough: 2 } as const;

export interface ContextEntry {
  present: boolean;
  /** FPD: do not report this device's qualified faults */
  faultProcessingDisabled: boolean;
  translationType: number;
  addressWidth: number;
  domain: number;
  table: number;
  reserved: boolean;
}

export function decodeContext({ low, high }: EntryRead, hostAddressBits: number): ContextEntry {
  return {
    present: (low & 1n) !== 0n,
    faultProcessingDisabled: (low & 2n) !== 0n,
    translationType: Number((low >> 2n) & 3n),
    addressWidth: Number(high & 7n),
    domain: Number((high >> 8n) & 0xffffn),
    table: tableOf(low),
    reserved: (low & (0xff0n | beyond(hostAddressBits) | ~((1n << 52n) - 1n))) !== 0n || (high & 0xffff_ffff_ff00_0080n) !== 0n,
  };
}

export interface PagingEntry {
  readable: boolean;
  writable: boolean;
  /** PS: this entry maps a page of its level's size */
  page: boolean;
  address: number;
  reserved: boolean;
}

/** Bytes that one entry of a level covers: level 1 is 4 KiB, level 2 is 2 MiB, level 3 is 1 GiB. */
export const levelBytes = (level: number): number => 2 ** (12 + 9 * (level - 1));

/** SNP and TM mean something only to units with snoop control and device TLBs, which this one is not: reserved in a leaf. */
const LEAF_RESERVED = (1n << 11n) | (1n << 62n);

export function decodePaging({ low }: EntryRead, level: number, hostAddressBits: number): PagingEntry {
  const pageBit = (low & 0x80n) !== 0n;
  const leaf = level === 1 || (pageBit && level <= 3);
  let reserved = beyond(hostAddressBits);
  if (level === 4) reserved |= 0x80n;
  if (leaf) reserved |= LEAF_RESERVED;
  // a superpage's address is aligned to its size
  if (leaf && level > 1) reserved |= BigInt(levelBytes(level) - 1) & ~0xfffn;
  return {
    readable: (low & 1n) !== 0n,
    writable: (low & 2n) !== 0n,
    page: leaf,
    address: tableOf(low),
    reserved: (low & reserved) !== 0n,
  };
}

/** The entry's bytes in memory order. */
export function entryBytes(entry: EntryRead): Uint8Array {
  const wide = entry.structure === 'root-entry' || entry.structure === 'context-entry';
  const bytes = new Uint8Array(wide ? 16 : 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, entry.low, true);
  if (wide) view.setBigUint64(8, entry.high, true);
  return bytes;
}
