/**
 * Control, debug and model-specific registers, CPUID, the time-stamp counter, EFLAGS and HLT: who may touch them, which bits
 * exist, and what follows from a change (SDM vol. 3, 2.5 and 4.10.4; vol. 2 for each instruction).
 */
import type { MemoryAccess } from './access';
import { AddressSpaces } from './address-spaces';
import { CONTROL } from './control-block';
import type { CpuState } from './cpu-state';
import { DR6, DR7 } from './debug';
import type { DebugRegisters } from './debug';
import type { VmExit } from './exit';
import type { ExitReason } from './exit-reasons';
import { FLAG } from './flags';
import { LEVEL, modelOf } from './instruction-set';
import type { InstructionSet, Model } from './instruction-set';
import type { MachineCheck } from './machine-check';
import { CR0, CR4, EFER, pagingEnabled } from './paging';
import type { PagingContext } from './paging';
import type { OperandSize } from './runtime';
import { failed } from './stack';
import { FLAT_CODE, FLAT_DATA } from './segmentation';
import { ACTIVITY, SEGMENT_INDEX, STATE } from './state-layout';
import type { FieldName } from './state-layout';
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

const NEWEST = modelOf();
const PDPTE_RESERVED_LOW = 0x1e6;

/** CR0 as it is stored: ET reads as one, undefined bits as zero. */
export const storedCr0 = (value: number, model = NEWEST): number => ((value & model.cr0) | CR0.ET) >>> 0;
/** Combinations that MOV CR0 (and a VM entry) refuses: paging without protection, NW without CD. */
export const validCr0 = (value: number): boolean => !((value & CR0.PG && !(value & CR0.PE)) || (value & CR0.NW && !(value & CR0.CD)));
export const validCr4 = (value: number, model = NEWEST): boolean => (value & ~model.cr4) === 0;
export const validEfer = (value: number): boolean => (value & ~EFER.NXE) === 0;

/** MSRs with a slot of their own in the state. */
const MSR_FIELDS: Readonly<Record<number, FieldName>> = {
  0x1b: 'apicBase',
  0x174: 'sysenterCs',
  0x175: 'sysenterEsp',
  0x176: 'sysenterEip',
  0x277: 'pat',
};
const MSR_TSC = 0x10;
/** leaf 1, EDX */
const CPUID_APIC = 1 << 9;
/** Bits of IA32_APIC_BASE that can be written: the enable bit. The registers stay at 0xFEE0_0000. */
const APIC_BASE = { number: 0x1b, writable: 0x800n } as const;
const { CS, SS } = SEGMENT_INDEX;
const DPL_3 = 0x60;
const MSR_EFER = 0xc000_0080;

/** CPUID's answer. Features that are not implemented (x87, MMX, SSE, long mode) are not reported; an APIC where the board has one. */
export function cpuidLeaf(part: SystemPart, leaf: number): { eax: number; ebx: number; ecx: number; edx: number } {
  const model = modelOf(part.instructionSet);
  if (model.level < LEVEL.p6 && leaf >>> 0 > 1) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  switch (leaf >>> 0) {
    case 0: // the vendor string, "Pagewalk CPU", in EBX EDX ECX
      return { eax: 1, ebx: 0x6567_6150, edx: 0x6b6c_6177, ecx: 0x5550_4320 };
    case 1: // never VMX: guests are entered by the VMM, not by an instruction
      return {
        eax: part.signature ?? model.signature,
        ebx: 0,
        ecx: 0,
        edx: (model.features ?? 0) | (part.features.includes('apic') ? CPUID_APIC : 0),
      };
    case 0x8000_0000:
      return { eax: 0x8000_0008, ebx: 0, ecx: 0, edx: 0 };
    case 0x8000_0001: // NX
      return { eax: 0, ebx: 0, ecx: 0, edx: 1 << 20 };
    case 0x8000_0008:
      return { eax: part.physicalAddressBits | (32 << 8), ebx: 0, ecx: 0, edx: 0 };
    default:
      return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  }
}

const VPID = STATE.vpid.offset >> 2;
const TSC_OFFSET = STATE.tscOffset.offset >> 2;

export class ControlRegisters {
  readonly addressSpaces = new AddressSpaces();
  /** upper half of the counter as RDTSC has read it last */
  timestampHigh = 0;
  private readonly efer = STATE.efer.offset >> 2;
  private readonly pdpte = STATE.pdpte.offset >> 2;
  private readonly model: Model;

  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly tlb: Tlb,
    private readonly context: PagingContext,
    private readonly part: SystemPart,
    private readonly exits: ControlExits,
    private readonly debug: DebugRegisters,
    private readonly machineCheck: MachineCheck,
    private readonly readGuestPhysical: (address: number) => number,
  ) {
    this.model = modelOf(part.instructionSet);
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
    const number = state.reg32(1);
    if (number === MSR_TSC) return this.returnWide(this.timestamp());
    const checked = this.machineCheck.read(number);
    if (checked !== undefined) return this.returnWide(checked);
    const field = number === MSR_EFER ? 'efer' : MSR_FIELDS[number];
    if (field === undefined || this.model.level < LEVEL.p6) return state.raise(VECTOR.generalProtection, 0);
    return this.returnWide(state.u64[STATE[field].offset >> 3]!);
  }

  writeMsr(): boolean {
    const { state } = this;
    if (!this.requirePrivilege()) return false;
    if (this.exits.guestRuns) return this.exits.leave('wrmsr');
    const number = state.reg32(1);
    const value = (BigInt(state.reg32(2)) << 32n) | BigInt(state.reg32(0));
    if (number === MSR_EFER && this.model.level >= LEVEL.p6) {
      if (value >> 32n !== 0n || !validEfer(state.reg32(0))) return state.raise(VECTOR.generalProtection, 0);
      if ((state.u32[this.efer]! ^ state.reg32(0)) & EFER.NXE) this.tlb.flushCurrent();
      state.u64[this.efer >> 1] = value;
      return true;
    }
    if (number === MSR_TSC) {
      state.u64[STATE.tscOffset.offset >> 3] = BigInt.asUintN(64, value - BigInt(Math.floor(state.ticks)));
      return true;
    }
    if (this.machineCheck.read(number) !== undefined) {
      return this.machineCheck.write(number, value) || state.raise(VECTOR.generalProtection, 0);
    }
    const field = MSR_FIELDS[number];
    if (field === undefined || this.model.level < LEVEL.p6) return state.raise(VECTOR.generalProtection, 0);
    const at = STATE[field].offset >> 3;
    // the local APIC's registers cannot be moved here, so a base that would move them is refused
    if (number === APIC_BASE.number && (value ^ state.u64[at]!) & ~APIC_BASE.writable) return state.raise(VECTOR.generalProtection, 0);
    state.u64[at] = value;
    return true;
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

  /** The machine clock plus the offset that writes to the counter left. */
  private timestamp(): bigint {
    return BigInt.asUintN(64, BigInt(Math.floor(this.state.ticks)) + this.state.u64[STATE.tscOffset.offset >> 3]!);
  }

  /** RDTSC: the lower half of the counter, and the upper one in `timestampHigh`; 0 when it faults or exits. */
  readTimestamp(): number {
    const { state } = this;
    if (state.cr4 & CR4.TSD && state.cpl > 0) state.raise(VECTOR.generalProtection, 0);
    else if (this.exits.guestRuns && this.exits.controls & CONTROL.rdtsc) this.exits.leave('rdtsc');
    else {
      // as timestamp(), without BigInt: programs wait by looking here over and over
      const now = Math.floor(state.ticks);
      const low = (now >>> 0) + state.u32[TSC_OFFSET]!;
      this.timestampHigh = (Math.floor(now / 2 ** 32) + state.u32[TSC_OFFSET + 1]! + (low >= 2 ** 32 ? 1 : 0)) >>> 0;
      return low >>> 0;
    }
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

  /** SYSENTER: flat segments of ring 0, where the MSRs say (SDM vol. 2). */
  enterSystem(): boolean {
    const { state } = this;
    const selector = this.systemSelector();
    if (selector < 0) return state.raise(VECTOR.generalProtection, 0);
    state.setFlag(FLAG.VM | FLAG.IF | FLAG.RF, false);
    state.setSegment(CS, selector, 0, 0xffff_ffff, FLAT_CODE);
    state.setSegment(SS, selector + 8, 0, 0xffff_ffff, FLAT_DATA);
    state.setReg32(4, state.u32[STATE.sysenterEsp.offset >> 2]!);
    state.eip = state.u32[STATE.sysenterEip.offset >> 2]!;
    return true;
  }

  /** SYSEXIT: flat segments of ring 3, EDX:EIP and ECX:ESP (SDM vol. 2). */
  exitSystem(): boolean {
    const { state } = this;
    const selector = this.systemSelector();
    if (selector < 0 || state.cpl !== 0) return state.raise(VECTOR.generalProtection, 0);
    state.setSegment(CS, (selector + 16) | 3, 0, 0xffff_ffff, FLAT_CODE | DPL_3);
    state.setSegment(SS, (selector + 24) | 3, 0, 0xffff_ffff, FLAT_DATA | DPL_3);
    state.setReg32(4, state.reg32(1));
    state.eip = state.reg32(2);
    return true;
  }

  /** IA32_SYSENTER_CS as a selector, or -1 when SYSENTER and SYSEXIT must refuse: in real mode, or with a null selector. */
  private systemSelector(): number {
    const value = this.state.u32[STATE.sysenterCs.offset >> 2]! & 0xfffc;
    return this.state.protectedMode && value !== 0 ? value : -1;
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
