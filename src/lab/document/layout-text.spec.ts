import fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { LabEditor } from './editor';
import { layoutLines, layoutText } from './layout-text';
import { loadLab } from './load';
import { entryText } from './patches';
import { parseYaml } from './yaml-source';

const LABEL = { en: 'Move', 'zh-CN': '移动' };
const board = (more: string, tail = ''): string =>
  `format: pagewalk.lab/1
title: Places # kept
board:
  processor: p6 # the processor
${more}  slots:
    # the first one
    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m }
    - { id: A2, base: 0x010000000, dimm: ddr3-256m } # last
${tail}machine: { program: gone.asm }
files:
  main.asm: |
    hlt
`;
const TEXTS = {
  'without a layout': board(''),
  'with one at the end': board('', '  canvas:\n    places: # why\n      slot:A1: [ 1, 2 ]\n\n# the program\n'),
  'with one in the middle, and comments': board(
    '  canvas: { places: { slot:A1: [1, 2] }, groups: [{ id: g1, name: "a: b", parts: [ slot:A1 ] }] } # drawn\n  # slots now\n',
  ),
  'written far to the right': board('').replace(/^ {2}/gm, '      '),
  'that ends with the board': board('').replace(/(board:[\s\S]*?)(machine:[\s\S]*)/, '$2$1'),
};

describe('the lines of a layout', () => {
  it('are not exchanged where lines are not enough', () => {
    const linesOf = (text: string) => layoutLines(parseYaml(text).source!);
    expect(linesOf('board: { slots: [] }\n')).toBeNull();
    expect(linesOf('board:\n  slots: []')).toBeNull();
    expect(linesOf('board:\n  text: |\n    last\n')).toBeNull();
    expect(linesOf('board:\n  canvas: &c { places: {} }\n  slots: []\nx: *c\n')).toBeNull();
    expect(linesOf('board:\n  slots: []\n')).toEqual({ start: 19, end: 19, indent: 2 });
  });

  it('hundreds of places are written as YAML writes them', () => {
    const node = fc.oneof(fc.nat(99).map((n) => `slot:S${n}`), fc.nat(99).map((n) => `device:net_${n}-a`), fc.constantFrom('no', 'a: b', "slot:it's")); // prettier-ignore
    const place = fc.tuple(fc.integer({ min: -99_000, max: 99_000 }), fc.constantFrom(0, 1, -1, 86));
    const group = fc.record({ id: fc.constant('g1'), name: fc.constantFrom('', 'a: b # c', '内存'), parts: fc.uniqueArray(node) });
    const layout = fc.record({ places: fc.dictionary(node, place, { maxKeys: 40 }), groups: fc.array(group, { maxLength: 2 }) }, { requiredKeys: [] });
    fc.assert(fc.property(layout, (value) => void expect(layoutText(value)).toBe(entryText('canvas', value))));
  }); // prettier-ignore

  it.each(Object.entries(TEXTS))('a lab %s: moving parts changes these lines only, and says what reading it anew says', (_name, text) => {
    const node = fc.constantFrom('slot:A1', 'slot:A2', 'iommu:iommu', 'a: b', 'no', '[x', "it's", '#1');
    const places = fc.dictionary(node, fc.tuple(fc.integer({ min: -9_000, max: 9_000 }), fc.nat(900)), { minKeys: 1 });
    const name = fc.constantFrom('', 'Memory', 'a: b # c', '内存', 'two\nlines', 'two\n\n lines ');
    const groups = fc.option(fc.tuple(name, fc.uniqueArray(node)).map(([title, parts]) => [{ id: 'g1', name: title, parts }]), { nil: undefined });
    const layout = fc.record({ places, groups }).map(({ places: at, groups: some }) => ({ places: at, ...(some ? { groups: some } : {}) }));
    const act = fc.oneof(
      { weight: 5, arbitrary: layout },
      fc.constantFrom('tidy' as const, 'undo' as const, 'undo' as const, 'redo' as const, 'unplug' as const, 'type' as const),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 9 }), fc.boolean(), (acts, merged) => {
        const editor = new LabEditor(text, {});
        let moved = 0;
        for (const step of acts) {
          const { meaning, yaml } = editor;
          if (step === 'undo') editor.undo();
          else if (step === 'redo') editor.redo();
          else if (step === 'unplug') editor.patch([{ op: 'set', path: 'board.slots.A2.dimm', value: null }], LABEL);
          else if (step === 'type') editor.setYaml(`# typed\n${editor.yaml}`, LABEL);
          else if (step === 'tidy') editor.patch([{ op: 'remove', path: ['board', 'canvas'] }], LABEL);
          else {
            expect(editor.patch([{ op: 'set', path: ['board', 'canvas'], value: step }], LABEL, merged ? 'move' : null).applied).toBe(true);
            expect(editor.document!.board.canvas).toEqual(loadLab(editor.yaml, {}).document!.board.canvas);
            expect(parse(editor.yaml)).toEqual({ ...parse(yaml), board: { ...parse(yaml).board, canvas: step } });
            expect(editor.meaning).toBe(meaning);
            for (const kept of ['# kept', '# the processor', '# the first one', '# last', '0x010000000']) expect(editor.yaml).toContain(kept);
            moved++;
          }
          const fresh = loadLab(editor.yaml, {});
          expect(editor.document).toEqual(fresh.document);
          expect(editor.problems).toEqual(fresh.problems);
        }
        const last = editor.yaml;
        while (editor.undo());
        expect(editor.yaml).toBe(text);
        expect(editor.document).toEqual(loadLab(text, {}).document);
        while (editor.redo());
        expect(moved === 0 || editor.yaml.length > 0).toBe(true);
        if (!acts.includes('undo')) expect(editor.yaml).toBe(last);
        expect(editor.document).toEqual(loadLab(editor.yaml, {}).document);
      }),
      { numRuns: 5 },
    );
  }); // prettier-ignore

  it('keep what they share: hardware that did not change is the same object', () => {
    const editor = new LabEditor(TEXTS['without a layout'], {});
    const before = editor.document!;
    editor.patch([{ op: 'set', path: ['board', 'canvas'], value: { places: { 'slot:A1': [1, 2] } } }], LABEL);
    expect(editor.document).not.toBe(before);
    expect(editor.document!.board.slots).toBe(before.board.slots);
    editor.undo();
    expect(editor.document!.board.slots).toBe(before.board.slots);
    expect(editor.document).toEqual(before);
  });
});
