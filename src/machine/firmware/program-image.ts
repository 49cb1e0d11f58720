/** A program as the firmware's loader sees it, whatever the file's format: pieces to copy and to zero, and where to jump. */
import type { BootText } from './boot-report';

export type ProgramFormat = 'flat' | 'elf' | 'multiboot' | 'boot-sector';

/** What the lab says about a program. Addresses are physical, in bytes. */
export interface BootProgram {
  /** for messages */
  file: string;
  bytes: Uint8Array;
  /** `auto` (and nothing): recognised by its contents */
  format?: 'auto' | ProgramFormat | 'rom';
  /** flat only: where it goes; 0x7C00 in real mode, 0x10_0000 in protected mode unless told */
  load?: number;
  /** flat: `load` unless told; other formats say it themselves */
  entry?: number;
  /** flat only: real unless told */
  mode?: 'real' | 'protected';
  /** multiboot only: what the kernel finds as its command line */
  commandLine?: string;
}

export interface ImageSegment {
  /** for people: `R E`, or nothing where the format does not say */
  flags: string;
  /** position in the file */
  fileOffset: number;
  fileBytes: number;
  /** physical address it is linked for */
  address: number;
  /** at least fileBytes; what is beyond is zeroed */
  memoryBytes: number;
}

export interface ProgramImage {
  format: ProgramFormat;
  mode: 'real' | 'protected';
  segments: ImageSegment[];
  /** physical address of the first instruction */
  entry: number;
  /** what was read in the header, for the report */
  header: { text: BootText; fields: Record<string, string | number> };
  /** offset of the multiboot header in the file, and its flags */
  multiboot: { offset: number; flags: number } | null;
}

/** Bytes a program may occupy in memory altogether. */
export const LARGEST_PROGRAM = 256 * 1024 * 1024;

/** Bytes of one file. */
export const LARGEST_FILE = 64 * 1024 * 1024;
