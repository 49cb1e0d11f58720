/** Ranges of DRAM as the firmware sees them: what lies inside, and how they are written in a report. */
import { formatAddress } from '../address';
import type { PlatformRange } from './platform';

/** `0x0000_1000–0x0000_1fff`: both ends included. */
export const rangeText = (base: number, bytes: number): string => `${formatAddress(base)}–${formatAddress(base + bytes - 1)}`;
export const memoryText = (memory: readonly PlatformRange[]): string => memory.map(({ base, bytes }) => rangeText(base, bytes)).join(', ');

/** Does one of the ranges hold all of it? */
export const inside = (memory: readonly PlatformRange[], base: number, bytes: number): boolean =>
  memory.some((range) => base >= range.base && base + bytes <= range.base + range.bytes);
