/** What panels add to components/format: ranges, and bytes as one number. Pure; for people. */
import { formatAddress } from '../../machine/address';

/** `0x2C00_0000 – 0x2FFF_FFFF`: first and last byte of `bytes` bytes from `base`. */
export const formatRange = (base: number, bytes: number, digits = 8): string =>
  `${formatAddress(base, digits)} – ${formatAddress(base + Math.max(bytes, 1) - 1, digits)}`;

/** Little-endian bytes as one number. */
export function littleEndian(bytes: ArrayLike<number>): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

/** `0001_9010`: hex without 0x, for register columns. */
export const formatBare = (value: number | bigint, digits = 8): string => formatAddress(value, digits).slice(2);

/** `00:04.0`: bus, device and function of a PCI requester ID. */
export const formatRequester = (id: number): string =>
  `${(id >> 8).toString(16).padStart(2, '0')}:${((id >> 3) & 31).toString(16).padStart(2, '0')}.${id & 7}`;
