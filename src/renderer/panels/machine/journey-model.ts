/**
 * From a Journey (what the walkers recorded) to what is drawn: stations in a chain, each with the cards of the entries that
 * were read on the way to the next. Pure: no texts, no colours, no Vue. The table walks that a guest's own table reads need
 * (each PDE and PTE is itself at a guest-physical address) are tucked into the card of the entry they found.
 */
import type { Space } from '../../../machine/address';
import type { Cell, Check, FieldValue, Journey, JourneyEnd, JourneyStep, Place } from '../../../machine/journey/journey';
import { cutAddress, FOUR_LEVEL, PAE, THREE_LEVEL, TWO_LEVEL, type BitCut } from './bit-cuts';
import { decidingFlag, entryName, flagsOf, type FlagMark } from './entry-flags';

export interface EntryCard {
  structure: string;
  name: string;
  index: number | null;
  /** where the entry is, as its walker sees it */
  at: Place | null;
  /** where that is in host memory, when the walker sees another space */
  hostAddress: bigint | null;
  bytes: Uint8Array | null;
  /** the table or page it points to */
  next: { space: Space; address: bigint } | null;
  flags: FlagMark[];
  checks: Check[];
  fields: Record<string, FieldValue>;
  cached: boolean;
  /** a TLB entry that the tables in memory no longer agree with; a descriptor that the hidden part no longer agrees with */
  stale: boolean;
  /** false: the chain stops at this entry */
  passed: boolean;
  /** position among the references to tables, from 1; null for what is no memory reference */
  reference: number | null;
  /** the walk that found this entry, when its address had to be translated too */
  nested: EntryCard[];
}

export type HowKind = 'segmentation' | 'paging' | 'ept' | 'iommu' | 'controller' | 'cell';

export interface How {
  kind: HowKind;
  /** the mechanism was off, or not there: the address goes on unchanged */
  identity: boolean;
  /** nothing translates, and yet the address changes: address line 20 is held at 0 */
  wraps: boolean;
  cuts: BitCut[];
  cards: EntryCard[];
  /** what was checked outside the cards (segment limit, CPL, …), and decoded values to show */
  checks: Check[];
  fields: Record<string, FieldValue>;
  /** where it led; null when the chain stops here */
  to: Place | null;
  /** a walk that failed while a table of this station was looked for */
  failedTableWalk: EntryCard[];
}

export interface Station {
  space: Space;
  reached: boolean;
  address: bigint | null;
  segment: string | null;
  selector: number | null;
  how: How;
}

/** A DIMM that answers, and the cell of it. */
export interface Answer {
  cell: Cell;
  /** the cell's first byte in the DIMM */
  offset: bigint;
}

export interface JourneyModel {
  stations: Station[];
  end: JourneyEnd;
  /** one cell of DRAM; several where the windows of slots overlap; none elsewhere */
  answers: Answer[];
  /** the card where the chain stopped */
  stopped: EntryCard | null;
  references: { made: number; read: number; cached: number };
}

const TABLE_ROOMS: ReadonlySet<string> = new Set(['paging', 'ept', 'vmm-map', 'iommu']);
const NESTED_ROOMS: ReadonlySet<string> = new Set(['ept', 'vmm-map']);

/** The spaces of the chain. A bare machine has no guest-physical station; a device starts with its I/O virtual address. */
function chainOf(journey: Journey): Space[] {
  const { access } = journey;
  if (access.space === 'iova') return ['iova', 'host', 'dram'];
  const bare = access.vm === undefined;
  const whole: Space[] = bare ? ['logical', 'linear', 'host', 'dram'] : ['logical', 'linear', 'guest', 'host', 'dram'];
  const first: Space = bare && access.space === 'guest' ? 'host' : access.space;
  return whole.slice(Math.max(0, whole.indexOf(first)));
}

interface Sorted {
  main: JourneyStep[];
  nested: Map<JourneyStep, JourneyStep[]>;
  orphans: JourneyStep[];
}

/** Parts the steps of the chain from those that only found a guest table. */
function sortSteps(journey: Journey): Sorted {
  const { steps } = journey;
  const main: JourneyStep[] = [];
  const nested = new Map<JourneyStep, JourneyStep[]>();
  const orphans: JourneyStep[] = [];
  const lastPaging = steps.findLastIndex((step) => step.room === 'paging' || step.room === 'tlb');
  const pagingDone = lastPaging >= 0 && steps[lastPaging]?.to !== undefined;
  const walksTables = journey.access.space === 'logical' || journey.access.space === 'linear';

  for (let i = 0; i < steps.length; i += 1) {
    const step = steps[i]!;
    if (!NESTED_ROOMS.has(step.room) || !walksTables || (pagingDone && i > lastPaging)) {
      main.push(step);
      continue;
    }
    const owns = (candidate: JourneyStep): boolean =>
      candidate.room === 'paging' && candidate.entryAddress?.space === 'guest' && candidate.entryAddress.address === step.from.address;
    const owner = steps.slice(i + 1).find(owns) ?? steps.slice(0, i).findLast(owns);
    if (owner) nested.set(owner, [...(nested.get(owner) ?? []), step]);
    else orphans.push(step);
  }
  return { main, nested, orphans };
}

/** Address and segment of a station, from where the steps of the chain start and end. */
function placeAt(space: Space, journey: Journey, main: JourneyStep[]): Place | null {
  if (journey.access.space === space) {
    const from = main.find((step) => step.from.space === space)?.from;
    return { space, address: journey.access.address, segment: from?.segment, selector: from?.selector };
  }
  const arrived = main.findLast((step) => step.to?.space === space)?.to;
  if (arrived) return arrived;
  if (space === 'host' && journey.end.kind !== 'fault') return { space, address: journey.end.hostAddress };
  return null;
}

const ROOMS_AFTER: Record<Space, { kind: HowKind; rooms: readonly string[] }> = {
  logical: { kind: 'segmentation', rooms: ['segmentation'] },
  linear: { kind: 'paging', rooms: ['paging', 'tlb'] },
  guest: { kind: 'ept', rooms: ['ept', 'vmm-map'] },
  iova: { kind: 'iommu', rooms: ['iommu'] },
  host: { kind: 'controller', rooms: ['bus', 'chipset', 'memory-controller'] },
  dram: { kind: 'cell', rooms: [] },
};

/** The memory controller has a step for each DIMM that answers. */
function answersOf({ steps, end }: Journey): Answer[] {
  if (end.kind !== 'dram') return [];
  return steps.flatMap(({ room, structure, fields }) => {
    if (room !== 'memory-controller' || structure !== 'dram-mapping') return [];
    const at = (name: keyof Cell): number => Number(fields[name] ?? 0);
    const cell: Cell = {
      slot: String(fields['slot']),
      channel: at('channel'),
      subchannel: at('subchannel'),
      rank: at('rank'),
      bankGroup: at('bankGroup'),
      bank: at('bank'),
      row: at('row'),
      column: at('column'),
      byte: at('byte'),
    };
    return [{ cell, offset: BigInt(Number(fields['dimmOffset'] ?? 0)) }];
  });
}

/** What a table entry points to: `frame` is a number of 4 KiB frames, `base` and `address` are bytes. */
function pointsTo(step: JourneyStep, bare: boolean): EntryCard['next'] {
  // on the bare machine the guest's own tables hold host-physical addresses
  const space: Space = (step.room === 'paging' || step.room === 'tlb') && !bare ? 'guest' : 'host';
  const { base, address, guestFrame, hostFrame } = step.fields;
  const frame = step.structure === 'tlb-entry' ? (space === 'host' || step.room === 'ept' ? hostFrame : guestFrame) : step.fields['frame'];
  if (step.structure === 'descriptor') return null;
  const value = typeof frame === 'bigint' || typeof frame === 'number' ? BigInt(frame) * 4096n : (base ?? address);
  if (typeof value !== 'bigint' && typeof value !== 'number') return null;
  return { space, address: BigInt(value) };
}

/** Builds stations, cards and counts. */
export function buildJourney(journey: Journey): JourneyModel {
  const { main, nested, orphans } = sortSteps(journey);
  const failed =
    journey.end.kind === 'fault'
      ? (journey.steps.find((step) => step.checks.some((check) => !check.passed)) ?? journey.steps.at(-1))
      : undefined;

  const references = new Map<JourneyStep, number>();
  for (const step of journey.steps) if (step.entryAddress && TABLE_ROOMS.has(step.room)) references.set(step, references.size + 1);
  const cached = [...references.keys()].filter((step) => step.cached).length;

  const spaces = chainOf(journey);
  const bare = !spaces.includes('guest') && journey.access.space !== 'iova';
  let stopped: EntryCard | null = null;
  const card = (step: JourneyStep): EntryCard => {
    const stops = step === failed;
    const built: EntryCard = {
      structure: step.structure,
      name: entryName(step),
      index: step.index ?? null,
      at: step.entryAddress ?? null,
      // said only where it says something: a table at another number in host memory
      hostAddress:
        step.entryAddress?.space === 'host' || step.entryAddress?.address === step.entryHostAddress
          ? null
          : (step.entryHostAddress ?? null),
      bytes: step.entryBytes ?? null,
      next: pointsTo(step, bare),
      flags: flagsOf(step, stops ? decidingFlag(step) : null),
      checks: step.checks,
      fields: step.fields,
      cached: step.cached,
      stale: step.fields['stale'] === true,
      passed: !stops,
      reference: references.get(step) ?? null,
      nested: (nested.get(step) ?? []).map(card),
    };
    if (stops) stopped = built;
    return built;
  };

  const stations = spaces.map((space): Station => {
    const place = placeAt(space, journey, main);
    const { kind, rooms } = ROOMS_AFTER[space];
    // the bare machine's paging ends at a guest-physical address, which a step of its own calls host-physical
    const steps = main.filter((step) => rooms.includes(step.room) || (bare && space === 'linear' && NESTED_ROOMS.has(step.room)));
    const entries = steps.filter(
      (step) =>
        step.structure !== 'identity' &&
        (step.entryAddress !== undefined || step.entryBytes !== undefined || step.structure === 'tlb-entry'),
    );
    const last = entries.at(-1);
    const identity = steps.length > 0 && entries.length === 0 && kind !== 'controller' && kind !== 'segmentation';
    const to = steps.findLast((step) => step.to)?.to ?? null;
    const reached = space === 'dram' ? journey.end.kind !== 'fault' : place !== null;
    return {
      space,
      reached,
      address: place?.address ?? null,
      segment: place?.segment ?? null,
      selector: place?.selector ?? null,
      how: {
        kind,
        identity,
        wraps: identity && kind === 'paging' && to !== null && place !== null && to.address !== place.address,
        cuts: place && kind !== 'controller' ? cutsFor(kind, place.address, entries, last) : [],
        cards: kind === 'controller' ? [] : entries.map(card),
        checks: steps.flatMap((step) =>
          kind === 'segmentation' || kind === 'controller' || step.structure === 'identity' ? step.checks : [],
        ),
        fields: Object.assign({}, ...steps.map((step) => step.fields)) as Record<string, FieldValue>,
        to,
        failedTableWalk: kind === 'paging' ? orphans.map(card) : [],
      },
    };
  });
  const made = references.size;
  return { stations, end: journey.end, answers: answersOf(journey), stopped, references: { made, read: made - cached, cached } };
}

/** Bit fields for a walk through tables; none where nothing was walked. */
function cutsFor(kind: HowKind, address: bigint, entries: JourneyStep[], last: JourneyStep | undefined): BitCut[] {
  const largePage = last?.to !== undefined && last.structure !== 'tlb-entry' ? last.structure : undefined;
  if (kind === 'paging') {
    if (!entries.some((step) => step.structure === 'pde' || step.structure === 'pte' || step.structure === 'pdpte')) return [];
    return cutAddress(address, entries.some((step) => step.structure === 'pdpte') ? PAE : TWO_LEVEL, largePage);
  }
  if (kind === 'ept') return entries.some((step) => step.structure.startsWith('ept-')) ? cutAddress(address, FOUR_LEVEL, largePage) : [];
  if (kind === 'iommu') {
    const tables = entries.filter((step) => step.structure.startsWith('sl-'));
    if (tables.length === 0) return [];
    return cutAddress(address, tables.some((step) => step.structure === 'sl-pml4e') ? FOUR_LEVEL : THREE_LEVEL, largePage);
  }
  return [];
}
