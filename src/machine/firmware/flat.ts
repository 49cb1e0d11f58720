/** Programs without a header: a flat image, and the boot sector of a disk. */
import { formatAddress } from '../address';
import { bootText, refuse } from './boot-report';
import type { BootProgram, ProgramImage } from './program-image';

/** where a BIOS puts a boot sector */
export const BOOT_SECTOR_ADDRESS = 0x7c00;
const SECTOR = 512;
const PROTECTED_LOAD = 0x10_0000;
/** the highest address a real-mode segment begins at is 0xF_FFF0 */
const REAL_MODE_END = 0x10_0000;

/** Where a flat image goes unless the lab says otherwise. */
export const defaultLoad = (mode: 'real' | 'protected'): number => (mode === 'real' ? BOOT_SECTOR_ADDRESS : PROTECTED_LOAD);

export const looksLikeBootSector = (bytes: Uint8Array): boolean => bytes.length === SECTOR && bytes[510] === 0x55 && bytes[511] === 0xaa;

/** Refuses an entry that the mode cannot reach. */
export function refuseEntry(file: string, mode: 'real' | 'protected', entry: number): never {
  const zhMode = mode === 'real' ? '实模式' : '保护模式';
  refuse(
    'boot-entry-out-of-reach',
    bootText(`${file}: ${mode} mode cannot start at ${formatAddress(entry)}`, `${file}：${zhMode}无法从 ${formatAddress(entry)} 开始执行`),
    mode === 'real'
      ? bootText('Choose mode: protected, or an entry below 1 MiB.', '请选择 mode: protected，或使用 1 MiB 以下的入口。')
      : bootText('Choose an entry below 4 GiB.', '请使用 4 GiB 以下的入口。'),
  );
}

/** The whole file at `load`. Refuses an entry that real mode cannot reach. */
export function flatImage(program: BootProgram): ProgramImage {
  const { file, bytes, mode = 'real' } = program;
  const load = program.load ?? defaultLoad(mode);
  const entry = program.entry ?? load;
  const limit = mode === 'real' ? REAL_MODE_END : 2 ** 32;
  if (load + bytes.length > 2 ** 32) {
    refuse(
      'boot-beyond-4g',
      bootText(
        `${file}: ${bytes.length} bytes from ${formatAddress(load)} on end beyond 4 GiB`,
        `${file}：从 ${formatAddress(load)} 开始的 ${bytes.length} 字节超出 4 GiB`,
      ),
      bootText('Choose a lower load address.', '请使用更低的加载地址。'),
    );
  }
  if (entry >= limit) refuseEntry(file, mode, entry);
  return {
    format: 'flat',
    mode,
    segments: [{ flags: '', fileOffset: 0, fileBytes: bytes.length, address: load, memoryBytes: bytes.length }],
    entry,
    header: {
      text: bootText(
        `Flat image of ${bytes.length} bytes, no header: load at ${formatAddress(load)}, entry ${formatAddress(entry)}, ${mode} mode`,
        `平坦映像，${bytes.length} 字节，没有头：加载到 ${formatAddress(load)}，入口 ${formatAddress(entry)}，${mode === 'real' ? '实模式' : '保护模式'}`,
      ),
      fields: { format: 'flat', load, entry, mode, fileSize: bytes.length },
    },
    multiboot: null,
  };
}

/** The first 512 bytes to 0x7C00, as a BIOS does. Refuses a sector without the mark 55 AA. */
export function bootSectorImage({ file, bytes }: BootProgram): ProgramImage {
  if (bytes.length < SECTOR || bytes[510] !== 0x55 || bytes[511] !== 0xaa) {
    refuse(
      'boot-no-boot-sector',
      bootText(`${file}: this is no boot sector: 512 bytes that end in 55 AA`, `${file}：不是引导扇区：应为以 55 AA 结尾的 512 字节`),
      bootText(
        'End it with: times 510-($-$$) db 0, then dw 0xAA55. Or choose format: flat.',
        '请以 times 510-($-$$) db 0 和 dw 0xAA55 结尾，或选择 format: flat。',
      ),
    );
  }
  return {
    format: 'boot-sector',
    mode: 'real',
    segments: [{ flags: '', fileOffset: 0, fileBytes: SECTOR, address: BOOT_SECTOR_ADDRESS, memoryBytes: SECTOR }],
    entry: BOOT_SECTOR_ADDRESS,
    header: {
      text: bootText(
        `Boot sector with the mark 55 AA: its 512 bytes go to ${formatAddress(BOOT_SECTOR_ADDRESS)}, real mode`,
        `引导扇区，带标记 55 AA：512 字节加载到 ${formatAddress(BOOT_SECTOR_ADDRESS)}，实模式`,
      ),
      fields: { format: 'boot-sector', entry: BOOT_SECTOR_ADDRESS, mode: 'real', fileSize: bytes.length },
    },
    multiboot: null,
  };
}
