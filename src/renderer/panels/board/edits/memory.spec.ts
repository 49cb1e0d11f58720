import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../../lab/document/editor';
import { addressMap } from '../../../../machine/board/address-map';
import { checkBoard } from '../../../../machine/board/rules';
import { drawBoard } from '../drawing';
import {
  addSlot,
  assign,
  emptyBoard,
  moveBase,
  moveDimm,
  placesOf,
  plug,
  plugAll,
  removeParts,
  setDmaMask,
  setIommu,
  setLoader,
  unplug,
  addController,
  moveParts,
  wireController,
  type BoardChange,
} from './index';

const YAML = `format: pagewalk.lab/1
title: Board
board:
  # two channels
  slots:
    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m } # the first
    - { id: A2 }
  devices:
    - { id: dma0, kind: edu, at: "00:04.0" }
machine:
  program: main.asm
`;
const open = (): LabEditor => new LabEditor(YAML, { 'main.asm': 'hlt\n' });
const apply = (editor: LabEditor, change: BoardChange) => {
  expect(editor.patch(change.patches, change.label)).toEqual({ applied: true });
  return editor.document!.board;
};

describe('board edits', () => {
  it('plugs a DIMM where there is room, keeps comments, and is undone in one step', () => {
    const editor = open();
    const board = apply(editor, plug(editor.document!.board, 'A2', 'ddr3-512m'));
    expect(board.slots[1]).toMatchObject({ id: 'A2', dimm: 'ddr3-512m', base: 0x1000_0000 });
    expect(editor.yaml).toContain('# the first');
    editor.undo();
    expect(editor.yaml).toBe(YAML);
  });

  it('lists the slots of a controller channel by channel, in whatever order they come', () => {
    const editor = open();
    const ids = () => editor.document!.board.slots.map(({ id }) => id).slice(2);
    apply(editor, addController(editor.document!.board, 'channels'));
    apply(editor, wireController(editor.document!, 'mc0', [2, 2, 2]));
    apply(editor, wireController(editor.document!, 'mc0', [3, 2, 4]));
    const [channels] = editor.document!.board.controllers!.map((each) => each.channels);
    expect(channels!.map(({ length }) => length)).toEqual([3, 2, 4]);
    expect(ids()).toEqual(channels!.flat());
    apply(editor, wireController(editor.document!, 'mc0', [1, 3]));
    expect(ids()).toEqual(editor.document!.board.controllers![0]!.channels.flat());
  });

  it('slots stay where they are when their controller is moved', () => {
    const editor = open();
    const drawn = () => new Map(drawBoard(editor.document!.board).parts.map(({ node, x, y }) => [node, { x, y, ...placesOf(editor.document!.board).get(node) }]));
    apply(editor, addController(editor.document!.board, 'channels'));
    const [slot] = editor.document!.board.controllers![0]!.channels[0]!;
    const before = drawn().get(`slot:${slot}`);
    apply(editor, moveParts(editor.document!.board, new Map([['controller:mc0', { x: 900, y: 900 }]])));
    expect(drawn().get(`slot:${slot}`)).toEqual(before);
    expect(drawn().get('controller:mc0')).toEqual({ x: 900, y: 900 });
  }); // prettier-ignore

  it('plugs one kind of DIMM into several slots one behind the other, undone in one step', () => {
    const editor = open();
    apply(editor, addSlot(editor.document!.board));
    apply(editor, addSlot(editor.document!.board));
    const before = editor.yaml;
    const empty = editor.document!.board.slots.filter(({ dimm }) => dimm === null).map(({ id }) => id);
    const board = apply(editor, plugAll(editor.document!.board, empty, 'ddr3-256m'));
    expect(board.slots.map(({ dimm }) => dimm)).toEqual(Array(4).fill('ddr3-256m'));
    expect(board.slots.map(({ base }) => base)).toEqual([0, 0x1000_0000, 0x2000_0000, 0x3000_0000]);
    expect(checkBoard(board)).toEqual([]);
    editor.undo();
    expect(editor.yaml).toBe(before);
  });

  it('unplugs and moves', () => {
    const editor = open();
    expect(apply(editor, unplug('A1')).slots[0]!.dimm).toBeNull();
    expect(apply(editor, moveBase('A1', 0x3000_0000)).slots[0]!.base).toBe(0x3000_0000);
    expect(editor.yaml).toContain('0x3000_0000');
  });

  it('moves a DIMM to another slot, and swaps two, each undone in one step', () => {
    const editor = open();
    const moved = apply(editor, moveDimm(editor.document!.board, 'A1', 'A2'));
    expect(moved.slots.map(({ dimm }) => dimm)).toEqual([null, 'ddr3-256m']);
    expect(checkBoard(moved)).toEqual([]);
    apply(editor, plug(moved, 'A1', 'ddr3-128m'));
    expect(apply(editor, moveDimm(editor.document!.board, 'A1', 'A2')).slots.map(({ dimm }) => dimm)).toEqual(['ddr3-256m', 'ddr3-128m']);
    editor.undo();
    editor.undo();
    editor.undo();
    expect(editor.yaml).toBe(YAML);
  });

  it('adds slots with free names, and removes them with their wires', () => {
    const editor = open();
    const added = addSlot(editor.document!.board);
    expect(added.id).toBe('B1');
    const board = apply(editor, added);
    expect(board.slots.map(({ id, dimm }) => [id, dimm])).toEqual([['A1', 'ddr3-256m'], ['A2', null], ['B1', null]]); // prettier-ignore
    expect(apply(editor, plug(board, 'B1', 'ddr3-256m')).slots[2]).toMatchObject({ base: 0x1000_0000 });
    apply(editor, {
      patches: [
        { op: 'set', path: ['board', 'assignment'], value: 'automatic' },
        { op: 'set', path: ['board', 'controllers'], value: [{ id: 'mc0', channels: [['A1', 'A2'], ['B1']] }] },
      ],
      label: added.label,
    });
    const left = apply(editor, removeParts(editor.document!, ['slot:B1']));
    expect(left.slots.map(({ id }) => id)).toEqual(['A1', 'A2']);
    expect(left.controllers![0]!.channels).toEqual([['A1', 'A2']]);
    expect(checkBoard(left)).toEqual([]);
    for (let i = 0; i < 4; i++) editor.undo();
    expect(editor.yaml).toBe(YAML);
  });

  it('fixes bases where the firmware would have put the DIMMs', () => {
    const editor = open();
    apply(editor, plug(editor.document!.board, 'A2', 'ddr3-128m'));
    apply(editor, assign(editor.document!.board, 'automatic'));
    const automatic = addressMap(editor.document!.board).placements.map(({ slot, base }) => [slot, base]);
    const fixed = apply(editor, assign(editor.document!.board, 'fixed'));
    expect(addressMap(fixed).placements.map(({ slot, base }) => [slot, base])).toEqual(automatic);
  });

  it('changes what else is on the board', () => {
    const editor = open();
    expect(apply(editor, setIommu('present', true)).iommu?.present).toBe(true);
    expect(apply(editor, setIommu('enabled', true)).iommu?.enabled).toBe(true);
    expect(apply(editor, setDmaMask('dma0', 64)).devices[0]!.dmaMask).toBe(64);
    expect(apply(editor, setLoader('force')).firmware?.loader).toBe('force');
  });

  it('makes the empty board, without what named its parts', () => {
    const editor = open();
    const board = apply(editor, emptyBoard(editor.document!));
    expect([board.slots, board.devices, board.iommu]).toEqual([[], [], undefined]);
    editor.undo();
    expect(editor.yaml).toBe(YAML);
  });
});
