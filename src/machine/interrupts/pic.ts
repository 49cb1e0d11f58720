/**
 * A pair of 8259A interrupt controllers as PC boards wire them: the second hangs on input 2 of the first. Initialisation words
 * ICW1-4, operation words OCW1-3, fixed and rotating priority, the special mask and special fully nested modes, edge and level
 * triggered inputs (ELCR), automatic and commanded end of interrupt, polling, spurious requests. Intel 8259A data sheet; the
 * ELCR ports are those of the PIIX. At reset every input is masked, so that nothing arrives before a program initialises them.
 */
import type { InterruptSource } from '../cpu/runtime';
import type { Device, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';

const MASTER_BASE = 0x20;
const SLAVE_BASE = 0xa0;
const ELCR_BASE = 0x4d0;
/** The input of the first controller that the second one drives. */
const CASCADE_INPUT = 2;
const SPURIOUS_INPUT = 7;
const STATE_VERSION = 2;

interface Saved8259 {
  request: number;
  service: number;
  mask: number;
  levels: number;
  levelTriggered: number;
  vectorBase: number;
  step: number;
  needsFourth: boolean;
  single: boolean;
  automaticEnd: boolean;
  readService: boolean;
  poll: boolean;
  /** the input with the lowest priority: 7 until it is rotated */
  lowest: number;
  /** automatic end of interrupt gives the input that was served the lowest priority */
  rotates: boolean;
  /** special mask mode: what is in service and masked holds nothing back */
  specialMask: boolean;
  /** special fully nested mode: the second controller may interrupt its own service routine */
  fullyNested: boolean;
}

const AT_RESET: Saved8259 = {
  request: 0,
  service: 0,
  mask: 0xff,
  levels: 0,
  levelTriggered: 0,
  vectorBase: 0,
  step: 0,
  needsFourth: false,
  single: false,
  automaticEnd: false,
  readService: false,
  poll: false,
  lowest: 7,
  rotates: false,
  specialMask: false,
  fullyNested: false,
};

/** Priority of the best of some inputs, 0 (the best) to 7; 8 when there is none. The one behind `lowest` is the best. */
function priority(inputs: number, lowest: number): number {
  const turned = ((inputs << 8) | inputs) >> (lowest + 1);
  const bits = turned & 0xff;
  return bits === 0 ? 8 : 31 - Math.clz32(bits & -bits);
}

/** One controller. */
class Controller8259 {
  state: Saved8259 = { ...AT_RESET };

  /** `first`: the second one hangs on its cascade input */
  constructor(private readonly first: boolean) {}

  reset(): void {
    const { levels } = this.state;
    this.state = { ...AT_RESET, levels };
  }

  setLevel(input: number, asserted: boolean): void {
    const bit = 1 << input;
    const state = this.state;
    if (asserted) {
      if (state.levelTriggered & bit || !(state.levels & bit)) state.request |= bit;
      state.levels |= bit;
    } else {
      state.levels &= ~bit;
      // a request that goes away before it is acknowledged becomes spurious
      state.request &= ~bit;
    }
  }

  /** The input to be served now, or -1. */
  wanted(): number {
    const { request, mask, lowest } = this.state;
    const best = priority(request & ~mask, lowest);
    return best < 8 && this.passes(this.inputOf(best)) ? this.inputOf(best) : -1;
  }

  /** Does nothing that is in service hold this input back? */
  private passes(input: number): boolean {
    const { service, mask, lowest, specialMask, fullyNested } = this.state;
    const held = priority(specialMask ? service & ~mask : service, lowest);
    const rank = priority(1 << input, lowest);
    return rank < held || (rank === held && fullyNested && this.first && input === CASCADE_INPUT);
  }

  private inputOf(rank: number): number {
    return (rank + this.state.lowest + 1) & 7;
  }

  /** Would a request at this input be served now? */
  opens(input: number): boolean {
    return !(this.state.mask & (1 << input)) && this.passes(input);
  }

  /** Takes a request: the input, or the spurious one when there is nothing to take. */
  acknowledge(): number {
    const input = this.wanted();
    if (input < 0) return SPURIOUS_INPUT;
    const bit = 1 << input;
    const state = this.state;
    if (!(state.levelTriggered & bit)) state.request &= ~bit;
    if (!state.automaticEnd) state.service |= bit;
    else if (state.rotates) state.lowest = input;
    return input;
  }

  writeCommand(value: number): void {
    const state = this.state;
    if (value & 0x10) {
      // ICW1: the mask, the request latch and what was set up before are cleared
      const { levels, levelTriggered } = state;
      this.state = {
        ...AT_RESET,
        mask: 0,
        levels,
        levelTriggered,
        request: levels & levelTriggered,
        step: 2,
        needsFourth: (value & 1) !== 0,
        single: (value & 2) !== 0,
      };
    } else if (value & 0x08) {
      // OCW3
      if (value & 0x04) state.poll = true;
      if (value & 0x40) state.specialMask = (value & 0x20) !== 0;
      if (value & 0x02) state.readService = (value & 0x01) !== 0;
    } else this.command(value);
  }

  /** OCW2: ends of interrupt, and who has the lowest priority from now on. */
  private command(value: number): void {
    const state = this.state;
    const rotate = (value & 0x80) !== 0;
    const specific = (value & 0x40) !== 0;
    if (!(value & 0x20)) {
      if (specific) {
        if (rotate) state.lowest = value & 7;
      } else state.rotates = rotate;
      return;
    }
    // without a level: the best that is in service (in special mask mode, and not masked)
    const ending = state.specialMask ? state.service & ~state.mask : state.service;
    const best = priority(ending, state.lowest);
    if (!specific && best === 8) return;
    const input = specific ? value & 7 : this.inputOf(best);
    state.service &= ~(1 << input);
    if (rotate) state.lowest = input;
  }

  writeData(value: number): void {
    const state = this.state;
    switch (state.step) {
      case 2:
        state.vectorBase = value & 0xf8;
        state.step = state.single ? (state.needsFourth ? 4 : 0) : 3;
        return;
      case 3:
        // ICW3 says how the pair is wired, which the board has fixed
        state.step = state.needsFourth ? 4 : 0;
        return;
      case 4:
        state.automaticEnd = (value & 0x02) !== 0;
        state.fullyNested = (value & 0x10) !== 0;
        state.step = 0;
        return;
      default:
        state.mask = value & 0xff;
    }
  }

  /** The port of the commands (0) or of the mask (1). A poll command is answered by the next read, whichever it is. */
  read(offset: number): number {
    const state = this.state;
    if (state.poll) {
      state.poll = false;
      return this.wanted() < 0 ? 0 : 0x80 | this.acknowledge();
    }
    return offset === 1 ? state.mask : state.readService ? state.service : state.request;
  }
}

export class InterruptControllerPair implements Device, InterruptSource {
  readonly kind = 'pic';
  readonly regions: readonly DeviceRegion[] = [
    { name: 'master', kind: 'port', size: 2, base: MASTER_BASE },
    { name: 'slave', kind: 'port', size: 2, base: SLAVE_BASE },
    { name: 'elcr', kind: 'port', size: 2, base: ELCR_BASE },
  ];
  private readonly master = new Controller8259(true);
  private readonly slave = new Controller8259(false);

  /** `raised` is called when the processor's pin goes up: the slice that runs now should end. */
  constructor(
    readonly id = 'pic',
    private readonly raised: () => void = () => undefined,
  ) {}

  /** Level of IRQ 0 to 15 (2 is the cascade and cannot be driven). */
  setLine(irq: number, asserted: boolean): void {
    if (irq < 0 || irq > 15 || irq === CASCADE_INPUT) throw new RangeError(`there is no interrupt line ${irq}`);
    this.change(() => (irq < 8 ? this.master.setLevel(irq, asserted) : this.slave.setLevel(irq - 8, asserted)));
  }

  pending(): boolean {
    return this.master.wanted() >= 0;
  }

  /** Would a request on this line (0 to 7) be offered to the processor now? */
  opens(irq: number): boolean {
    return this.master.opens(irq);
  }

  acknowledge(): number {
    const input = this.master.acknowledge();
    if (input !== CASCADE_INPUT) return this.master.state.vectorBase + input;
    const second = this.slave.acknowledge();
    this.cascade();
    return this.slave.state.vectorBase + second;
  }

  reset(): void {
    this.master.reset();
    this.slave.reset();
  }

  read(region: string, offset: number, size: 1 | 2 | 4): number {
    if (size > 1) return this.read(region, offset, 1) | (offset === 0 ? this.read(region, 1, 1) << 8 : 0xff00);
    if (region === 'elcr') return (offset === 0 ? this.master : this.slave).state.levelTriggered;
    const controller = region === 'master' ? this.master : this.slave;
    let value = 0;
    this.change(() => (value = controller.read(offset)));
    return value;
  }

  write(region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size > 1) {
      this.write(region, offset, 1, value & 0xff);
      if (offset === 0) this.write(region, 1, 1, (value >>> 8) & 0xff);
      return;
    }
    this.change(() => {
      if (region === 'elcr') {
        // the timer, keyboard, cascade, clock and coprocessor inputs stay edge triggered
        if (offset === 0) this.master.state.levelTriggered = value & 0xf8;
        else this.slave.state.levelTriggered = value & 0xde;
        return;
      }
      const controller = region === 'master' ? this.master : this.slave;
      if (offset === 0) controller.writeCommand(value);
      else controller.writeData(value);
    });
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { master: { ...this.master.state }, slave: { ...this.slave.state } });
  }

  load(bytes: Uint8Array): void {
    const { master, slave } = decodeState<{ master: Saved8259; slave: Saved8259 }>(this.kind, STATE_VERSION, bytes);
    this.master.state = master;
    this.slave.state = slave;
  }

  private change(action: () => void): void {
    const before = this.pending();
    action();
    this.cascade();
    if (!before && this.pending()) this.raised();
  }

  private cascade(): void {
    // the second controller holds its output up while it has something to offer
    const bit = 1 << CASCADE_INPUT;
    if (this.slave.wanted() >= 0) this.master.state.request |= bit;
    else this.master.state.request &= ~bit;
  }
}
