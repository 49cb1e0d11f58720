/** Random sequences of edits: whatever is done is undone to the byte and redone to the byte, and nothing names a part that is no more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../../lab/document/editor';
import type { LabDocument } from '../../../../lab/document/schema';
import { PROCESSORS, processorPart } from '../../../../machine/board/parts';
import { SECTIONS, addItem, slotFor, whyNot } from '../catalogue';
import { drawBoard } from '../drawing';
import { sampleBoards, takeSample } from '../samples';
import type { BoardChange } from './change';
import {
  addSlot,
  align,
  assign,
  copyParts,
  distribute,
  foldGroup,
  emptyBoard,
  makeGroup,
  moveDimm,
  moveParts,
  nameGroup,
  pasteParts,
  removeParts,
  renamePart,
  renameProblem,
  setDmaMask,
  setHash,
  setHole,
  setPlace,
  setProcessor,
  setWindow,
  tidy,
  ungroup,
  unplug,
  wireController,
  wireSlot,
} from './index';

const YAML = `# an empty board
format: pagewalk.lab/1
title: Built by hand
board: { slots: [] }
machine:
  program: { file: main.asm, defines: { BASE: 5 } } # kept
checks:
  - stop: halted # as it should
`;
const FILES = { 'main.asm': 'hlt\n' };

/** A number from 0 to 1 chooses among what there is; null when there is nothing. */
const pick = <T>(list: readonly T[], at: number): T | null => list[Math.min(list.length - 1, Math.floor(at * list.length))] ?? null;
type Edit = (lab: LabDocument, a: number, b: number) => BoardChange | null;
const items = SECTIONS.flatMap((section) => section.items);
const partsOf = (lab: LabDocument) => {
  const { parts } = drawBoard(lab.board);
  const places = lab.board.canvas?.places ?? {};
  return parts.map((part) => (places[part.node] ? { ...part, x: places[part.node]![0], y: places[part.node]![1] } : part));
};
const some = (lab: LabDocument, a: number, b: number): string[] => {
  const nodes = partsOf(lab).map(({ node }) => node);
  const from = Math.floor(a * nodes.length);
  return nodes.slice(from, from + 1 + Math.floor(b * 6));
};
const controllerOf = (lab: LabDocument, a: number) => pick(lab.board.controllers ?? [], a);
const slotOf = (lab: LabDocument, a: number) => pick(lab.board.slots, a);

const EDITS: readonly Edit[] = [
  (lab, a, b) => {
    const item = pick(items, a)!;
    const slot = item.kind === 'dimm' ? slotFor(lab.board, item.id, slotOf(lab, b)?.id ?? null) : null;
    return whyNot(lab, item, slot) ? null : addItem(lab, item, slot);
  },
  (lab) => addSlot(lab.board),
  (lab, a, b) => {
    const controller = controllerOf(lab, a);
    return controller && wireController(lab, controller.id, Array.from({ length: 1 + Math.floor(b * 4) }, (_, i) => 1 + ((i + Math.floor(b * 100)) % 2)));
  },
  (lab, a, b) => {
    const [slot, controller] = [slotOf(lab, a), controllerOf(lab, b)];
    return slot && wireSlot(lab.board, slot.id, controller && b < 0.8 ? { controller: controller.id, channel: 0 } : null);
  },
  (lab, a, b) => removeParts(lab, some(lab, a, b)),
  (lab, a, b) => moveParts(lab.board, new Map(some(lab, a, b).map((node, i) => [node, { x: a * 999 + i, y: b * 999 }]))),
  (lab, a, b) => makeGroup(lab.board, some(lab, a, b), b < 0.5 ? '' : 'Bank: "A" #1'),
  (lab, a) => (pick(lab.board.canvas?.groups ?? [], a) ? ungroup(lab.board, pick(lab.board.canvas!.groups!, a)!.id) : null),
  (lab, a) => (pick(lab.board.canvas?.groups ?? [], a) ? nameGroup(lab.board, pick(lab.board.canvas!.groups!, a)!.id, `组 ${a}`) : null),
  (lab, a, b) => (pick(lab.board.canvas?.groups ?? [], a) ? foldGroup(lab.board, pick(lab.board.canvas!.groups!, a)!.id, b < 0.7) : null),
  (lab, a, b) => {
    const [node] = some(lab, a, 0);
    const name = pick(['A1', 'B7', 'part', 'dma0', 'sw1', 'iommu'], b)!;
    return node && !renameProblem(lab, node, name) ? renamePart(lab, node, name) : null;
  },
  (lab, a, b) => align(lab.board, partsOf(lab).slice(0, 2 + Math.floor(b * 5)), pick(['left', 'right', 'top', 'bottom', 'middle', 'centre'] as const, a)!),
  (lab, a, b) => distribute(lab.board, partsOf(lab).slice(0, 3 + Math.floor(b * 5)), a < 0.5 ? 'x' : 'y'),
  (lab, a, b) => tidy(lab.board, a < 0.5 ? some(lab, a, b) : undefined),
  (lab, a, b) => {
    const clip = copyParts(lab.board, some(lab, a, b), new Map(partsOf(lab).map(({ node, x, y }) => [node, { x, y }])));
    return clip && pasteParts(lab.board, clip);
  },
  (lab, a, b) => (slotOf(lab, a) && slotOf(lab, b) ? moveDimm(lab.board, slotOf(lab, a)!.id, slotOf(lab, b)!.id) : null),
  (lab, a) => (slotOf(lab, a) ? unplug(slotOf(lab, a)!.id) : null),
  (lab, a, b) => (slotOf(lab, a) ? setWindow(slotOf(lab, a)!.id, b < 0.3 ? null : 4096 * Math.ceil(b * 1e5)) : null),
  (lab, a) => assign(lab.board, a < 0.5 ? 'fixed' : 'automatic'),
  (_lab, a) => setHole(a < 0.3 ? null : { base: 0xc000_0000, remap: a < 0.6 }),
  (lab, a) => setProcessor(lab.board, pick(PROCESSORS, a)!.id, processorPart(pick(PROCESSORS, a)!.id)!.physicalAddressBits),
  (lab, a, b) => (controllerOf(lab, a) ? setHash(controllerOf(lab, a)!.id, b < 0.5 ? 'xor' : 'none') : null),
  (lab, a, b) => (pick(lab.board.devices, a) ? setDmaMask(pick(lab.board.devices, a)!.id, 1 + Math.floor(b * 63)) : null),
  (lab, a, b) => (pick(lab.board.devices, a) ? setPlace(pick(lab.board.devices, a)!.id, b < 0.3 ? '' : '00:05.0') : null),
  (lab, a) => (a < 0.2 ? takeSample(lab, pick(sampleBoards(), a * 5)!) : null),
  (lab, a) => (a < 0.1 ? emptyBoard(lab) : null),
]; // prettier-ignore

const unit = fc.double({ min: 0, max: 0.999, noNaN: true });
const steps = fc.array(fc.tuple(fc.nat(EDITS.length - 1), unit, unit), { minLength: 5, maxLength: 30 });

describe('random sequences of edits', () => {
  it('are undone to the empty board and redone to the same file, byte for byte', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const editor = new LabEditor(YAML, FILES);
        const texts = [editor.yaml];
        for (const [which, a, b] of sequence) {
          const change = EDITS[which]!(editor.document!, a, b);
          if (!change || change.patches.length === 0) continue;
          expect(editor.patch(change.patches, change.label)).toEqual({ applied: true });
          // a change that changes nothing is no step
          if (editor.yaml !== texts.at(-1)) texts.push(editor.yaml);
          expect(editor.undoLabel === null).toBe(texts.length === 1);
        }
        const end = editor.yaml;
        for (const text of texts.slice(0, -1).reverse()) {
          expect(editor.undo()).toBe(true);
          expect(editor.yaml).toBe(text);
        }
        expect(editor.undo()).toBe(false);
        for (const text of texts.slice(1)) {
          expect(editor.redo()).toBe(true);
          expect(editor.yaml).toBe(text);
        }
        expect([editor.redo(), editor.yaml]).toEqual([false, end]);
      }),
      { numRuns: 20 },
    );
  });

  it('leave no wire, place, group or port that names a part which is no more, and keep the words beside the board', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const editor = new LabEditor(YAML, FILES);
        for (const [which, a, b] of sequence) {
          const change = EDITS[which]!(editor.document!, a, b);
          if (change) editor.patch(change.patches, change.label);
        }
        const { board } = editor.document!;
        const nodes = new Set(drawBoard(board).parts.map(({ node }) => node));
        const slots = new Set(board.slots.map(({ id }) => id));
        const bridges = new Set((board.bridges ?? []).map(({ id }) => id));
        for (const { channels, banks } of board.controllers ?? [])
          for (const slot of [...channels.flat(), ...banks.flat()]) expect(slots).toContain(slot);
        for (const { parent } of [...(board.bridges ?? []), ...board.devices])
          if (parent !== undefined) expect(bridges).toContain(parent.replace(/\.\d+$/, ''));
        for (const node of Object.keys(board.canvas?.places ?? {})) expect(nodes).toContain(node);
        const grouped = (board.canvas?.groups ?? []).flatMap(({ parts }) => parts);
        expect(new Set(grouped).size).toBe(grouped.length);
        for (const node of grouped) expect(nodes).toContain(node);
        const ids = [...board.slots, ...board.devices, ...(board.controllers ?? []), ...(board.bridges ?? [])].map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(editor.yaml).toContain('# as it should');
      }),
      { numRuns: 20 },
    );
  });
});
