/**
 * Control, debug and model-specific registers, CPUID, the time-stamp counter, EFLAGS and HLT: who may touch them, and what
 * follows from a change (SDM vol. 3, 2.5 and 4.10.4; vol. 2 for each instruction).
 */
import type { MemoryAccess } from './access';
import { AddressSpaces } from './address-spaces';
import { CONTROL } from './control-block';
import { storedCr0, validCr0, validCr4 } from './control-values';
import { cpuidLeaf } from './cpuid';
import type { CpuState } from './cpu-state';
import { DR6, DR7 } from './debug';
import type { DebugRegisters } from './debug';
import type { VmExit } from './exit';
import type { ExitReason } from './exit-reasons';
import { FLAG } from './flags';
import { modelOf } from './instruction-set';
import type { InstructionSet, Model } from './instruction-set';
import type { MachineCheck } from './machine-check';
import { ModelSpecificRegisters } from './model-specific';
import { CR0, CR4, pagingEnabled, type PagingContext } from './paging-registers';
import type { OperandSize } from './runtime';
import { failed } from './stack';
import { ACTIVITY, STATE } from './state-layout';
import type { Tlb } from './tlb';
import type { TlbGeometry } from './tlb-entry';
import { VECTOR } from './vectors';

/** What the system side needs to know of the processor's part. */
export interface SystemPart {
  /** the newest unless told */
  readonly instructionSet?: InstructionSet;
  /** DX after RESET and CPUID's leaf 1, where it is not the instruction set's own */
  readonly signature?: number;
  readonly physicalAddressBits: number;
  readonly tlb: TlbGeometry;
  readonly features: readonly string[];
}

/** What leaves the guest instead of being done. */
export interface ControlExits {
  readonly guestRuns: boolean;
  /** CONTROL bits of the running guest; 0 on the bare machine */
  readonly controls: number;
  /** Always false: the instruction does not complete. */
  leave(reason: ExitReason, details?: Partial<VmExit>): false;
}

const PDPTE_RESERVED_LOW = 0x1e6;
const VPID = STATE.vpid.offset >> 2;

export class ControlRegisters {
  readonly addressSpaces = new AddressSpaces();
  private readonly pdpte = STATE.pdpte.offset >> 2;
  private readonly model: Model;
  private readonly msrs: ModelSpecificRegisters;

  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly tlb: Tlb,
    private readonly context: PagingContext,
    private readonly part: SystemPart,
    private readonly exits: ControlExits,
    private readonly debug: DebugRegisters,
    machineCheck: MachineCheck,
    private readonly readGuestPhysical: (address: number) => number,
  ) {
    this.model = modelOf(part.instructionSet);
    this.msrs = new ModelSpecificRegisters(state, tlb, machineCheck, this.model);
  }

  requirePrivilege(): boolean {
    return this.state.cpl === 0 || this.state.raise(VECTOR.generalProtection, 0);
  }

  // --- control registers -----------------------------------------------------------------------------------------------

  readControl(index: number): number {
    const state = this.state;
    if (!this.requirePrivilege()) return 0;
    if (this.leavesForControl(index, 1, 0)) return 0;
    switch (index) {
      case 0:
        return state.cr0;
      case 2:
        return state.cr2;
      case 3:
        return state.cr3;
      case 4:
        return state.cr4;
      default:
        state.raise(VECTOR.invalidOpcode);
        return 0;
    }
  }

  writeControl(index: number, value: number): boolean {
    if (!this.requirePrivilege()) return false;
    if (this.leavesForControl(index, 0, value)) return false;
    switch (index) {
      case 0:
        return this.writeCr0(value >>> 0);
      case 2:
        this.state.cr2 = value;
        return true;
      case 3:
        return this.writeCr3(value >>> 0);
      case 4:
        return this.writeCr4(value >>> 0);
      default:
        return this.state.raise(VECTOR.invalidOpcode);
    }
  }

  /** `direction` as in the exit qualification: 0 to the register, 1 from it. */
  private leavesForControl(index: number, direction: 0 | 1, value: number): boolean {
    if (!this.exits.guestRuns || !(this.exits.controls & CONTROL.crAccess) || index === 2) return false;
    this.exits.leave('cr-access', {
      qualification: BigInt(index | (direction << 4)),
      access: { kind: direction === 0 ? 'write' : 'read', size: 4, value: value >>> 0 },
    });
    return true;
  }

  private writeCr0(value: number): boolean {
    const { state } = this;
    if (!validCr0(value)) return state.raise(VECTOR.generalProtection, 0);
    const old = state.cr0;
    const next = storedCr0(value, this.model);
    const changed = old ^ next;
    if (changed & next & CR0.PG && state.cr4 & CR4.PAE && !this.loadPdptes(state.cr3)) return false;
    state.cr0 = next;
    if (changed & (CR0.PG | CR0.PE)) this.tlb.flushCurrent();
    else if (changed & CR0.WP) this.tlb.dropFast();
    if (changed & CR0.PG) this.noteAddressSpace();
    this.access.contextChanged();
    return true;
  }

  private writeCr3(value: number): boolean {
    const { state } = this;
    if (pagingEnabled(this.context) && state.cr4 & CR4.PAE && !this.loadPdptes(value)) return false;
    state.cr3 = value;
    this.noteAddressSpace();
    this.tlb.flushNonGlobal();
    return true;
  }

  /** For views: tables are in use from here on. */
  private noteAddressSpace(): void {
    const { state } = this;
    if (!pagingEnabled(this.context)) return;
    this.addressSpaces.note(this.exits.guestRuns ? state.u32[VPID]! : 0, state.cr3, state.cr4, state.instructions);
  }

  /** MOV CR3 without its privilege check: for task switches. */
  loadPageTables(cr3: number): boolean {
    return this.writeCr3(cr3);
  }

  private writeCr4(value: number): boolean {
    const { state } = this;
    if (!validCr4(value, this.model)) return state.raise(VECTOR.generalProtection, 0);
    const changed = state.cr4 ^ value;
    if (changed & value & CR4.PAE && pagingEnabled(this.context) && !this.loadPdptes(state.cr3)) return false;
    state.cr4 = value;
    if (changed & (CR4.PGE | CR4.PSE | CR4.PAE)) {
      this.tlb.flushCurrent();
      this.noteAddressSpace();
    }
    if (changed & CR4.DE) this.debug.refresh();
    return true;
  }

  /** PAE: the four pointer entries become registers; a reserved bit in a present one is #GP (SDM vol. 3, 4.4.1). */
  private loadPdptes(cr3: number): boolean {
    const { state } = this;
    const words: number[] = [];
    for (let index = 0; index < 8; index++) {
      words.push(this.readGuestPhysical(((cr3 & ~31) >>> 0) + index * 4));
      if (failed(state)) return false;
    }
    const highLimit = 2 ** Math.max(0, this.part.physicalAddressBits - 32);
    for (let index = 0; index < 8; index += 2) {
      if (words[index]! & 1 && (words[index]! & PDPTE_RESERVED_LOW || words[index + 1]! >= highLimit)) {
        return state.raise(VECTOR.generalProtection, 0);
      }
    }
    words.forEach((word, index) => (state.u32[this.pdpte + index] = word));
    return true;
  }

  /** INVLPG of a linear address. */
  invalidatePage(linear: number): boolean {
    if (!this.requirePrivilege()) return false;
    if (this.exits.guestRuns && this.exits.controls & CONTROL.invlpg)
      return this.exits.leave('invlpg', { qualification: BigInt(linear >>> 0) });
    this.tlb.invalidatePage(linear >>> 12);
    return true;
  }

  // --- debug registers -------------------------------------------------------------------------------------------------

  /**
   * DR4 and DR5 are DR6 and DR7 unless CR4.DE; −1 then. A guest leaves when its controls say so, before anything else is looked at
   * (SDM vol. 3, 26.1.1 and table 28-4); otherwise any access with DR7.GD set is #DB.
   * @param direction as in the exit qualification: 0 to the register, 1 from it
   */
  private debugIndex(index: number, direction: 0 | 1, value: number): number {
    const { state } = this;
    if (index === 4 || index === 5) {
      if (state.cr4 & CR4.DE) {
        state.raise(VECTOR.invalidOpcode);
        return -1;
      }
      index += 2;
    }
    if (this.exits.guestRuns && this.exits.controls & CONTROL.drAccess) {
      this.exits.leave('dr-access', {
        qualification: BigInt(index | (direction << 4)),
        access: { kind: direction === 0 ? 'write' : 'read', size: 4, value: value >>> 0 },
      });
      return -1;
    }
    if (state.dr(7) & DR7.GD) {
      state.setDr(6, state.dr(6) | DR6.BD);
      state.setDr(7, state.dr(7) & ~DR7.GD);
      state.raise(VECTOR.debug);
      return -1;
    }
    return index;
  }

  readDebug(index: number): number {
    if (!this.requirePrivilege()) return 0;
    const register = this.debugIndex(index, 1, 0);
    return register < 0 ? 0 : this.state.dr(register);
  }

  writeDebug(index: number, value: number): boolean {
    if (!this.requirePrivilege()) return false;
    const register = this.debugIndex(index, 0, value);
    if (register < 0) return false;
    const stored = register === 6 ? (value & 0xe00f) | 0xffff_0ff0 : register === 7 ? (value & 0xffff_2bff) | 0x400 : value;
    this.state.setDr(register, stored >>> 0);
    this.debug.refresh();
    return true;
  }

  // --- model-specific registers, CPUID, time ---------------------------------------------------------------------------

  readMsr(): boolean {
    const { state } = this;
    if (!this.requirePrivilege()) return false;
    if (this.exits.guestRuns) return this.exits.leave('rdmsr');
    const value = this.msrs.read(state.reg32(1));
    return value === undefined ? state.raise(VECTOR.generalProtection, 0) : this.returnWide(value);
  }

  writeMsr(): boolean {
    const { state } = this;
    if (!this.requirePrivilege()) return false;
    if (this.exits.guestRuns) return this.exits.leave('wrmsr');
    const value = (BigInt(state.reg32(2)) << 32n) | BigInt(state.reg32(0));
    return this.msrs.write(state.reg32(1), value) || state.raise(VECTOR.generalProtection, 0);
  }

  private returnWide(value: bigint): true {
    this.state.setReg32(0, Number(value & 0xffff_ffffn));
    this.state.setReg32(2, Number((value >> 32n) & 0xffff_ffffn));
    return true;
  }

  cpuid(): boolean {
    if (this.exits.guestRuns) return this.exits.leave('cpuid');
    const answer = cpuidLeaf(this.part, this.state.reg32(0));
    this.state.setReg32(0, answer.eax);
    this.state.setReg32(3, answer.ebx);
    this.state.setReg32(1, answer.ecx);
    this.state.setReg32(2, answer.edx);
    return true;
  }

  /** Upper half of the counter as RDTSC has read it last. */
  get timestampHigh(): number {
    return this.msrs.timestampHigh;
  }

  /** RDTSC: the lower half of the counter, and the upper one in `timestampHigh`; 0 when it faults or exits. */
  readTimestamp(): number {
    const { state } = this;
    if (state.cr4 & CR4.TSD && state.cpl > 0) state.raise(VECTOR.generalProtection, 0);
    else if (this.exits.guestRuns && this.exits.controls & CONTROL.rdtsc) this.exits.leave('rdtsc');
    else return this.msrs.timestampLow();
    return 0;
  }

  // --- flags, HLT, descriptor tables -----------------------------------------------------------------------------------

  /** POPF: IOPL only at CPL 0, IF only at CPL ≤ IOPL; VM, VIF and VIP never; RF becomes 0 (SDM vol. 2, POPF). */
  writeFlags(value: number, operandSize: OperandSize): boolean {
    const { state } = this;
    if (state.protectedMode && state.virtual8086 && state.iopl < 3) return state.raise(VECTOR.generalProtection, 0);
    let mask: number =
      FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.DF | FLAG.OF | FLAG.NT | FLAG.AC | FLAG.ID | FLAG.RF;
    if (state.cpl === 0) mask |= FLAG.IOPL;
    if (state.cpl <= state.iopl) mask |= FLAG.IF;
    if (operandSize === 2) mask &= 0xffff;
    state.eflags = ((state.eflags & ~mask) | (value & mask & ~FLAG.RF)) >>> 0;
    return true;
  }

  /** STI, CLI. STI begins its shadow when interrupts were off. */
  setInterruptFlag(value: boolean): boolean {
    const { state } = this;
    if (state.protectedMode && state.cpl > state.iopl) return state.raise(VECTOR.generalProtection, 0);
    if (value && !state.flag(FLAG.IF)) state.interruptShadow |= 1;
    state.setFlag(FLAG.IF, value);
    return true;
  }

  /** VMCALL leaves a guest; elsewhere there is nobody to call. */
  callHypervisor(): boolean {
    return this.exits.guestRuns ? this.exits.leave('vmcall') : this.state.raise(VECTOR.invalidOpcode);
  }

  halt(): boolean {
    if (!this.requirePrivilege()) return false;
    if (this.exits.guestRuns) return this.exits.leave('hlt');
    this.state.activity = ACTIVITY.halted;
    return true;
  }

  loadDescriptorTable(table: 'gdtr' | 'idtr', base: number, limit: number): boolean {
    if (!this.requirePrivilege()) return false;
    if (table === 'gdtr') {
      this.state.gdtrBase = base;
      this.state.gdtrLimit = limit & 0xffff;
    } else {
      this.state.idtrBase = base;
      this.state.idtrLimit = limit & 0xffff;
    }
    return true;
  }
}
