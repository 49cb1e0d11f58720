/**
 * What the unit says when it rejects a transaction: reasons by VT-d's numbers, and the fault recording registers with their
 * overflow rule (VT-d 7.2, primary fault logging). Every rejected transaction is recorded on its own; none are collapsed.
 */
import type { RequesterId } from '../bus/dma-port';
import { FAULT_RECORDING_REGISTERS, FAULT_STATUS } from './registers';

export const FAULT_REASON = {
  rootNotPresent: 0x1,
  contextNotPresent: 0x2,
  contextInvalid: 0x3,
  beyondAddressWidth: 0x4,
  noWritePermission: 0x5,
  noReadPermission: 0x6,
  pagingEntryAccess: 0x7,
  rootTableAccess: 0x8,
  contextTableAccess: 0x9,
  rootReserved: 0xa,
  contextReserved: 0xb,
  pagingReserved: 0xc,
  blockedByTranslationType: 0xd,
} as const;
export type FaultReason = (typeof FAULT_REASON)[keyof typeof FAULT_REASON];

const TEXT: Readonly<Record<FaultReason, string>> = {
  0x1: 'root entry is not present',
  0x2: 'context entry is not present',
  0x3: 'context entry is invalid (translation type or address width)',
  0x4: 'address is beyond the address width',
  0x5: 'no write permission',
  0x6: 'no read permission',
  0x7: 'paging entry could not be read',
  0x8: 'root table could not be read',
  0x9: 'context table could not be read',
  0xa: 'reserved bits set in the root entry',
  0xb: 'reserved bits set in the context entry',
  0xc: 'reserved bits set in a paging entry',
  0xd: 'translated or translation request blocked by the translation type',
};

export const faultText = (reason: FaultReason): string => TEXT[reason];

/**
 * Faults that software may silence for one device with the context entry's FPD bit. Those found before a context entry is
 * known to be sound are always reported.
 */
export const isQualified = (reason: FaultReason): boolean =>
  reason !== FAULT_REASON.rootNotPresent &&
  reason !== FAULT_REASON.rootTableAccess &&
  reason !== FAULT_REASON.contextTableAccess &&
  reason !== FAULT_REASON.rootReserved &&
  reason !== FAULT_REASON.contextReserved;

/** One rejected transaction. */
export interface IommuFault {
  requester: RequesterId;
  /** the page of the address, as the register holds it */
  address: number;
  access: 'read' | 'write';
  reason: FaultReason;
}

/** One fault recording register, as its two 64-bit halves. */
export interface FaultRegister {
  low: bigint;
  high: bigint;
}

const F = 1n << 63n;
const T_READ = 1n << 62n;

function encodeFault(fault: IommuFault): FaultRegister {
  return {
    low: BigInt(fault.address) & ~0xfffn,
    high: F | (fault.access === 'read' ? T_READ : 0n) | (BigInt(fault.reason) << 32n) | BigInt(fault.requester),
  };
}

/** What a driver reads out of a register, or null while its F bit is clear. */
export function decodeFault({ low, high }: FaultRegister): IommuFault | null {
  if (!(high & F)) return null;
  return {
    requester: Number(high & 0xffffn),
    address: Number(low & ~0xfffn),
    access: high & T_READ ? 'read' : 'write',
    reason: Number((high >> 32n) & 0xffn) as FaultReason,
  };
}

export class FaultRecorder {
  private readonly registers: FaultRegister[] = Array.from({ length: FAULT_RECORDING_REGISTERS }, () => ({ low: 0n, high: 0n }));
  /** the register the next fault goes to */
  private next = 0;
  /** index reported in FSTS.FRI: the register of the fault that made PPF go from 0 to 1 */
  private firstPending = 0;
  private overflow = false;

  /** Returns false when the fault was lost: its register still holds an unread one, or an overflow has not been acknowledged. */
  record(fault: IommuFault): boolean {
    const register = this.registers[this.next]!;
    if (this.overflow || register.high & F) {
      this.overflow = true;
      return false;
    }
    if (!this.anyPending()) this.firstPending = this.next;
    Object.assign(register, encodeFault(fault));
    this.next = (this.next + 1) % FAULT_RECORDING_REGISTERS;
    return true;
  }

  /** FSTS: PFO, PPF, FRI. */
  get status(): number {
    return (this.overflow ? FAULT_STATUS.overflow : 0) | (this.anyPending() ? FAULT_STATUS.pending : 0) | (this.firstPending << 8);
  }

  /** FSTS is write-one-to-clear; PPF follows the F bits and cannot be written. */
  acknowledge(value: number): void {
    if (value & FAULT_STATUS.overflow) this.overflow = false;
  }

  register(index: number): FaultRegister {
    return { ...this.registers[index]! };
  }

  /** Writing one to F clears it; everything else is read-only. */
  clear(index: number): void {
    this.registers[index]!.high &= ~F;
  }

  /** Unread records, oldest register number first. */
  pending(): IommuFault[] {
    return this.registers.map(decodeFault).filter((fault) => fault !== null);
  }

  reset(): void {
    for (const register of this.registers) Object.assign(register, { low: 0n, high: 0n });
    this.next = this.firstPending = 0;
    this.overflow = false;
  }

  save(): { registers: string[]; next: number; firstPending: number; overflow: boolean } {
    const registers = this.registers.flatMap(({ low, high }) => [low.toString(16), high.toString(16)]);
    return { registers, next: this.next, firstPending: this.firstPending, overflow: this.overflow };
  }

  load(saved: ReturnType<FaultRecorder['save']>): void {
    this.registers.forEach((register, index) => {
      register.low = BigInt(`0x${saved.registers[index * 2] ?? '0'}`);
      register.high = BigInt(`0x${saved.registers[index * 2 + 1] ?? '0'}`);
    });
    this.next = saved.next;
    this.firstPending = saved.firstPending;
    this.overflow = saved.overflow;
  }

  private anyPending(): boolean {
    return this.registers.some(({ high }) => (high & F) !== 0n);
  }
}
