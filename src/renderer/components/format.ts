/** How numbers look on screen: counts, sizes, moments, bytes and addresses without their 0x. Pure; for people, never for files. */
import { formatAddress, type Space } from '../../machine/address';

const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['PiB', 1024 ** 5],
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
];

/** `1,284,507`: thousands separators, the same in both languages (digits stay comparable with the command line). */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `#1,284,507`: a moment is an instruction count. */
export const formatMoment = (instructions: number): string => '#' + formatCount(instructions);

/** Bytes → `256 MiB`, `1.5 GiB`, `4 KiB`, `12 bytes`; two decimals at most, none when the size is a whole number of the unit. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of SIZE_UNITS) {
    if (bytes >= size) return `${trim(bytes / size)} ${unit}`;
  }
  return `${formatCount(bytes)} B`;
}

/** The same, in the largest unit that needs no rounding: for what is exact and would otherwise look like its neighbour. */
export function exactSize(bytes: number): string {
  const unit = SIZE_UNITS.find(([, size]) => bytes >= size && Number.isInteger((bytes / size) * 100));
  return unit ? `${trim(bytes / unit[1])} ${unit[0]}` : `${formatCount(bytes)} B`;
}

const trim = (value: number): string => value.toFixed(2).replace(/\.?0+$/, '');

/** Digits an address of a space has: 8 where it has at most 32 bits, 12 or 16 where it is wider. `limit` is the last address shown. */
export function addressDigits(limit: number | bigint): 8 | 12 | 16 {
  const wide = BigInt(limit);
  return wide <= 0xffff_ffffn ? 8 : wide <= 0xffff_ffff_ffffn ? 12 : 16;
}

/** `0001_9010`: for columns whose head says that they are hexadecimal. */
export const formatHex = (value: number | bigint, digits = 8): string => formatAddress(value, digits).slice(2);

/** `5013`, at least `digits` digits, no groups: selectors, limits, small values. */
export const plainDigits = (value: number | bigint, digits = 1): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** `53 45 43 52`, in memory order. */
export const formatBytes = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');

/** The same with `··` for bytes that are not known yet. */
export const formatOpenBytes = (bytes: Uint8Array, open: readonly number[]): string =>
  Array.from(bytes, (byte, at) => (open.includes(at) ? '··' : byte.toString(16).toUpperCase().padStart(2, '0'))).join(' ');

/** Printable ASCII as it is, everything else a dot. */
export const formatAscii = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');

/** `0x0001_9`: a page frame keeps its address's digits without the 4 KiB offset. */
export function formatFrame(address: number | bigint, digits = 8): string {
  const text = formatAddress(address, digits);
  return text.slice(0, -3);
}

/** `A` … `L`, then the VM's number. */
export const vmLetter = (index: number): string => (index < 12 ? String.fromCharCode(65 + index) : String(index + 1));

/** 1 … 12: which `--vm-N` hue a VM wears; the palette repeats past twelve. */
export const vmHue = (index: number): number => (index % 12) + 1;

export const SPACES: readonly Space[] = ['logical', 'linear', 'guest', 'host', 'dram', 'iova'];
