/** Bytes to NASM text, through iced-x86. For views and traces; execution has a decoder of its own (decode/). */
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import { asData, retell8086 } from './disassemble-8086';
import type { InstructionSet } from './instruction-set';

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
  /** whose instructions they are: the 8086 reads some bytes otherwise than the others, which is the default */
  instructionSet?: InstructionSet | undefined;
  /** stop after so many instructions; default: all bytes */
  count?: number;
}

/** One instruction: its bytes and its text. */
type Reading = { length: number; text: string };
/** Reads the one at an offset of some bytes, which lies at `ip`; undefined when there is none. */
type Reader = (bytes: Uint8Array, at: number, ip: number) => Reading | undefined;

/** Instructions in order. A byte that starts no instruction, or one cut off by the end, is listed by itself. */
export function disassemble(
  bytes: Uint8Array,
  { address, bits, instructionSet, count = Infinity }: DisassembleOptions,
): DisassembledInstruction[] {
  const formatter = new Formatter(FormatterSyntax.Nasm);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.branchLeadingZeros = false;
  formatter.spaceAfterOperandSeparator = true;
  const is8086 = instructionSet === '8086';
  const decoder = is8086 ? undefined : new Decoder(bits, bytes, DecoderOptions.MovTr);
  const read: Reader = decoder ? (_bytes, at, ip) => readAt(decoder, formatter, at, ip) : (...place) => read8086(formatter, ...place);
  const list: DisassembledInstruction[] = [];
  try {
    for (let at = 0; at < bytes.length && list.length < count;) {
      const { length, text } = read(bytes, at, address + at) ?? { length: 1, text: asData(bytes.subarray(at, at + 1)) };
      list.push({ address: address + at, bytes: bytes.slice(at, at + length), text });
      at += length;
    }
  } finally {
    decoder?.free();
    formatter.free();
  }
  return list;
}

function readAt(decoder: Decoder, formatter: Formatter, at: number, ip: number): Reading | undefined {
  decoder.position = at;
  decoder.ip = BigInt(ip);
  const instruction = decoder.decode();
  const reading = instruction.code === Code.INVALID ? undefined : { length: instruction.length, text: formatter.format(instruction) };
  instruction.free();
  return reading;
}

const LONGEST_8086 = 15;

function read8086(formatter: Formatter, bytes: Uint8Array, at: number, ip: number): Reading | undefined {
  const told = retell8086(bytes.subarray(at, at + LONGEST_8086));
  if (told === undefined || told.bytes === undefined) return told && { length: told.length, text: told.text('') };
  const decoder = new Decoder(16, told.bytes, DecoderOptions.MovTr | DecoderOptions.NoInvalidCheck | DecoderOptions.NoPause);
  try {
    // jumps count from the end of the instruction, which may have more bytes than are told
    const reading = readAt(decoder, formatter, 0, ip + told.length - told.bytes.length);
    return { length: told.length, text: reading ? told.text(reading.text) : asData(bytes.subarray(at, at + told.length)) };
  } finally {
    decoder.free();
  }
}
