/**
 * The local APIC of the one processor (xAPIC, SDM vol. 3, ch. 10): requests and services by vector, task and processor priority,
 * its timer, interrupts to itself, spurious ones, and the local inputs, through which the 8259 pair reaches the processor. Its
 * registers stay at 0xFEE0_0000. There is no other processor to send anything to; SMI, INIT and start-up messages change nothing, and
 * are reported as unheard.
 */
import { APIC_BYTES, LOCAL_APIC_BASE, LOCAL_APIC_ID } from '../board/windows';
import type { InterruptSource } from '../cpu/runtime';
import type { Device, DeviceClock, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import { APIC, ERROR, LOCAL_VECTORS, MASKED, PERIODIC, SHORTHAND, SOFTWARE_ENABLE, VERSION, registerExists } from './apic-registers';
import { DELIVERY, type InterruptMessage } from './interrupt-message';
import { clear, has, highest, set } from './vector-bits';

const STATE_VERSION = 1;

interface SavedLocalApic {
  registers: [offset: number, value: number][];
  request: number[];
  service: number[];
  levelTriggered: number[];
  errors: number;
  timerStart: number;
}

export interface LocalApicOptions {
  clock: DeviceClock;
  /** the 8259 pair at LINT0 */
  external: InterruptSource;
  /** bit 11 of IA32_APIC_BASE: while it is clear the 8259 pair drives the processor's pin directly */
  enabled: () => boolean;
  /** the processor has something to take: the slice that runs now should end */
  raised?: () => void;
  /** a message that changes nothing here: SMI, INIT, start-up, or for processors that are not there */
  unheard?: (message: InterruptMessage) => void;
  /** a message of mode NMI */
  nonMaskable?: () => void;
  /** a level-triggered vector has ended */
  ended?: (vector: number) => void;
}

export class LocalApic implements Device, InterruptSource {
  readonly kind = 'local-apic';
  readonly id = LOCAL_APIC_ID;
  readonly regions: readonly DeviceRegion[] = [{ name: 'registers', kind: 'memory', size: APIC_BYTES, base: LOCAL_APIC_BASE }];
  private registers = new Map<number, number>();
  private request = new Uint32Array(8);
  private service = new Uint32Array(8);
  private levelTriggered = new Uint32Array(8);
  /** errors since ESR was last written */
  private errors = 0;
  private timerStart = 0;

  constructor(private readonly options: LocalApicOptions) {
    this.reset();
  }

  reset(): void {
    this.registers = new Map([
      [APIC.destinationFormat, 0xffff_ffff],
      [APIC.spurious, 0xff],
      ...Object.keys(LOCAL_VECTORS).map((offset): [number, number] => [Number(offset), MASKED]),
    ]);
    for (const bits of [this.request, this.service, this.levelTriggered]) bits.fill(0);
    this.errors = 0;
    this.timerStart = 0;
    this.options.clock.cancel('timer');
  }

  /** What firmware leaves behind: the 8259 pair reaches the processor through LINT0, NMI through LINT1 ("virtual wire" mode). */
  wireThrough(): void {
    this.registers.set(APIC.spurious, SOFTWARE_ENABLE | 0xff);
    this.registers.set(APIC.lint0, DELIVERY.external << 8);
    this.registers.set(APIC.lint1, DELIVERY.nmi << 8);
  }

  // --- the processor's side ----------------------------------------------------------------------------------------------

  pending(): boolean {
    return this.wanted() >= 0 || (this.passesExternal() && this.options.external.pending());
  }

  acknowledge(): number {
    const vector = this.wanted();
    if (vector >= 0) {
      clear(this.request, vector);
      set(this.service, vector);
      return vector;
    }
    if (this.passesExternal() && this.options.external.pending()) return this.options.external.acknowledge();
    return this.register(APIC.spurious) & 0xff;
  }

  /** Does what the 8259 pair offers reach the processor? */
  passesExternal(): boolean {
    if (!this.options.enabled()) return true;
    const lint0 = this.register(APIC.lint0);
    return !(lint0 & MASKED) && ((lint0 >> 8) & 7) === DELIVERY.external;
  }

  /** Would a request for this vector be taken now? */
  takes(vector: number): boolean {
    return this.works() && vector >= 16 && vector >> 4 > this.processorPriority() >> 4;
  }

  /** Can the timer interrupt the processor as things stand? */
  get timerReaches(): boolean {
    const timer = this.register(APIC.timer);
    return !(timer & MASKED) && this.takes(timer & 0xff);
  }

  // --- messages ------------------------------------------------------------------------------------------------------------

  /** An interrupt message; whether it was for this APIC. */
  deliver(message: InterruptMessage): boolean {
    // one that software has switched off still hears NMI (SDM vol. 3, 10.4.7.2)
    const hears = message.mode === DELIVERY.nmi ? this.options.enabled() : this.works();
    if (!hears || !this.isAddressed(message)) {
      this.options.unheard?.(message);
      return false;
    }
    if (message.mode === DELIVERY.fixed || message.mode === DELIVERY.lowestPriority) this.accept(message.vector, message.level);
    else if (message.mode === DELIVERY.nmi) this.options.nonMaskable?.();
    else this.options.unheard?.(message);
    return true;
  }

  private isAddressed({ destination, logical }: InterruptMessage): boolean {
    if (!logical) return destination === 0xff || destination === this.register(APIC.id) >>> 24;
    const own = this.register(APIC.logicalDestination) >>> 24;
    if (this.register(APIC.destinationFormat) >>> 28 === 0xf) return (own & destination) !== 0;
    const cluster = destination >> 4;
    return (cluster === 0xf || cluster === own >> 4) && (own & destination & 0xf) !== 0;
  }

  private accept(vector: number, level: boolean): void {
    if (vector < 16) return this.fail(ERROR.receiveIllegalVector);
    const before = this.wanted();
    set(this.request, vector);
    if (level) set(this.levelTriggered, vector);
    else clear(this.levelTriggered, vector);
    if (before < 0 && this.wanted() >= 0) this.options.raised?.();
  }

  private fail(error: number): void {
    const lvt = this.register(APIC.error);
    const first = (this.errors & error) === 0;
    this.errors |= error;
    if (first && !(lvt & MASKED) && (lvt & 0xff) >= 16) this.accept(lvt & 0xff, false);
  }

  // --- registers -----------------------------------------------------------------------------------------------------------

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    if (!registerExists(offset & ~15)) this.fail(ERROR.illegalRegister);
    const value = (offset & 15) < 4 ? this.readRegister(offset & ~15) : 0;
    const shifted = value >>> (8 * (offset & 3));
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  /** Registers are written whole, with aligned 32-bit stores; other accesses do nothing (SDM: undefined). */
  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (!registerExists(offset & ~15)) this.fail(ERROR.illegalRegister);
    else if (size === 4 && (offset & 15) === 0) this.writeRegister(offset, value >>> 0);
  }

  private readRegister(offset: number): number {
    if (offset >= APIC.inService && offset < APIC.errorStatus) {
      const table = [this.service, this.levelTriggered, this.request][(offset - APIC.inService) >> 7];
      return table?.[((offset - APIC.inService) >> 4) & 7] ?? 0;
    }
    switch (offset) {
      case APIC.version:
        return VERSION;
      case APIC.arbitrationPriority:
      case APIC.processorPriority:
        return this.processorPriority();
      case APIC.endOfInterrupt:
        return 0;
      case APIC.currentCount:
        return this.currentCount();
      default:
        return this.register(offset);
    }
  }

  private writeRegister(offset: number, value: number): void {
    switch (offset) {
      case APIC.id:
      case APIC.logicalDestination:
        this.registers.set(offset, (value & 0xff00_0000) >>> 0);
        return;
      case APIC.destinationFormat:
        this.registers.set(offset, (value | 0x0fff_ffff) >>> 0);
        return;
      case APIC.taskPriority:
        this.raising(() => this.registers.set(offset, value & 0xff));
        return;
      case APIC.endOfInterrupt:
        this.endOfInterrupt();
        return;
      case APIC.spurious:
        this.registers.set(offset, value & 0x1ff);
        // switched off by software: every local vector is masked
        if (!(value & SOFTWARE_ENABLE))
          for (const entry of Object.keys(LOCAL_VECTORS)) this.registers.set(Number(entry), this.register(Number(entry)) | MASKED);
        this.planTimer();
        return;
      case APIC.errorStatus:
        this.registers.set(offset, this.errors);
        this.errors = 0;
        return;
      case APIC.commandHigh:
        this.registers.set(offset, (value & 0xff00_0000) >>> 0);
        return;
      case APIC.commandLow:
        this.registers.set(offset, value & 0xc_cfff);
        this.send(value);
        return;
      case APIC.initialCount:
        this.registers.set(offset, value);
        this.timerStart = this.options.clock.now();
        this.planTimer();
        return;
      case APIC.divide: {
        // what is left to count stays as it is, only its speed changes
        const done = this.register(APIC.initialCount) - this.currentCount();
        this.registers.set(offset, value & 0xb);
        this.timerStart = this.options.clock.now() - done * this.divisor();
        this.planTimer();
        return;
      }
      default:
        if (LOCAL_VECTORS[offset] !== undefined) this.writeLocalVector(offset, value);
    }
  }

  private writeLocalVector(offset: number, value: number): void {
    const masked = this.register(APIC.spurious) & SOFTWARE_ENABLE ? 0 : MASKED;
    this.raising(() => this.registers.set(offset, (value & LOCAL_VECTORS[offset]!) | masked));
    if (offset === APIC.timer) this.planTimer();
  }

  private send(command: number): void {
    const shorthand = (command >> 18) & 3;
    const message: InterruptMessage = {
      vector: command & 0xff,
      mode: (command >> 8) & 7,
      destination: shorthand === SHORTHAND.none ? this.register(APIC.commandHigh) >>> 24 : 0xff,
      logical: shorthand === SHORTHAND.none && (command & 0x800) !== 0,
      level: false,
    };
    // to all others: there are none
    if (shorthand > SHORTHAND.all) return this.options.unheard?.(message);
    const carriesVector = message.mode === DELIVERY.fixed || message.mode === DELIVERY.lowestPriority;
    if (carriesVector && message.vector < 16) this.fail(ERROR.sendIllegalVector);
    else this.deliver(message);
  }

  private endOfInterrupt(): void {
    const vector = highest(this.service);
    if (vector < 0) return;
    const level = has(this.levelTriggered, vector);
    this.raising(() => clear(this.service, vector));
    if (level) this.options.ended?.(vector);
  }

  // --- the timer -------------------------------------------------------------------------------------------------------------

  event(_tag: EventTag): void {
    const timer = this.register(APIC.timer);
    if (!(timer & MASKED)) this.accept(timer & 0xff, false);
    this.planTimer();
  }

  /** Machine ticks for each count. */
  private divisor(): number {
    const code = this.register(APIC.divide);
    const power = (code & 3) | ((code >> 1) & 4);
    return power === 7 ? 1 : 2 << power;
  }

  private currentCount(): number {
    const initial = this.register(APIC.initialCount);
    if (initial === 0) return 0;
    const counted = Math.floor((this.options.clock.now() - this.timerStart) / this.divisor());
    if (this.register(APIC.timer) & PERIODIC) return initial - (counted % initial);
    return Math.max(0, initial - counted);
  }

  /** Asks to be called when the count next reaches zero, if anybody would hear of it. */
  private planTimer(): void {
    const { clock } = this.options;
    clock.cancel('timer');
    const timer = this.register(APIC.timer);
    const initial = this.register(APIC.initialCount);
    if (initial === 0 || timer & MASKED || !this.works()) return;
    const period = initial * this.divisor();
    const gone = clock.now() - this.timerStart;
    if (timer & PERIODIC) clock.schedule(period - (gone % period), { kind: 'timer' });
    else if (gone < period) clock.schedule(period - gone, { kind: 'timer' });
  }

  // --- state -----------------------------------------------------------------------------------------------------------------

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, {
      registers: [...this.registers].sort(([a], [b]) => a - b),
      request: [...this.request],
      service: [...this.service],
      levelTriggered: [...this.levelTriggered],
      errors: this.errors,
      timerStart: this.timerStart,
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedLocalApic>(this.kind, STATE_VERSION, bytes);
    this.registers = new Map(saved.registers);
    this.request.set(saved.request);
    this.service.set(saved.service);
    this.levelTriggered.set(saved.levelTriggered);
    this.errors = saved.errors;
    this.timerStart = saved.timerStart;
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  private register(offset: number): number {
    return this.registers.get(offset) ?? 0;
  }

  private works(): boolean {
    return this.options.enabled() && (this.register(APIC.spurious) & SOFTWARE_ENABLE) !== 0;
  }

  /** The higher of the task's priority and that of the service that runs (SDM vol. 3, 10.8.3.1). */
  private processorPriority(): number {
    const task = this.register(APIC.taskPriority);
    const running = Math.max(0, highest(this.service));
    return task >> 4 >= running >> 4 ? task : running & 0xf0;
  }

  /** The request to be served now, or -1. */
  private wanted(): number {
    const vector = highest(this.request);
    return vector >= 0 && this.options.enabled() && vector >> 4 > this.processorPriority() >> 4 ? vector : -1;
  }

  private raising(change: () => void): void {
    const before = this.pending();
    change();
    if (!before && this.pending()) this.options.raised?.();
  }
}
