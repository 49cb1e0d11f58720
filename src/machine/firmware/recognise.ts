/** What kind of program a file is, and whether a board or a VM can start one of that kind. */
import { bootText, refuse } from './boot-report';
import { looksLikeElf, readElf } from './elf';
import { bootSectorImage, flatImage, looksLikeBootSector, refuseEntry } from './flat';
import { findBrokenMultibootHeader, findMultibootHeader, readMultiboot } from './multiboot';
import type { Platform } from './platform';
import { LARGEST_FILE, type BootProgram, type ProgramImage } from './program-image';

/** Reads the program's headers. Throws BootRefusedError for one that cannot be started by anybody. */
export function recognise(program: BootProgram): ProgramImage {
  const { file, bytes, mode } = program;
  const chooseOther = bootText('Name a program with contents, below 64 MiB.', '请指定一个非空且小于 64 MiB 的程序。');
  if (bytes.length === 0) refuse('boot-empty-program', bootText(`${file} is empty`, `${file} 是空文件`), chooseOther);
  if (bytes.length > LARGEST_FILE)
    refuse(
      'boot-too-large',
      bootText(`${file} has ${bytes.length} bytes, more than 64 MiB`, `${file} 有 ${bytes.length} 字节，超过 64 MiB`),
      chooseOther,
    );
  const asked = program.format ?? 'auto';
  const format = asked === 'auto' ? detect(bytes) : asked;
  if (format === 'rom') {
    refuse(
      'boot-unsupported-format',
      bootText(`${file}: this board has no socket for a ROM`, `${file}：主板上没有 ROM 插座`),
      bootText('Choose flat, elf, multiboot or boot-sector.', '请选择 flat、elf、multiboot 或 boot-sector。'),
    );
  }
  if (mode === 'real' && (format === 'elf' || format === 'multiboot')) {
    refuse(
      'boot-wrong-mode',
      bootText(
        `${file}: ${format} programs start in protected mode, not in real mode`,
        `${file}：${format} 程序在保护模式下启动，而不是实模式`,
      ),
      bootText('Remove mode: real, or choose format: flat.', '请去掉 mode: real，或选择 format: flat。'),
    );
  }
  const image =
    format === 'elf'
      ? readElf(file, bytes)
      : format === 'multiboot'
        ? readMultiboot(file, bytes)
        : format === 'boot-sector'
          ? bootSectorImage(program)
          : flatImage(program);
  const entry = program.entry ?? image.entry;
  if (entry >= 2 ** 32) refuseEntry(file, image.mode, entry);
  const broken = asked === 'auto' && format !== 'multiboot' ? findBrokenMultibootHeader(bytes) : null;
  return { ...image, entry, ...(broken === null ? {} : { header: withBrokenMultiboot(image.header, broken) }) };
}

function withBrokenMultiboot({ text, fields }: ProgramImage['header'], offset: number): ProgramImage['header'] {
  const at = `0x${offset.toString(16)}`;
  return {
    text: bootText(
      `${text.en} (the multiboot header at offset ${at} does not count: magic number, flags and checksum do not add up to 0)`,
      `${text['zh-CN']}（偏移 ${at} 处的 multiboot 头无效：魔数、标志与校验和之和不为 0）`,
    ),
    fields: { ...fields, brokenMultibootHeader: offset },
  };
}

/** Throws BootRefusedError for a program for protected mode on a processor that has none. */
export function refuseMode({ realModeOnly }: Platform, file: string, { mode, format }: ProgramImage): void {
  if (realModeOnly === undefined || mode === 'real') return;
  refuse(
    'boot-no-protected-mode',
    bootText(
      `${file}: a program of format ${format} starts in protected mode here, which the processor ${realModeOnly} does not have`,
      `${file}：格式为 ${format} 的程序在此要从保护模式启动，而处理器 ${realModeOnly} 没有保护模式`,
    ),
    bootText(
      'Choose a 386 or a later processor on the board, or a program with mode: real.',
      '请在主板上选用 386 或更新的处理器，或使用 mode: real 的程序。',
    ),
  );
}

/** Multiboot before ELF, since a multiboot kernel may be both. */
function detect(bytes: Uint8Array): ProgramImage['format'] {
  if (findMultibootHeader(bytes)) return 'multiboot';
  if (looksLikeElf(bytes)) return 'elf';
  return looksLikeBootSector(bytes) ? 'boot-sector' : 'flat';
}
