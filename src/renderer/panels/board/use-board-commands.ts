/** What can be done with the chosen parts of the board, for the canvas, the list, the menus and the palette alike. */
import { computed } from 'vue';
import { useWords } from '../../i18n';
import { useDocument } from '../../stores/document';
import { useUi } from '../../stores/ui';
import { useBoardView } from './board-view';
import { useCanvas } from './canvas';
import { misfitWords } from './catalogue';
import { FOLDED, type PartBox } from './drawing';
import { align, clipSize, copyParts, distribute, foldGroup, isRemovable, isRenamable, makeGroup, moveDimm, moveParts, pasteParts, plug, removeParts, tidy, ungroup, unplug, type Edge } from './edits'; // prettier-ignore
import { misfit } from './fit';
import { useBoardEdit } from './use-board-edit';

export function useBoardCommands() {
  const lab = useDocument();
  const view = useBoardView();
  const canvas = useCanvas();
  const ui = useUi();
  const { t, say } = useWords();
  const { change, arrange } = useBoardEdit();

  /** boxes of the canvas: parts, and collapsed groups */
  const targets = computed<PartBox[]>(() => {
    const nodes = new Set(canvas.held);
    return canvas.parts.filter(({ node }) => nodes.has(node));
  });
  const several = computed(() => targets.value.length > 1);
  const grouped = computed(() => canvas.targets.flatMap((node) => canvas.groupOf.get(node) ?? [])[0] ?? null);
  const tell = (text: string): void => {
    canvas.said = text;
    ui.notify({ tone: 'neutral', text });
  };
  const slotAt = (node: string | undefined) => (node?.startsWith('slot:') ? view.board?.slots.find(({ id }) => `slot:${id}` === node) : undefined);

  /** Takes the DIMM out of the one slot that is chosen, or else the chosen parts off the board. */
  function remove(): boolean {
    if (!lab.document) return false;
    const nodes = canvas.targets;
    const slot = nodes.length === 1 ? slotAt(nodes[0]) : undefined;
    if (slot && slot.dimm !== null) return change(unplug(slot.id));
    if (!nodes.some(isRemovable)) {
      tell(t('board.said.soldered'));
      return false;
    }
    return change(removeParts(lab.document, nodes));
  }
  /** True when something is on the clipboard now. */
  function copy(): boolean {
    if (!view.board) return false;
    const nodes = canvas.targets;
    const places = new Map(canvas.placed.map(({ node, x, y }) => [node, { x, y }]));
    const clip = copyParts(view.board, nodes, places);
    if (!clip) {
      tell(t('board.said.nothingToCopy'));
      return false;
    }
    canvas.clip = clip;
    const slot = nodes.length === 1 ? slotAt(nodes[0]) : undefined;
    canvas.dimm = slot?.dimm ? { id: slot.dimm, from: null } : null;
    tell(slot?.dimm ? t('board.slot.copied', { slot: slot.id }) : t('board.said.copied', clipSize(clip)));
    return true;
  }
  /** A DIMM stays in its slot until it is plugged elsewhere; other parts leave at once. */
  function cut(): boolean {
    const slot = canvas.targets.length === 1 ? slotAt(canvas.targets[0]) : undefined;
    if (slot?.dimm) {
      canvas.dimm = { id: slot.dimm, from: view.locked ? null : slot.id };
      tell(t(view.locked ? 'board.slot.copied' : 'board.slot.cut', { slot: slot.id }));
      return true;
    }
    return copy() && lab.document !== null && change(removeParts(lab.document, canvas.targets));
  }
  /** Onto a slot: the DIMM of the clipboard, if it is one. Else what was copied, as new parts. */
  function paste(): boolean {
    const slot = canvas.targets.length === 1 ? slotAt(canvas.targets[0]) : undefined;
    return slot && canvas.dimm ? pasteDimm(slot.id) : pasteNew();
  }
  function pasteDimm(slot: string): boolean {
    const held = canvas.dimm;
    if (!held || !view.board) return false;
    const found = misfit(view.board, slot, held.id, held.from);
    if (found?.why === 'kind') {
      ui.notify({ tone: 'error', text: say(misfitWords(found)) });
      return false;
    }
    const done = held.from === slot || change(held.from === null ? plug(view.board, slot, held.id) : moveDimm(view.board, held.from, slot));
    // what was cut is there now; what was copied can be plugged again
    if (done) canvas.dimm = { id: held.id, from: null };
    return done;
  }
  function pasteNew(): boolean {
    if (!canvas.clip || !view.board) {
      tell(t('board.said.nothingToPaste'));
      return false;
    }
    const pasted = pasteParts(view.board, canvas.clip);
    if (!change(pasted)) return false;
    canvas.chosen = [...new Set(pasted.nodes.map(canvas.shownAs))];
    return true;
  }
  const duplicate = (): boolean => copy() && pasteNew();
  const all = (): void => void (canvas.chosen = canvas.parts.map(({ node }) => node));

  const group = (): boolean => view.board !== null && several.value && arrange(makeGroup(view.board, canvas.targets));
  const dissolve = (): boolean => view.board !== null && grouped.value !== null && arrange(ungroup(view.board, grouped.value.id));
  /** Collapses the group of what is chosen, or the one named by its frame or box; expands it when it is collapsed. */
  function fold(node?: string): boolean {
    const own = node === undefined ? grouped.value : canvas.groups.find((each) => each.node === node || `${FOLDED}:${each.id}` === node);
    if (!view.board || !own) return false;
    const done = arrange(foldGroup(view.board, own.id, !own.collapsed));
    if (done && own.collapsed && own.parts[0]) canvas.look(own.parts[0]);
    return done;
  }
  /** The inspector asks for another name of the part, or of the group, that is looked at. */
  function rename(): boolean {
    const part = canvas.focused;
    if (!part || !isRenamable(part.node)) {
      if (part?.kind === 'group') ui.go('board', 'inspector');
      else tell(t('board.said.noName'));
      return false;
    }
    ui.go('board', 'inspector');
    canvas.renaming = true;
    return true;
  }
  const alignTo = (edge: Edge): boolean => view.board !== null && several.value && arrange(align(view.board, targets.value, edge));
  const distributeAlong = (axis: 'x' | 'y'): boolean =>
    view.board !== null && targets.value.length > 2 && arrange(distribute(view.board, targets.value, axis));
  /** The chosen parts when there are several, else all of them. */
  const tidyUp = (): boolean => {
    const done = view.board !== null && arrange(tidy(view.board, several.value ? canvas.targets : undefined));
    if (!several.value) canvas.fit();
    return done;
  };
  function moveBy(dx: number, dy: number): boolean {
    if (!view.board) return false;
    const places = new Map(targets.value.map(({ node, x, y }) => [node, { x: x + dx, y: y + dy }]));
    return arrange(moveParts(view.board, places), `move:${[...places.keys()].join()}`);
  }

  return { targets, several, grouped, remove, copy, cut, paste, pasteNew, duplicate, all, group, dissolve, fold, rename, alignTo, distributeAlong, tidyUp, moveBy };
} // prettier-ignore
