/**
 * The bridges on a request's way up, each a hop. A bridge passes on what is not for its own side: a request for an address in
 * its window, or that a neighbour on the same bus takes, stays below and never sees the root complex or the IOMMU. A legacy
 * bridge passes requests on under its own requester ID (PCI Express to PCI/PCI-X Bridge 1.0, 2.3).
 */
import type { DmaHop, DmaHopResult, DmaRequest } from './dma-port';
import type { Bus } from './bus';
import { PciBridge } from './pci-bridge';
import type { PciFunction } from './pci-function';

/** A device's registers, by the function that owns them; undefined when it is gone. */
export interface PeerRegisters {
  deviceOf(target: PciFunction): string | undefined;
  read(device: string, region: string, offset: number, length: number): Uint8Array;
  write(device: string, region: string, offset: number, bytes: Uint8Array): void;
}

const rejected = (text: string): DmaHopResult => ({ outcome: 'reject', status: 'unsupported-request', reason: 0, text });

/** @param from what the request comes from on the bridge's secondary bus: the device, or a bridge below */
export class BridgeHop implements DmaHop {
  readonly id: string;

  constructor(
    private readonly bridge: PciBridge,
    private readonly from: PciFunction | undefined,
    private readonly peers: PeerRegisters,
  ) {
    this.id = bridge.id;
  }

  handle(request: DmaRequest): DmaHopResult {
    const { bridge } = this;
    const { address, length } = request;
    const target = claimant(bridge, this.from, address, length);
    if (target) return this.deliver(target, request);
    if (bridge.forwards(address, length)) return rejected(`${bridge.id} keeps it below, where nobody answers`);
    if (!bridge.isBusMaster) return rejected(`bus mastering of ${bridge.id} is off`);
    const requester = bridge.role === 'pci-bridge' ? bridge.secondary << 8 : request.requester;
    return { outcome: 'accept', request: { ...request, requester } };
  }

  /** Peer to peer: the neighbour's registers take the access. */
  private deliver({ target, region, base }: Claim, { kind, address, length, data }: DmaRequest): DmaHopResult {
    const device = this.peers.deviceOf(target);
    if (device === undefined || kind === 'translate') return rejected(`nobody below ${this.id} answers`);
    const register = { device, region, offset: address - base };
    if (kind === 'read') {
      return { outcome: 'answer', status: 'success', data: this.peers.read(device, region, register.offset, length), register };
    }
    if (data) this.peers.write(device, region, register.offset, data);
    return { outcome: 'answer', status: 'success', register };
  }
}

interface Claim {
  target: PciFunction;
  region: string;
  base: number;
}

/** Who takes an address on the bus behind a bridge, directly or further down; not the one that asks. */
function claimant(bridge: PciBridge, from: PciFunction | undefined, address: number, length: number): Claim | undefined {
  for (const each of bridge.below.values()) {
    if (each === from) continue;
    if (each instanceof PciBridge) {
      if (each.forwards(address, length)) return claimant(each, each, address, length);
      continue;
    }
    const claim = each.claims(address, length);
    if (claim) return { target: each, ...claim };
  }
  return undefined;
}

/** Registers of the devices on a bus, reached by naturally aligned accesses of at most 4 bytes. */
export function peerRegisters(bus: Bus, functions: ReadonlyMap<string, PciFunction>): PeerRegisters {
  const pieces = (offset: number, length: number, visit: (at: number, size: 1 | 2 | 4) => void): void => {
    for (let at = 0; at < length;) {
      const here = offset + at;
      const size = here % 4 === 0 && length - at >= 4 ? 4 : here % 2 === 0 && length - at >= 2 ? 2 : 1;
      visit(at, size);
      at += size;
    }
  };
  return {
    deviceOf: (target) => [...functions].find(([, each]) => each === target)?.[0],
    read(id, region, offset, length) {
      const bytes = new Uint8Array(length).fill(0xff);
      const device = bus.device(id);
      pieces(offset, length, (at, size) => {
        const value = device?.read(region, offset + at, size) ?? 0xffff_ffff;
        for (let byte = 0; byte < size; byte++) bytes[at + byte] = value >>> (byte * 8);
      });
      return bytes;
    },
    write(id, region, offset, bytes) {
      const device = bus.device(id);
      pieces(offset, bytes.length, (at, size) => {
        let value = 0;
        for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + bytes[at + byte]!;
        device?.write(region, offset + at, size, value);
      });
    },
  };
}
