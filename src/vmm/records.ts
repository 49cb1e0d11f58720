/** What the VMM has to tell: fault records it took out of the IOMMU, damage it found, and everything as it happens. */
import type { IommuFault } from '../machine/iommu/faults';
import type { Damage } from './audit';

export interface RecordedFault extends IommuFault {
  /** the machine's instruction count when the VMM took the record */
  at: number;
}

export interface RecordedDamage extends Damage {
  at: number;
}

/** What happened, for whoever shows it. */
export type VmmEvent =
  | { kind: 'exit'; vm: string; reason: string }
  | { kind: 'fault'; fault: RecordedFault }
  | { kind: 'faults-lost' }
  | { kind: 'damage'; damage: RecordedDamage }
  | { kind: 'crash'; vm: string };

export interface SavedRecords {
  faults: RecordedFault[];
  faultsLost: number;
  damage: RecordedDamage[];
}

/** Fault records and damage reports kept. */
const MOST_RECORDS = 4096;

export class VmmRecords {
  private faultList: RecordedFault[] = [];
  private lost = 0;
  private damageList: RecordedDamage[] = [];
  private readonly listeners: ((event: VmmEvent) => void)[] = [];

  constructor(private readonly instructions: () => number) {}

  get faults(): readonly RecordedFault[] {
    return this.faultList;
  }

  get faultsLost(): number {
    return this.lost;
  }

  get damage(): readonly RecordedDamage[] {
    return this.damageList;
  }

  onEvent(listener: (event: VmmEvent) => void): void {
    this.listeners.push(listener);
  }

  emit(event: VmmEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  fault(fault: IommuFault): void {
    const recorded = { ...fault, at: this.instructions() };
    if (this.faultList.length < MOST_RECORDS) this.faultList.push(recorded);
    this.emit({ kind: 'fault', fault: recorded });
  }

  lostFaults(): void {
    this.lost++;
    this.emit({ kind: 'faults-lost' });
  }

  /** Once for each place: the same damage found again is not news. */
  report(damage: Damage): void {
    const known = this.damageList.some(({ part, vm, text }) => part === damage.part && vm === damage.vm && text.en === damage.text.en);
    if (known || this.damageList.length >= MOST_RECORDS) return;
    const recorded = { ...damage, at: this.instructions() };
    this.damageList.push(recorded);
    this.emit({ kind: 'damage', damage: recorded });
  }

  save(): SavedRecords {
    return { faults: [...this.faultList], faultsLost: this.lost, damage: [...this.damageList] };
  }

  load({ faults, faultsLost, damage }: SavedRecords): void {
    this.faultList = faults;
    this.lost = faultsLost;
    this.damageList = damage;
  }
}
