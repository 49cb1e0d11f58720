/** Did the isolation hold? Devices, faults, what was overwritten. */
import type { Journey } from '../../machine/journey/journey';
import type { Language } from './problem';
import type { FrameOwner } from './virtualization';

export interface FaultRecord {
  requester: string;
  address: number;
  access: 'read' | 'write';
  /** VT-d fault reason */
  reason: number;
  text: Record<Language, string>;
  at: number;
}

export interface RangeComparison {
  name: Record<Language, string>;
  vm?: string;
  owner: FrameOwner | null;
  host: number;
  bytes: number;
  /** at most the first 64 bytes that matter, around the first change */
  windowBase: number;
  before: Uint8Array;
  after: Uint8Array;
  changedBytes: number;
}

export interface IsolationView {
  iommu: { present: boolean; enabled: boolean; base: number | null };
  /** `requester`: the ID that the IOMMU sees, which devices behind one legacy bridge share; `path`: the ports above, nearest first */
  devices: {
    id: string;
    kind: string;
    requester: string;
    path: string[];
    sharedWith: string[];
    assignedTo: string | null;
    bar: number | null;
  }[];
  verdict: 'held' | 'breached' | 'not-run' | 'running';
  /** what held it (`reason 5: no write permission`) or what was breached, in a sentence */
  explanation: Record<Language, string>;
  targets: RangeComparison[];
  faults: FaultRecord[];
  /** what the VMM found damaged in its own state */
  damage: { at: number; text: Record<Language, string> }[];
  /** the walk of the last DMA */
  journey: Journey | null;
}
