/**
 * The interval timer of PC boards: an 8254 at ports 0x40 to 0x43, whose counter 0 drives IRQ 0, and the byte at port 0x61 that
 * gates counter 2 (the speaker's), shows its output, and has the system's errors: bit 7 is memory that reported one, bit 2 switches
 * that off and clears it (IBM PC AT technical reference, 1-40; ICH9 datasheet, 13.7.1). It does nothing until a program sets it up.
 */
import type { Device, DeviceContext, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState } from '../device-state';
import { CLOCK_TICKS, Counter, type CounterState } from './counter';

const PIT_BASE = 0x40;
const CONTROL_PORT_B = 0x61;
/** Pulses between two changes of the refresh bit of port 0x61 (15 µs). */
const REFRESH_PULSES = 18;
/** Bits of port 0x61. */
const CHECK_OFF = 0x04;
const CHECKED = 0x80;
const STATE_VERSION = 1;

interface SavedPit {
  counters: CounterState[];
  portB: number;
}

export class IntervalTimer implements Device {
  readonly kind = 'pit';
  readonly regions: readonly DeviceRegion[] = [
    { name: 'counters', kind: 'port', size: 4, base: PIT_BASE },
    { name: 'port-b', kind: 'port', size: 1, base: CONTROL_PORT_B },
  ];
  private readonly counters = [new Counter(true), new Counter(true), new Counter(false)] as const;
  private portB = 0;

  constructor(
    readonly id: string,
    private readonly context: DeviceContext,
  ) {}

  reset(): void {
    for (const counter of this.counters) counter.reset();
    this.portB = 0;
    this.context.clock.cancel('edge');
    this.context.interrupt.set(false);
  }

  read(region: string, offset: number, size: 1 | 2 | 4): number {
    if (size > 1) return bytesOf(size, (index) => this.read(region, offset + index, 1));
    const now = this.context.clock.now();
    if (region === 'port-b') {
      const refresh = Math.floor(now / (REFRESH_PULSES * CLOCK_TICKS)) & 1;
      return this.portB | (refresh << 4) | (this.counters[2].output(now) ? 0x20 : 0);
    }
    return this.counters[offset]?.read(now) ?? 0xff;
  }

  write(region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size > 1) {
      for (let index = 0; index < size; index++) this.write(region, offset + index, 1, (value >>> (8 * index)) & 0xff);
      return;
    }
    const now = this.context.clock.now();
    if (region === 'port-b') {
      this.portB = (value & 0x0f) | (value & CHECK_OFF ? 0 : this.portB & CHECKED);
      this.counters[2].setGate(now, (value & 1) !== 0);
      return;
    }
    if (offset === 3) this.control(now, value);
    else this.counters[offset]?.write(now, value);
    this.drive();
  }

  /** Memory has met an error that it could not correct. True when an NMI is to follow: not while the check is off. */
  memoryCheck(): boolean {
    if (this.portB & CHECK_OFF) return false;
    this.portB |= CHECKED;
    return true;
  }

  event(_tag: EventTag): void {
    this.drive();
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { counters: this.counters.map(({ state }) => ({ ...state })), portB: this.portB });
  }

  /** Pending edges are the clock's own state. */
  load(bytes: Uint8Array): void {
    const { counters, portB } = decodeState<SavedPit>(this.kind, STATE_VERSION, bytes);
    this.counters.forEach((counter, index) => (counter.state = counters[index]!));
    this.portB = portB;
  }

  private control(now: number, word: number): void {
    const selected = word >> 6;
    if (selected === 3) {
      // read-back: counters by bits 3:1, not-count in bit 5, not-status in bit 4
      this.counters.forEach((counter, index) => {
        if (!(word & (2 << index))) return;
        if (!(word & 0x20)) counter.latchCount(now);
        if (!(word & 0x10)) counter.latchStatus(now);
      });
      return;
    }
    const counter = this.counters[selected]!;
    if ((word & 0x30) === 0) counter.latchCount(now);
    else counter.control(word);
  }

  /** Puts counter 0's output on the line, and asks to be called at its next edge. */
  private drive(): void {
    const { clock, interrupt } = this.context;
    const now = clock.now();
    interrupt.set(this.counters[0].output(now));
    clock.cancel('edge');
    const edge = this.counters[0].nextEdge(now);
    if (edge !== Infinity) clock.schedule(Math.max(1, edge - now), { kind: 'edge' });
  }
}

function bytesOf(size: number, byte: (index: number) => number): number {
  let value = 0;
  for (let index = 0; index < size; index++) value += byte(index) * 256 ** index;
  return value;
}
