/**
 * The fault event registers: the message that tells of a recorded fault, where it goes, and whether it is masked; one that comes
 * while it is masked is pending (VT-d 11.4.9).
 */
import { FAULT_EVENT } from './registers';

export class FaultEvent {
  private controls: number = FAULT_EVENT.masked;
  data = 0;
  private low = 0;
  upperAddress = 0;

  /** @param send absent while no interrupt controller is there to take the message */
  constructor(private readonly send?: (address: number, data: number) => void) {}

  get control(): number {
    return this.controls;
  }
  /** Only the mask can be written; taking it away sends what is pending. */
  set control(value: number) {
    const pending = this.controls & FAULT_EVENT.pending;
    this.controls = ((value & FAULT_EVENT.masked) | pending) >>> 0;
    if (pending && !(value & FAULT_EVENT.masked)) this.message();
  }

  get address(): number {
    return this.low;
  }
  set address(value: number) {
    this.low = (value & ~3) >>> 0;
  }

  /** A fault was recorded. */
  signal(): void {
    if (this.controls & FAULT_EVENT.masked) this.controls = (this.controls | FAULT_EVENT.pending) >>> 0;
    else this.message();
  }

  /** There is nothing left to interrupt for. */
  dropPending(): void {
    this.controls = (this.controls & ~FAULT_EVENT.pending) >>> 0;
  }

  reset(): void {
    this.load([FAULT_EVENT.masked, 0, 0, 0]);
  }

  /** control, data, address, upper address */
  save(): number[] {
    return [this.controls, this.data, this.low, this.upperAddress];
  }

  load([control = 0, data = 0, address = 0, upper = 0]: readonly number[]): void {
    this.controls = control;
    this.data = data;
    this.low = address;
    this.upperAddress = upper;
  }

  private message(): void {
    this.dropPending();
    this.send?.(this.upperAddress * 2 ** 32 + this.low, this.data);
  }
}
