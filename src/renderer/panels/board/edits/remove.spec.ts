import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../../lab/document/editor';
import { overlap } from '../drawing';
import type { Board } from '../../../../machine/board/schema';
import { sampleBoards, takeSample } from '../samples';
import type { BoardChange } from './change';
import { clipSize, copyParts, foldGroup, makeGroup, moveParts, pasteParts, placedParts, removeParts, wireController } from './index';

const YAML = `format: pagewalk.lab/1
title: Attack
board:
  assignment: automatic
  controllers:
    - { id: mc0, channels: [ [ A1, A2 ], [ B1 ] ] } # two channels
  slots:
    - { id: A1, dimm: ddr3-256m } # the first
    - { id: A2, dimm: ddr3-256m }
    - { id: B1, dimm: ddr3-256m }
  bridges:
    - { id: rp1, kind: root-port }
    - { id: sw1, kind: switch, parent: rp1 }
  devices:
    - { id: dma0, kind: edu, parent: sw1.0 }
    - { id: dma1, kind: edu, parent: sw1.1 }
    - { id: dma2, kind: edu }
  iommu: { present: true, enabled: true }
  canvas:
    places: { slot:A1: [ 500, 40 ], device:dma0: [ 40, 700 ] }
    groups:
      - { id: g1, name: Attackers, parts: [ device:dma0, device:dma1 ] }
vmm: { translation: ept }
vms:
  - id: one
    memory: 4 MiB
    passthrough: [ dma0, dma2 ]
    program: { file: a.asm, defines: { BAR: { barOf: dma0 }, OTHER: { barOf: dma2 }, SIZE: 4096 } }
checks:
  - located: { address: 0x1000, slot: A1 } # in the first slot
  - located: { address: 0x1000, slot: B1 }
  - stop: halted
`;
const open = (): LabEditor => new LabEditor(YAML, { 'a.asm': 'hlt\n' });
const remove = (editor: LabEditor, ...nodes: string[]) => {
  const change = removeParts(editor.document!, nodes);
  expect(editor.patch(change.patches, change.label)).toEqual({ applied: true });
  return { lab: editor.document!, also: change.also!.map(({ en }) => en), label: change.label.en };
};

describe('taking parts off the board', () => {
  it('a device goes with its passthrough, its symbols, its place, and what is left of its group', () => {
    const editor = open();
    const { lab, also, label } = remove(editor, 'device:dma0');
    expect(label).toBe('Remove dma0');
    expect(also).toEqual(['passthrough to one', 'symbol BAR']);
    expect(lab.vms![0]!.passthrough).toEqual(['dma2']);
    expect(lab.vms![0]!.program).toMatchObject({ defines: { OTHER: { barOf: 'dma2' }, SIZE: 4096 } });
    expect(lab.board.canvas).toEqual({ places: { 'slot:A1': [500, 40] } });
    expect(editor.runnable).toBe(true);
    editor.undo();
    expect(editor.yaml).toBe(YAML);
  });

  it('a slot goes with its wires and the checks that name it, and comments of the others stay', () => {
    const editor = open();
    const { lab, also } = remove(editor, 'slot:B1');
    expect(also).toEqual(['1 check']);
    expect(lab.board.controllers![0]!.channels).toEqual([['A1', 'A2']]);
    expect(lab.checks).toHaveLength(2);
    for (const kept of ['# the first', '# two channels', '# in the first slot']) expect(editor.yaml).toContain(kept);
    expect(editor.runnable).toBe(true);
  });

  it('a controller goes with its slots, a bridge with everything behind it, the IOMMU with its setting', () => {
    const editor = open();
    expect(remove(editor, 'controller:mc0').lab.board).toMatchObject({ slots: [], controllers: [] });
    const { lab, also } = remove(editor, 'bridge:rp1', 'iommu:iommu');
    expect([lab.board.bridges, lab.board.devices.map(({ id }) => id), lab.board.iommu]).toEqual([[], ['dma2'], undefined]);
    expect(also).toEqual(['passthrough to one', 'symbol BAR']);
    editor.undo();
    editor.undo();
    expect(editor.yaml).toBe(YAML);
  });

  it('what is soldered stays', () => {
    expect(removeParts(open().document!, ['processor:processor', 'root:root', 'firmware:firmware']).patches).toEqual([]);
  });

  it('a controller with fewer channels loses their slots, and the checks of these', () => {
    const editor = open();
    const change = wireController(editor.document!, 'mc0', [3]);
    editor.patch(change.patches, change.label);
    expect(editor.document!.board.slots.map(({ id, dimm }) => [id, dimm])).toEqual([['A1', 'ddr3-256m'], ['A2', 'ddr3-256m'], ['A3', null]]); // prettier-ignore
    expect(editor.document!.board.controllers![0]!.channels).toEqual([['A1', 'A2', 'A3']]);
    expect(change.also).toHaveLength(1);
  });
});

describe('copying', () => {
  it('a switch with its devices becomes another with the same wires, names of its own, and a group if it was one', () => {
    const editor = open();
    const nodes = ['bridge:sw1', 'device:dma0', 'device:dma1', 'device:dma2'];
    const places = new Map(nodes.map((node, i) => [node, { x: i * 100, y: 700 }]));
    const pasted = pasteParts(editor.document!.board, copyParts(editor.document!.board, nodes, places)!);
    expect(editor.patch(pasted.patches, pasted.label)).toEqual({ applied: true });
    const { board } = editor.document!;
    // the port above the switch is taken, so the copy waits to be plugged
    expect(board.bridges!.at(-1)).toEqual({ id: 'sw2', kind: 'switch' });
    expect(board.devices.slice(3).map(({ id, parent }) => [id, parent])).toEqual([['dma3', 'sw2.0'], ['dma4', 'sw2.1'], ['dma5', undefined]]); // prettier-ignore
    expect(board.canvas!.groups!.map(({ parts }) => parts)).toEqual([['device:dma0', 'device:dma1'], ['device:dma3', 'device:dma4']]); // prettier-ignore
    const [x, y] = board.canvas!.places!['device:dma3']!;
    expect(board.canvas!.places!['device:dma5']).toEqual([x + 200, y]);
  });

  it('slots get free bases of their own, also those that had none, and wires of a copied controller stay inside the copy', () => {
    const editor = new LabEditor(YAML.replace('automatic', 'fixed').replace('id: A1, dimm', 'id: A1, base: 0, dimm'), { 'a.asm': '' });
    const { board } = editor.document!;
    const pasted = pasteParts(board, copyParts(board, ['controller:mc0'], new Map())!);
    editor.patch(pasted.patches, pasted.label);
    const { controllers, slots } = editor.document!.board;
    expect(controllers![1]).toMatchObject({ id: 'mc1', channels: [['A3', 'A4'], ['B2']] });
    expect(slots.slice(3).map(({ id, base, dimm }) => [id, base, dimm])).toEqual([['A3', 0x1000_0000, 'ddr3-256m'], ['A4', 0x2000_0000, 'ddr3-256m'], ['B2', 0x3000_0000, 'ddr3-256m']]); // prettier-ignore
  });

  it('what cannot be copied is not counted', () => {
    const { board } = open().document!;
    const all = placedParts(board).map(({ node }) => node);
    const clip = copyParts(board, all, new Map())!;
    expect(clipSize(clip)).toBe(pasteParts(board, clip).nodes.length);
    expect(all.length - clipSize(clip)).toBe(5); // processor, firmware, IOMMU, legacy I/O, PCIe root
  });

  it('what is pasted stands on nothing, and again what is pasted after it', () => {
    const editor = open();
    const spots = () => placedParts(editor.document!.board);
    const { board } = editor.document!;
    const clip = copyParts(board, ['slot:A1', 'device:dma2'], new Map(spots().map(({ node, x, y }) => [node, { x, y }])))!;
    for (let i = 0; i < 4; i++) {
      const pasted = pasteParts(editor.document!.board, clip);
      editor.patch(pasted.patches, pasted.label);
      const others = spots().filter(({ node }) => !pasted.nodes.includes(node));
      for (const own of spots().filter(({ node }) => pasted.nodes.includes(node)))
        for (const other of others) expect([other.node, overlap(own, other)]).toEqual([other.node, false]);
    }
  });

  it.each([
    ['pcie-switch', 'bridge:sw1', 'dual-channel-desktop'],
    ['four-dimms', 'slot:A1', 'dual-channel-desktop'],
    ['dual-channel-desktop', 'controller:mc0', 'four-dimms'],
  ])('what is copied from %s, %s, stands on nothing in %s, whose parts make room for it', (from, node, into) => {
    const spots = (board: Board) => new Map(placedParts(board).map(({ node, x, y }) => [node, { x, y }]));
    const sample = (name: string) => sampleBoards().find((each) => each.name === name)!;
    const first = open();
    first.patch(takeSample(first.document!, sample(from))!.patches, { en: 'taken', 'zh-CN': '已取用' });
    const clip = copyParts(first.document!.board, [node], spots(first.document!.board))!;
    const editor = open();
    editor.patch(takeSample(editor.document!, sample(into))!.patches, { en: 'taken', 'zh-CN': '已取用' });
    const pasted = pasteParts(editor.document!.board, clip);
    expect(editor.patch(pasted.patches, pasted.label)).toEqual({ applied: true });
    const parts = placedParts(editor.document!.board);
    const on = parts.flatMap((own) => parts.filter((other) => other.node < own.node && overlap(own, other)).map((other) => [own.node, other.node]));
    expect(on).toEqual([]);
  }); // prettier-ignore

  it('a group that is drawn as one box is moved with its parts, and copied as one', () => {
    const editor = open();
    const at = (node: string) => {
      const { x, y } = placedParts(editor.document!.board).find((part) => part.node === node)!;
      return { x, y };
    };
    const own = ['device:dma0', 'device:dma1'];
    const apply = ({ patches, label }: BoardChange) => expect(editor.patch(patches, label)).toEqual({ applied: true });
    const { id } = editor.document!.board.canvas!.groups![0]!;
    apply(foldGroup(editor.document!.board, id, true));
    expect(editor.yaml).toContain('collapsed: true');
    const before = own.map(at);
    const corner = { x: Math.min(...before.map(({ x }) => x)), y: Math.min(...before.map(({ y }) => y)) };
    apply(moveParts(editor.document!.board, new Map([[`folded:${id}`, { x: corner.x + 40, y: corner.y - 16 }]])));
    expect(own.map(at)).toEqual(before.map(({ x, y }) => ({ x: x + 40, y: y - 16 })));
    expect(Object.keys(editor.document!.board.canvas!.places!).filter((node) => node.startsWith('folded'))).toEqual([]);
    const clip = copyParts(editor.document!.board, own, new Map(own.map((node) => [node, at(node)])))!;
    apply(pasteParts(editor.document!.board, clip));
    expect(editor.document!.board.canvas!.groups!.map(({ collapsed }) => collapsed)).toEqual([true, true]);
    apply(foldGroup(editor.document!.board, id, false));
    expect(editor.document!.board.canvas!.groups!.map(({ collapsed }) => collapsed ?? false)).toEqual([false, true]);
  });

  it('a part is in one group at most', () => {
    const { board } = open().document!;
    const { patches } = makeGroup(board, ['device:dma1', 'slot:A1']);
    expect(patches).toEqual([
      { op: 'set', path: ['board', 'canvas'], value: { places: board.canvas!.places, groups: [{ id: 'g1', name: '', parts: ['device:dma1', 'slot:A1'] }] } },
    ]); // prettier-ignore
  });
});
