/**
 * What the memory controllers make of the modules in their slots, before anything has an address: single modules, banks of
 * SIMMs side by side, and sets of modules that take turns. Unequal channels are interleaved as far as all of them reach; what
 * is left over on the larger ones follows.
 */
import type { Interleave, InterleaveWay } from './interleave';
import { DEFAULT_MAPPING, interleavesChannels, type MappingOrder } from './mapping-orders';
import { dimmPart, type DimmPart } from './parts';
import type { Board, Controller } from './schema';

const DEFAULT_CHANNEL_INTERLEAVE = 64;
/** Interleaving blocks are powers of two in this range, so that they divide every module. */
export const INTERLEAVE_RANGE = { least: 64, most: 256 * 1024 } as const;

export const isInterleaveBlock = (bytes: number): boolean =>
  bytes >= INTERLEAVE_RANGE.least && bytes <= INTERLEAVE_RANGE.most && Number.isInteger(Math.log2(bytes));

/** Bytes of memory that follow one another wherever they are put. */
export interface Stretch {
  /** the module, or the first of several */
  slot: string;
  slotIndex: number;
  part: DimmPart;
  bytes: number;
  dimmOffset: number;
  interleave?: Interleave;
}

/** How a slot's module is read: by which controller, on which channel (counted over the whole board). */
export interface SlotWiring {
  channel: number;
  order: MappingOrder;
  rankInterleave: number | undefined;
  hash: boolean;
}

interface Module {
  slot: string;
  slotIndex: number;
  part: DimmPart;
}

const modulesOf = (board: Board): Map<string, Module> => {
  const modules = new Map<string, Module>();
  board.slots.forEach(({ id, dimm }, slotIndex) => {
    const part = dimm === null ? undefined : dimmPart(dimm);
    if (part && !modules.has(id)) modules.set(id, { slot: id, slotIndex, part });
  });
  return modules;
};

const single = ({ slot, slotIndex, part }: Module): Stretch => ({ slot, slotIndex, part, bytes: part.bytes, dimmOffset: 0 });

/** The lanes of a bank, or undefined when one is missing or differs: then the bank answers nothing. */
function bankOf(slots: readonly string[], modules: ReadonlyMap<string, Module>): Stretch | undefined {
  const lanes = slots.map((slot) => modules.get(slot));
  const first = lanes[0];
  if (!first || lanes.some((lane) => lane?.part.bytes !== first.part.bytes)) return undefined;
  if (lanes.length === 1) return single(first);
  const ways = lanes.map((lane): InterleaveWay => ({ slot: lane!.slot, slotIndex: lane!.slotIndex, dimmOffset: 0 }));
  return { ...single(first), bytes: first.part.bytes * lanes.length, interleave: { ways, granularity: 1, hash: false, offset: 0 } };
}

/** The channels of a controller as stretches: interleaved where its order says so. */
function channelStretches(controller: Controller, modules: ReadonlyMap<string, Module>): Stretch[] {
  const taken = new Set<string>();
  const channels = controller.channels
    .map((slots) =>
      slots.flatMap((slot) => {
        // a slot named twice is where it was named first; the rules report it
        const module = taken.has(slot) ? undefined : modules.get(slot);
        taken.add(slot);
        return module ?? [];
      }),
    )
    .filter((channel) => channel.length > 0);
  if (!interleavesChannels(controller.order) || channels.length < 2) return channels.flat().map(single);
  const asked = controller.channelInterleave ?? DEFAULT_CHANNEL_INTERLEAVE;
  const granularity = isInterleaveBlock(asked) ? asked : DEFAULT_CHANNEL_INTERLEAVE;
  const hash = controller.hash === 'xor';
  // where each module begins and ends on its channel; between two neighbouring borders every way is one piece of one module
  const placed = channels.map((channel) => {
    let next = 0;
    return channel.map((module) => {
      const from = next;
      next += module.part.bytes;
      return { ...module, from, end: next };
    });
  });
  const borders = [...new Set(placed.flatMap((channel) => channel.map(({ end }) => end)))].sort((a, b) => a - b);
  const stretches: Stretch[] = [];
  let from = 0;
  for (const end of borders) {
    const pieces = placed.flatMap((channel) => channel.find((module) => module.from <= from && module.end >= end) ?? []);
    const [first] = pieces;
    if (first) {
      const ways = pieces.map(({ slot, slotIndex, from: begin }): InterleaveWay => ({ slot, slotIndex, dimmOffset: from - begin }));
      const bytes = (end - from) * ways.length;
      const { slot, slotIndex, part } = first;
      const base = { slot, slotIndex, part, bytes, dimmOffset: from - first.from };
      stretches.push(ways.length === 1 ? base : { ...base, interleave: { ways, granularity, hash, offset: 0 } });
    }
    from = end;
  }
  return stretches;
}

/** Slots that controllers have in banks, and the bank each stands for: the first slot has the bank, the others nothing of their own. */
export function banksBySlot(board: Board): Map<string, Stretch | null> {
  const modules = modulesOf(board);
  const banks = new Map<string, Stretch | null>();
  for (const { banks: each } of board.controllers ?? []) {
    for (const slots of each) {
      slots.forEach((slot, lane) => {
        if (!banks.has(slot)) banks.set(slot, lane === 0 ? (bankOf(slots, modules) ?? null) : null);
      });
    }
  }
  return banks;
}

/** Everything that has to be given addresses, in the order in which the firmware does it: by controller, then slots without one. */
export function stretches(board: Board): Stretch[] {
  const modules = modulesOf(board);
  const result: Stretch[] = [];
  for (const controller of board.controllers ?? []) {
    result.push(...channelStretches(controller, modules));
    for (const slot of controller.channels.flat()) modules.delete(slot);
    for (const slots of controller.banks) {
      const bank = bankOf(slots, modules);
      if (bank) result.push(bank);
      for (const slot of slots) modules.delete(slot);
    }
  }
  return [...result, ...[...modules.values()].map(single)];
}

/** By slot index. Slots without a controller are on channel 0, in the usual order. */
export function wiring(board: Board): SlotWiring[] {
  const bySlot = new Map<string, SlotWiring>();
  let first = 0;
  for (const { channels, banks, order, rankInterleave, hash } of board.controllers ?? []) {
    const common = {
      order,
      rankInterleave: rankInterleave !== undefined && isInterleaveBlock(rankInterleave) ? rankInterleave : undefined,
      hash: hash === 'xor',
    };
    channels.forEach((slots, channel) => {
      for (const slot of slots) if (!bySlot.has(slot)) bySlot.set(slot, { channel: first + channel, ...common });
    });
    for (const slot of banks.flat()) if (!bySlot.has(slot)) bySlot.set(slot, { channel: first, ...common });
    first += Math.max(channels.length, banks.length > 0 ? 1 : 0);
  }
  const unwired: SlotWiring = { channel: 0, order: DEFAULT_MAPPING, rankInterleave: undefined, hash: false };
  return board.slots.map(({ id }) => bySlot.get(id) ?? unwired);
}
