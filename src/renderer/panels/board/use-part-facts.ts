/** What the canvas writes on each part of the board, worked out once per change of the board. */
import { computed } from 'vue';
import { devicePart, dimmPart, processorPart } from '../../../machine/board/parts';
import { pciTopology } from '../../../machine/board/topology';
import type { BoardBridge } from '../../../machine/board/schema';
import { addressBits } from '../../../machine/board/placement';
import { deviceRequesters } from '../../../machine/board/windows';
import { formatRequester } from '../numbers';
import { useBoardView } from './board-view';

export function usePartFacts() {
  const view = useBoardView();

  const worst = computed(() => {
    const found = new Map<string, 'error' | 'warning'>();
    for (const { part, severity } of view.issues) if (part && found.get(part) !== 'error') found.set(part, severity);
    return found;
  });
  const slots = computed(() => {
    // where several take turns, each answers from the first address of the set on; a module cut in two is named by its first part
    const bases = new Map<string, number>();
    for (const { slot, base, interleave } of view.map?.placements ?? [])
      for (const id of interleave?.ways.map((way) => way.slot) ?? [slot]) if (!bases.has(id)) bases.set(id, base);
    return new Map(
      (view.hardware?.slots ?? []).map(({ id, dimm, base }) => [
        id,
        { dimm: dimm ? dimmPart(dimm) : undefined, base: bases.get(id) ?? base ?? null, problem: worst.value.get(id) ?? null },
      ]),
    );
  });
  const devices = computed(() => {
    const board = view.hardware;
    const requesters = board ? deviceRequesters(board) : new Map<string, number>();
    const bars = new Map((view.map?.windows ?? []).map(({ device, base }) => [device, base]));
    return new Map(
      (board?.devices ?? []).map(({ id, kind, dmaMask }) => {
        const requester = requesters.get(id);
        return [
          id,
          {
            kind,
            at: requester === undefined ? '–' : formatRequester(requester),
            mask: dmaMask ?? devicePart(kind)?.dmaMask ?? null,
            bar: bars.get(id) ?? null,
            problem: worst.value.has(id),
          },
        ];
      }),
    );
  });
  /** buses behind a bridge, as the firmware numbers them: `bus 2`, `buses 2–5` */
  const bridges = computed(() => {
    const found = new Map<string, { kind: BoardBridge['kind']; bus: string | null }>();
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
    return found;
  });
  const processor = computed(() => {
    const board = view.hardware;
    if (!board) return { name: '', bits: 0 };
    const part = processorPart(board.processor);
    const name =
      part?.id === 'p6-server' ? 'P6 server' : part?.features.includes('virtualization') ? 'P6 + VT-x' : (part?.id ?? board.processor);
    return { name, bits: addressBits(board) };
  });
  return { slots, devices, bridges, processor };
}
