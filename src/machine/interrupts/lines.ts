/**
 * The board's interrupt wires: several devices may pull one line (PCI shares them), which is asserted as long as anyone does.
 * Which line a device gets is fixed by the board: COM1 has 4; PCI pins go to 10 and 11 in turn, by device number.
 */
import type { InterruptLine } from '../devices/device';
import type { DeviceNode } from '../board/topology';
import type { RequesterId } from '../bus/dma-port';

export const COM1_IRQ = 4;
const PCI_IRQS = [10, 11] as const;

/** The line of a PCI function's pin (1 = INTA#). */
export const pciIrq = (requester: RequesterId, pin: number): number => PCI_IRQS[(((requester >> 3) & 31) + pin - 1) % PCI_IRQS.length]!;

/**
 * The line of a device's INTA#. Each bridge on the way turns the pins by the device number below it (PCI-to-PCI Bridge
 * Architecture 1.2, 9.1), so that devices behind one bridge do not all share a line.
 */
export function deviceIrq({ requester, path }: Pick<DeviceNode, 'requester' | 'path'>): number {
  let pin = 0;
  let device = (requester >> 3) & 31;
  for (const { devfn } of path) {
    pin = (pin + device) % 4;
    device = devfn >> 3;
  }
  return pciIrq(device << 3, pin + 1);
}

/** ELCR bits of the PCI lines, which are level triggered: low byte for lines 0 to 7, high byte for 8 to 15. */
export const PCI_LEVEL_TRIGGERED = PCI_IRQS.reduce((bits, irq) => bits | (1 << irq), 0);

export class InterruptLines {
  private readonly pulling = new Map<number, Set<string>>();

  constructor(private readonly setLine: (irq: number, asserted: boolean) => void) {}

  /** The line as one device sees it. */
  forDevice(device: string, irq: number): InterruptLine {
    return {
      set: (asserted) => {
        let devices = this.pulling.get(irq);
        if (!devices) this.pulling.set(irq, (devices = new Set()));
        const before = devices.size > 0;
        if (asserted) devices.add(device);
        else devices.delete(device);
        if (before !== devices.size > 0) this.setLine(irq, !before);
      },
    };
  }

  reset(): void {
    for (const [irq, devices] of this.pulling) {
      if (devices.size > 0) this.setLine(irq, false);
      devices.clear();
    }
  }

  /** Who pulls which line, in canonical order. */
  save(): [irq: number, devices: string[]][] {
    return [...this.pulling]
      .filter(([, devices]) => devices.size > 0)
      .sort(([a], [b]) => a - b)
      .map(([irq, devices]) => [irq, [...devices].sort()]);
  }

  /** The levels are the controller's own state; only who pulls is taken over. */
  load(saved: readonly [irq: number, devices: string[]][]): void {
    this.pulling.clear();
    for (const [irq, devices] of saved) this.pulling.set(irq, new Set(devices));
  }
}
