/**
 * The address spaces, each with a type of its own, so that a guest-physical number never slips into a place that means
 * host memory. Physical and I/O addresses are non-negative integers below 2^53; linear addresses may need 64 bits and
 * are bigint at the edges (inside 32-bit execution they are plain unsigned numbers that never leave the processor).
 */

declare const space: unique symbol;

export type LinearAddress = bigint & { readonly [space]: 'linear' };
export type GuestPhysicalAddress = number & { readonly [space]: 'guest' };
export type HostPhysicalAddress = number & { readonly [space]: 'host' };
export type IoVirtualAddress = number & { readonly [space]: 'iova' };
/** An offset into one DIMM's bytes. */
export type DramAddress = number & { readonly [space]: 'dram' };
export type PhysicalAddress = GuestPhysicalAddress | HostPhysicalAddress | IoVirtualAddress | DramAddress;

/** The spaces an access travels through, in order; `iova` is where a device's access starts. */
export type Space = 'logical' | 'linear' | 'guest' | 'host' | 'dram' | 'iova';

export const PAGE_SIZE = 4096;

/** Thrown when a number cannot be an address of the space asked for: negative, fractional, or too wide. */
export class AddressRangeError extends RangeError {
  constructor(
    readonly spaceName: Space,
    readonly value: number | bigint,
    readonly limit: string,
  ) {
    super(`${value} is not a ${spaceName} address: expected an integer from 0 to ${limit}`);
    this.name = 'AddressRangeError';
  }
}

function checked(name: Space, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new AddressRangeError(name, value, '2^53 - 1');
  return value;
}

export const guestPhysical = (value: number): GuestPhysicalAddress => checked('guest', value) as GuestPhysicalAddress;
export const hostPhysical = (value: number): HostPhysicalAddress => checked('host', value) as HostPhysicalAddress;
export const ioVirtual = (value: number): IoVirtualAddress => checked('iova', value) as IoVirtualAddress;
export const dramAddress = (value: number): DramAddress => checked('dram', value) as DramAddress;

export function linearAddress(value: number | bigint): LinearAddress {
  const wide = BigInt(value);
  if (wide < 0n || wide >= 1n << 64n) throw new AddressRangeError('linear', value, '2^64 - 1');
  return wide as LinearAddress;
}

/** address + bytes, refused when the sum leaves the space. Negative distances are allowed as long as the result is not negative. */
export function advance<A extends PhysicalAddress>(address: A, bytes: number): A {
  return checked('host', address + bytes) as A;
}

/** The number of the 4 KiB frame that holds an address (exact up to 2^53, so no shifts). */
export const frameOf = (address: PhysicalAddress): number => Math.floor(address / PAGE_SIZE);

/** `0x0001_9010`: upper-case digits in groups of four, at least `digits` of them (8 unless told). For people, never for JSON. */
export function formatAddress(value: number | bigint, digits = 8): string {
  const hex = value.toString(16).toUpperCase();
  const width = Math.ceil(Math.max(digits, hex.length) / 4) * 4;
  return '0x' + (hex.padStart(width, '0').match(/.{4}/g) ?? []).join('_');
}

/** `0x19010`: the form of every address in JSON. */
export const plainHex = (value: number | bigint): string => '0x' + value.toString(16);
