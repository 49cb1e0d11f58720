/**
 * A 16550 serial port: the registers that real programs touch. What the guest sends is kept as bytes (that is the serial
 * console of a VM or of the board); what comes from outside enters through `receive`. The line is infinitely fast: a byte
 * written has left at once, so the transmitter is always ready. Register numbers and bits: National PC16550D data sheet.
 */
import type { Device, DeviceContext, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

/** Offsets from the port's base. 0 and 1 are the divisor latch while LCR.DLAB is set. */
export const UART = {
  data: 0,
  interruptEnable: 1,
  interruptId: 2,
  lineControl: 3,
  modemControl: 4,
  lineStatus: 5,
  modemStatus: 6,
  scratch: 7,
} as const;
export const COM1_BASE = 0x3f8;

const LCR_DLAB = 0x80;
const MCR_LOOP = 0x10;
const LSR = { dataReady: 0x01, overrun: 0x02, transmitterIdle: 0x60 } as const;
const IER = { receive: 0x01, transmit: 0x02, lineStatus: 0x04 } as const;
const IIR = { none: 0x01, transmit: 0x02, receive: 0x04, lineStatus: 0x06, fifos: 0xc0 } as const;
const FIFO_DEPTH = 16;
const STATE_VERSION = 1;

/** The console keeps the newest bytes up to this many; the number dropped before them is counted. */
export const OUTPUT_LIMIT = 1024 * 1024;

interface SavedUart {
  registers: number[];
  received: number[];
  overrun: boolean;
  transmitPending: boolean;
  output: string;
  dropped: number;
}

export class Uart implements Device {
  readonly kind = 'uart';
  readonly regions: readonly DeviceRegion[];
  private divisor = 1;
  private interruptEnable = 0;
  private fifoControl = 0;
  private lineControl = 0;
  private modemControl = 0;
  private scratch = 0;
  private received: number[] = [];
  /** what the other end of the line still has to send; outside the machine, and no part of its state */
  private waiting: number[] = [];
  private waitingFrom = 0;
  private overrun = false;
  /** the transmitter-empty interrupt, which reading IIR or writing a byte takes back */
  private transmitPending = false;
  private outputBytes: Uint8Array = new Uint8Array(256);
  private outputLength = 0;
  private dropped = 0;

  constructor(
    readonly id: string,
    private readonly context: DeviceContext,
    options: { base?: number } = {},
  ) {
    this.regions = [{ name: 'registers', kind: 'port', size: 8, base: options.base ?? COM1_BASE }];
  }

  /** Everything sent so far (the newest OUTPUT_LIMIT bytes of it). */
  get output(): Uint8Array {
    return this.outputBytes.slice(0, this.outputLength);
  }

  /** Bytes sent that `output` no longer holds. */
  get droppedBytes(): number {
    return this.dropped;
  }

  /** Bytes sent since power-on. */
  get sent(): number {
    return this.dropped + this.outputLength;
  }

  /** Would a byte from outside interrupt the processor, as the program has set it up? */
  get listens(): boolean {
    return (this.interruptEnable & IER.receive) !== 0;
  }

  /**
   * Bytes from outside that wait for the program, as a sender with flow control does: each is received when there is room, once the
   * program looks (or has asked for interrupts), so that none is lost.
   */
  queue(bytes: Uint8Array): void {
    for (const byte of bytes) this.waiting.push(byte);
    if (!this.listens) return;
    this.fill();
    this.updateInterrupt();
  }

  /** Bytes from outside. What the FIFO cannot hold is lost and sets the overrun bit, as on the wire. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.received.length >= this.depth) this.overrun = true;
      else this.received.push(byte);
    }
    this.updateInterrupt();
  }

  reset(): void {
    this.divisor = 1;
    this.interruptEnable = this.fifoControl = this.lineControl = this.modemControl = this.scratch = 0;
    this.received = [];
    this.overrun = this.transmitPending = false;
    this.outputLength = this.dropped = 0;
    this.context.interrupt.set(false);
  }

  read(_region: string, offset: number, _size: 1 | 2 | 4): number {
    switch (offset) {
      case UART.data:
        return this.lineControl & LCR_DLAB ? this.divisor & 0xff : this.takeReceived();
      case UART.interruptEnable:
        return this.lineControl & LCR_DLAB ? this.divisor >> 8 : this.interruptEnable;
      case UART.interruptId:
        return this.identifyInterrupt();
      case UART.lineControl:
        return this.lineControl;
      case UART.modemControl:
        return this.modemControl;
      case UART.lineStatus:
        return this.readLineStatus();
      case UART.modemStatus:
        return this.modemStatus();
      case UART.scratch:
        return this.scratch;
      default:
        return 0xff;
    }
  }

  /** The registers are bytes: wider accesses arrive as their low byte, as on an 8-bit ISA card. */
  write(_region: string, offset: number, _size: 1 | 2 | 4, wide: number): void {
    const value = wide & 0xff;
    switch (offset) {
      case UART.data:
        if (this.lineControl & LCR_DLAB) this.divisor = (this.divisor & 0xff00) | value;
        else this.transmit(value);
        break;
      case UART.interruptEnable:
        if (this.lineControl & LCR_DLAB) this.divisor = (this.divisor & 0xff) | (value << 8);
        else this.enableInterrupts(value & 0x0f);
        break;
      case UART.interruptId:
        this.controlFifo(value);
        break;
      case UART.lineControl:
        this.lineControl = value;
        break;
      case UART.modemControl:
        this.modemControl = value & 0x1f;
        break;
      case UART.scratch:
        this.scratch = value;
        break;
    }
    this.updateInterrupt();
  }

  event(_tag: EventTag): void {
    // the line is infinitely fast: nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState('uart', STATE_VERSION, {
      registers: [this.divisor, this.interruptEnable, this.fifoControl, this.lineControl, this.modemControl, this.scratch],
      received: this.received,
      overrun: this.overrun,
      transmitPending: this.transmitPending,
      output: this.output,
      dropped: this.dropped,
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedUart>('uart', STATE_VERSION, bytes);
    const [divisor = 1, interruptEnable = 0, fifoControl = 0, lineControl = 0, modemControl = 0, scratch = 0] = saved.registers;
    Object.assign(this, { divisor, interruptEnable, fifoControl, lineControl, modemControl, scratch });
    this.received = [...saved.received];
    this.overrun = saved.overrun;
    this.transmitPending = saved.transmitPending;
    this.outputBytes = fromHex(saved.output);
    this.outputLength = this.outputBytes.length;
    this.dropped = saved.dropped;
    this.updateInterrupt();
  }

  private get depth(): number {
    return this.fifoControl & 1 ? FIFO_DEPTH : 1;
  }

  /** Receives what waits, as far as there is room. */
  private fill(): void {
    while (this.waitingFrom < this.waiting.length && this.received.length < this.depth)
      this.received.push(this.waiting[this.waitingFrom++]!);
    if (this.waitingFrom < this.waiting.length) return;
    this.waiting = [];
    this.waitingFrom = 0;
  }

  private takeReceived(): number {
    this.fill();
    const byte = this.received.shift() ?? 0;
    // the line goes down before the next byte arrives: an edge for the interrupt controller
    this.updateInterrupt();
    this.fill();
    this.updateInterrupt();
    return byte;
  }

  private transmit(byte: number): void {
    if (this.modemControl & MCR_LOOP) this.receive(Uint8Array.of(byte));
    else this.capture(byte);
    this.transmitPending = (this.interruptEnable & IER.transmit) !== 0;
  }

  private capture(byte: number): void {
    if (this.outputLength === OUTPUT_LIMIT) {
      // make room in one move for the next 64 KiB, so that a guest that prints forever costs no more than memory
      const drop = 64 * 1024;
      this.outputBytes.copyWithin(0, drop);
      this.outputLength -= drop;
      this.dropped += drop;
    }
    if (this.outputLength >= this.outputBytes.length) {
      const larger = new Uint8Array(Math.min(OUTPUT_LIMIT, Math.max(256, this.outputBytes.length * 2)));
      larger.set(this.outputBytes);
      this.outputBytes = larger;
    }
    this.outputBytes[this.outputLength++] = byte;
  }

  private enableInterrupts(value: number): void {
    if (value & ~this.interruptEnable & IER.transmit) this.transmitPending = true;
    this.interruptEnable = value;
    if (this.listens) this.fill();
  }

  private controlFifo(value: number): void {
    this.fifoControl = value & 0xc9;
    if (value & 2) this.received = [];
  }

  private readLineStatus(): number {
    this.fill();
    const status = LSR.transmitterIdle | (this.received.length > 0 ? LSR.dataReady : 0) | (this.overrun ? LSR.overrun : 0);
    this.overrun = false;
    this.updateInterrupt();
    return status;
  }

  /** In loop mode the modem outputs are fed back (DTR→DSR, RTS→CTS, OUT1→RI, OUT2→DCD); otherwise a terminal is attached. */
  private modemStatus(): number {
    if (!(this.modemControl & MCR_LOOP)) return 0xb0;
    const mcr = this.modemControl;
    return ((mcr & 1) << 5) | ((mcr & 2) << 3) | ((mcr & 4) << 4) | ((mcr & 8) << 4);
  }

  /** Highest priority first: line status, received data, transmitter empty. */
  private pendingInterrupt(): number {
    if (this.interruptEnable & IER.lineStatus && this.overrun) return IIR.lineStatus;
    if (this.interruptEnable & IER.receive && this.received.length > 0) return IIR.receive;
    if (this.interruptEnable & IER.transmit && this.transmitPending) return IIR.transmit;
    return IIR.none;
  }

  private identifyInterrupt(): number {
    const pending = this.pendingInterrupt();
    if (pending === IIR.transmit) this.transmitPending = false;
    this.updateInterrupt();
    return pending | (this.fifoControl & 1 ? IIR.fifos : 0);
  }

  private updateInterrupt(): void {
    this.context.interrupt.set(this.pendingInterrupt() !== IIR.none);
  }
}
