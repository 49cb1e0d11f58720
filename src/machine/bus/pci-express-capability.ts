/**
 * The PCI Express capability structure, version 2 (PCI Express Base 2.1, 7.8), as far as this lab has behaviour behind it: the
 * type of port, a link of one lane at 2.5 GT/s that is up when something is plugged, and the slot of a port for hot-plug, whose
 * status says whether something is there and whether that has changed.
 */
export interface ExpressOptions {
  /** 0 endpoint, 4 root port, 5 and 6 the upstream and downstream ports of a switch, 7 bridge to PCI */
  type: 0 | 4 | 5 | 6 | 7;
  /** number of a slot for hot-plug; absent where nothing can be plugged while the power is on */
  slot?: number;
}

const SLOT_STATUS = { presenceChanged: 1 << 3, present: 1 << 6 } as const;
const LINK_UP = (1 << 13) | 0x11;

export class ExpressCapability {
  /** of the structure in configuration space */
  static readonly OFFSET = 0x40;
  private static readonly BYTES = 0x3c;
  /** something is plugged in */
  present = false;
  changed = false;

  constructor(private readonly options: ExpressOptions) {}

  /** Presence is wiring, not state: it stays. */
  reset(): void {
    this.changed = false;
  }

  covers(register: number): boolean {
    return register >= ExpressCapability.OFFSET && register < ExpressCapability.OFFSET + ExpressCapability.BYTES;
  }

  read(register: number): number {
    const { type, slot } = this.options;
    switch (register - ExpressCapability.OFFSET) {
      case 0x00:
        // id, no next capability; version 2, type, slot implemented
        return 0x10 | ((2 | (type << 4) | (slot === undefined ? 0 : 1 << 8)) << 16);
      case 0x0c:
        return 0x11;
      case 0x10:
        return (this.present || type === 0 || type === 5 ? LINK_UP : 0x11) << 16;
      case 0x14:
        // hot-plug capable, surprise removal; physical slot number
        return slot === undefined ? 0 : ((slot << 19) | (1 << 6) | (1 << 5)) >>> 0;
      case 0x18:
        return slot === undefined ? 0 : ((this.present ? SLOT_STATUS.present : 0) | (this.changed ? SLOT_STATUS.presenceChanged : 0)) << 16;
      default:
        return 0;
    }
  }

  /** Ones written to "presence changed" clear it. */
  write(register: number, value: number, mask: number): void {
    if (register - ExpressCapability.OFFSET === 0x18 && ((value & mask) >>> 16) & SLOT_STATUS.presenceChanged) this.changed = false;
  }

  /** Something was plugged or unplugged. */
  setPresent(present: boolean): void {
    if (present !== this.present) this.changed = true;
    this.present = present;
  }
}
