/** Bytes to a block of IR: decodes until the block ends and lowers each instruction by the function its row names. */
import { NO_ERROR_CODE } from '../cpu-state';
import { decode, type DecodeResult } from '../decode/decoder';
import { ROWS, ROWS_386, ROWS_8086 } from '../decode/table';
import { ARITHMETIC } from './arithmetic';
import { BITS } from './bits';
import { BlockBuilder } from './builder';
import { CONTROL } from './control';
import { DATA } from './data';
import { DECIMAL } from './decimal';
import { EXCEPTION } from './exceptions';
import type { IrBlock, Mode } from './ir';
import { dropDeadFlags } from './optimise';
import { STRINGS } from './strings';
import { SYSTEM } from './system';

type Lower = (b: BlockBuilder) => void;

/** Meaning of each row of the opcode table, by name. */
export const LOWERINGS: Readonly<Record<string, Lower>> = {
  ...ARITHMETIC,
  ...BITS,
  ...CONTROL,
  ...DATA,
  ...DECIMAL,
  ...STRINGS,
  ...SYSTEM,
};

for (const row of [...ROWS, ...ROWS_386, ...ROWS_8086])
  if (!(row.name in LOWERINGS)) throw new Error(`opcode ${row.opcode.toString(16)}: nothing lowers ${row.name}`);

/** Longest block, in instructions. */
export const MAX_BLOCK = 64;

export interface CodeBytes {
  bytes: Uint8Array;
  start: number;
  /** first byte that must not be read: the end of the page, or of what was fetched */
  end: number;
  /** immediates and displacements that begin there in `bytes` keep being patched: they become `code` operations */
  patched?: (at: number) => boolean;
}

/** What stopped a block from having any instruction: its first instruction needs bytes beyond `end`. */
export type LowerResult = IrBlock | 'truncated';

/**
 * Lowers the block at `code.start`. An instruction that reaches beyond `code.end` is left to the next block.
 * @param splitAt true for offsets from the start at which a block must end (a breakpoint); never asked for 0
 */
export function lowerBlock(code: CodeBytes, mode: Mode, maxInstructions = MAX_BLOCK, splitAt?: (offset: number) => boolean): LowerResult {
  const { patched, start } = code;
  const builder = new BlockBuilder(mode, patched && ((offset) => patched(start + offset)));
  let offset = 0;
  for (let count = 0; count < maxInstructions && !builder.ended; count++) {
    if (count > 0 && splitAt?.(offset)) break;
    const decoded: DecodeResult = decode(code.bytes, code.start + offset, code.end, mode);
    if (decoded === 'truncated') {
      if (count === 0) return 'truncated';
      break;
    }
    if (typeof decoded === 'string') {
      if (count > 0) break;
      // the 8086 has no limit: one prefix of too many is passed over by itself
      if (builder.is8086) builder.passOver(1);
      else lowerUndecodable(builder, decoded);
      break;
    }
    builder.begin(decoded, offset);
    LOWERINGS[decoded.row.name]!(builder);
    offset += decoded.length;
    if (code.start + offset >= code.end) break;
  }
  return dropDeadFlags(builder.finish());
}

function lowerUndecodable(builder: BlockBuilder, reason: 'unknown' | 'invalid' | 'too-long'): void {
  builder.beginUndecodable();
  if (reason === 'too-long') builder.emit('raise', EXCEPTION.GP, 0);
  else if (reason === 'invalid') builder.emit('raise', EXCEPTION.UD, NO_ERROR_CODE);
  else builder.emit('unknown');
  builder.emit('leave');
}
