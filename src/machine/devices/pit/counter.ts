/**
 * One counter of an 8254 interval timer, as arithmetic on the machine clock: nothing counts while nobody looks. Modes 0 to 5,
 * binary and BCD, counter and status latches, gate. Intel 8254 data sheet. Times are in machine ticks; CLOCK_TICKS of them make
 * one pulse of the timer's clock.
 */

/**
 * Machine ticks for each pulse of the timer's 1.193182 MHz clock. The machine clock counts nanoseconds as far as timers are
 * concerned: 838 of them are one pulse, 0.01 % short, so that every edge lies on a whole tick.
 */
export const CLOCK_TICKS = 838;

const MODE = { terminalCount: 0, oneShot: 1, rate: 2, square: 3, softwareStrobe: 4, hardwareStrobe: 5 } as const;
const ACCESS = { low: 1, high: 2, both: 3 } as const;

export interface CounterState {
  mode: number;
  /** which bytes a program reads and writes: ACCESS */
  access: number;
  bcd: boolean;
  /** the count in pulses; 0 until one was written (or, in modes 1 and 5, until the gate has triggered it) */
  count: number;
  /** a count that takes over at the end of the period (modes 2, 3) or at the next trigger (1, 5); 0: none */
  next: number;
  /** tick of the pulse that loaded the count */
  start: number;
  gate: boolean;
  /** pulses counted when the gate stopped it, or -1 while it runs */
  held: number;
  /** first byte of a two-byte write, or -1 */
  lowByte: number;
  /** the high byte is read next */
  readsHigh: boolean;
  /** -1: not latched */
  latched: number;
  latchedStatus: number;
}

export class Counter {
  state: CounterState;

  constructor(private readonly gateAtReset: boolean) {
    this.state = this.atReset();
  }

  reset(): void {
    this.state = this.atReset();
  }

  /** A control word for this counter (bits 5:0), except the latch command. */
  control(word: number): void {
    const mode = (word >> 1) & 7;
    this.state = {
      ...this.atReset(),
      // modes 6 and 7 are 2 and 3
      mode: mode > 5 ? mode - 4 : mode,
      access: (word >> 4) & 3,
      bcd: (word & 1) !== 0,
      gate: this.state.gate,
      start: 0,
    };
  }

  /** The counter latch command: the first latch holds until it is read. */
  latchCount(now: number): void {
    if (this.state.latched < 0) this.state.latched = this.value(now);
  }

  /** The status half of the read-back command. */
  latchStatus(now: number): void {
    const { mode, access, bcd, count, next, start } = this.settled(now);
    if (this.state.latchedStatus >= 0) return;
    const pending = count === 0 || next !== 0 || start > now;
    this.state.latchedStatus = (this.output(now) ? 0x80 : 0) | (pending ? 0x40 : 0) | (access << 4) | (mode << 1) | (bcd ? 1 : 0);
  }

  read(now: number): number {
    const state = this.state;
    if (state.latchedStatus >= 0) {
      const status = state.latchedStatus;
      state.latchedStatus = -1;
      return status;
    }
    const value = state.latched >= 0 ? state.latched : this.value(now);
    const high = state.access === ACCESS.high || (state.access === ACCESS.both && state.readsHigh);
    if (state.access === ACCESS.both) state.readsHigh = !state.readsHigh;
    // a latch is used up by its last byte
    if (state.access !== ACCESS.both || !state.readsHigh) state.latched = -1;
    return (high ? value >> 8 : value) & 0xff;
  }

  write(now: number, byte: number): void {
    const state = this.state;
    switch (state.access) {
      case ACCESS.low:
        return this.load(now, byte);
      case ACCESS.high:
        return this.load(now, byte << 8);
      default:
        if (state.lowByte < 0) {
          state.lowByte = byte;
          // in mode 0 the first byte stops the counter (data sheet, "mode 0")
          if (state.mode === MODE.terminalCount) state.count = 0;
        } else {
          const value = state.lowByte | (byte << 8);
          state.lowByte = -1;
          this.load(now, value);
        }
    }
  }

  /** The gate input. */
  setGate(now: number, level: boolean): void {
    const state = this.settled(now);
    if (state.gate === level) return;
    state.gate = level;
    const { mode, count } = state;
    if (mode === MODE.oneShot || mode === MODE.hardwareStrobe) {
      if (level && (state.next || count) !== 0) this.begin(now, state.next || count, 0);
    } else if (count !== 0 && !level) {
      state.held = Math.max(0, this.pulses(now));
    } else if (count !== 0 && (mode === MODE.rate || mode === MODE.square)) {
      this.begin(now, state.next || count, 0);
    } else if (state.held >= 0) {
      state.start = now - state.held * CLOCK_TICKS;
      state.held = -1;
    }
  }

  /** The OUT pin. */
  output(now: number): boolean {
    const { mode, count, held } = this.settled(now);
    const pulses = this.pulses(now);
    if (count === 0 || pulses < 0) return mode !== MODE.terminalCount;
    switch (mode) {
      case MODE.terminalCount:
        return pulses >= count;
      case MODE.oneShot:
        return pulses >= count;
      case MODE.rate:
        return held >= 0 || pulses % count !== count - 1;
      case MODE.square:
        return held >= 0 || pulses % count < Math.ceil(count / 2);
      default:
        return pulses !== count;
    }
  }

  /** The tick, after `now`, at which OUT may change next; Infinity when it will not by itself. */
  nextEdge(now: number): number {
    const { mode, count, held, start } = this.settled(now);
    if (count === 0 || held >= 0) return Infinity;
    const pulses = this.pulses(now);
    const at = (pulse: number): number => start + pulse * CLOCK_TICKS;
    if (pulses < 0) return start;
    const period = pulses - (pulses % count);
    switch (mode) {
      case MODE.terminalCount:
      case MODE.oneShot:
        return pulses < count ? at(count) : Infinity;
      case MODE.rate:
        return at(pulses < period + count - 1 ? period + count - 1 : period + count);
      case MODE.square: {
        const half = period + Math.ceil(count / 2);
        return at(pulses < half ? half : period + count);
      }
      default:
        return pulses < count ? at(count) : pulses === count ? at(count + 1) : Infinity;
    }
  }

  private atReset(): CounterState {
    return {
      mode: 0,
      access: ACCESS.both,
      bcd: false,
      count: 0,
      next: 0,
      start: 0,
      gate: this.gateAtReset,
      held: -1,
      lowByte: -1,
      readsHigh: false,
      latched: -1,
      latchedStatus: -1,
    };
  }

  /** A whole count was written. 0 is the largest there is. */
  private load(now: number, written: number): void {
    const state = this.settled(now);
    const count = (state.bcd ? fromBcd(written) : written) || this.modulus;
    switch (state.mode) {
      case MODE.oneShot:
      case MODE.hardwareStrobe:
        state.next = count;
        return;
      case MODE.rate:
      case MODE.square:
        if (state.count === 0) return this.begin(now, count, 0);
        // counted from the period that runs now, so that the new count takes over at its end
        if (state.held < 0) state.start += Math.max(0, Math.floor(this.pulses(now) / state.count)) * state.count * CLOCK_TICKS;
        state.next = count;
        return;
      default:
        this.begin(now, count, 0);
    }
  }

  /** The next pulse loads the count. */
  private begin(now: number, count: number, next: number): void {
    const { state } = this;
    state.count = count;
    state.next = next;
    state.start = now + CLOCK_TICKS;
    // modes 1 and 5 do not look at the level of the gate
    const paused = !state.gate && state.mode !== MODE.oneShot && state.mode !== MODE.hardwareStrobe;
    state.held = paused ? 0 : -1;
  }

  /** A count that waits for the end of the period takes over there. */
  private settled(now: number): CounterState {
    const { state } = this;
    if (state.next === 0 || (state.mode !== MODE.rate && state.mode !== MODE.square)) return state;
    if (state.held < 0 && this.pulses(now) >= state.count) {
      state.start += state.count * CLOCK_TICKS;
      state.count = state.next;
      state.next = 0;
    }
    return state;
  }

  /** Pulses since the count was loaded; negative before. */
  private pulses(now: number): number {
    const { held, start } = this.state;
    return held >= 0 ? held : Math.floor((now - start) / CLOCK_TICKS);
  }

  private get modulus(): number {
    return this.state.bcd ? 10_000 : 0x1_0000;
  }

  /** What the counting element holds, in the form a program reads. */
  private value(now: number): number {
    const { mode, count, bcd } = this.settled(now);
    if (count === 0) return 0;
    const pulses = Math.max(0, this.pulses(now));
    const { modulus } = this;
    let value: number;
    if (mode === MODE.rate) value = count - (pulses % count);
    else if (mode === MODE.square) {
      // counts down by two in each half; an odd count loses its one at once
      const half = Math.ceil(count / 2);
      const inPeriod = pulses % count;
      value = (count & ~1) - 2 * (inPeriod < half ? Math.min(inPeriod, half - 1) : inPeriod - half);
    } else value = (((count - pulses) % modulus) + modulus) % modulus;
    value %= modulus;
    return bcd ? toBcd(value) : value;
  }
}

const fromBcd = (value: number): number =>
  (value & 15) + ((value >> 4) & 15) * 10 + ((value >> 8) & 15) * 100 + ((value >> 12) & 15) * 1000;
const toBcd = (value: number): number =>
  (value % 10) | ((Math.floor(value / 10) % 10) << 4) | ((Math.floor(value / 100) % 10) << 8) | ((Math.floor(value / 1000) % 10) << 12);
