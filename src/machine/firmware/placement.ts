/** Puts a program into memory: the range check, then the bytes of its segments and the zeroes behind them. */
import { formatAddress } from '../address';
import { bootText, refuse, type BootStep } from './boot-report';
import { inside, memoryText, rangeText } from './memory-ranges';
import type { Platform } from './platform';
import type { BootProgram, ImageSegment, ProgramImage } from './program-image';

/** Where a piece of the program was linked for, and where it was put. */
export interface PlacedSegment {
  linked: number;
  placed: number;
  /** bytes, zeroed part included */
  bytes: number;
}

const ZERO_CHUNK = new Uint8Array(64 * 1024);

/**
 * The range check. Returns how far the program is moved from where it was linked: 0, or with `loader: force` the way to the first
 * DRAM there is. Refuses otherwise.
 */
export function place(platform: Platform, file: string, image: ProgramImage, steps: BootStep[]): number {
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
            'Plug a DIMM that answers there, let the firmware assign the bases (assignment: automatic), or link the program elsewhere.',
            '请在该处插入内存条，让固件分配基址（assignment: automatic），或将程序链接到其他地址。',
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

/** Copies the segments to where they belong, moved by `shift`, and adds what was put where to `placedSegments`. */
export function copy(
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
