/** A little-endian number as the processor would read it now: by its TLB, where that holds the page, even when the tables say otherwise. */
import type { Computer } from './computer';

/** Null where there is no memory, or no such VM. Changes nothing. */
export function linearValue(computer: Computer, vm: string | null, linear: bigint, size: number): number | null {
  if (vm === null ? computer.vmIds.length > 0 : !computer.vmIds.includes(vm)) return null;
  let value = 0;
  for (let index = size - 1; index >= 0; index--) {
    const { end } = computer.explain({ vm, space: 'linear', address: linear + BigInt(index), size: 1, kind: 'read', cpl: 0 });
    const byte = end.kind === 'dram' ? end.value?.[0] : undefined;
    if (byte === undefined) return null;
    value = value * 256 + byte;
  }
  return value;
}
