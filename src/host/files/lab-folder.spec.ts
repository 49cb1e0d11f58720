import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { labName, programFiles, readLab, readProgramFiles, writeLab } from './lab-folder';
import { attempt } from './shell-error';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'pagewalk-spec-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const lab = (files: string): string => `format: pagewalk.lab/1\nvms:\n  - { id: a, program: { file: ${files} } }\n`;

describe('a lab on disk', () => {
  it('names the files of every program and leaves inline ones out', () => {
    const yaml =
      'machine: { program: boot.asm }\nvms:\n  - { program: { files: [a.asm, b.bin] } }\n  - { program: c.asm }\nfiles: { c.asm: "hlt" }\n';
    expect(programFiles(yaml)).toEqual(['boot.asm', 'a.asm', 'b.bin']);
  });

  it('names nothing when the text is no YAML, and does not expand alias bombs', () => {
    expect(programFiles('a: [unclosed')).toEqual([]);
    const bomb =
      'a: &a [x,x,x]\n' +
      Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`},*${i === 0 ? 'a' : `b${i - 1}`}]`).join('\n');
    expect(programFiles(bomb)).toEqual([]);
  });

  it('reads programs and what they include, text as text and binaries as bytes', async () => {
    await mkdir(join(folder, 'inc'));
    await writeFile(join(folder, 'x.asm'), '%include "inc/macros.inc"\nincbin "data.bin"\n');
    await writeFile(join(folder, 'inc/macros.inc'), '%include "more.inc"\n');
    await writeFile(join(folder, 'inc/more.inc'), 'hlt\n');
    await writeFile(join(folder, 'data.bin'), Uint8Array.of(0, 255));
    await writeFile(join(folder, 'unrelated.asm'), 'nop\n');
    const files = await readProgramFiles(folder, lab('x.asm'));
    expect(Object.keys(files).sort()).toEqual(['data.bin', 'inc/macros.inc', 'inc/more.inc', 'x.asm']);
    expect(files['data.bin']).toEqual(Uint8Array.of(0, 255));
  });

  it('leaves a missing program to the validator', async () => {
    expect(await readProgramFiles(folder, lab('gone.asm'))).toEqual({});
  });

  it('refuses names and links that lead out of the folder', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'pagewalk-outside-'));
    await writeFile(join(outside, 'secret.asm'), 'hlt');
    await symlink(join(outside, 'secret.asm'), join(folder, 'link.asm'));
    for (const name of ['link.asm', '../secret.asm', '/etc/hostname']) {
      const result = await attempt('lab', () => readProgramFiles(folder, lab(name)));
      expect(result, name).toMatchObject({ ok: false, error: { code: 'outside-lab' } });
    }
    await rm(outside, { recursive: true });
  });

  it('refuses a program of 100 MB with its name', async () => {
    await writeFile(join(folder, 'big.bin'), Buffer.alloc(100_000_000));
    const result = await attempt('lab', () => readProgramFiles(folder, lab('big.bin')));
    expect(result).toMatchObject({ ok: false, error: { code: 'too-large' } });
    expect(!result.ok && result.error.message.en).toContain('big.bin');
  });

  it('reads a program of 40 MiB, and no lab of more than 80 MiB together', async () => {
    for (const name of ['a.bin', 'b.bin', 'c.bin']) await writeFile(join(folder, name), Buffer.alloc(40 * 1024 ** 2));
    expect((await readProgramFiles(folder, lab('a.bin')))['a.bin']).toHaveLength(40 * 1024 ** 2);
    const all = await attempt('lab', () => readProgramFiles(folder, 'machine: { program: { files: [a.bin, b.bin, c.bin] } }'));
    expect(all).toMatchObject({ ok: false, error: { code: 'too-large' } });
  });

  it('drops a byte order mark, and refuses a text that saving would damage', async () => {
    await writeFile(join(folder, 'bom.asm'), '\ufeffhlt\n');
    expect(await readProgramFiles(folder, lab('bom.asm'))).toEqual({ 'bom.asm': 'hlt\n' });
    await writeFile(join(folder, 'gbk.asm'), Uint8Array.of(0x3b, 0xc4, 0xe3, 0xba, 0xc3, 0x0a));
    expect(await attempt('lab', () => readProgramFiles(folder, lab('gbk.asm')))).toMatchObject({ ok: false, error: { code: 'not-text' } });
  });

  it('says what is wrong with a lab that is not there, and with a folder', async () => {
    expect(await attempt('x', () => readLab(join(folder, 'x.lab.yaml'), false))).toMatchObject({ ok: false, error: { code: 'not-found' } });
    expect(await attempt('x', () => readLab(folder, false))).toMatchObject({ ok: false, error: { code: 'not-a-lab' } });
  });

  it('saves and opens again what it saved, and leaves no temporary file', async () => {
    const path = join(folder, 'mine.lab.yaml');
    const files = { 'sub/a.asm': 'hlt\n' };
    await writeLab(path, lab('sub/a.asm'), files);
    expect(await readLab(path, false)).toEqual({ path, name: 'mine', yaml: lab('sub/a.asm'), files, shipped: false });
    expect((await readdir(folder)).sort()).toEqual(['mine.lab.yaml', 'sub']);
  });

  it('keeps the old file when the new one cannot be written', async () => {
    const path = join(folder, 'mine.lab.yaml');
    await writeFile(path, 'old');
    // a folder in the program's place makes the save fail before the lab itself is touched
    await mkdir(join(folder, 'a.asm'));
    await expect(writeLab(path, 'new', { 'a.asm': 'hlt' })).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('old');
  });

  it('takes the name from the file', () => {
    expect(labName('/x/four-dimms.lab.yaml')).toBe('four-dimms');
    expect(labName('/x/plain.yml')).toBe('plain');
  });
});
