/**
 * What the board of the open lab means, worked out once per change of its hardware for all panels: address map, problems, parts. Here it
 * is never late: what changes the board reads it here. Panels draw what shown-board gives them.
 */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import { hardwareOf } from '../../../machine/board/canvas';
import { addressMap } from '../../../machine/board/address-map';
import type { BoardIssue, BoardEdit } from '../../../machine/board/issue';
import { dimmPart, type DimmPart } from '../../../machine/board/parts';
import { checkBoard } from '../../../machine/board/rules';
import type { Board } from '../../../machine/board/schema';
import type { Patch } from '../../../lab/document/patches';
import type { PatchValue } from '../../../lab/document/scalar-text';
import { addressDigits } from '../../components/format';
import { useDocument, type Label } from '../../stores/document';
import { useSession } from '../../stores/session';

type Hardware = Omit<Board, 'canvas'>;

/** An edit makes anew what it changes and shares the rest. */
const isSame = (a: Hardware, b: Hardware): boolean => {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Hardware>;
  return [...keys].every((key) => a[key] === b[key]);
};

export const useBoardView = defineStore('board-view', () => {
  const lab = useDocument();
  const session = useSession();

  const board = computed<Board | null>(() => lab.document?.board ?? null);
  /** The board without its layout. It stays the same object while parts are moved about: what depends on it is not worked out anew. */
  const hardware = computed<Hardware | null>((before) => {
    const now = board.value && hardwareOf(board.value);
    return before && now && isSame(before, now) ? before : now;
  });
  const map = computed(() => (hardware.value ? addressMap(hardware.value) : null));
  const issues = computed<readonly BoardIssue[]>(() => (hardware.value ? checkBoard(hardware.value) : []));
  /** hardware can be changed only while the power is off */
  const locked = computed(() => session.poweredOn);
  /** hex digits of this board's host-physical addresses: what is installed and mapped below 4 GiB needs eight */
  const digits = computed(() => {
    const ranges = map.value?.ranges ?? [];
    const last = ranges.findLast((range) => range.kind !== 'hole');
    return addressDigits(Math.max(0, (last?.end ?? 1) - 1));
  });
  const partIn = (slot: string): DimmPart | undefined => {
    const id = hardware.value?.slots.find((candidate) => candidate.id === slot)?.dimm;
    return id ? dimmPart(id) : undefined;
  };
  /** may its DIMM be changed with the power on? */
  const isHotSlot = (slot: string): boolean =>
    hardware.value !== null && hardware.value.slots.some(({ id, hotPlug }) => id === slot && hotPlug === true);
  const placementOf = (slot: string) =>
    map.value?.placements.find(({ slot: first, interleave }) => first === slot || interleave?.ways.some((way) => way.slot === slot));
  const issuesOf = (part: string): readonly BoardIssue[] => issues.value.filter((issue) => issue.part === part);
  const installedBytes = computed(() =>
    (hardware.value?.slots ?? []).reduce((sum, slot) => sum + (slot.dimm ? (dimmPart(slot.dimm)?.bytes ?? 0) : 0), 0),
  );
  /** bytes that exactly one DIMM answers */
  const usableBytes = computed(() =>
    (map.value?.ranges ?? []).reduce((sum, range) => sum + (range.kind === 'dram' ? range.end - range.base : 0), 0),
  );

  /** Edits as the placement rules propose them (paths start at the board), as one undo step. */
  function applyEdits(edits: readonly BoardEdit[], label: Label): void {
    lab.patch(
      edits.map((edit): Patch =>
        edit.value === undefined
          ? { op: 'remove', path: ['board', ...edit.path] }
          : { op: 'set', path: ['board', ...edit.path], value: edit.value as PatchValue },
      ),
      label,
    );
  }

  return {
    board,
    hardware,
    map,
    issues,
    locked,
    digits,
    partIn,
    isHotSlot,
    placementOf,
    issuesOf,
    installedBytes,
    usableBytes,
    applyEdits,
  };
});
