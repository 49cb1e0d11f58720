/**
 * A ROM that tests the processor (tester.asm), of 64 and 128 KiB, through `boot` in every tier: the bytes that it reports on port
 * 0x190 are those of QEMU, which runs it as its BIOS; they are kept here, and compared with QEMU again where that is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble } from '../../../assembler';
import { commandLine } from '../../../cli/command-line';

/** Part, four bytes of results, part …; FF at the end. */
const REPORT = '017b8466ae023df2ccc7037d70aee7047286c68c050c84261106e1ff3f0207bd0508ea08f1cd193e0900fa06370a8cbae7a0ff';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pagewalk-tester-'));
  const made = assemble({ 'tester.asm': readFileSync(join(import.meta.dirname, 'tester.asm'), 'utf8') }, 'tester.asm');
  if (!made.ok) throw new Error(made.diagnostics.map(({ line, message }) => `${line}: ${message.en}`).join('\n'));
  expect(made.bytes.length).toBe(0x1_0000);
  writeFileSync(join(folder, '64.rom'), made.bytes);
  writeFileSync(join(folder, '128.rom'), Buffer.concat([Buffer.alloc(0x1_0000, 0x90), made.bytes]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

describe.each(['interpreter', 'threaded', 'compiled'])('%s', (engine) => {
  it.each(['64', '128'])('the %s KiB ROM comes to its end', async (kib) => {
    let out = '';
    const argv = ['boot', '--rom', `${kib}.rom`, '--post-port', '0x190', '--cpu', '386', '--engine', engine, '--json'];
    const status = await commandLine(argv, {
      out: (text) => void (out += text),
      err: (text) => void (out += text),
      cwd: folder,
      resources: resolve(import.meta.dirname, '../../../../resources'),
      env: { LANG: 'C' },
    });
    const { stop, post } = JSON.parse(out) as { stop: string; post: number[] };
    expect([status, stop, Buffer.from(post).toString('hex')]).toEqual([0, 'halted', REPORT]);
  });
});

describe.skipIf(spawnSync('qemu-system-i386', ['--version']).error !== undefined)('QEMU', () => {
  it.each(['64', '128'])('reports the same with the %s KiB ROM as its BIOS', async (kib) => {
    const output = join(folder, `${kib}.out`);
    writeFileSync(output, '');
    const child = spawn('qemu-system-i386', [
      '-M', 'pc', '-cpu', '486', '-m', '16', '-bios', join(folder, `${kib}.rom`), '-nodefaults', '-display', 'none', '-vga', 'none',
      '-chardev', `file,id=o,path=${output},append=on`, '-device', 'isa-debugcon,iobase=0x190,chardev=o',
    ], { stdio: 'ignore' }); // prettier-ignore
    // it halts for good when it is done
    for (let looks = 0; looks < 600 && statSync(output).size < REPORT.length / 2; looks++)
      await new Promise((done) => setTimeout(done, 100));
    child.kill('SIGKILL');
    expect(readFileSync(output).toString('hex')).toBe(REPORT);
  });
});
