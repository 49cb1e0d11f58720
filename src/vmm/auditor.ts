/**
 * When the VMM looks around: after a device's DMA it takes the IOMMU's fault records and, where its own memory was written to,
 * looks for damage (audit.ts says how). It reports and repairs nothing.
 */
import { PAGE_SIZE } from '../machine/address';
import type { DmaRecord } from '../machine/bus/dma-path';
import { auditControlBlock, auditReach, auditState } from './audit';
import type { AuditedDevice, AuditViolation } from './audit';
import type { FrameOwnership } from './frames/frame-ownership';
import type { VmmHost } from './host';
import type { OwnMemory } from './own-memory';
import { deviceReach } from './passthrough/device-reach';
import type { IommuDriver } from './passthrough/iommu-driver';
import type { RecordedDamage, VmmRecords } from './records';
import type { Vm } from './vm';

export interface AuditorParts {
  host: VmmHost;
  vms: readonly Vm[];
  frames: FrameOwnership;
  own: OwnMemory;
  records: VmmRecords;
  /** null: the board has no IOMMU */
  driver: IommuDriver | null;
  /** does the IOMMU translate? */
  translates: boolean;
}

export class Auditor {
  /** somebody wrote into a frame of the VMM's own: look when the guest has left */
  due = false;
  private faultsDue = false;
  /** the last audit of reach over tables that were as the VMM wrote them */
  private proved: { mappings: string; violations: AuditViolation[] } | null = null;

  constructor(private readonly parts: AuditorParts) {
    parts.host.onDma((record) => this.noteDma(record));
  }

  /** Between guests: takes fault records, and looks at what a device may have written to. */
  lookAround(): void {
    if (this.faultsDue) {
      this.faultsDue = false;
      this.takeFaults();
    }
    if (this.due) this.audit();
  }

  /** Looks at all of the VMM's own memory and reports what is newly damaged. */
  audit(): readonly RecordedDamage[] {
    const { host, vms, own, records } = this.parts;
    this.due = false;
    for (const damage of auditState(host.memory, vms, own.pages, own.iommu)) records.report(damage);
    for (const vm of vms) this.auditBlock(vm);
    return records.damage;
  }

  /** Looks at the control block of one VM alone, which is about to be entered. */
  auditBlock(vm: Vm): void {
    const damage = auditControlBlock(vm);
    if (damage) this.parts.records.report(damage);
  }

  /** What a VM, or a device given to it, could reach and does not own, by the tables' bytes as they are now. Changes nothing. */
  reachViolations(): AuditViolation[] {
    const { vms, frames, own } = this.parts;
    // proved once, the same mappings and the same bytes need no second proof; comparing bytes is much the cheaper part
    const mappings = vms.map((vm) => vm.mappingRevision).join();
    const intact = vms.every((vm) => vm.translation.differences().length === 0) && !own.iommu?.damage().length;
    if (intact && this.proved?.mappings === mappings) return this.proved.violations;
    const violations = auditReach(vms, frames, this.devices());
    this.proved = intact ? { mappings, violations } : null;
    return violations;
  }

  /** After a snapshot was loaded; what it says is due. */
  load(due: boolean): void {
    this.due = due;
    this.faultsDue = false;
  }

  private devices(): AuditedDevice[] {
    const { host, vms, own, translates } = this.parts;
    const { memory, physicalAddressBits } = host;
    return vms.flatMap((vm) =>
      vm.options.passthrough.map((id) => {
        const { requester } = host.devices.find((device) => device.id === id)!;
        const tables = vm.translation.tableBytes / PAGE_SIZE;
        const reach =
          own.iommu && translates ? deviceReach(memory, own.iommu.rootAddress, requester, physicalAddressBits, tables) : 'untranslated';
        return { id, vm: vm.id, reach };
      }),
    );
  }

  private noteDma({ kind, hostAddress, status }: DmaRecord): void {
    if (status !== 'success') this.faultsDue = true;
    if (kind === 'write' && hostAddress !== null) this.noteWrite(hostAddress);
  }

  /** Somebody wrote there: was it the VMM's own? */
  noteWrite(hostAddress: number): void {
    const owner = this.parts.frames.ownerOf(Math.floor(hostAddress / PAGE_SIZE));
    if (owner?.kind === 'vmm' || owner?.kind === 'table') this.due = true;
  }

  private takeFaults(): void {
    const { driver, records } = this.parts;
    if (!driver) return;
    const { faults, overflow } = driver.takeFaults();
    for (const fault of faults) records.fault(fault);
    if (overflow) records.lostFaults();
  }
}
