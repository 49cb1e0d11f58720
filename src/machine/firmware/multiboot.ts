/**
 * Multiboot 1 (specification 0.6.96): finds and reads the header, for images that carry their own addresses and for ELF files,
 * and makes the information structure a kernel gets.
 */
import { formatAddress } from '../address';
import { bootText, refuse } from './boot-report';
import { looksLikeElf, readElf } from './elf';
import { E820_NUMBERS, usableFrom, type E820Entry } from './memory-map';
import type { Platform } from './platform';
import { LARGEST_PROGRAM, type ProgramImage } from './program-image';

const MAGIC = 0x1bad_b002;
/** what the kernel finds in EAX */
export const MULTIBOOT_BOOTLOADER_MAGIC = 0x2bad_b002;
/** the header lies wholly in this much of the file, on a multiple of 4 */
const SEARCHED = 8192;
const FLAG_ADDRESSES = 1 << 16;
/** required features this firmware has: page-aligned modules, memory information */
const SUPPORTED = 0x3;

const REMEDY = bootText('Correct the multiboot header, or choose another format.', '请修正 multiboot 头，或选择其他格式。');

/** Offset and flags of the header, or null where there is none with a valid checksum. */
export function findMultibootHeader(bytes: Uint8Array): { offset: number; flags: number } | null {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 12 <= Math.min(bytes.length, SEARCHED); offset += 4) {
    if (data.getUint32(offset, true) !== MAGIC) continue;
    const flags = data.getUint32(offset + 4, true);
    if (((MAGIC + flags + data.getUint32(offset + 8, true)) & 0xffff_ffff) === 0) return { offset, flags };
  }
  return null;
}

/** Offset of what would be a header if its checksum were right, or null: most likely a slip, and the file is taken for something else. */
export function findBrokenMultibootHeader(bytes: Uint8Array): number | null {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 12 <= Math.min(bytes.length, SEARCHED); offset += 4)
    if (data.getUint32(offset, true) === MAGIC) return offset;
  return null;
}

/** Refuses (BootRefusedError) a header that is missing, cut off, inconsistent, or asks for what is not there. */
export function readMultiboot(file: string, bytes: Uint8Array): ProgramImage {
  const bad = (en: string, zh: string): never => refuse('boot-bad-multiboot', bootText(`${file}: ${en}`, `${file}：${zh}`), REMEDY);
  const header =
    findMultibootHeader(bytes) ??
    bad('no multiboot 1 header in its first 8192 bytes (or its checksum is wrong)', '前 8192 字节中没有 multiboot 1 头（或校验和有误）');
  const unknown = header.flags & 0xffff & ~SUPPORTED;
  if (unknown !== 0) {
    bad(
      `its header requires features 0x${unknown.toString(16)}, which this firmware does not have`,
      `其头要求特性 0x${unknown.toString(16)}，本固件不具备`,
    );
  }
  if ((header.flags & FLAG_ADDRESSES) === 0) {
    if (!looksLikeElf(bytes)) bad('its header gives no addresses, and the file is no ELF file', '其头没有给出地址，而文件又不是 ELF 文件');
    const image = readElf(file, bytes);
    return {
      ...image,
      format: 'multiboot',
      multiboot: header,
      header: { ...image.header, fields: { ...image.header.fields, format: 'multiboot (ELF)' } },
    };
  }
  if (header.offset + 32 > bytes.length) bad('its header is cut off', '其头被截断');
  const data = new DataView(bytes.buffer, bytes.byteOffset + header.offset + 12, 20);
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [0, 4, 8, 12, 16].map((offset) => data.getUint32(offset, true)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const fileOffset = header.offset - (headerAddress - loadAddress);
  if (loadAddress > headerAddress || fileOffset < 0)
    bad('its load address lies after its header, or before the file', '其加载地址位于头之后或文件之前');
  const fileBytes = loadEnd === 0 ? bytes.length - fileOffset : loadEnd - loadAddress;
  if (fileBytes <= 0 || fileOffset + fileBytes > bytes.length)
    bad('it wants to load more than the file holds', '需要加载的内容超出文件长度');
  const memoryBytes = bssEnd === 0 ? fileBytes : bssEnd - loadAddress;
  if (memoryBytes < fileBytes) bad('its bss ends before its data', 'bss 的末尾位于数据之前');
  if (loadAddress + memoryBytes > 2 ** 32 || memoryBytes > LARGEST_PROGRAM)
    bad(
      `it wants ${memoryBytes} bytes from ${formatAddress(loadAddress)}, more than 256 MiB or beyond 4 GiB`,
      `它需要从 ${formatAddress(loadAddress)} 起 ${memoryBytes} 字节，超过 256 MiB 或 4 GiB 界限`,
    );
  return {
    format: 'multiboot',
    mode: 'protected',
    segments: [{ flags: '', fileOffset, fileBytes, address: loadAddress, memoryBytes }],
    entry,
    header: {
      text: bootText(
        `Multiboot 1 header at offset 0x${header.offset.toString(16)}: load at ${formatAddress(loadAddress)}, entry ${formatAddress(entry)}`,
        `偏移 0x${header.offset.toString(16)} 处有 multiboot 1 头：加载到 ${formatAddress(loadAddress)}，入口 ${formatAddress(entry)}`,
      ),
      fields: { format: 'multiboot', entry, loadAddress, headerOffset: header.offset, fileSize: bytes.length },
    },
    multiboot: header,
  };
}

/** What a kernel is told: what a program in real mode would learn from E820, where there is such a BIOS. */
export const kernelMap = ({ bios, memory }: Platform): readonly E820Entry[] =>
  bios?.memoryMap ?? memory.map(({ base, bytes }) => ({ base, end: base + bytes, type: 'usable' }));

const INFO_SIZE = 88;
const NAME = 'Pagewalk\0';

/**
 * The information structure (section 3.3) to be written at `address`: lower and upper memory, the memory map, the boot loader's
 * name, and the command line when there is one. Little-endian, everything behind one another.
 */
export function multibootInformation(address: number, map: readonly E820Entry[], commandLine?: string): Uint8Array {
  const mapAt = INFO_SIZE;
  const mapBytes = map.length * 24;
  const line = commandLine === undefined ? null : new TextEncoder().encode(commandLine + '\0');
  const lineAt = mapAt + mapBytes + NAME.length;
  const bytes = new Uint8Array(lineAt + (line?.length ?? 0));
  const data = new DataView(bytes.buffer);
  data.setUint32(0, (1 << 0) | (1 << 6) | (1 << 9), true);
  data.setUint32(4, usableFrom(map, 0, 640 * 1024) / 1024, true);
  data.setUint32(8, Math.min(Math.floor(usableFrom(map, 0x10_0000) / 1024), 0xffff_ffff), true);
  data.setUint32(44, mapBytes, true);
  data.setUint32(48, address + mapAt, true);
  data.setUint32(64, address + mapAt + mapBytes, true);
  map.forEach(({ base, end, type }, index) => {
    const at = mapAt + index * 24;
    data.setUint32(at, 20, true);
    data.setBigUint64(at + 4, BigInt(base), true);
    data.setBigUint64(at + 12, BigInt(end - base), true);
    data.setUint32(at + 20, E820_NUMBERS[type], true);
  });
  bytes.set(new TextEncoder().encode(NAME), mapAt + mapBytes);
  if (line) {
    data.setUint32(0, data.getUint32(0, true) | (1 << 2), true);
    data.setUint32(16, address + lineAt, true);
    bytes.set(line, lineAt);
  }
  return bytes;
}
