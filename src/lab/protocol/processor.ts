/** The processor as it stands: registers, TLB, what it delivered, and its code. */

export interface SegmentView {
  name: 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS' | 'LDTR' | 'TR';
  selector: number;
  base: bigint;
  limit: number;
  attributes: number;
}

export interface RegistersView {
  vm: string | null;
  /** RAX … R15, in encoding order */
  general: bigint[];
  rip: bigint;
  flags: number;
  segments: SegmentView[];
  gdtr: { base: bigint; limit: number };
  idtr: { base: bigint; limit: number };
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  /** DR0 to DR7; 4 and 5 are 6 and 7 by another name, and 0 here */
  debug: bigint[];
  cpl: number;
  mode: 'real' | 'protected' | 'virtual-8086' | 'long';
  paging: boolean;
  activity: 'running' | 'halted' | 'shutdown';
  /** names (`RAX`, `RIP`, `ZF`, `DS`, `CR3`) of what the last step changed */
  changed: string[];
  /** the next instruction */
  next: DisassemblyLine | null;
}

export interface TlbView {
  sets: number;
  ways: number;
  entries: {
    set: number;
    way: number;
    linear: bigint;
    host: number;
    /** what the entry covers */
    pageBytes: number;
    /** the page that the tables map: larger where the entry is a part of it */
    mappedBytes: number;
    flags: string;
    vpid: number;
    global: boolean;
  }[];
  accesses: number;
  misses: number;
  evictions: number;
  /** table entries that misses have read */
  tableReads: number;
}

/** Exceptions and interrupts that reached a handler. */
export interface EventsView {
  /** since power-on */
  total: number;
  /** by vector, ascending */
  counts: { vector: number; count: number }[];
  /** the latest first, at most 200 */
  latest: {
    /** 1 for the first since power-on */
    number: number;
    vector: number;
    kind: 'fault' | 'trap' | 'software' | 'external';
    /** null when none was pushed */
    errorCode: number | null;
    /** of a page fault */
    cr2: number | null;
    /** instructions that the program had completed by then */
    instructions: number;
    vm: string | null;
  }[];
}

/** An instruction as it lies in memory. */
export interface DisassemblyLine {
  linear: bigint;
  bytes: Uint8Array;
  text: string;
  /** where it stands in its source, when it comes from a program of the lab */
  file?: string;
  line?: number;
}

/** An instruction that is spoken of: where it lies, what it is. */
export type InstructionPlace = Omit<DisassemblyLine, 'bytes'>;
