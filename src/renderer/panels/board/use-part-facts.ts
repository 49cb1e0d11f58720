/** What the canvas writes on each part of the board, worked out once per change of the board. */
import { computed } from 'vue';
import { devicePart, dimmPart, processorPart, type DimmPart } from '../../../machine/board/parts';
import { pciTopology } from '../../../machine/board/topology';
import type { BoardBridge } from '../../../machine/board/schema';
import { addressBits } from '../../../machine/board/placement';
import { deviceRequesters } from '../../../machine/board/windows';
import { formatRequester } from '../numbers';
import type { PartBox } from './drawing';
import type { ShownBoard } from './shown-board';

/** The new facts, but for those that say what they said: these stay the objects they are, and their parts are not drawn anew. */
function keep<F extends object>(before: ReadonlyMap<string, F> | undefined, now: Map<string, F>): Map<string, F> {
  for (const [id, fact] of now) {
    const was = before?.get(id);
    if (was && (Object.keys(fact) as (keyof F)[]).every((key) => was[key] === fact[key])) now.set(id, was);
  }
  return now;
}

interface SlotFacts {
  dimm: DimmPart | undefined;
  base: number | null;
  problem: 'error' | 'warning' | null;
}
interface DeviceFacts {
  kind: string;
  at: string;
  mask: number | null;
  bar: number | null;
  problem: boolean;
}
interface BridgeFacts {
  kind: BoardBridge['kind'];
  /** buses behind it, as the firmware numbers them: `02`, `02–05` */
  bus: string | null;
}

/** @param view the board: as it is, or as a panel shows it */
export function usePartFacts(view: Pick<ShownBoard, 'hardware' | 'map' | 'issues'>) {
  const worst = computed(() => {
    const found = new Map<string, 'error' | 'warning'>();
    for (const { part, severity } of view.issues) if (part && found.get(part) !== 'error') found.set(part, severity);
    return found;
  });
  const slots = computed<Map<string, SlotFacts>>((before) => {
    // where several take turns, each answers from the first address of the set on; a module cut in two is named by its first part
    const bases = new Map<string, number>();
    for (const { slot, base, interleave } of view.map?.placements ?? [])
      for (const id of interleave?.ways.map((way) => way.slot) ?? [slot]) if (!bases.has(id)) bases.set(id, base);
    const found = (view.hardware?.slots ?? []).map(({ id, dimm, base }): [string, SlotFacts] => [
      id,
      { dimm: dimm ? dimmPart(dimm) : undefined, base: bases.get(id) ?? base ?? null, problem: worst.value.get(id) ?? null },
    ]);
    return keep(before, new Map(found));
  });
  const devices = computed<Map<string, DeviceFacts>>((before) => {
    const board = view.hardware;
    const requesters = board ? deviceRequesters(board) : new Map<string, number>();
    const bars = new Map((view.map?.windows ?? []).map(({ device, base }) => [device, base]));
    const found = (board?.devices ?? []).map(({ id, kind, dmaMask }): [string, DeviceFacts] => {
      const requester = requesters.get(id);
      const part = devicePart(kind);
      const at = requester === undefined ? (part?.pci === false ? '' : '–') : formatRequester(requester);
      // one without a DMA engine drives nothing
      const mask = part?.dmaMask === 0 ? null : (dmaMask ?? part?.dmaMask ?? null);
      return [id, { kind, at, mask, bar: bars.get(id) ?? null, problem: worst.value.has(id) }];
    });
    return keep(before, new Map(found));
  });
  const bridges = computed<Map<string, BridgeFacts>>((before) => {
    const found = new Map<string, BridgeFacts>();
    const board = view.hardware;
    const nodes = new Map((board?.bridges?.length ? pciTopology(board).bridges : []).map((node) => [node.id, node]));
    for (const { id, kind } of board?.bridges ?? []) {
      const node = nodes.get(id);
      const hex = (bus: number): string => bus.toString(16).padStart(2, '0');
      const bus = node
        ? node.secondary === node.subordinate
          ? hex(node.secondary)
          : `${hex(node.secondary)}–${hex(node.subordinate)}`
        : null;
      found.set(id, { kind, bus });
    }
    return keep(before, found);
  });
  const processor = computed(() => {
    const board = view.hardware;
    if (!board) return { name: '', bits: 0 };
    const part = processorPart(board.processor);
    const name =
      part?.id === 'p6-server'
        ? 'P6 server'
        : part?.id === 'p6-widest'
          ? 'P6 widest'
          : part?.features.includes('virtualization')
            ? 'P6 + VT-x'
            : (part?.id ?? board.processor);
    return { name, bits: addressBits(board) };
  });
  /** those of one part; what a computed makes of them is not made anew while they stay the same */
  const factsOf = ({ kind, id }: Pick<PartBox, 'kind' | 'id'>) => ({
    slot: kind === 'slot' ? slots.value.get(id) : undefined,
    device: kind === 'device' ? devices.value.get(id) : undefined,
    bridge: kind === 'bridge' ? bridges.value.get(id) : undefined,
  });
  return { slots, devices, bridges, processor, factsOf };
}
