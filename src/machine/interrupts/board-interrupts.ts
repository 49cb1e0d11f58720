/**
 * A board's interrupt controllers, put together: the lines of the devices, the 8259 pair that every board has, and on boards with
 * an APIC the IOAPIC on the same lines and the local APIC between all of them and the processor.
 */
import type { InterruptSource } from '../cpu/runtime';
import type { Device, DeviceClock } from '../devices/device';
import { messageOf, type InterruptMessage } from './interrupt-message';
import { IoApic, pinOfLine } from './io-apic';
import { InterruptLines, PCI_LEVEL_TRIGGERED } from './lines';
import { LocalApic } from './local-apic';
import { InterruptControllerPair } from './pic';
import { LOCAL_APIC_ID } from '../board/windows';

/** The timer's line. */
export const PIT_IRQ = 0;

export interface BoardInterruptsOptions {
  /** is there a local APIC and an IOAPIC? */
  apic: boolean;
  clockFor: (device: string) => DeviceClock;
  /** the local APIC's enable bit in the processor */
  apicEnabled: () => boolean;
  /** the processor's pin, or its APIC, has something new: the slice that runs now should end */
  raised: () => void;
  nonMaskable: () => void;
  /** a message that nobody takes, or that changes nothing */
  unheard: (message: InterruptMessage) => void;
}

export class BoardInterrupts {
  readonly pic: InterruptControllerPair;
  readonly lines: InterruptLines;
  readonly apic?: LocalApic;
  readonly ioApic?: IoApic;

  constructor({ apic, clockFor, apicEnabled, raised, nonMaskable, unheard }: BoardInterruptsOptions) {
    this.pic = new InterruptControllerPair('pic', raised);
    if (apic) {
      const local = new LocalApic({
        clock: clockFor(LOCAL_APIC_ID),
        external: this.pic,
        enabled: apicEnabled,
        raised,
        nonMaskable,
        unheard,
        ended: (vector) => this.ioApic?.ended(vector),
      });
      this.apic = local;
      this.ioApic = new IoApic((message) => local.deliver(message));
    }
    this.lines = new InterruptLines((irq, asserted) => {
      this.pic.setLine(irq, asserted);
      this.ioApic?.setPin(pinOfLine(irq), asserted);
    });
  }

  /** What the processor asks. */
  get source(): InterruptSource {
    return this.apic ?? this.pic;
  }

  /** The controllers as devices. */
  get controllers(): Device[] {
    return [this.pic, ...(this.ioApic ? [this.ioApic] : []), ...(this.apic ? [this.apic] : [])];
  }

  /** A 4-byte write to 0xFEEx_xxxx; nothing where there is no APIC to take it. */
  message(address: number, data: number): void {
    this.apic?.deliver(messageOf(address, data));
  }

  /** What firmware sets up: level-triggered PCI lines, and the 8259 pair's way through the local APIC. */
  setUp(): void {
    this.pic.write('elcr', 0, 2, PCI_LEVEL_TRIGGERED);
    this.apic?.wireThrough();
  }

  /** Would an edge of the timer interrupt a processor that can be interrupted, as everything is set up now? */
  get timerReaches(): boolean {
    if ((this.apic?.passesExternal() ?? true) && this.pic.opens(PIT_IRQ)) return true;
    const message = this.ioApic?.messageOf(pinOfLine(PIT_IRQ));
    return message ? this.apic!.takes(message.vector) : false;
  }
}
