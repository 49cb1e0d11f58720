/** Model-specific registers by their numbers, and the time-stamp counter (SDM vol. 4). Who may touch them is the caller's affair. */
import { validEfer } from './control-values';
import type { CpuState } from './cpu-state';
import { LEVEL, type Model } from './instruction-set';
import type { MachineCheck } from './machine-check';
import { EFER } from './paging-registers';
import { STATE } from './state-layout';
import type { FieldName } from './state-layout';
import type { Tlb } from './tlb';

/** MSRs with a slot of their own in the state, and in a guest's control block. */
export const MSR_FIELDS: Readonly<Record<number, FieldName>> = {
  0x1b: 'apicBase',
  0x174: 'sysenterCs',
  0x175: 'sysenterEsp',
  0x176: 'sysenterEip',
  0x277: 'pat',
};
export const MSR_TSC = 0x10;
export const MSR_EFER = 0xc000_0080;
/** Bits of IA32_APIC_BASE that can be written: the enable bit. The registers stay at 0xFEE0_0000. */
const APIC_BASE = { number: 0x1b, writable: 0x800n } as const;

const EFER_WORD = STATE.efer.offset >> 2;
const TSC_OFFSET = STATE.tscOffset.offset >> 2;

export class ModelSpecificRegisters {
  /** upper half of the counter as timestampLow has found it last */
  timestampHigh = 0;

  constructor(
    private readonly state: CpuState,
    private readonly tlb: Tlb,
    private readonly machineCheck: MachineCheck,
    private readonly model: Model,
  ) {}

  /** The machine clock plus the offset that writes to the counter left. */
  timestamp(): bigint {
    return BigInt.asUintN(64, BigInt(Math.floor(this.state.ticks)) + this.state.u64[TSC_OFFSET >> 1]!);
  }

  /** As timestamp, in halves and without BigInt: programs wait by looking here over and over. */
  timestampLow(): number {
    const { state } = this;
    const now = Math.floor(state.ticks);
    const low = (now >>> 0) + state.u32[TSC_OFFSET]!;
    this.timestampHigh = (Math.floor(now / 2 ** 32) + state.u32[TSC_OFFSET + 1]! + (low >= 2 ** 32 ? 1 : 0)) >>> 0;
    return low >>> 0;
  }

  /** Undefined when there is no register of that number. */
  read(number: number): bigint | undefined {
    if (number === MSR_TSC) return this.timestamp();
    const checked = this.machineCheck.read(number);
    if (checked !== undefined) return checked;
    const field = number === MSR_EFER ? 'efer' : MSR_FIELDS[number];
    if (field === undefined || this.model.level < LEVEL.p6) return undefined;
    return this.state.u64[STATE[field].offset >> 3]!;
  }

  /** False when there is no register of that number, or it does not take that value. */
  write(number: number, value: bigint): boolean {
    const { state } = this;
    if (number === MSR_EFER && this.model.level >= LEVEL.p6) {
      const low = Number(value & 0xffff_ffffn);
      if (value >> 32n !== 0n || !validEfer(low)) return false;
      if ((state.u32[EFER_WORD]! ^ low) & EFER.NXE) this.tlb.flushCurrent();
      state.u64[EFER_WORD >> 1] = value;
      return true;
    }
    if (number === MSR_TSC) {
      state.u64[TSC_OFFSET >> 1] = BigInt.asUintN(64, value - BigInt(Math.floor(state.ticks)));
      return true;
    }
    if (this.machineCheck.read(number) !== undefined) return this.machineCheck.write(number, value);
    const field = MSR_FIELDS[number];
    if (field === undefined || this.model.level < LEVEL.p6) return false;
    const at = STATE[field].offset >> 3;
    // the local APIC's registers cannot be moved here, so a base that would move them is refused
    if (number === APIC_BASE.number && (value ^ state.u64[at]!) & ~APIC_BASE.writable) return false;
    state.u64[at] = value;
    return true;
  }
}
