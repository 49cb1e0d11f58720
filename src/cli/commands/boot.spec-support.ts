/** `boot` in this process, in a folder of its own. Programs are assembled by our own assembler. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { assemble } from '../../assembler';
import { commandLine } from '../command-line';
import type { Surroundings } from '../streams';

/** where programs lie, and what `boot` writes */
export let folder: string;

/** To be called by each file of specs: modules are shared by those that run in one worker, hooks are not. */
export function inOwnFolder(): void {
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'pagewalk-boot-'))));
  afterAll(() => rmSync(folder, { recursive: true }));
}

type Told = { status: number; out: string; err: string };
export const boot = (...argv: string[]): Promise<Told> => bootWith({}, ...argv);

export async function bootWith(more: Pick<Surroundings, 'input' | 'interrupts'>, ...argv: string[]): Promise<Told> {
  let [out, err] = ['', ''];
  const textOf = (written: string | Uint8Array): string =>
    typeof written === 'string' ? written : Buffer.from(written).toString('latin1');
  const status = await commandLine(['boot', ...argv], {
    out: (written) => void (out += textOf(written)),
    err: (written) => void (err += textOf(written)),
    cwd: folder,
    resources: resolve(import.meta.dirname, '../../../resources'),
    env: { LANG: 'C' },
    ...more,
  });
  return { status, out, err };
}

interface Report {
  instructions: number;
  mips: number;
  stop: string;
  post: number[];
  serial: string;
  debug: string;
  exitStatus: number;
  registers: Record<string, string>;
  hashes: Record<string, string>;
}
export const json = (out: string): Report => JSON.parse(out) as Report;

/** Assembles a program into a file of the folder, whose name is given back. */
export function program(name: string, source: string): string {
  const { bytes, diagnostics } = assemble({ 'a.asm': source }, 'a.asm');
  expect(diagnostics).toEqual([]);
  writeFileSync(join(folder, name), bytes);
  return name;
}

/** A multiboot kernel that counts to 1000 in memory; what follows it goes on from there. */
export const COUNT = `bits 32
org 0x100000
align 4
dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), 0x100000, 0x100000, 0, 0, start
start:
mov ecx, 1000
again: inc dword [0x200000]
loop again
`;
