/**
 * ELF32 executables for the 386 (System V ABI, chapters 4 and 5): header, program headers, PT_LOAD segments. Every number in the
 * file is checked before it is used.
 */
import { formatAddress } from '../address';
import { bootText, refuse } from './boot-report';
import { LARGEST_PROGRAM, type ImageSegment, type ProgramImage } from './program-image';

const MAGIC = 0x464c_457f;
const HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const MOST_PROGRAM_HEADERS = 256;
const TYPE_EXECUTABLE = 2;
const MACHINE_386 = 3;
const PT_LOAD = 1;

const REMEDY = bootText(
  'Link it as a static 32-bit executable for i386 (ld -m elf_i386 -Ttext=0x101000), or choose format: flat.',
  '请将其链接为 i386 的 32 位静态可执行文件（ld -m elf_i386 -Ttext=0x101000），或选择 format: flat。',
);

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const looksLikeElf = (bytes: Uint8Array): boolean => bytes.length >= 4 && view(bytes).getUint32(0, true) === MAGIC;

/** The segments to load and the entry. Refuses (BootRefusedError, `boot-bad-elf`) whatever is not an executable it can load. */
export function readElf(file: string, bytes: Uint8Array): ProgramImage {
  const bad = (en: string, zh: string): never => refuse('boot-bad-elf', bootText(`${file}: ${en}`, `${file}：${zh}`), REMEDY);
  if (!looksLikeElf(bytes)) bad('this is no ELF file: it does not begin with 7F 45 4C 46', '不是 ELF 文件：开头不是 7F 45 4C 46');
  if (bytes.length < HEADER_SIZE) bad(`the ELF header is cut off after ${bytes.length} bytes`, `ELF 头在 ${bytes.length} 字节处被截断`);
  const data = view(bytes);
  if (bytes[4] !== 1) bad('it is a 64-bit ELF file, and this processor is a 32-bit one', '这是 64 位 ELF 文件，而处理器是 32 位的');
  if (bytes[5] !== 1) bad('it is big-endian', '它是大端字节序的');
  const type = data.getUint16(16, true);
  if (type !== TYPE_EXECUTABLE) bad(`it is of type ${type}, not an executable (2)`, `其类型为 ${type}，不是可执行文件（2）`);
  const machine = data.getUint16(18, true);
  if (machine !== MACHINE_386) bad(`it is for machine ${machine}, not for the 386 (3)`, `其目标机器为 ${machine}，不是 386（3）`);
  const entry = data.getUint32(24, true);
  const tableOffset = data.getUint32(28, true);
  const entrySize = data.getUint16(42, true);
  const count = data.getUint16(44, true);
  if (count === 0) bad('it has no program headers, so nothing to load', '没有程序头，因此没有可加载的内容');
  if (entrySize < PROGRAM_HEADER_SIZE)
    bad(`its program headers are ${entrySize} bytes long, not 32`, `程序头长度为 ${entrySize} 字节，而不是 32`);
  if (count > MOST_PROGRAM_HEADERS)
    bad(`it has ${count} program headers, more than ${MOST_PROGRAM_HEADERS}`, `程序头多达 ${count} 个，超过 ${MOST_PROGRAM_HEADERS} 个`);
  if (tableOffset + count * entrySize > bytes.length) {
    bad(`its program headers (at offset ${tableOffset}) lie beyond the end of the file`, `程序头（偏移 ${tableOffset}）超出文件末尾`);
  }
  const segments: (ImageSegment & { virtualAddress: number })[] = [];
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * entrySize;
    if (data.getUint32(at, true) !== PT_LOAD) continue;
    const segment = {
      fileOffset: data.getUint32(at + 4, true),
      virtualAddress: data.getUint32(at + 8, true),
      address: data.getUint32(at + 12, true),
      fileBytes: data.getUint32(at + 16, true),
      memoryBytes: data.getUint32(at + 20, true),
      flags: flagsText(data.getUint32(at + 24, true)),
    };
    const { fileOffset, fileBytes, memoryBytes, address } = segment;
    if (memoryBytes === 0) continue;
    if (fileOffset + fileBytes > bytes.length) bad(`segment ${index} lies beyond the end of the file`, `段 ${index} 超出文件末尾`);
    if (fileBytes > memoryBytes) bad(`segment ${index} is larger in the file than in memory`, `段 ${index} 在文件中比在内存中更大`);
    if (address + memoryBytes > 2 ** 32) bad(`segment ${index} ends beyond 4 GiB`, `段 ${index} 超出 4 GiB`);
    segments.push(segment);
  }
  if (segments.length === 0) bad('it has no segment to load (PT_LOAD)', '没有可加载的段（PT_LOAD）');
  checkTogether(segments, bad);
  const home = segments.find(({ virtualAddress, memoryBytes }) => entry >= virtualAddress && entry < virtualAddress + memoryBytes);
  const physicalEntry = home ? home.address + (entry - home.virtualAddress) : entry;
  return {
    format: 'elf',
    mode: 'protected',
    segments,
    entry: physicalEntry,
    header: {
      text: bootText(
        `ELF32 executable for the 386: entry ${formatAddress(physicalEntry)}, ${count} program headers at offset 0x${tableOffset.toString(16)}, ${segments.length} of them to load`,
        `386 的 ELF32 可执行文件：入口 ${formatAddress(physicalEntry)}，偏移 0x${tableOffset.toString(16)} 处有 ${count} 个程序头，其中 ${segments.length} 个需要加载`,
      ),
      fields: { format: 'elf', entry: physicalEntry, programHeaders: count, load: segments.length, fileSize: bytes.length },
    },
    multiboot: null,
  };
}

function checkTogether(segments: readonly ImageSegment[], bad: (en: string, zh: string) => never): void {
  const ordered = [...segments].sort((left, right) => left.address - right.address);
  ordered.forEach((segment, index) => {
    const next = ordered[index + 1];
    if (next && segment.address + segment.memoryBytes > next.address) {
      bad(`its segments overlap at ${formatAddress(next.address)}`, `各段在 ${formatAddress(next.address)} 处重叠`);
    }
  });
  const total = segments.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  if (total > LARGEST_PROGRAM) bad(`it wants ${total} bytes of memory, more than 256 MiB`, `它需要 ${total} 字节内存，超过 256 MiB`);
}

/** `R W`, `R E`: PF_R 4, PF_W 2, PF_X 1. */
const flagsText = (flags: number): string => [flags & 4 ? 'R' : '', flags & 2 ? 'W' : '', flags & 1 ? 'E' : ''].filter(Boolean).join(' ');
