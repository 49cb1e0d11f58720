/** Bytes to NASM text, through iced-x86. For views and traces; execution has a decoder of its own (decode/). */
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';

export interface DisassembledInstruction {
  /** offset of the instruction in its code segment */
  address: number;
  bytes: Uint8Array;
  /** NASM syntax; `db 0x0F` for bytes that are no instruction */
  text: string;
}

export interface DisassembleOptions {
  /** address of the first byte, below 2^32 */
  address: number;
  /** default operand and address size: CS.D */
  bits: 16 | 32;
  /** stop after so many instructions; default: all bytes */
  count?: number;
}

/** Instructions in order. A byte that starts no instruction, or one cut off by the end, is listed by itself. */
export function disassemble(bytes: Uint8Array, { address, bits, count = Infinity }: DisassembleOptions): DisassembledInstruction[] {
  const decoder = new Decoder(bits, bytes, DecoderOptions.MovTr);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.branchLeadingZeros = false;
  formatter.spaceAfterOperandSeparator = true;
  const list: DisassembledInstruction[] = [];
  try {
    decoder.ip = BigInt(address);
    let at = 0;
    while (at < bytes.length && list.length < count) {
      decoder.position = at;
      decoder.ip = BigInt(address + at);
      const instruction = decoder.decode();
      const known = instruction.code !== Code.INVALID;
      const length = known ? instruction.length : 1;
      const text = known ? formatter.format(instruction) : `db 0x${bytes[at]!.toString(16).toUpperCase().padStart(2, '0')}`;
      instruction.free();
      list.push({ address: address + at, bytes: bytes.slice(at, at + length), text });
      at += length;
    }
  } finally {
    decoder.free();
    formatter.free();
  }
  return list;
}
