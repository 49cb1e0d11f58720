/**
 * Machine checks (SDM vol. 3, ch. 15): the error-reporting bank of a P6-class part, its registers, and when #MC is due. There is
 * one bank, which has what memory tells: errors of DRAM that ECC has corrected, and those that it could not. A guest of the VMM
 * never sees it: its RDMSR and WRMSR leave, and so does an error that is signalled while it runs.
 */
import type { CpuState } from './cpu-state';
import type { Model } from './instruction-set';
import { CR4 } from './paging-registers';
import { ACTIVITY, STATE } from './state-layout';

/** An error of memory as the chipset reports it. */
export interface MemoryError {
  /** host-physical address of the word */
  address: number;
  /** channel of the memory controller, 0 to 14; 15: not known */
  channel: number;
  corrected: boolean;
  /** was it met by a write (the read of a read-modify-write), not by a read? */
  write: boolean;
  /** a processor's access met it, not a device's: what was read is in its registers */
  consumed: boolean;
}

/** MSR numbers (SDM vol. 4). Bank 0's lie at 400H; it has no MISC register. */
export const MACHINE_CHECK_MSR = { capability: 0x179, status: 0x17a, bankControl: 0x400, bankStatus: 0x401, bankAddress: 0x402 } as const;
/** IA32_MCG_CAP: one bank, no IA32_MCG_CTL */
const CAPABILITY = 1n;
/** IA32_MCG_STATUS */
const MCG_STATUS = { restartable: 1, errorAtIp: 2, inProgress: 4 } as const;
/** IA32_MCi_STATUS, high word */
const BANK = { valid: 1 << 31, overflow: 1 << 30, uncorrected: 1 << 29, enabled: 1 << 28, address: 1 << 26, corrupt: 1 << 25 } as const;
/** the compound error code of a memory controller: 000F 0000 1MMM CCCC */
const MEMORY_CONTROLLER = 0x80;
const TRANSACTION = { read: 1 << 4, write: 2 << 4 } as const;
/** IA32_MC0_CTL: the one kind of error there is */
const CONTROL_MEMORY = 1;

const W = {
  pending: STATE.machineCheckPending.offset >> 2,
  global: STATE.mcgStatus.offset >> 2,
  control: STATE.mc0Control.offset >> 2,
  status: STATE.mc0Status.offset >> 2,
  address: STATE.mc0Address.offset >> 3,
} as const;

/** State words that belong to the processor whoever runs on it. */
export const MACHINE_CHECK_WORDS: readonly number[] = [
  W.pending,
  ...[W.global, W.control, W.status, W.address * 2].flatMap((word) => [word, word + 1]),
];

export class MachineCheck {
  constructor(
    private readonly state: CpuState,
    private readonly model: Model,
  ) {}

  /** Has this part the machine-check architecture? */
  get present(): boolean {
    return (this.model.cr4 & CR4.MCE) !== 0;
  }

  /** #MC is due, or shutdown in its place. */
  get pending(): boolean {
    return this.state.u32[W.pending] !== 0;
  }

  /**
   * Records an error in the bank. True when it is signalled: it was not corrected and IA32_MC0_CTL enables it. A corrected error
   * never takes the place of another one; an uncorrected one takes a corrected one's (SDM vol. 3, 15.3.2.2).
   */
  record(error: MemoryError): boolean {
    const { u32, u64 } = this.state;
    const enabled = (u32[W.control]! & CONTROL_MEMORY) !== 0;
    const before = u32[W.status + 1]!;
    const held = (before & BANK.valid) !== 0;
    const keeps = held && (error.corrected || (before & BANK.uncorrected) !== 0);
    if (keeps) u32[W.status + 1] = before | BANK.overflow;
    else {
      const kind = error.write ? TRANSACTION.write : TRANSACTION.read;
      u32[W.status] = MEMORY_CONTROLLER | kind | (error.channel & 15);
      u32[W.status + 1] =
        BANK.valid |
        BANK.address |
        (held ? BANK.overflow : 0) |
        (enabled ? BANK.enabled : 0) |
        (error.corrected ? 0 : BANK.uncorrected) |
        (!error.corrected && error.consumed ? BANK.corrupt : 0);
      u64[W.address] = BigInt(error.address);
    }
    if (error.corrected || !enabled) return false;
    u32[W.pending] = 1;
    return true;
  }

  /**
   * The error that is pending is taken now, at an instruction boundary. True: #MC is to be delivered. False: the processor has
   * shut down, because CR4.MCE is clear or the last machine check is still being handled (SDM vol. 3, 15.3.1.2 and 6.15, vector 18).
   */
  take(): boolean {
    const { state } = this;
    state.u32[W.pending] = 0;
    if (!(state.cr4 & CR4.MCE) || state.u32[W.global]! & MCG_STATUS.inProgress) {
      state.activity = ACTIVITY.shutdown;
      return false;
    }
    state.u32[W.global] = MCG_STATUS.inProgress | MCG_STATUS.restartable;
    return true;
  }

  /** Undefined: no such register. */
  read(number: number): bigint | undefined {
    if (!this.present) return undefined;
    const { u64 } = this.state;
    switch (number) {
      case MACHINE_CHECK_MSR.capability:
        return CAPABILITY;
      case MACHINE_CHECK_MSR.status:
        return u64[W.global >> 1];
      case MACHINE_CHECK_MSR.bankControl:
        return u64[W.control >> 1];
      case MACHINE_CHECK_MSR.bankStatus:
        return u64[W.status >> 1];
      case MACHINE_CHECK_MSR.bankAddress:
        return u64[W.address];
      default:
        return undefined;
    }
  }

  /** False: #GP. The bank's status and address can only be cleared, its capabilities not be written at all. */
  write(number: number, value: bigint): boolean {
    if (!this.present) return false;
    const { u64 } = this.state;
    switch (number) {
      case MACHINE_CHECK_MSR.status:
        if (value > 7n) return false;
        u64[W.global >> 1] = value;
        return true;
      case MACHINE_CHECK_MSR.bankControl:
        u64[W.control >> 1] = value;
        return true;
      case MACHINE_CHECK_MSR.bankStatus:
      case MACHINE_CHECK_MSR.bankAddress:
        if (value !== 0n) return false;
        u64[number === MACHINE_CHECK_MSR.bankStatus ? W.status >> 1 : W.address] = 0n;
        return true;
      default:
        return false;
    }
  }
}
