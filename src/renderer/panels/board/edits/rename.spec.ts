import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../../lab/document/editor';
import { removeParts, renamePart, renameProblem } from './index';

const YAML = `format: pagewalk.lab/1
title: Names
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
  memory: { timing: true }
  canvas:
    places: { slot:A1: [ 500, 40 ], device:dma0: [ 40, 700 ], controller:mc0: [ 200, 10 ] }
    groups:
      - { id: g1, name: Attackers, parts: [ device:dma0, bridge:sw1, slot:A1 ] }
vmm: { translation: ept }
vms:
  - id: one
    memory: 4 MiB
    passthrough: [ dma1, dma0 ]
    program: { file: a.asm, defines: { BAR: { barOf: dma0 }, SIZE: 4096 } }
checks:
  - located: { address: 0x1000, slot: A1 } # in the first slot
  - dram: { count: accesses, slot: A1, min: 0 }
  - stop: halted
`;
const open = (): LabEditor => new LabEditor(YAML, { 'a.asm': 'hlt\n' });

describe('renaming a part', () => {
  it.each([
    ['slot:A1', 'Left', /\bA1\b/],
    ['device:dma0', 'attacker', /\bdma0\b/],
    ['bridge:sw1', 'fabric', /\bsw1\b/],
    ['bridge:rp1', 'link-1', /\brp1\b/],
    ['controller:mc0', 'north', /\bmc0\b/],
  ])('%s becomes %s wherever it is named, and nothing else changes; one undo brings it back', (node, name, old) => {
    const editor = open();
    const { patches, label, look } = renamePart(editor.document!, node, name);
    expect(editor.patch(patches, label)).toEqual({ applied: true });
    expect(look).toBe(`${node.split(':')[0]}:${name}`);
    expect(editor.yaml).not.toMatch(old);
    const plain = (yaml: string): string => yaml.replaceAll(/[\s[\]{}]|- /g, '');
    expect(plain(editor.yaml)).toBe(plain(YAML.replaceAll(new RegExp(old, 'g'), name)));
    expect(editor.runnable).toBe(true);
    expect(editor.undo()).toBe(true);
    expect(editor.yaml).toBe(YAML);
    expect(editor.undo()).toBe(false);
  });

  it('refuses names that are ill-formed, taken or the board’s own, and says the rule', () => {
    const lab = open().document!;
    const why = (name: string) => renameProblem(lab, 'slot:A1', name)?.en ?? null;
    for (const name of ['', '1A', 'a b', 'x'.repeat(33), 'ä', 'a.b']) expect(why(name)).toMatch(/A name is a letter/);
    for (const name of ['A2', 'mc0', 'sw1', 'dma1']) expect(why(name)).toMatch(new RegExp(`Another part is called ${name}`));
    for (const name of ['iommu', 'processor', 'com1', 'controller']) expect(why(name)).toMatch(/Every board has/);
    for (const name of ['A1', 'x'.repeat(32), 'Left_2-b']) expect(why(name)).toBeNull();
  });

  it('a slot that leaves takes every check that names it along', () => {
    const editor = open();
    const { patches, label } = removeParts(editor.document!, ['slot:A1']);
    editor.patch(patches, label);
    expect(editor.document!.checks).toEqual([{ stop: 'halted' }]);
    expect(editor.runnable).toBe(true);
  });
});
