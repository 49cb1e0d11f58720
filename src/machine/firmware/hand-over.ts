/**
 * The last the firmware does: writes the tables that a program of this kind finds in memory, and gives the state in which the
 * processor begins.
 */
import { formatAddress } from '../address';
import { installBiosServices } from './bios/bios-services';
import { bootText, refuse, type BootStep } from './boot-report';
import { BOOT_SECTOR_ADDRESS } from './flat';
import { inside } from './memory-ranges';
import { kernelMap, MULTIBOOT_BOOTLOADER_MAGIC, multibootInformation } from './multiboot';
import type { Platform } from './platform';
import { protectedModeStart, realModeStart, type ProcessorStart } from './processor-start';
import type { BootProgram, ProgramImage } from './program-image';

/** BIOS number of the first hard disk, which a boot sector finds in DL. */
const FIRST_HARD_DISK = 0x80;
/** Free since the first PC, just above the BIOS data area. */
const TABLE_AREA = 0x500;
/** bytes of the stack that a multiboot kernel finds */
const LOW_STACK = 0x1000;

/** Null, flat code, flat data (SDM vol. 3, 3.4.5). */
const FLAT_GDT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);

/** A free place for `bytes` bytes of tables: above the BIOS data area of the first DRAM, else behind the program; null where neither is free. */
function tablePlace(platform: Platform, image: ProgramImage, shift: number, bytes: number): number | null {
  const first = platform.memory[0];
  const end = Math.max(...image.segments.map(({ address, memoryBytes }) => address + memoryBytes)) + shift;
  const candidates = [...(first ? [first.base + TABLE_AREA] : []), Math.ceil(end / 16) * 16];
  const free = (base: number): boolean =>
    base + bytes <= 2 ** 32 &&
    inside(platform.memory, base, bytes) &&
    image.segments.every(({ address, memoryBytes }) => base + bytes <= address + shift || base >= address + shift + memoryBytes);
  return candidates.find(free) ?? null;
}

/** `shift`: how far the program was moved from where it was linked. Throws BootRefusedError when there is no room for the tables. */
export function prepareStart(
  platform: Platform,
  { file, commandLine }: BootProgram,
  image: ProgramImage,
  shift: number,
  steps: BootStep[],
): ProcessorStart {
  if (commandLine !== undefined && !image.multiboot) {
    refuse(
      'boot-no-command-line',
      bootText(
        `${file} has no multiboot header: there is no way to hand it a command line`,
        `${file} 没有 multiboot 头：无法向它传递命令行`,
      ),
      bootText('Leave the command line out, or give a multiboot kernel.', '请去掉命令行，或使用 multiboot 内核。'),
    );
  }
  const start =
    image.mode === 'real'
      ? realStart(platform, image, shift, steps)
      : image.multiboot
        ? multibootStart(platform, image, shift, steps, commandLine)
        : flatStart(platform, image, shift, steps);
  const home = image.segments.findIndex(({ address, memoryBytes }) => image.entry >= address && image.entry < address + memoryBytes);
  const there = inside(platform.memory, image.entry, 1);
  steps.push({
    kind: 'jump',
    text: there
      ? bootText(
          `Jump to ${formatAddress(image.entry)} in ${start.mode} mode`,
          `跳转到 ${formatAddress(image.entry)}（${start.mode === 'real' ? '实模式' : '保护模式'}）`,
        )
      : bootText(
          `Jump to ${formatAddress(image.entry)}, where the program was linked, though nobody answers there`,
          `跳转到程序链接的地址 ${formatAddress(image.entry)}，但该处无人应答`,
        ),
    fields: { entry: image.entry, mode: start.mode, segment: home < 0 ? 'none' : home + 1 },
    ok: there,
  });
  return start;
}

/** Real mode is where BIOS calls work. The stack ends where the program begins: SP = load address below 64 KiB, else 0x7C00. */
function realStart(platform: Platform, image: ProgramImage, shift: number, steps: BootStep[]): ProcessorStart {
  const occupied = image.segments.map(({ address, memoryBytes }) => ({ base: address + shift, bytes: memoryBytes }));
  if (platform.bios) steps.push(...installBiosServices(platform, platform.bios, occupied));
  const load = image.segments[0]!.address;
  const stack = load >= 0x600 && load < 0x1_0000 ? load & ~1 : 0x7c00;
  return realModeStart(image.entry, stack, FIRST_HARD_DISK);
}

/** ESP just below the program, and a GDT in memory, so that segment registers can be loaded. */
function flatStart(platform: Platform, image: ProgramImage, shift: number, steps: BootStep[]): ProcessorStart {
  const low = Math.min(...image.segments.map(({ address }) => address));
  const stack = low >= 0x1000 ? low & ~3 : 0;
  const at = tablePlace(platform, image, shift, FLAT_GDT.length);
  if (at === null) {
    steps.push({
      kind: 'table',
      text: bootText(
        'No room for a GDT: only the hidden parts of the segment registers are valid',
        '没有空间存放 GDT：只有段寄存器的隐藏部分有效',
      ),
      fields: {},
      ok: false,
    });
    return protectedModeStart(image.entry, { RSP: stack }, null);
  }
  platform.writeBytes(at, FLAT_GDT);
  steps.push({
    kind: 'table',
    text: bootText(
      `GDT with flat code (0x08) and data (0x10) segments written at ${formatAddress(at)}`,
      `在 ${formatAddress(at)} 写入 GDT，含平坦代码段（0x08）和数据段（0x10）`,
    ),
    fields: { table: 'gdt', address: at, bytes: FLAT_GDT.length },
    ok: true,
  });
  return protectedModeStart(image.entry, { RSP: stack }, { base: at, limit: FLAT_GDT.length - 1 });
}

function multibootStart(
  platform: Platform,
  image: ProgramImage,
  shift: number,
  steps: BootStep[],
  commandLine: string | undefined,
): ProcessorStart {
  const map = kernelMap(platform);
  const size = multibootInformation(0, map, commandLine).length;
  const at = tablePlace(platform, image, shift, size);
  if (at === null) {
    refuse(
      'boot-no-room',
      bootText('There is no room for the multiboot information structure', '没有空间存放 multiboot 信息结构'),
      bootText('Leave some DRAM free below or behind the program.', '请在程序之前或之后留出空闲 DRAM。'),
    );
  }
  platform.writeBytes(at, multibootInformation(at, map, commandLine));
  steps.push({
    kind: 'table',
    text: bootText(
      `Multiboot information with the memory map written at ${formatAddress(at)} (EBX)`,
      `在 ${formatAddress(at)} 写入含内存映射的 multiboot 信息（EBX）`,
    ),
    fields: { table: 'multiboot-information', address: at, bytes: size },
    ok: true,
  });
  const start = { RAX: MULTIBOOT_BOOTLOADER_MAGIC, RBX: at, RSP: lowStack(platform, image, shift, at + size) };
  return protectedModeStart(image.entry, start, null);
}

/**
 * A kernel must make a stack of its own (multiboot, section 3.2); but the loader's is still there on real machines, and kernels that
 * call before they have one work. Below 0x7C00, or 0 where that is not free.
 */
function lowStack(platform: Platform, image: ProgramImage, shift: number, tablesEnd: number): number {
  const base = BOOT_SECTOR_ADDRESS - LOW_STACK;
  const free =
    tablesEnd <= base &&
    inside(platform.memory, base, LOW_STACK) &&
    image.segments.every(({ address, memoryBytes }) => BOOT_SECTOR_ADDRESS <= address + shift || base >= address + shift + memoryBytes);
  return free ? BOOT_SECTOR_ADDRESS : 0;
}
