/**
 * Puts the firmware's services for real mode into memory, as a PC's BIOS leaves them for a boot sector: the interrupt vectors and
 * the BIOS data area from 0, the code of bios.asm at F000:F000, and the memory map, which INT 15h AX=E820h reads, just below it.
 */
import { formatAddress } from '../../address';
import { bootText, type BootStep } from '../boot-report';
import { E820_ENTRY_BYTES, e820Bytes, e820TableBase, FIRMWARE_TABLES, SERVICES_BASE, usableFrom, type E820Entry } from '../memory-map';
import type { Platform } from '../platform';
import { BIOS_IMAGE, BIOS_LABELS } from './bios-image';

/** What the services tell about the computer, beside what Platform has. */
export interface BiosSurroundings {
  readonly memoryMap: readonly E820Entry[];
  /** COM1's first port, where INT 10h writes; absent where there is none */
  readonly serialPort?: number;
  /** a VGA's text memory is at 0xB_8000 */
  readonly screen: boolean;
  /** port 0x92 has the A20 gate */
  readonly a20Gate: boolean;
}

const VECTORS = 256;
const DATA_AREA = 0x400;
const DATA_AREA_END = 0x500;
/** RAM that real-mode programs share ends where adapters begin. */
const CONVENTIONAL_END = 0xa_0000;
const MIB = 1024 ** 2;
const FEATURES = { i386: 1, a20Gate: 2, screen: 4 } as const;
/** Equipment word: bits 4 and 5 are the video mode at power-on (80 × 25 in colour), bits 9 to 11 the number of serial ports. */
const EQUIPMENT = { colourText: 2 << 4, serialPort: 1 << 9 } as const;
/** Its callers take more for a mistake (63 MiB, what the call's 16 bits of KiB are left at by most BIOSes). */
const MOST_EXTENDED_KIB = 63 * 1024;

/** The offset in F000 of what answers each vector. */
function handlerOf(vector: number): number {
  const own = BIOS_LABELS[`int${vector.toString(16)}` as keyof typeof BIOS_LABELS];
  if (own !== undefined) return own;
  if (vector >= 0x08 && vector <= 0x0f) return BIOS_LABELS.int_master;
  if (vector >= 0x70 && vector <= 0x77) return BIOS_LABELS.int_slave;
  // printer, disk, serial port, bootstrap, time of day: nothing stands behind them
  return [0x13, 0x14, 0x17, 0x1a].includes(vector)
    ? BIOS_LABELS.int_unsupported
    : vector === 0x19
      ? BIOS_LABELS.int18
      : BIOS_LABELS.int_none;
}

/** Interrupt vectors and BIOS data area, from address 0. */
function lowMemory({ memoryMap, serialPort, screen }: BiosSurroundings): Uint8Array {
  const bytes = new Uint8Array(DATA_AREA_END);
  const data = new DataView(bytes.buffer);
  for (let vector = 0; vector < VECTORS; vector++) {
    data.setUint16(vector * 4, handlerOf(vector), true);
    data.setUint16(vector * 4 + 2, FIRMWARE_TABLES.base >>> 4, true);
  }
  if (serialPort !== undefined) data.setUint16(DATA_AREA, serialPort, true);
  data.setUint16(DATA_AREA + 0x10, (screen ? EQUIPMENT.colourText : 0) | (serialPort === undefined ? 0 : EQUIPMENT.serialPort), true);
  data.setUint16(DATA_AREA + 0x13, usableFrom(memoryMap, 0, CONVENTIONAL_END) / 1024, true);
  if (screen) {
    data.setUint8(DATA_AREA + 0x49, 3);
    data.setUint16(DATA_AREA + 0x4a, 80, true);
  }
  return bytes;
}

/** The image with what it has to know filled in. */
function image({ memoryMap, serialPort = 0, screen, a20Gate }: BiosSurroundings, i386: boolean): Uint8Array {
  const bytes = Uint8Array.from({ length: BIOS_IMAGE.length / 2 }, (_, index) => parseInt(BIOS_IMAGE.slice(index * 2, index * 2 + 2), 16));
  const data = new DataView(bytes.buffer);
  const offset = (label: keyof typeof BIOS_LABELS): number => FIRMWARE_TABLES.base + BIOS_LABELS[label] - SERVICES_BASE;
  const word = (label: keyof typeof BIOS_LABELS, value: number): void => data.setUint16(offset(label), value, true);
  const low = usableFrom(memoryMap, MIB, 16 * MIB);
  data.setUint32(offset('map_count'), memoryMap.length, true);
  word('map_offset', e820TableBase(memoryMap) - FIRMWARE_TABLES.base);
  word('extended_kib', Math.min(usableFrom(memoryMap, MIB, 2 ** 32) / 1024, MOST_EXTENDED_KIB));
  word('low_kib', low / 1024);
  word('high_blocks', low === 15 * MIB ? Math.floor(usableFrom(memoryMap, 16 * MIB, 2 ** 32) / (64 * 1024)) : 0);
  word('serial_port', serialPort);
  data.setUint8(offset('features'), (i386 ? FEATURES.i386 : 0) | (a20Gate ? FEATURES.a20Gate : 0) | (screen ? FEATURES.screen : 0));
  return bytes;
}

/**
 * Installs the services for a program that starts in real mode and occupies `program`. They need memory at 0 and at the end of the
 * first megabyte that the program leaves free; where that is missing the step says so, and the interrupt vectors are as memory is.
 */
export function installBiosServices(
  platform: Platform,
  bios: BiosSurroundings,
  program: readonly { base: number; bytes: number }[],
): BootStep[] {
  const table = e820TableBase(bios.memoryMap);
  const needed = [
    { base: 0, end: DATA_AREA_END },
    { base: Math.max(table, FIRMWARE_TABLES.base), end: FIRMWARE_TABLES.end },
  ];
  const without = (en: string, zh: string): BootStep[] => [
    {
      kind: 'firmware',
      text: bootText(`No BIOS services (INT 10h to 1Ah): ${en}`, `没有 BIOS 服务（INT 10h 至 1Ah）：${zh}`),
      fields: { services: 'none' },
      ok: true,
    },
  ];
  const missing = needed.find(({ base, end }) => !platform.memory.some((range) => range.base <= base && end <= range.base + range.bytes));
  if (missing) return without(`there is no memory at ${formatAddress(missing.base)}`, `${formatAddress(missing.base)} 处没有内存`);
  const taken = needed.find(({ base, end }) => program.some((piece) => piece.base < end && base < piece.base + piece.bytes));
  if (taken) return without(`the program lies at ${formatAddress(taken.base)} itself`, `程序自身占用 ${formatAddress(taken.base)}`);
  if (table < FIRMWARE_TABLES.base)
    return without(
      `a memory map of ${bios.memoryMap.length} entries does not fit below 0x000F_F000`,
      `含 ${bios.memoryMap.length} 项的内存映射放不进 0x000F_F000 以下`,
    );
  platform.writeBytes(0, lowMemory(bios));
  platform.writeBytes(table, e820Bytes(bios.memoryMap));
  platform.writeBytes(SERVICES_BASE, image(bios, platform.realModeOnly === undefined));
  const fields = { table: 'e820', address: table, entries: bios.memoryMap.length, bytes: bios.memoryMap.length * E820_ENTRY_BYTES };
  return [
    {
      kind: 'table',
      text: bootText(
        'BIOS services for real mode at F000:F000, interrupt vectors at 0: memory size by INT 12h, text by INT 10h AH=0Eh; calls that nothing stands behind return CF = 1, AH = 86h',
        '实模式 BIOS 服务位于 F000:F000，中断向量位于 0：INT 12h 给出内存容量，INT 10h AH=0Eh 输出文字；背后没有设备的调用返回 CF = 1、AH = 86h',
      ),
      fields: { services: SERVICES_BASE },
      ok: true,
    },
    platform.realModeOnly === undefined
      ? {
          kind: 'table',
          text: bootText(
            `Publishes e820 by INT 15h AX=E820h: ${bios.memoryMap.length} entries at ${formatAddress(table)}; AX=E801h and AH=88h give sizes`,
            `通过 INT 15h AX=E820h 公布 e820：${formatAddress(table)} 处 ${bios.memoryMap.length} 项；AX=E801h 和 AH=88h 给出容量`,
          ),
          fields,
          ok: true,
        }
      : {
          kind: 'table',
          text: bootText(
            `No INT 15h on the ${platform.realModeOnly}: its callers use registers of a 386`,
            `${platform.realModeOnly} 上没有 INT 15h：该调用使用 386 的寄存器`,
          ),
          fields: {},
          ok: true,
        },
  ];
}
