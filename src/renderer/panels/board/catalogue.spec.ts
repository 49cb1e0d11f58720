import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../lab/document/editor';
import { loadBoard } from '../../../lab/document/load';
import { checkBoard } from '../../../machine/board/rules';
import { NEW_LAB_FILES, NEW_LAB_YAML } from '../../stores/new-lab';
import { addItem, searchCatalogue, SECTIONS, slotFor, whyNot } from './catalogue';
import { drawBoard, drawnGroups, groupFrames, type Box } from './drawing';
import { emptyBoard } from './edits';
import { sampleBoards, takeSample } from './samples';

const open = (yaml = NEW_LAB_YAML): LabEditor => new LabEditor(yaml, NEW_LAB_FILES);
const item = (key: string) => SECTIONS.flatMap(({ items }) => items).find((each) => each.key === key)!;
const names = (search: string, wide: string[] = []): string[] =>
  searchCatalogue(search, new Set(wide)).flatMap(({ items }) => items.map(({ id }) => id));

describe('the catalogue', () => {
  it('has every part once, the usual memory first, all that the standards have on request', () => {
    const keys = SECTIONS.flatMap(({ items }) => items.map(({ key }) => key));
    expect(new Set(keys).size).toBe(keys.length);
    expect(names('')).toContain('ddr4-16g');
    expect(names('')).not.toContain('ddr4-16g-4rx4');
    expect(names('', ['DDR4']).length).toBeGreaterThan(names('').length + 20);
  });

  it('is searched by name, size, chips and ranks in both languages', () => {
    expect(names('ddr4 16 GiB 2rx8')).toEqual(expect.arrayContaining(['ddr4-16g-2rx8']));
    expect(names('DDR5 x4 2 ranks').every((id) => id.startsWith('ddr5'))).toBe(true);
    expect(names('处理器 80386')).toEqual(['386', '386sx']);
    expect(names('no such part')).toEqual([]);
  });

  it('a DIMM goes to the chosen slot when it is empty, else to the first empty one that it fits', () => {
    const { board } = open(NEW_LAB_YAML.replace('base: 0x20000000, dimm: ddr3-256m', 'base: 0x20000000').replace('base: 0x30000000, dimm: ddr3-256m', 'base: 0x30000000')).document!; // prettier-ignore
    expect(slotFor(board, 'ddr3-256m', 'A1')).toBe('B1');
    expect(slotFor(board, 'ddr3-256m', 'B2')).toBe('B2');
    expect(slotFor({ ...board, slots: board.slots.slice(0, 2) }, 'ddr3-256m', 'A2')).toBe('A2');
    expect(slotFor({ ...board, slots: [] }, 'ddr3-256m', null)).toBeNull();
  });

  it('a ROM takes the next free place below 1 MiB, until there is none', () => {
    const editor = open();
    const rom = item('device:rom');
    for (let i = 0; i < 8; i++) {
      expect(whyNot(editor.document!, rom, null)).toBeNull();
      const { patches, label } = addItem(editor.document!, rom, null)!;
      expect(editor.patch(patches, label)).toEqual({ applied: true });
    }
    const { board } = editor.document!;
    expect(checkBoard(board)).toEqual([]);
    expect(board.devices.map(({ base }) => base)).toEqual([undefined, 0xc_8000, 0xd_0000, 0xd_8000, 0xe_0000, 0xe_8000, 0xf_0000, 0xf_8000]); // prettier-ignore
    expect(whyNot(editor.document!, rom, null)?.en).toBe('rom8 and rom0 both answer at 0x000C_0000.');
  });

  it('says why a part cannot be added', () => {
    const lab = open().document!;
    const withIommu = { ...lab, board: { ...lab.board, iommu: { present: true, enabled: true } } };
    expect(whyNot(withIommu, item('processor:8086'), null)?.en).toMatch(/address lines/);
    expect(whyNot(lab, item('processor:p6-virtualization'), null)?.en).toBe('It is in the socket.');
    expect(whyNot(lab, item('processor:p6'), null)).toBeNull();
    expect(whyNot({ ...lab, vms: [{ id: 'one', memory: 4096, backing: 'eager', passthrough: [] }] }, item('processor:p6'), null)?.en).toContain('virtualization'); // prettier-ignore
    const slots = (...own: [string, string | null][]) => ({
      ...lab,
      board: { ...lab.board, slots: own.map(([id, dimm]) => ({ id, dimm })) },
    });
    const noSlot = (on: typeof lab) => whyNot(on, item('dimm:ddr4-16g'), slotFor(on.board, 'ddr4-16g', null))?.en;
    expect(noSlot(slots())).toMatch(/add a controller or a slot/);
    expect(noSlot(slots(['A1', 'ddr3-256m'], ['A2', 'ddr3-256m']))).toMatch(/all 2 are taken/);
    const wired = slots(['A1', 'ddr3-256m'], ['A2', null], ['B1', null]);
    const controllers = [{ id: 'mc0', channels: [['A1', 'A2'], ['B1']], banks: [], order: 'RoBaRaCoCh' as const, hash: 'none' as const }];
    expect(noSlot({ ...wired, board: { ...wired.board, controllers } })).toBe('Needs an empty slot for DDR4. Those that are empty are for DDR3 (A2, B1): add a controller for DDR4.'); // prettier-ignore
    expect(whyNot(lab, item('bridge:switch'), null)?.en).toContain('root port');
    expect(whyNot(lab, item('iommu:iommu'), null)).toBeNull();
    expect(whyNot(withIommu, item('iommu:iommu'), null)).not.toBeNull();
  });

  it('every part that nothing speaks against can be added, and leaves no new error', () => {
    for (const section of SECTIONS)
      for (const part of section.items.slice(0, 4)) {
        const editor = open();
        const slot = part.kind === 'dimm' ? slotFor(editor.document!.board, part.id, 'B2') : null;
        if (whyNot(editor.document!, part, slot)) continue;
        const change = addItem(editor.document!, part, slot)!;
        expect(editor.patch(change.patches, change.label), part.key).toEqual({ applied: true });
        const errors = checkBoard(editor.document!.board).filter(({ severity, code }) => severity === 'error' && code !== 'board-overlap');
        // a larger module may reach past the address lines or into its neighbour, which is the student's to see
        if (part.kind !== 'dimm') expect(errors, part.key).toEqual([]);
        // what was added is drawn
        expect(drawBoard(editor.document!.board).parts.map(({ node }) => node)).toContain(change.look);
      }
  });
});

describe('sample boards', () => {
  it.each(sampleBoards().map((sample) => [sample.name, sample] as const))('%s takes the place of any board and is drawn without overlaps', (name, sample) => {
    const editor = open();
    const change = takeSample(editor.document!, sample)!;
    expect(editor.patch(change.patches, change.label)).toEqual({ applied: true });
    const { board } = editor.document!;
    expect(board).toEqual(loadBoard(sample.yaml).board!.board);
    const errors = checkBoard(board).filter(({ severity }) => severity === 'error');
    expect(errors.map(({ code }) => code)).toEqual(name === 'overlapping-windows' ? ['board-overlap'] : []);
    const { parts, note } = drawBoard(board);
    const boxes: Box[] = [...parts, note];
    const apart = (a: Box, b: Box): boolean => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
    expect(boxes.filter((box, i) => boxes.slice(i + 1).some((other) => !apart(box, other)))).toEqual([]);
    const empty = emptyBoard(editor.document!);
    editor.patch(empty.patches, empty.label);
    expect(editor.document!.board.slots).toEqual([]);
    editor.undo();
    editor.undo();
    expect(editor.yaml).toBe(NEW_LAB_YAML);
  }); // prettier-ignore
});

describe('the drawing of bridges and groups', () => {
  it('ends whatever the wiring is: cycles, ports that are not there, names that repeat', () => {
    const bridges = [
      { id: 'a', kind: 'switch' as const, parent: 'b.0' },
      { id: 'b', kind: 'switch' as const, parent: 'a.0' },
      { id: 'c', kind: 'pci-bridge' as const, parent: 'nowhere' },
      { id: 'rp1', kind: 'root-port' as const },
      { id: 'rp1', kind: 'root-port' as const, parent: 'rp1' },
    ];
    const drawing = drawBoard({ slots: [], devices: [{ id: 'd', kind: 'edu', parent: 'a.1' }], bridges });
    expect(drawing.parts.filter(({ kind }) => kind === 'bridge').map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'rp1']); // prettier-ignore
    expect(drawing.parts.filter(({ kind }) => kind === 'device')).toHaveLength(1);
    const nodes = drawing.parts.map(({ node }) => node);
    for (const { source, target } of drawing.wires) expect(nodes).toEqual(expect.arrayContaining([source, target]));
  });

  it('frames a group around the parts that are there', () => {
    const { parts } = drawBoard({ slots: [{ id: 'A1', dimm: null }], devices: [] });
    const groups = [
      { id: 'g1', name: 'One', parts: ['slot:A1', 'slot:Z9'] },
      { id: 'g2', name: '', parts: ['slot:Z9'] },
    ];
    const [frame, ...none] = groupFrames(drawnGroups(groups, parts), parts);
    expect(none).toEqual([]);
    const slot = parts.find(({ node }) => node === 'slot:A1')!;
    expect(frame).toMatchObject({ parts: ['slot:A1'], width: slot.width + 24 });
    expect(frame!.y).toBeLessThan(slot.y - 20);
  });
});
