/** Tables in memory: descriptors, page tables, and what linear space they make. */

export type DescriptorKind =
  | 'code'
  | 'data'
  | 'ldt'
  | 'tss-16'
  | 'tss-16-busy'
  | 'tss-32'
  | 'tss-32-busy'
  | 'call-gate-16'
  | 'call-gate-32'
  | 'task-gate'
  | 'interrupt-gate-16'
  | 'interrupt-gate-32'
  | 'trap-gate-16'
  | 'trap-gate-32'
  | 'reserved'
  | 'real-vector';

/** One entry of a descriptor table as it lies in memory; `segment` or `gate` by its kind. */
export interface DescriptorView {
  index: number;
  /** of its first byte */
  linear: bigint;
  bytes: Uint8Array;
  kind: DescriptorKind;
  dpl: number;
  present: boolean;
  /** limit in bytes, attributes in VMX's format */
  segment?: { base: bigint; limit: number; attributes: number };
  gate?: { selector: number; offset: number; parameters: number | null };
}

export interface DescriptorTableView {
  base: bigint;
  limit: number;
  /** what is not zero, ascending */
  entries: DescriptorView[];
  /** entries that are not zero beyond those listed */
  unlisted: number;
  /** entries where nothing is mapped */
  unreadable: number;
}

export interface TssView {
  selector: number;
  base: bigint;
  limit: number;
  wide: boolean;
  /** those within the limit */
  fields: { name: string; offset: number; size: 2 | 4; value: number }[];
}

/** The tables that segments and interrupts go through, of the VM on screen. */
export interface TablesView {
  vm: string | null;
  /** real mode: `idt` is the vector table */
  real: boolean;
  gdt: DescriptorTableView;
  ldt: DescriptorTableView | null;
  idt: DescriptorTableView;
  tss: TssView | null;
}

/** `count` entries from `first` on that map one stretch with the same flags. */
export interface PageEntryView {
  structure: 'pdpte' | 'pde' | 'pte';
  first: number;
  count: number;
  /** first linear address that it covers */
  linear: bigint;
  /** guest-physical address of the entry (of the first, in a run) */
  at: bigint;
  value: bigint;
  entryBytes: 4 | 8;
  /** guest-physical: the table or page it points to */
  target: bigint;
  leads: 'table' | 'page';
  pageBytes: number;
  present: boolean;
  flags: { name: string; set: boolean }[];
}

export interface PageTableView {
  format: '32-bit' | 'pae';
  path: number[];
  /** guest-physical */
  at: bigint;
  host: number | null;
  /** what is not zero, ascending */
  entries: PageEntryView[];
  /** entries that are zero */
  empty: number;
  /** false: no memory is behind the table */
  readable: boolean;
}

/** Linear pages that follow one another, map frames that follow one another, and allow the same. */
export interface LinearRunView {
  linear: bigint;
  bytes: number;
  /** guest-physical (host-physical on the bare machine): of the first byte */
  guest: bigint;
  pageBytes: number;
  writable: boolean;
  user: boolean;
  executable: boolean;
}

/** What one page-table root maps, ascending. */
export interface LinearSpaceView {
  cr3: bigint;
  /** the one that is loaded now */
  current: boolean;
  format: '32-bit' | 'pae';
  runs: LinearRunView[];
  /** runs beyond those listed */
  more: number;
}
