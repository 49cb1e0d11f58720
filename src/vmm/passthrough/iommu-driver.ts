/**
 * How the VMM drives the IOMMU: through its registers, as any driver would, and through nothing else. Register numbers and
 * the order of the steps: Intel VT-d specification, chapters 6 and 11.
 */
import { hostPhysical } from '../../machine/address';
import { decodeFault } from '../../machine/iommu/faults';
import type { IommuFault } from '../../machine/iommu/faults';
import { CONTEXT_COMMAND, FAULT_STATUS, GLOBAL, GRANULARITY, IOMMU_BASE, IOTLB_COMMAND, REGISTER } from '../../machine/iommu/registers';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';

/** Thrown when a unit does not do what the specification promises: there is then no isolation to rely on. */
export class IommuDriverError extends Error {
  constructor(step: string) {
    super(`the IOMMU at 0x${IOMMU_BASE.toString(16)} did not ${step}`);
    this.name = 'IommuDriverError';
  }
}

export class IommuDriver {
  constructor(
    private readonly memory: Pick<PhysicalMemory, 'read' | 'write'>,
    private readonly base: number = IOMMU_BASE,
  ) {}

  /** Takes a root table into use, empties both caches and turns translation on. */
  enable(rootTable: number): void {
    this.write(REGISTER.rootTableAddress, rootTable % 2 ** 32);
    this.write(REGISTER.rootTableAddress + 4, Math.floor(rootTable / 2 ** 32));
    this.command(GLOBAL.setRootTable, 'take the root table');
    this.invalidateAll();
    this.command(GLOBAL.translation, 'turn translation on');
  }

  /** DMA is untranslated from now on. */
  disable(): void {
    this.write(REGISTER.globalCommand, 0);
    if (this.read(REGISTER.globalStatus) & GLOBAL.translation) throw new IommuDriverError('turn translation off');
  }

  get enabled(): boolean {
    return (this.read(REGISTER.globalStatus) & GLOBAL.translation) !== 0;
  }

  /** Contexts first, then translations: the order that leaves no window. */
  invalidateAll(): void {
    this.write(REGISTER.contextCommand, 0);
    this.write(REGISTER.contextCommand + 4, CONTEXT_COMMAND.invalidate | (GRANULARITY.global << CONTEXT_COMMAND.requestShift));
    if (this.read(REGISTER.contextCommand + 4) & CONTEXT_COMMAND.invalidate) throw new IommuDriverError('invalidate its context cache');
    this.write(REGISTER.iotlbInvalidate, 0);
    this.write(REGISTER.iotlbInvalidate + 4, IOTLB_COMMAND.invalidate | (GRANULARITY.global << IOTLB_COMMAND.requestShift));
    if (this.read(REGISTER.iotlbInvalidate + 4) & IOTLB_COMMAND.invalidate) throw new IommuDriverError('invalidate its IOTLB');
  }

  /** Reads every fault record there is, in the order they were made, frees the registers and acknowledges an overflow. */
  takeFaults(): { faults: IommuFault[]; overflow: boolean } {
    const status = this.read(REGISTER.faultStatus);
    const overflow = (status & FAULT_STATUS.overflow) !== 0;
    const faults: IommuFault[] = [];
    if (status & FAULT_STATUS.pending) {
      const count = ((this.read(REGISTER.capability + 4) >>> 8) & 0xff) + 1;
      const first = (status >>> 8) & 0xff;
      for (let i = 0; i < count; i++) {
        const at = REGISTER.faultRecording + ((first + i) % count) * 16;
        const low = (BigInt(this.read(at + 4)) << 32n) | BigInt(this.read(at));
        const high = (BigInt(this.read(at + 12)) << 32n) | BigInt(this.read(at + 8));
        const fault = decodeFault({ low, high });
        if (!fault) continue;
        faults.push(fault);
        this.write(at + 12, 0x8000_0000);
      }
    }
    if (overflow) this.write(REGISTER.faultStatus, FAULT_STATUS.overflow);
    return { faults, overflow };
  }

  private command(bit: number, step: string): void {
    const status = this.read(REGISTER.globalStatus) & GLOBAL.translation;
    this.write(REGISTER.globalCommand, status | bit);
    if (!(this.read(REGISTER.globalStatus) & bit)) throw new IommuDriverError(step);
  }

  private read(offset: number): number {
    return this.memory.read(hostPhysical(this.base + offset), 4);
  }
  private write(offset: number, value: number): void {
    this.memory.write(hostPhysical(this.base + offset), 4, value >>> 0);
  }
}
