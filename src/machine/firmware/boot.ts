/**
 * Power-on: recognises the program, checks that there is DRAM where it wants to be, copies and zeroes, writes the tables the
 * processor needs, and says where it starts. The same for a board and for a VM. Everything it does is a step in the report.
 */
import { formatAddress } from '../address';
import { installBiosServices } from './bios/bios-services';
import { BootRefusedError, bootText, refuse, type BootRefusal, type BootStep } from './boot-report';
import { looksLikeElf, readElf } from './elf';
import { BOOT_SECTOR_ADDRESS, bootSectorImage, flatImage, looksLikeBootSector, refuseEntry } from './flat';
import {
  findBrokenMultibootHeader,
  findMultibootHeader,
  kernelMap,
  MULTIBOOT_BOOTLOADER_MAGIC,
  multibootInformation,
  readMultiboot,
} from './multiboot';
import type { Platform, PlatformRange } from './platform';
import { protectedModeStart, realModeStart, type ProcessorStart } from './processor-start';
import { LARGEST_FILE, type BootProgram, type ImageSegment, type ProgramImage } from './program-image';

/** Where a piece of the program was linked for, and where it was put. */
export interface PlacedSegment {
  linked: number;
  placed: number;
  /** bytes, zeroed part included */
  bytes: number;
}

export interface BootResult {
  steps: BootStep[];
  /** null: the processor may start */
  refused: BootRefusal | null;
  start: ProcessorStart | null;
  segments: PlacedSegment[];
}

/** BIOS number of the first hard disk, which a boot sector finds in DL. */
const FIRST_HARD_DISK = 0x80;
/** Free since the first PC, just above the BIOS data area. */
const TABLE_AREA = 0x500;
/** bytes of the stack that a multiboot kernel finds */
const LOW_STACK = 0x1000;
const ZERO_CHUNK = new Uint8Array(64 * 1024);

/** Null, flat code, flat data (SDM vol. 3, 3.4.5). */
const FLAT_GDT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);

/** Loads a program. Never throws for what a lab or a file can contain: that is `refused`. */
export function boot(platform: Platform, program: BootProgram): BootResult {
  const steps: BootStep[] = [...(platform.prepare?.() ?? []), assignmentStep(platform)];
  const segments: PlacedSegment[] = [];
  try {
    const image = recognise(program);
    refuseMode(platform, program.file, image);
    steps.push({ kind: 'header', ...image.header, ok: true });
    const shift = place(platform, program.file, image, steps);
    copy(platform, program, image, shift, steps, segments);
    const start = prepareStart(platform, program, image, shift, steps);
    return { steps, refused: null, start, segments };
  } catch (error) {
    if (!(error instanceof BootRefusedError)) throw error;
    return { steps, refused: error.refusal, start: null, segments: [] };
  }
}

const last = (base: number, bytes: number): number => base + bytes - 1;
const rangeText = (base: number, bytes: number): string => `${formatAddress(base)}–${formatAddress(last(base, bytes))}`;
const memoryText = (memory: readonly PlatformRange[]): string => memory.map(({ base, bytes }) => rangeText(base, bytes)).join(', ');

function assignmentStep({ kind, name, assignment, memory }: Platform): BootStep {
  const fields: BootStep['fields'] = { assignment: assignment.mode };
  for (const { slot, base, bytes } of assignment.slots) fields[slot] = rangeText(base, bytes);
  if (kind === 'vm') {
    const ranges = memoryText(memory);
    return {
      kind: 'firmware',
      text: bootText(`VM ${name}: guest-physical memory ${ranges}`, `虚拟机 ${name}：客户机物理内存 ${ranges}`),
      fields: { memory: ranges },
      ok: memory.length > 0,
    };
  }
  const placed = assignment.slots.map(({ slot, base, bytes }) => `${slot} ${rangeText(base, bytes)}`).join(', ');
  const text =
    assignment.slots.length === 0
      ? bootText('No DIMM answers: the board has no DRAM', '没有内存条应答：主板上没有 DRAM')
      : assignment.mode === 'fixed'
        ? bootText(`Slots decode where the board wires them: ${placed}`, `各插槽按主板布线译码：${placed}`)
        : bootText(
            `SPD read at power-on, DIMMs placed one behind the other from 0: ${placed}`,
            `上电时读取 SPD，内存条从 0 起依次排列：${placed}`,
          );
  return { kind: 'firmware', text, fields, ok: memory.length > 0 };
}

function recognise(program: BootProgram): ProgramImage {
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

/** A program for protected mode on a processor that has none. */
function refuseMode({ realModeOnly }: Platform, file: string, { mode, format }: ProgramImage): void {
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

const inside = (memory: readonly PlatformRange[], base: number, bytes: number): boolean =>
  memory.some((range) => base >= range.base && base + bytes <= range.base + range.bytes);

/**
 * The range check. Returns how far the program is moved from where it was linked: 0, or with `loader: force` the way to the first
 * DRAM there is. Refuses otherwise.
 */
function place(platform: Platform, file: string, image: ProgramImage, steps: BootStep[]): number {
  const { memory } = platform;
  const misplaced = image.segments.filter(({ address, memoryBytes }) => !inside(memory, address, memoryBytes));
  const low = Math.min(...image.segments.map(({ address }) => address));
  const high = Math.max(...image.segments.map(({ address, memoryBytes }) => address + memoryBytes));
  const needed = rangeText(low, high - low);
  const there = memory.length === 0 ? 'none' : memoryText(memory);
  const fields: BootStep['fields'] = { needed, memory: there };
  const fits = misplaced.length === 0;
  const first = memory[0];
  const forced = !fits && platform.loader === 'force' && first !== undefined && first.bytes >= high - low;
  const shift = forced ? first.base - low : 0;
  segmentSteps(platform, image, shift, fits || forced, steps);
  if (fits) {
    steps.push({
      kind: 'range-check',
      text: bootText(`Needs ${needed}: there is DRAM in all of it`, `需要 ${needed}：全部有 DRAM`),
      fields,
      ok: true,
    });
    return 0;
  }
  const thereZh = memory.length === 0 ? '没有' : there;
  const message = bootText(
    `${file} needs ${needed}, but there is DRAM only at: ${there}`,
    `${file} 需要 ${needed}，但只有以下范围有 DRAM：${thereZh}`,
  );
  steps.push({ kind: 'range-check', text: message, fields, ok: false });
  if (!forced) {
    refuse(
      'boot-no-memory-at-load-address',
      message,
      platform.kind === 'vm'
        ? bootText(
            'Give the VM more memory, or link the program for where it has some.',
            '请为虚拟机分配更多内存，或将程序链接到有内存的地址。',
          )
        : bootText(
            'Plug a DIMM that answers there, choose assignment: automatic, or link the program elsewhere.',
            '请在该处插入内存条，选择 assignment: automatic，或将程序链接到其他地址。',
          ),
    );
  }
  steps.push({
    kind: 'firmware',
    text: bootText(
      `loader: force: the program is copied to the first DRAM there is, ${formatAddress(first!.base)}, though it was linked for ${formatAddress(low)}`,
      `loader: force：程序链接在 ${formatAddress(low)}，但被复制到第一处 DRAM ${formatAddress(first!.base)}`,
    ),
    fields: { linked: low, placed: first!.base },
    ok: false,
  });
  return shift;
}

/** One step a segment: offset, address, file and memory size, bytes copied, bytes zeroed, the slots they land in. */
function segmentSteps(platform: Platform, image: ProgramImage, shift: number, loads: boolean, steps: BootStep[]): void {
  image.segments.forEach((segment, index) => {
    const { address, fileOffset, fileBytes, memoryBytes, flags } = segment;
    const present = inside(platform.memory, address, memoryBytes);
    const zeroed = memoryBytes - fileBytes;
    const slots = loads ? platform.slotsOf(address + shift, memoryBytes).join(' ') : '';
    steps.push({
      kind: 'segment',
      text: bootText(
        `Segment ${index + 1}${flags ? ` (${flags})` : ''}: file offset 0x${fileOffset.toString(16)}, address ${formatAddress(address)}, ${fileBytes} bytes in the file, ${memoryBytes} in memory${slots ? `, in ${slots}` : ''}`,
        `段 ${index + 1}${flags ? `（${flags}）` : ''}：文件偏移 0x${fileOffset.toString(16)}，地址 ${formatAddress(address)}，文件中 ${fileBytes} 字节，内存中 ${memoryBytes} 字节${slots ? `，位于 ${slots}` : ''}`,
      ),
      fields: {
        offset: fileOffset,
        address,
        fileSize: fileBytes,
        memorySize: memoryBytes,
        ...(flags ? { flags } : {}),
        copied: loads ? fileBytes : 0,
        zeroed: loads ? zeroed : 0,
        slots,
      },
      ok: present,
    });
  });
}

function copy(
  platform: Platform,
  program: BootProgram,
  image: ProgramImage,
  shift: number,
  steps: BootStep[],
  placedSegments: PlacedSegment[],
): void {
  image.segments.forEach((segment, index) => {
    const { fileOffset, fileBytes, memoryBytes, address } = segment;
    const placed = address + shift;
    platform.writeBytes(placed, program.bytes.subarray(fileOffset, fileOffset + fileBytes));
    placedSegments.push({ linked: address, placed, bytes: memoryBytes });
    steps.push(movedStep('copy', platform, index, segment, placed, fileBytes));
    const zeroed = memoryBytes - fileBytes;
    if (zeroed === 0) return;
    for (let done = 0; done < zeroed; done += ZERO_CHUNK.length) {
      platform.writeBytes(placed + fileBytes + done, ZERO_CHUNK.subarray(0, Math.min(ZERO_CHUNK.length, zeroed - done)));
    }
    steps.push(movedStep('zero', platform, index, segment, placed + fileBytes, zeroed));
  });
}

function movedStep(kind: 'copy' | 'zero', platform: Platform, index: number, segment: ImageSegment, base: number, bytes: number): BootStep {
  const slots = platform.slotsOf(base, bytes).join(' ');
  const range = bytes > 0 ? rangeText(base, bytes) : formatAddress(base);
  const text =
    kind === 'copy'
      ? bootText(
          `Copied ${bytes} bytes of segment ${index + 1} to ${range}${slots ? ` (${slots})` : ''}`,
          `将段 ${index + 1} 的 ${bytes} 字节复制到 ${range}${slots ? `（${slots}）` : ''}`,
        )
      : bootText(
          `Zeroed ${bytes} bytes behind it, ${range}${slots ? ` (${slots})` : ''}`,
          `将其后 ${bytes} 字节清零：${range}${slots ? `（${slots}）` : ''}`,
        );
  return { kind, text, fields: { segment: index + 1, offset: segment.fileOffset, to: base, bytes, slots }, ok: true };
}

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

function prepareStart(
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
