/** The command line in this process: what it prints, in both languages, and every exit status of the contract. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, languageOf } from './command-line';
import { cellWidth, columns } from './columns';
import { exitStatus } from './commands/run';

const RESOURCES = resolve(import.meta.dirname, '../../resources');
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'pagewalk-cli-'))));
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  status: number;
  out: string;
  err: string;
}

async function pagewalk(...argv: string[]): Promise<Result> {
  let [out, err] = ['', ''];
  const status = await commandLine(argv, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    cwd: folder,
    resources: RESOURCES,
    env: { LANG: 'C' },
  });
  expect(out + err).not.toMatch(/\n\s+at .+:\d+:\d+|undefined|\[object/);
  return { status, out, err };
}

const lab = (program: string, rest = ''): string =>
  `format: pagewalk.lab/1\ntitle: t\nboard: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }\nmachine: { program: ${program} }\n${rest}`;

function write(name: string, yaml: string, files: Record<string, string> = {}): string {
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  writeFileSync(join(folder, `${name}.lab.yaml`), yaml);
  return name;
}

const HALT = "org 0x7C00\nmov al, 'H'\nout 0xE9, al\nmov [0x5000], al\nhlt\n";
const LOOP = 'org 0x7C00\nl: jmp l\n';

describe('run', () => {
  it('passes: 0, with the output and every check', async () => {
    write('good', lab('a.asm', 'checks: [{ serial: { equals: H } }, { stop: halted }]\n'), { 'a.asm': HALT });
    const { status, out, err } = await pagewalk('run', 'good');
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('halted');
    expect(out.slice(out.indexOf('halted')).match(/✓/g)).toHaveLength(2);
    expect(out).toContain('boot');
  });

  it('ends with a report when it is interrupted', async () => {
    write('forever', lab('f.asm'), { 'f.asm': LOOP });
    const stop = new AbortController();
    stop.abort();
    let out = '';
    const surroundings = { cwd: folder, resources: RESOURCES, env: { LANG: 'C' }, err: () => {}, interrupts: () => stop.signal };
    const status = await commandLine(['run', 'forever', '--json', '--max-instructions', '200000000'], {
      ...surroundings,
      out: (text) => void (out += text),
    });
    expect(JSON.parse(out)).toMatchObject({ stop: 'paused', instructions: 50_000_000 });
    expect(status).toBe(130);
  });

  it('prints the JSON of the contract, the same each time', async () => {
    write('json', lab('a.asm', 'checks: [{ stop: halted }]\n'), { 'a.asm': HALT });
    const { status, out } = await pagewalk('run', 'json', '--json');
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(status).toBe(0);
    expect(report).toMatchObject({
      schema: 'pagewalk.run/1',
      lab: 'json',
      instructions: 4,
      ticks: 4,
      stop: 'halted',
      vms: [],
      faults: [],
      serial: 'H',
    });
    expect(report['checks']).toEqual([{ name: 'stop halted', passed: true, detail: expect.any(String) as string }]);
    expect(report['stateHash']).toMatch(/^[0-9a-f]{64}$/);
    expect((await pagewalk('run', 'json', '--json')).out).toBe(out);
  });

  it('fails a check: 1', async () => {
    write('wrong', lab('a.asm', 'checks: [{ serial: { equals: X } }]\n'), { 'a.asm': HALT });
    const { status, out } = await pagewalk('run', 'wrong');
    expect(status).toBe(1);
    expect(out).toContain('✗');
  });

  it('stops at the limit: 3, unless the lab expects that', async () => {
    write('loop', lab('l.asm'), { 'l.asm': LOOP });
    const limited = await pagewalk('run', 'loop', '--max-instructions', '12_345', '--json');
    expect(limited.status).toBe(3);
    expect(JSON.parse(limited.out)).toMatchObject({ stop: 'limit', instructions: 12345 });
    write('expected', lab('l.asm', 'limits: { instructions: 1000 }\nexpect: { stop: limit }\n'));
    expect((await pagewalk('run', 'expected')).status).toBe(0);
  });

  it('triple-faults: 3, with the place', async () => {
    const source = 'org 0x7C00\ncli\nlidt [none]\nmov eax, cr0\nor al, 1\nmov cr0, eax\nint3\nnone: dw 0\ndd 0\n';
    write('triple', lab('t.asm'), { 't.asm': source });
    const { status, out } = await pagewalk('run', 'triple');
    expect(status).toBe(3);
    expect(out).toMatch(/t\.asm:\d+: error: Triple fault at 0x0000_7C0E/);
  });

  it('is refused by the firmware: 3, naming what is needed and what there is, and no check is made', async () => {
    write('refused', lab('{ file: a.asm, load: 0x4000_0000, mode: protected }', 'checks: [{ serial: { equals: H } }]\n'), {
      'a.asm': HALT,
    });
    const { status, out, err } = await pagewalk('run', 'refused');
    expect(status).toBe(3);
    expect(err).toMatch(/0x4000_0000[\s\S]*0x0000_0000/);
    expect(out.slice(out.indexOf('boot refused'))).not.toContain('✗');
  });

  it.each([
    ['a mistake in the assembly', lab('bad.asm'), /bad\.asm:1:1: error: .*mvo/],
    ['a missing program', lab('gone.asm'), /gone\.asm/],
    ['an unknown key', lab('a.asm', 'chekcs: []\n'), /:5:1: error: .*chekcs.*\n.*checks/],
    ['no YAML', 'board: [\n  x: {', /:\d+:\d+: error/],
    ['another version', lab('a.asm').replace('lab/1', 'lab/9'), /lab\/9/],
    ['overlapping slots', lab('a.asm').replace('] }', ', { id: A2, base: 0x800_0000, dimm: ddr3-256m }] }'), /A1.*A2|A2.*A1/],
  ])('%s: 2, with place and remedy', async (_name, yaml, pattern) => {
    write('bad', yaml, { 'bad.asm': 'mvo ax, 1\n', 'a.asm': HALT });
    const { status, err, out } = await pagewalk('run', 'bad');
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(pattern);
  });

  it('sets values by path, and names what is near when there is no such path', async () => {
    write('settable', lab('a.asm'), { 'a.asm': HALT });
    expect((await pagewalk('run', 'settable', '--set', 'limits.instructions=2')).status).toBe(3);
    const unknown = await pagewalk('run', 'settable', '--set', 'board.slots.A7.dimm=null');
    expect([unknown.status, unknown.err]).toEqual([2, expect.stringContaining('A1') as string]);
  });
});

describe('exit status', () => {
  const status = (over: Partial<Parameters<typeof exitStatus>[1]>, expected?: string): number =>
    exitStatus(
      { checks: [], ...(expected ? { expect: { stop: expected } } : {}) },
      { stop: 'halted', crashed: false, checks: [], ...over },
    );
  it('a failed check comes before an unexpected stop, a crash is never good unless expected', () => {
    expect(status({})).toBe(0);
    expect(status({ stop: 'exit-port' })).toBe(0);
    expect(status({ crashed: true })).toBe(3);
    expect(status({ stop: 'limit', checks: [{ passed: false }] })).toBe(1);
    expect(status({ stop: 'limit', checks: [{ passed: true }] })).toBe(3);
    expect(status({ stop: 'triple-fault', crashed: true }, 'triple-fault')).toBe(0);
    expect(status({}, 'limit')).toBe(3);
  });
});

describe('walk', () => {
  it('goes from logical to the cell, in text and in JSON', async () => {
    write('walked', lab('a.asm'), { 'a.asm': HALT });
    const { status, out } = await pagewalk(
      'walk',
      'walked',
      '--space',
      'logical',
      '--address',
      'DS:0x5000',
      '--access',
      'write',
      '--size',
      '1',
    );
    expect(status).toBe(0);
    for (const word of ['segmentation', 'paging', 'chipset', 'memory controller', 'slot A1', 'rank 0', 'bank', 'row', 'column', 'value 48'])
      expect(out).toContain(word);
    const json = JSON.parse((await pagewalk('walk', 'walked', '--space', 'host', '--address', '0x5000', '--json')).out) as {
      schema: string;
      end: object;
      steps: object[];
    };
    expect(json.schema).toBe('pagewalk.walk/1');
    expect(json.end).toMatchObject({ kind: 'dram', hostAddress: '0x5000', value: '48000000' });
    expect(json.steps[0]).toMatchObject({ room: 'chipset', from: { space: 'host', address: '0x5000' } });
  });

  it('stops where it is asked to', async () => {
    write('walked', lab('a.asm'), { 'a.asm': HALT });
    const value = async (at: string): Promise<string> =>
      (
        JSON.parse((await pagewalk('walk', 'walked', '--space', 'host', '--address', '0x5000', '--at', at, '--json')).out) as {
          end: { value: string };
        }
      ).end.value;
    expect([await value('2'), await value('3')]).toEqual(['00000000', '48000000']);
  });

  it('shows nobody, and refuses what is no address', async () => {
    write('walked', lab('a.asm'), { 'a.asm': HALT });
    expect((await pagewalk('walk', 'walked', '--space', 'host', '--address', '0x4000_0000')).out).toContain('nobody');
    for (const argv of [
      ['--space', 'linear', '--address', 'xyz'],
      ['--space', 'host', '--address', 'DS:1'],
      ['--space', 'linear', '--address', '5', '--size', '3'],
      ['--space', 'sideways', '--address', '5'],
      ['--space', 'guest', '--address', '5', '--vm', 'x'],
      ['--space', 'iova', '--address', '5'],
    ]) {
      const { status, err } = await pagewalk('walk', 'walked', ...argv);
      expect([status, err.length > 20]).toEqual([2, true]);
    }
  });
});

describe('asm', () => {
  it('writes bytes and listing', async () => {
    writeFileSync(join(folder, 'p.asm'), '%include "p.inc"\norg 0x7C00\nmov ax, VALUE\n');
    writeFileSync(join(folder, 'p.inc'), '%define VALUE 0x1234\n');
    const { status, out } = await pagewalk('asm', 'p.asm', '-o', 'p.bin', '-l', 'p.lst');
    expect([status, out]).toEqual([0, 'p.bin: 3 bytes from 0x7c00\n']);
    expect([...readFileSync(join(folder, 'p.bin'))]).toEqual([0xb8, 0x34, 0x12]);
    expect(readFileSync(join(folder, 'p.lst'), 'utf8')).toContain('B83412');
  });

  it('reports mistakes and writes nothing', async () => {
    writeFileSync(join(folder, 'q.asm'), 'mov ax\n');
    const { status, err } = await pagewalk('asm', 'q.asm');
    expect(status).toBe(2);
    expect(err).toMatch(/^q\.asm:1:\d+: error/);
    expect(existsSync(join(folder, 'q.bin'))).toBe(false);
    expect((await pagewalk('asm', 'none.asm')).status).toBe(2);
  });
});

describe('board', () => {
  const board = (slots: string): string => {
    writeFileSync(join(folder, 'b.yaml'), `format: pagewalk.board/1\nboard: { slots: [${slots}] }\n`);
    return 'b.yaml';
  };
  it('checks and maps a board, or the board of a lab', async () => {
    const file = board('{ id: A1, base: 0, dimm: ddr3-256m }');
    expect((await pagewalk('board', 'check', file)).status).toBe(0);
    const { out, status } = await pagewalk('board', 'map', file, '--json');
    expect(status).toBe(0);
    const { ranges } = JSON.parse(out) as { ranges: { base: string; end: string; kind: string; slot: string | null }[] };
    expect(ranges[0]).toMatchObject({ base: '0x0', end: '0x10000000', kind: 'dram', slot: 'A1' });
    expect(ranges.at(-1)).toMatchObject({ end: '0x1000000000', kind: 'hole', slot: null });
    write('inlab', lab('missing.asm'));
    expect((await pagewalk('board', 'map', 'inlab.lab.yaml')).out).toContain('A1');
  });

  it('finds the cell of an address and the address of a cell, on every board that is shipped', async () => {
    for (const name of ['8086-one-mib', '386-four-simms', 'four-dimms', 'dual-channel-desktop', 'server-64-gib', 'server-56-gib']) {
      const file = join(RESOURCES, 'boards', `${name}.board.yaml`);
      expect(await pagewalk('board', 'check', file)).toMatchObject({ status: 0, err: '' });
      for (const address of ['0x0', '0x4_1234', '0xfffff']) {
        const { out, status } = await pagewalk('board', 'locate', file, address, '--json');
        expect(status).toBe(0);
        const plain = `0x${Number(address.replace('_', '')).toString(16)}\n`;
        expect((await pagewalk('board', 'address', file, out)).out).toBe(plain);
      }
    }
    const desktop = join(RESOURCES, 'boards', 'dual-channel-desktop.board.yaml');
    expect(JSON.parse((await pagewalk('board', 'locate', desktop, '0x40', '--json')).out)).toEqual({
      channel: 1,
      slot: 'B1',
      rank: 0,
      bankGroup: 0,
      bank: 0,
      row: 0,
      column: 0,
      byte: 0,
    });
    expect((await pagewalk('board', 'locate', desktop, '0x40')).out).toContain('slot B1');
    const { ranges } = JSON.parse((await pagewalk('board', 'map', desktop, '--json')).out) as { ranges: { base: string; slot: string }[] };
    expect(ranges.map(({ base, slot }) => [base, slot])).toContainEqual(['0x140000000', 'A2+B2']);
  });

  it('refuses addresses and cells that are none: 2', async () => {
    const file = join(RESOURCES, 'boards', 'four-dimms.board.yaml');
    for (const [command, argument, words] of [
      ['locate', '0x4000_0000', /nobody answers/],
      ['locate', '0x10_0000_0000', /address lines/],
      ['locate', 'low', /no address/],
      ['address', '{', /JSON/],
      ['address', '{"row":1}', /slot/],
      ['address', '{"slot":"Z9"}', /Z9/],
      ['address', '{"slot":"A1","row":4096}', /row 4096/],
      ['address', '{"slot":"A1","channel":3}', /channel/],
      ['address', '{"slot":"A1","row":-1}', /row/],
    ] as const) {
      const { status, err } = await pagewalk('board', command, file, argument);
      expect(status).toBe(2);
      expect(err).toMatch(words);
    }
    const overlapping = join(RESOURCES, 'boards', 'overlapping-windows.board.yaml');
    const both = await pagewalk('board', 'locate', overlapping, '0x0800_0000', '--json');
    expect(JSON.parse(both.out)).toMatchObject({ slot: 'A1', alsoAnswer: [{ slot: 'B1', row: 0 }] });
    expect((await pagewalk('board', 'check', overlapping)).status).toBe(2);
  });

  it('prints what firmware tells an operating system, and writes the SMBIOS tables', async () => {
    const desktop = join(RESOURCES, 'boards', 'dual-channel-desktop.board.yaml');
    const { entries } = JSON.parse((await pagewalk('board', 'e820', desktop, '--json')).out) as {
      entries: { base: string; end: string; type: string }[];
    };
    expect(entries.slice(0, 3)).toEqual([
      { base: '0x0', end: '0xa0000', type: 'usable' },
      { base: '0xa0000', end: '0x100000', type: 'reserved' },
      { base: '0x100000', end: '0xc0000000', type: 'usable' },
    ]);
    expect(entries.at(-1)).toEqual({ base: '0x100000000', end: '0x240000000', type: 'usable' });
    expect((await pagewalk('board', 'e820', desktop)).out).toContain('usable');
    expect((await pagewalk('board', 'dmi', desktop, '-o', 'tables.bin')).status).toBe(0);
    const dump = readFileSync(join(folder, 'tables.bin'));
    expect(dump.toString('latin1', 0, 5)).toBe('_SM3_');
    expect(dump.subarray(0, 24).reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
    expect(dump.readUInt32LE(12)).toBe(dump.length - 32);
  });

  it('says what is wrong, with line and remedy: 2', async () => {
    const { status, err } = await pagewalk(
      'board',
      'check',
      board('{ id: A1, base: 0, dimm: ddr3-256m }, { id: A2, base: 0, dimm: ddr3-256m }'),
    );
    expect(status).toBe(2);
    expect(err).toMatch(/^b\.yaml:2:\d+: error: .*A2/m);
    expect((await pagewalk('board', 'check', 'nothing.yaml')).status).toBe(2);
  });
});

describe('usage', () => {
  it.each([
    [['rnu'], /run/],
    [['run', 'x', '--jsno'], /--json/],
    [['run'], /LAB/],
    [['walk', 'x', '--address', '1'], /--space/],
    [['run', 'x', '--max-instructions', 'many'], /many/],
    [['run', 'x', '--set'], /--set/],
    [['run', 'x', 'y'], /many/],
    [['run', 'four-dimm'], /four-dimms/],
    [['board', 'chekc', 'x'], /check/],
    [[], /Usage/],
  ])('%j: 2, and what to write', async (argv, pattern) => {
    const { status, err, out } = await pagewalk(...argv);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(pattern);
  });

  it('speaks Chinese when asked or when the surroundings do', async () => {
    expect((await pagewalk('run', 'four-dimm', '--lang', 'zh-CN')).err).toMatch(/没有实验/);
    expect((await pagewalk('run', '--help', '--lang=zh-CN')).out).toContain('用法');
    expect((await pagewalk('run', '--help')).status).toBe(0);
    expect([
      languageOf([], { LANG: 'zh_CN.UTF-8' }),
      languageOf([], { LANG: 'en_US' }),
      languageOf(['--lang', 'en'], { LANG: 'zh_CN' }),
    ]).toEqual(['zh-CN', 'en', 'en']);
  });
});

describe('columns', () => {
  it('aligns wide characters', () => {
    expect(cellWidth('内存 A')).toBe(6);
    expect(
      columns([
        ['内存', 'x'],
        ['abc', 'y'],
      ]),
    ).toBe('内存  x\nabc   y\n');
  });
});
