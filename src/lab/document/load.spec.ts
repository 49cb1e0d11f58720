/** A lab file is untrusted: whatever it holds, loading answers with problems that say where, what and what to do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBoard, loadLab } from './load';
import { nearestNames } from './nearest';

const GOOD = `format: pagewalk.lab/1
title: { en: Two, zh-CN: 二 }
board:
  slots:
    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m }
    - { id: A2, base: 0x10000000, dimm: ddr3-256m }
  iommu: { present: true, enabled: true }
  devices: [{ id: dma0, kind: edu, at: "00:04.0" }]
vmm: { translation: ept }
vms:
  - { id: one, memory: 64 MiB, program: one.asm, passthrough: [dma0] }
  - id: two
    memory: 32 MiB
    program: { file: two.asm, defines: { V: { frameOf: one, gpa: 0x5000 } } }
checks:
  - unchanged: { range: { vm: one, from: 0x5000, bytes: 4096 } }
`;
const FILES = { 'one.asm': 'hlt', 'two.asm': 'hlt' };

const edit = (from: string | RegExp, to: string): string => {
  const text = GOOD.replace(from, to);
  expect(text).not.toBe(GOOD);
  return text;
};
const codes = (yaml: string, files: Record<string, string | Uint8Array> = FILES): string[] =>
  loadLab(yaml, files).problems.map(({ code }) => code);

describe('loadLab', () => {
  it('reads a good lab: addresses, sizes and short programs become numbers and records', () => {
    const { document, problems } = loadLab(GOOD, FILES);
    expect(problems).toEqual([]);
    expect(document!.board.slots[1]).toMatchObject({ id: 'A2', base: 0x1000_0000, dimm: 'ddr3-256m' });
    expect(document!.vms![0]).toMatchObject({ memory: 64 * 1024 * 1024, program: { file: 'one.asm' }, backing: 'eager' });
    expect(document!.vms![1]!.program).toMatchObject({ defines: { V: { frameOf: 'one', gpa: 0x5000 } } });
  });

  it.each([
    ['not YAML', '{ a: [', 'lab-not-yaml'],
    ['no map', '- 1\n- 2\n', 'lab-wrong-type'],
    ['two documents', `${GOOD}---\n${GOOD}`, 'lab-not-yaml'],
    ['nested too deeply by its indentation', Array.from({ length: 1_100 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), 'lab-not-yaml'],
    ['an alias of nothing', `${GOOD}x: *nothing\n`, 'lab-not-yaml'],
    ['empty', '', 'lab-wrong-type'],
    ['no format', 'title: x\n', 'lab-format-version'],
    ['newer format', edit('lab/1', 'lab/9'), 'lab-format-version'],
    ['a board alone', edit('pagewalk.lab/1', 'pagewalk.board/1'), 'lab-format-version'],
    ['another kind', edit('pagewalk.lab/1', 'something/1'), 'lab-format-version'],
    ['a duplicate key', GOOD + 'title: again\n', 'lab-duplicate-key'],
    ['an unknown key', edit('present: true', 'presnt: true'), 'lab-unknown-key'],
    ['a wrong type', edit('64 MiB', 'lots'), 'lab-invalid-value'],
    ['a text for a flag', edit('enabled: true', 'enabled: perhaps'), 'lab-wrong-type'],
    ['a missing key', edit('title: { en: Two, zh-CN: 二 }\n', ''), 'lab-missing-key'],
    ['an unknown check', edit('- unchanged:', '- unchangd:'), 'lab-unknown-key'],
    ['VMs on a processor without virtualization', edit('board:\n', 'board:\n  processor: p6\n'), 'lab-no-virtualization'],
    ['an unknown VM', edit('frameOf: one', 'frameOf: on'), 'lab-unknown-vm'],
    ['an address outside the VM', edit('gpa: 0x5000', 'gpa: 0x5000_0000'), 'lab-out-of-range'],
    ['an unknown device', edit('[dma0]', '[dma1]'), 'lab-unknown-device'],
    ['a missing program', edit('one.asm', 'oen.asm'), 'lab-missing-program'],
    ['a way out of the folder', edit('one.asm', '../../etc/passwd'), 'lab-invalid-value'],
    ['VMs without a VMM', edit('vmm: { translation: ept }\n', ''), 'lab-no-vmm'],
    ['a machine and VMs', GOOD + 'machine: { program: one.asm }\n', 'lab-machine-and-vms'],
    ['two VMs of one name', edit('id: two', 'id: one'), 'lab-duplicate-id'],
  ])('%s: one clear problem', (_name, yaml, code) => {
    const { problems } = loadLab(yaml, FILES);
    expect(problems.map((problem) => problem.code)).toContain(code);
    for (const problem of problems) {
      expect(problem.message.en.length).toBeGreaterThan(5);
      expect(problem.message['zh-CN'].length).toBeGreaterThan(3);
    }
  });

  it('says the line and column, the path by id, and the nearest name', () => {
    const [problem] = loadLab(edit('dimm: ddr3-256m }\n    - { id: A2', 'dim: ddr3-256m }\n    - { id: A2'), FILES).problems;
    expect(problem).toMatchObject({ code: 'lab-unknown-key', path: 'board.slots.A1.dim', line: 5, column: 36 });
    expect(problem!.remedy!.en).toContain('dimm');
    const [vm] = loadLab(edit('frameOf: one', 'frameOf: on'), FILES).problems;
    expect(vm).toMatchObject({ line: 14, path: 'vms.two.program.defines.V.frameOf' });
    expect(vm!.remedy!.en).toContain('one');
  });

  it('refuses a 100 MB program and a 6 MB lab without reading on', () => {
    expect(codes(GOOD, { ...FILES, 'one.asm': new Uint8Array(100e6) })).toContain('lab-file-too-large');
    expect(codes(GOOD + '#'.repeat(6e6))).toEqual(['lab-too-large']);
  });

  it('refuses alias bombs and deep nesting', () => {
    const bomb =
      'a: &a [x,x,x,x,x,x,x,x,x,x]\n' +
      ['b', 'c', 'd', 'e', 'f', 'g', 'h']
        .map(
          (name, i) =>
            `${name}: &${name} [${Array(7)
              .fill('*' + 'abcdefg'[i])
              .join(',')}]`,
        )
        .join('\n');
    expect(codes(bomb)).toEqual(['lab-too-many-aliases']);
    expect(codes(`format: pagewalk.lab/1\na: &x 1\nb: [${'*x,'.repeat(51)}]\n`)).toEqual(['lab-too-many-aliases']);
    expect(codes('['.repeat(100_000))).toEqual(['lab-not-yaml']);
    expect(codes('- '.repeat(20_000))).toEqual(['lab-not-yaml']);
    expect(codes('a:\n'.split('').join('') + Array.from({ length: 3000 }, (_, i) => ' '.repeat(i) + 'k:').join('\n'))).toEqual([
      'lab-not-yaml',
    ]);
  });

  it('does not fall for names that objects inherit', () => {
    expect(codes(GOOD + '__proto__: { polluted: true }\n')).toContain('lab-unknown-key');
    expect(codes(edit('one.asm', 'constructor'))).toContain('lab-missing-program');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('never throws on mutated text', () => {
    fc.assert(
      fc.property(fc.nat(GOOD.length - 1), fc.nat(12), fc.string({ maxLength: 12, unit: 'binary' }), (offset, cut, insert) => {
        const result = loadLab(GOOD.slice(0, offset) + insert + GOOD.slice(offset + cut), FILES);
        expect(result.document !== null || result.problems.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws on arbitrary data', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (json) => {
        expect(loadLab(json, {}).problems.length).toBeGreaterThan(0);
        expect(
          loadLab(`format: pagewalk.lab/1\ntitle: t\nboard: ${json}\nvms: ${json}\nchecks: ${json}\n`, {}).problems.length,
        ).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe('loadBoard', () => {
  it('reads a board alone and refuses a lab', () => {
    const { board, problems } = loadBoard('format: pagewalk.board/1\nboard: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }] }\n');
    expect(problems).toEqual([]);
    expect(board!.board.slots).toHaveLength(1);
    expect(loadBoard(GOOD).problems[0]!.code).toBe('lab-format-version');
  });
});

describe('nearestNames', () => {
  it('finds typing errors, swaps and prefixes; without any it shows what there is', () => {
    expect(nearestNames('iomu', ['dimm', 'iommu', 'slots'])[0]).toBe('iommu');
    expect(nearestNames('dmim', ['dimm', 'iommu'])[0]).toBe('dimm');
    expect(nearestNames('kernel', ['four-dimms', 'kernel-at-1mib'])).toEqual(['kernel-at-1mib']);
    expect(nearestNames('zzzzzz', ['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c']);
  });
});
