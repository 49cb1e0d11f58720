/**
 * The way of the last DMA through the board, as what is drawn: how far it came, which entries the IOMMU read, where it stopped.
 * From the journey of that DMA; without one, the way is only drawn. Pure.
 */
import type { Journey } from '../../../machine/journey/journey';
import { buildJourney, type EntryCard } from '../machine/journey-model';

export interface DmaPath {
  /** `iommu`: stopped there; `memory`: it reached a DIMM; `elsewhere`: a register or nobody */
  reached: 'iommu' | 'memory' | 'elsewhere';
  /** false: the IOMMU let it through untranslated */
  translated: boolean;
  /** a neighbour behind the same bridge answered: the request never came to the root complex */
  peer: string | null;
  entries: EntryCard[];
  stopped: EntryCard | null;
  /** VT-d fault reason */
  reason: number | null;
  slot: string | null;
  hostAddress: bigint | null;
  owner: string | null;
  access: Journey['access'];
}

/** The hop that every request makes that leaves its bridges. */
const ROOT_COMPLEX = 'root-complex';

export function dmaPath(journey: Journey): DmaPath {
  const model = buildJourney(journey);
  const iommu = model.stations.find((station) => station.space === 'iova')?.how;
  const { end } = journey;
  const entries = iommu?.cards ?? [];
  return {
    reached: end.kind === 'fault' ? 'iommu' : end.kind === 'dram' ? 'memory' : 'elsewhere',
    translated: entries.length > 0,
    peer: end.kind === 'register' && journey.access.path !== undefined && !journey.access.path.includes(ROOT_COMPLEX) ? end.device : null,
    entries,
    stopped: model.stopped,
    reason: end.kind === 'fault' ? (end.fault.reason ?? null) : null,
    slot: end.kind === 'dram' ? end.cell.slot : null,
    hostAddress: end.kind === 'fault' ? null : end.hostAddress,
    owner: end.kind === 'dram' ? (end.owner ?? null) : null,
    access: journey.access,
  };
}

/** Entries drawn at most; of more, those in the middle are left out, never the one that decided. */
export function shownEntries(entries: readonly EntryCard[], most = 6): readonly EntryCard[] {
  return entries.length <= most ? entries : [...entries.slice(0, most - 2), ...entries.slice(-2)];
}

/** Heights of an entry's card in the drawing: as it was passed, and with the flags that stopped the request. */
export const CARD = 37;
export const STOP_CARD = 78;
export const cardY = (index: number): number => 82 + index * (CARD + 3);
/** Of the IOMMU with these entries. */
export const iommuHeight = (cards: readonly EntryCard[]): number =>
  Math.max(150, 46 + cards.reduce((sum, card) => sum + (card.passed ? CARD : STOP_CARD) + 3, 0) + 6);
