/** Whatever is handed to the command line gets a message with its place and a remedy, the right exit status, and never a stack trace. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base } from '@playwright/test';
import { pagewalk, type Outcome } from '../command-line';

const test = base.extend<{ folder: string }>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'pagewalk-bad-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

const BOARD = `board:
  processor: p6-virtualization
  slots:
    - { id: A1, base: 0x0, dimm: ddr3-256m }
`;
const lab = (program: string, extra = ''): string =>
  `format: pagewalk.lab/1\ntitle: bad\n${BOARD}machine: { program: ${program} }\n${extra}`;

async function run(folder: string, yaml: string, files: Record<string, string | Uint8Array> = {}, args: string[] = []): Promise<Outcome> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'x.lab.yaml'), yaml);
  return pagewalk(['run', join(folder, 'x.lab.yaml'), ...args]);
}

function expectMessage(outcome: Outcome, status: number, pattern: RegExp): void {
  const text = outcome.stdout + outcome.stderr;
  expect(text).toMatch(pattern);
  expect(text).not.toMatch(/\n\s+at .+:\d+:\d+/);
  expect(outcome.status).toBe(status);
}

test('a lab that is not YAML', async ({ folder }) =>
  expectMessage(await run(folder, 'board: [unclosed\n  x: {'), 2, /x\.lab\.yaml:\d+:\d+/));

test('an unknown key, with the nearest name', async ({ folder }) =>
  expectMessage(await run(folder, lab('a.asm', 'chekcs: []\n'), { 'a.asm': 'hlt\n' }), 2, /chekcs[\s\S]*checks/));

test('overlapping slots', async ({ folder }) => {
  const yaml = lab('a.asm').replace('dimm: ddr3-256m }\n', 'dimm: ddr3-256m }\n    - { id: A2, base: 0x800_0000, dimm: ddr3-256m }\n');
  const outcome = await pagewalk(['board', 'check', await written(folder, yaml, { 'a.asm': 'hlt\n' })]);
  expect(outcome.stdout + outcome.stderr).toMatch(/A1[\s\S]*A2|A2[\s\S]*A1/);
  expect(outcome.status).not.toBe(0);
});

async function written(folder: string, yaml: string, files: Record<string, string>): Promise<string> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const path = join(folder, 'x.lab.yaml');
  await writeFile(path, yaml);
  return path;
}

test('a missing program', async ({ folder }) => expectMessage(await run(folder, lab('gone.asm')), 2, /gone\.asm/));

test('a program of 100 MB', async ({ folder }) =>
  expectMessage(
    await run(folder, lab('{ file: big.bin, format: flat, load: 0x10_0000 }'), { 'big.bin': Buffer.alloc(100_000_000) }),
    2,
    /big\.bin/,
  ));

test('a wrong format version', async ({ folder }) =>
  expectMessage(await run(folder, lab('a.asm').replace('lab/1', 'lab/9'), { 'a.asm': 'hlt\n' }), 2, /pagewalk\.lab\/9/));

test('assembly with errors, each with its place', async ({ folder }) => {
  const outcome = await run(folder, lab('a.asm'), { 'a.asm': 'mov ax, 1\nmvo ax, 2\nadd ax, [nowhere]\n' });
  expectMessage(outcome, 2, /a\.asm:2:\d+/);
  expect(outcome.stdout + outcome.stderr).toMatch(/a\.asm:3:\d+/);
});

test('a guest that loops forever stops at the limit', async ({ folder }) =>
  expectMessage(
    await run(folder, lab('a.asm'), { 'a.asm': 'org 0x7C00\nl: jmp l\n' }, ['--max-instructions', '100000']),
    3,
    /a\.asm:2: warning: [\s\S]*--max-instructions/,
  ));

test('a guest that triple-faults', async ({ folder }) => {
  const source = 'org 0x7C00\ncli\nlidt [none]\nmov eax, cr0\nor al, 1\nmov cr0, eax\nint3\nnone: dw 0\ndd 0\n';
  expectMessage(await run(folder, lab('a.asm'), { 'a.asm': source }), 3, /a\.asm:7: error: Triple fault[\s\S]*IDT/);
});

test('a guest that jumps into the void', async ({ folder }) => {
  const source =
    'org 0x7C00\ncli\nlgdt [g]\nmov eax, cr0\nor al, 1\nmov cr0, eax\njmp 8:pm\nbits 32\npm: jmp 0xC0000000 - 0\ng: dw 23\ndd gdt\nalign 8\ngdt: dq 0, 0xCF9A000000FFFF, 0xCF92000000FFFF\n';
  const outcome = await run(folder, lab('a.asm'), { 'a.asm': source.replace('jmp 0xC0000000 - 0', 'mov eax, 0xC0000000\njmp eax') }, [
    '--max-instructions',
    '1000000',
  ]);
  expectMessage(outcome, 3, /Triple fault at 0xC000_0000[\s\S]*Nobody answers/);
});

test('no such lab, command, option or path to set', async ({ folder }) => {
  expectMessage(await pagewalk(['run', join(folder, 'gone.lab.yaml')]), 2, /gone\.lab\.yaml/);
  expectMessage(await pagewalk(['rnu']), 2, /run/);
  expectMessage(await pagewalk(['run', 'resources/labs/four-dimms.lab.yaml', '--jsno']), 2, /--json/);
  expectMessage(await pagewalk(['run', 'resources/labs/four-dimms.lab.yaml', '--set', 'board.slots.A9.dimm=null']), 2, /A1/);
});

test('the same in Chinese', async ({ folder }) => {
  expectMessage(await run(folder, lab('gone.asm'), {}, ['--lang', 'zh-CN']), 2, /[\u4e00-\u9fff]/);
  const outcome = await run(folder, 'board: [unclosed\n  x: {', {}, ['--lang', 'zh-CN']);
  expectMessage(outcome, 2, /这不是 YAML：[\u4e00-\u9fff]/);
  expect(outcome.stderr).not.toMatch(/Implicit|Flow/);
});
