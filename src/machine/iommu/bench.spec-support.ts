/**
 * A test bench for the remapping unit: memory as plain bytes from address 0 (nobody answers beyond it), a unit over it, and
 * the few driver routines that specs need, all through registers. Used by the specs in this folder.
 */
import type { DmaHopResult, DmaRequest } from '../bus/dma-port';
import type { HostPhysicalAddress } from '../address';
import type { PhysicalMemory } from '../memory/physical-memory';
import { Iommu } from './iommu';
import { GLOBAL, REGISTER } from './registers';

/** Plain memory of `bytes` bytes that counts its reads. */
export function plainMemory(bytes: number): PhysicalMemory & { bytes: Uint8Array; reads: () => number } {
  const store = new Uint8Array(bytes);
  const view = new DataView(store.buffer);
  let reads = 0;
  const frame = (number: number): number => (number >= 0 && (number + 1) * 4096 <= bytes ? number * 4096 : -1);
  const copy = (address: HostPhysicalAddress, length: number, into = new Uint8Array(length)): Uint8Array => {
    const result = into.fill(0xff);
    if (address < bytes) result.set(store.subarray(address, Math.min(bytes, address + length)));
    return result;
  };
  return {
    bytes: store,
    reads: () => reads,
    readableFrame: frame,
    writableFrame: frame,
    codeMap: () => 0,
    read: (address, size) =>
      size === 4 ? view.getUint32(address, true) : size === 2 ? view.getUint16(address, true) : view.getUint8(address),
    write: (address, size, value) =>
      size === 4 ? view.setUint32(address, value, true) : size === 2 ? view.setUint16(address, value, true) : view.setUint8(address, value),
    read64: (address) => view.getBigUint64(address, true),
    write64: (address, value) => view.setBigUint64(address, value, true),
    readBytes(address, length) {
      reads++;
      return copy(address, length);
    },
    writeBytes: (address, data) => {
      if (address < bytes) store.set(data.subarray(0, bytes - address), address);
    },
    peek: copy,
  };
}

export const ROOT = 0x1000;
export const HOST_BITS = 36;

export function iommuBench(bytes = 4 * 1024 * 1024) {
  const memory = plainMemory(bytes);
  const view = new DataView(memory.bytes.buffer);
  let tick = 0;
  const messages: { address: number; data: number }[] = [];
  const iommu = new Iommu({
    memory,
    hostAddressBits: HOST_BITS,
    now: () => tick++,
    message: (address, data) => messages.push({ address, data }),
  });
  iommu.reset();
  const write = (offset: number, value: number): void => iommu.write('registers', offset, 4, value >>> 0);
  const read = (offset: number): number => iommu.read('registers', offset, 4);
  return {
    iommu,
    memory,
    messages,
    write,
    read,
    word: (address: number, value: bigint): void => view.setBigUint64(address, BigInt.asUintN(64, value), true),
    enable(root = ROOT): void {
      write(REGISTER.rootTableAddress, root % 2 ** 32);
      write(REGISTER.rootTableAddress + 4, Math.floor(root / 2 ** 32));
      write(REGISTER.globalCommand, GLOBAL.setRootTable);
      write(REGISTER.globalCommand, GLOBAL.translation);
    },
    root(bus: number, low: bigint, high = 0n): void {
      view.setBigUint64(ROOT + bus * 16, low, true);
      view.setBigUint64(ROOT + bus * 16 + 8, high, true);
    },
    context(table: number, devfn: number, low: bigint, high: bigint): void {
      view.setBigUint64(table + devfn * 16, low, true);
      view.setBigUint64(table + devfn * 16 + 8, high, true);
    },
    dma(address: number, kind: 'read' | 'write' = 'read', more: Partial<DmaRequest> = {}): DmaHopResult {
      return iommu.handle({ kind, address, addressType: 'untranslated', requester: 0x20, length: 4, ...more });
    },
  };
}

/** Reason of a rejected request, or where an accepted one goes. */
export const summary = (result: DmaHopResult): string =>
  result.outcome === 'reject'
    ? `fault ${result.reason.toString(16)}`
    : result.outcome === 'accept'
      ? `host ${result.request.address.toString(16)}`
      : result.outcome;
