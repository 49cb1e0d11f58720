/** Edits keep what they do not touch; undo restores every byte. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LabEditor } from './editor';
import { labJsonSchema } from './json-schema';
import { loadLab } from './load';
import { migrate, type Migration } from './migrate';
import { applyPatches, type Patch, type PatchValue } from './patches';
import { text } from './problem';
import { applySetting } from './set-path';
import { parseYaml } from './yaml-source';

const YAML = `# a lab to learn from
format: pagewalk.lab/1
title: Edit me   # the title
board:
  slots:
    # the first one
    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m } # at zero
    - { id: A2, base: 0x010000000, dimm: ddr3-256m }
  iommu: { present: true, enabled: true }
machine:
  program: boot.asm
files:
  boot.asm: |
    hlt
`;
const LABEL = text('an edit', '一次编辑');

function patched(patch: Patch | Patch[], yaml = YAML): string {
  const outcome = applyPatches(yaml, Array.isArray(patch) ? patch : [patch]);
  if (!outcome.ok) throw new Error(outcome.problems[0]!.message.en);
  return outcome.yaml;
}

describe('patches', () => {
  it('replace a value where it stands and leave every other byte', () => {
    expect(patched({ op: 'set', path: 'board.slots.A1.dimm', value: null })).toBe(
      YAML.replace('ddr3-256m } # at zero', 'null } # at zero'),
    );
    expect(patched({ op: 'set', path: 'title', value: 'New: title, {odd}' })).toBe(YAML.replace('Edit me', '"New: title, {odd}"'));
    expect(patched({ op: 'set', path: 'board.slots.A2.base', value: 0x3000_0000 })).toBe(YAML.replace('0x010000000', '0x3000_0000'));
  });

  it('add keys and items, keeping comments, order and the spelling of numbers', () => {
    const added = patched([
      { op: 'set', path: 'board.assignment', value: 'automatic' },
      { op: 'insert', path: 'board.slots', value: { id: 'B1', base: 0x2000_0000, dimm: null } },
      { op: 'set', path: 'limits.instructions', value: 5 },
    ]);
    for (const kept of ['# a lab to learn from', '# the title', '# the first one', '# at zero', '0x0000_0000', '0x010000000'])
      expect(added).toContain(kept);
    expect(added).toContain('- { id: B1, base: 0x2000_0000, dimm: null }');
    expect(Object.keys(parse(added) as object)).toEqual(['format', 'title', 'board', 'machine', 'files', 'limits']);
    expect(loadLab(added, {}).document!.limits!.instructions).toBe(5);
  });

  it('write plain lists and small records on one line', () => {
    const added = patched([
      { op: 'insert', path: 'board.controllers', value: { id: 'mc0', channels: [['A1'], ['A2']], order: 'RoBaRaCoCh' } },
      { op: 'set', path: 'board.memoryHole', value: { base: 0xc000_0000, remap: true } },
      { op: 'set', path: ['board', 'canvas', 'places'], value: { 'slot:A1': [364, 36], 'iommu:iommu': [-8, 200] } },
    ]);
    expect(added).toContain('- { id: mc0, channels: [ [ A1 ], [ A2 ] ], order: RoBaRaCoCh }');
    expect(added).toContain('memoryHole: { base: 0xC000_0000, remap: true }');
    expect(added).toContain('places: { slot:A1: [ 364, 36 ], iommu:iommu: [ -8, 200 ] }');
    expect(loadLab(added, {}).document!.board.canvas).toEqual({ places: { 'slot:A1': [364, 36], 'iommu:iommu': [-8, 200] } });
  });

  it('remove keys and items by id', () => {
    const removed = patched([
      { op: 'remove', path: 'board.slots.A1' },
      { op: 'remove', path: 'board.iommu' },
    ]);
    const { document } = loadLab(removed, {});
    expect(document!.board.slots.map(({ id }) => id)).toEqual(['A2']);
    expect(document!.board.iommu).toBeUndefined();
  });

  it('records of a list come and go with their lines, and every other byte stays', () => {
    const odd = YAML.replace('board:', 'board:   # spaced   out');
    const a1 = odd.split('\n').find((line) => line.includes('id: A1'))!;
    const a2 = odd.split('\n').find((line) => line.includes('id: A2'))!;
    const b = (n: number): PatchValue => ({ id: `B${n}`, base: 0x2000_0000, dimm: null });
    const line = (n: number): string => `    - { id: B${n}, base: 0x2000_0000, dimm: null }`;
    const add = (n: number): Patch => ({ op: 'insert', path: 'board.slots', value: b(n) });
    const drop = (id: string): Patch => ({ op: 'remove', path: `board.slots.${id}` });
    expect(patched([add(1), add(2)], odd)).toBe(odd.replace(a2, [a2, line(1), line(2)].join('\n')));
    expect(patched(drop('A2'), odd)).toBe(odd.replace(`${a2}\n`, ''));
    expect(patched([add(1), drop('A2')], odd)).toBe(odd.replace(a2, line(1)));
    expect(patched([{ op: 'set', path: 'board.slots.A2.base', value: 0 }, { op: 'set', path: 'board.slots.A2.dimm', value: null }, drop('A2'), add(1)], odd)).toBe(odd.replace(a2, line(1))); // prettier-ignore
    // what is said of an item goes with it
    expect(patched(drop('A1'), odd)).not.toContain('# at zero');
    expect(patched(drop('A1'), odd)).toContain(a2.trim());
    // what cannot be told in lines is written anew, to the same meaning
    for (const text of [odd.replaceAll('\n', '\r\n'), odd.replace(a1, `    - id: A1\n      dimm: null`), odd.replace(a2, `${a2} # and\n      # more`)])
      expect(loadLab(patched([add(1), drop('A2')], text), {}).document!.board.slots.map(({ id }) => id)).toEqual(['A1', 'B1']); // prettier-ignore
    const outcome = applyPatches(odd, [add(1), add(1)]);
    expect(outcome.ok ? [] : outcome.problems.map(({ code }) => code)).toEqual(['lab-duplicate-id']);
  });

  it('a record on one line gets and loses keys where it stands', () => {
    const odd = YAML.replace('board:', 'board:   # spaced   out').replace('{ id: A2,', '{ id:   A2,');
    expect(patched({ op: 'set', path: 'board.slots.A1.trr', value: 4 }, odd)).toBe(
      odd.replace('dimm: ddr3-256m } # at zero', 'dimm: ddr3-256m, trr: 4 } # at zero'),
    );
    const both: Patch[] = [
      { op: 'set', path: 'board.slots.A1.base', value: 0x1000 },
      { op: 'set', path: 'board.slots.A1.ecc', value: true },
      { op: 'remove', path: 'board.slots.A1.dimm' },
      { op: 'set', path: 'title', value: 'Edited' },
    ];
    expect(patched(both, odd)).toBe(
      odd.replace('base: 0x0000_0000, dimm: ddr3-256m }', 'base: 0x0000_1000, ecc: true }').replace('Edit me', 'Edited'),
    );
  });

  it('many at once give what they give one after another', () => {
    const slot = fc.constantFrom('A1', 'A2', 'B1', 'B2');
    const patch: fc.Arbitrary<Patch> = fc.oneof(
      fc.record({ op: fc.constant('set' as const), path: slot.map((id) => `board.slots.${id}.dimm`), value: fc.constantFrom(null, 'ddr3-1g', 'x: y') }),
      fc.record({ op: fc.constant('set' as const), path: slot.map((id) => `board.slots.${id}.base`), value: fc.nat(0x7fff_ffff) }),
      fc.record({ op: fc.constant('set' as const), path: slot.map((id) => `board.slots.${id}.ecc`), value: fc.boolean() }),
      fc.record({ op: fc.constant('remove' as const), path: slot.map((id) => `board.slots.${id}.base`) }),
      fc.record({ op: fc.constant('remove' as const), path: slot.map((id) => `board.slots.${id}`) }),
      fc.record({ op: fc.constant('insert' as const), path: fc.constant('board.slots'), value: fc.record({ id: slot, dimm: fc.constant(null) }) }),
      fc.record({ op: fc.constant('set' as const), path: fc.constant('limits.instructions'), value: fc.nat() }),
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(patch, { minLength: 1, maxLength: 12 }), (patches) => {
        let one: string | null = YAML;
        for (const each of patches) {
          const outcome = applyPatches(one, [each]);
          one = outcome.ok ? outcome.yaml : null;
          if (one === null) break;
        }
        const all = applyPatches(YAML, patches);
        expect(all.ok).toBe(one !== null);
        if (!all.ok || one === null) return;
        expect(loadLab(all.yaml, {}).document).toEqual(loadLab(one, {}).document);
        for (const kept of ['# a lab to learn from', '# the title']) expect(all.yaml).toContain(kept);
      }),
      { numRuns: 60 },
    );
  });

  it('refuse an unknown list item, a second item of the same id, and a path through a value', () => {
    const codes = (patch: Patch): string | null => {
      const outcome = applyPatches(YAML, [patch]);
      return outcome.ok ? null : outcome.problems[0]!.code;
    };
    expect(codes({ op: 'set', path: 'board.slots.C7.dimm', value: null })).toBe('lab-unknown-path');
    expect(codes({ op: 'remove', path: 'board.slots.C7' })).toBe('lab-unknown-path');
    expect(codes({ op: 'insert', path: 'board.slots', value: { id: 'A1' } })).toBe('lab-duplicate-id');
    expect(codes({ op: 'set', path: 'title.en.more', value: 1 })).toBe('lab-unknown-path');
  });

  it('any text survives being set', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const back = parse(patched({ op: 'set', path: 'title', value })) as { title: string; machine: unknown };
        expect(back.title).toBe(value);
        expect(back.machine).toEqual({ program: 'boot.asm' });
      }),
    );
  });
});

describe('--set', () => {
  const set = (assignment: string) => applySetting(YAML, assignment);
  const names = (assignment: string): string => {
    const outcome = set(assignment);
    return outcome.ok ? 'ok' : `${outcome.problems[0]!.code}: ${outcome.problems[0]!.remedy?.en ?? ''}`;
  };

  it('reads the value as YAML', () => {
    const value = (assignment: string, yaml = set(assignment)) => (yaml.ok ? loadLab(yaml.yaml, {}).document : null);
    expect(value('board.iommu.enabled=false')!.board.iommu!.enabled).toBe(false);
    expect(value('board.slots.A1.dimm=null')!.board.slots[0]!.dimm).toBeNull();
    expect(value('board.assignment=automatic')!.board.assignment).toBe('automatic');
    expect(value('firmware.loader=force')).toBeNull();
    expect(value('board.firmware.loader=force')!.board.firmware!.loader).toBe('force');
    expect(value('board.slots.A2.base=0x2000_0000')!.board.slots[1]!.base).toBe(0x2000_0000);
  });

  it('names what is near when the path is unknown', () => {
    expect(names('board.iomu.enabled=false')).toContain('iommu');
    expect(names('board.slots.A3.dimm=null')).toMatch(/^lab-unknown-path.*A1/);
    expect(names('bord.slots.A1.dimm=null')).toContain('board');
    expect(names('board.slots.A1.dimm')).toContain('lab-bad-setting');
  });
});

describe('LabEditor', () => {
  it('undoes and redoes every kind of edit to the byte', () => {
    const editor = new LabEditor(YAML, { 'other.asm': 'nop' });
    const states: [string, string][] = [[editor.yaml, JSON.stringify(editor.files)]];
    const keep = (): void => void states.push([editor.yaml, JSON.stringify(editor.files)]);
    expect(editor.patch([{ op: 'set', path: 'board.iommu.enabled', value: false }], LABEL).applied).toBe(true);
    keep();
    expect(editor.patch([{ op: 'remove', path: 'board.slots.A2' }], LABEL).applied).toBe(true);
    keep();
    expect(editor.setFile('boot.asm', 'cli\nhlt\n', LABEL).applied).toBe(true);
    keep();
    expect(editor.setFile('other.asm', 'nop\nnop', LABEL).applied).toBe(true);
    keep();
    expect(editor.renameFile('other.asm', 'renamed.asm', LABEL).applied).toBe(true);
    keep();
    editor.removeFile('renamed.asm', LABEL);
    keep();
    for (let i = states.length - 2; i >= 0; i--) {
      expect(editor.undo()).toBe(true);
      expect([editor.yaml, JSON.stringify(editor.files)]).toEqual(states[i]);
    }
    expect(editor.undo()).toBe(false);
    expect(editor.unsaved).toBe(false);
    for (let i = 1; i < states.length; i++) {
      expect(editor.redo()).toBe(true);
      expect([editor.yaml, JSON.stringify(editor.files)]).toEqual(states[i]);
    }
    expect(editor.redo()).toBe(false);
  });

  it('joins the keystrokes of one typing, and starts anew after seal', () => {
    const editor = new LabEditor(YAML, { 'a.asm': '' });
    for (const typed of ['n', 'no', 'nop']) editor.setFile('a.asm', typed, LABEL);
    editor.seal();
    editor.setFile('a.asm', 'nop ', LABEL);
    editor.undo();
    expect(editor.files['a.asm']).toBe('nop');
    editor.undo();
    expect(editor.files['a.asm']).toBe('');
  });

  it('refuses an edit that would leave no lab, and changes nothing', () => {
    const editor = new LabEditor(YAML, {});
    const outcome = editor.patch([{ op: 'set', path: 'board.assignment', value: 'magic' }], LABEL);
    expect(outcome).toMatchObject({ applied: false, problems: [{ code: 'lab-invalid-value' }] });
    expect(editor.yaml).toBe(YAML);
    expect(editor.undoLabel).toBeNull();
  });

  it('renaming a program follows it in the document', () => {
    const editor = new LabEditor(YAML, {});
    expect(editor.renameFile('boot.asm', 'start.asm', LABEL).applied).toBe(true);
    expect(editor.document!.machine!.program).toEqual({ file: 'start.asm' });
    expect(editor.document!.files).toEqual({ 'start.asm': 'hlt\n' });
    expect(editor.renameFile('start.asm', '../x', LABEL).applied).toBe(false);
  });

  it('random edits undo to where they began', () => {
    const paths = ['title', 'board.slots.A1.dimm', 'board.assignment', 'text', 'board.slots.A2.base'];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...paths), fc.oneof(fc.string(), fc.nat(), fc.constant(null))), { maxLength: 8 }),
        (edits) => {
          const editor = new LabEditor(YAML, {});
          let applied = 0;
          for (const [path, value] of edits) {
            const before = editor.yaml;
            if (editor.patch([{ op: 'set', path, value }], LABEL).applied && editor.yaml !== before) applied++;
          }
          for (let i = 0; i < applied; i++) expect(editor.undo()).toBe(true);
          expect(editor.yaml).toBe(YAML);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('migrate', () => {
  it('runs the steps to the present version and keeps the rest', () => {
    const steps: Migration[] = [
      { from: 'pagewalk.lab/0', to: 'pagewalk.lab/1', apply: (document) => document.set('title', document.get('name')) },
    ];
    const { source } = parseYaml('# old\nformat: pagewalk.lab/0\nname: N\n');
    expect(migrate(source!.document, 'pagewalk.lab/1', steps)).toEqual({ changed: true, problem: null });
    expect(source!.document.toString()).toBe('# old\nformat: pagewalk.lab/1\nname: N\ntitle: N\n');
    expect(migrate(parseYaml('format: pagewalk.lab/2').source!.document, 'pagewalk.lab/1', steps).problem!.remedy!.en).toContain('newer');
  });
});

describe('JSON Schema', () => {
  it('describes every key a lab may have', () => {
    const schema = JSON.parse(labJsonSchema()) as { properties: Record<string, unknown>; $defs: Record<string, unknown> };
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['format', 'board', 'vms', 'checks']));
    expect(schema.$defs).toHaveProperty('boardFile');
    expect(labJsonSchema()).toBe(labJsonSchema());
  });
});
