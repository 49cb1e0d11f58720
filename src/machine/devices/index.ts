/** The catalogue of devices: a kind, as a drawing names it, and how one is made. */
import { DEFAULT_ROM } from '../board/parts';
import type { RequesterId } from '../bus/dma-port';
import { DebugPort } from './debug-port/debug-port';
import type { Device, DeviceContext } from './device';
import { DEFAULT_ENTRIES, DmaEngine } from './dma/dma';
import { Edu } from './edu/edu';
import { ExitPort } from './exit-port/exit-port';
import { boardRom } from './rom/rom';
import { Uart } from './uart/uart';
import { VgaMemory } from './vga-memory/vga-memory';

export interface DeviceOptions {
  /** PCI requester ID, for devices that make DMA */
  requester?: RequesterId;
  /** number of address bits that the device drives */
  dmaMask?: number;
  /** entries that the list of a scatter device may have */
  entries?: number | undefined;
  /** first port of a legacy device, when it is not the usual one; first address of a ROM */
  base?: number | undefined;
  /** a ROM's bytes, and the hexadecimal digits of what it holds */
  size?: number | undefined;
  contents?: string | undefined;
}

type Factory = (id: string, context: DeviceContext, options: DeviceOptions) => Device;

const FACTORIES: Readonly<Record<string, Factory>> = {
  edu: (id, context, options) =>
    new Edu(id, context, { requester: options.requester ?? 0, ...(options.dmaMask === undefined ? {} : { dmaMask: options.dmaMask }) }),
  'dma-contiguous': (id, context, { requester = 0, dmaMask }) => new DmaEngine(id, context, { requester, dmaMask }),
  'dma-scatter': (id, context, { requester = 0, dmaMask, entries = DEFAULT_ENTRIES }) =>
    new DmaEngine(id, context, { requester, dmaMask, entries }),
  'vga-memory': (id) => new VgaMemory(id),
  rom: (id, _context, { base = DEFAULT_ROM.base, size = DEFAULT_ROM.size, contents }) => boardRom(id, base, size, contents),
  uart: (id, context, options) => new Uart(id, context, options.base === undefined ? {} : { base: options.base }),
  'debug-port': (id) => new DebugPort(id),
  'exit-port': (id) => new ExitPort(id),
};

/** Kinds that a drawing may name. */
export const DEVICE_KINDS: readonly string[] = Object.keys(FACTORIES);

/** Thrown for a kind that is not in the catalogue; the board's rules normally catch it earlier. */
export class UnknownDeviceKindError extends Error {
  constructor(readonly deviceKind: string) {
    super(`there is no device of kind ${deviceKind}: expected one of ${DEVICE_KINDS.join(', ')}`);
    this.name = 'UnknownDeviceKindError';
  }
}

export function createDevice(kind: string, id: string, context: DeviceContext, options: DeviceOptions = {}): Device {
  const factory = Object.hasOwn(FACTORIES, kind) ? FACTORIES[kind] : undefined;
  if (!factory) throw new UnknownDeviceKindError(kind);
  return factory(id, context, options);
}
