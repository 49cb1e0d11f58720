/** The sample boards as the command line tells of them: in order, with a memory map that fits `board map`, and tables that dmidecode reads. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boardCheck, boardMap } from './board';
import { boardAddress, boardDmi, boardE820, boardLocate } from './board-memory';

const BOARDS = join(import.meta.dirname, '../../../resources/boards');
const FILES = readdirSync(BOARDS).filter((file) => file.endsWith('.board.yaml'));
/** Debian's, where it is installed */
const dmidecode = spawnSync('dmidecode', ['--version']).status === 0;

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pagewalk-samples-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

type Surroundings = Parameters<typeof boardCheck>[2];
async function said(command: (surroundings: Surroundings) => Promise<number>): Promise<{ out: string; status: number }> {
  let out = '';
  const status = await command({ cwd, out: (text: string) => void (out += text), err: () => undefined } as unknown as Surroundings);
  return { out, status };
}

interface Range {
  base: string;
  end: string;
}

describe.each(FILES)('%s', (name) => {
  const file = join(BOARDS, name);
  const good = name.startsWith('overlapping') ? 2 : 0;

  it('is in order, or says why not', async () => {
    expect((await said((to) => boardCheck(file, 'en', to))).status).toBe(good);
  });

  it('tells an operating system of the memory that answers alone, but for what a PC keeps below 1 MiB', async () => {
    const { entries } = JSON.parse((await said((to) => boardE820(file, true, 'en', to))).out) as { entries: (Range & { type: string })[] };
    const { ranges } = JSON.parse((await said((to) => boardMap(file, true, 'en', to))).out) as { ranges: (Range & { kind: string })[] };
    const kindAt = (address: number): string => ranges.find(({ base, end }) => Number(base) <= address && address < Number(end))!.kind;
    let last = 0;
    for (const { base, end, type } of entries) {
      const [from, to] = [Number(base), Number(end)];
      expect(from).toBeGreaterThanOrEqual(last);
      expect(to).toBeGreaterThan(from);
      if (type === 'usable') expect([kindAt(from), kindAt(to - 1)]).toEqual(['dram', 'dram']);
      last = to;
    }
    const bytes = (list: Range[]): number => list.reduce((sum, { base, end }) => sum + Number(end) - Number(base), 0);
    const kept = kindAt(0xf_0000) === 'dram' ? 0x6_0000 : 0;
    expect(bytes(entries.filter(({ type }) => type === 'usable'))).toBe(bytes(ranges.filter(({ kind }) => kind === 'dram')) - kept);
    expect(entries.some(({ base, type }) => base === '0xa0000' && type === 'reserved')).toBe(kept > 0);
  });

  it('leads from an address to a cell and back', async () => {
    const { ranges } = JSON.parse((await said((to) => boardMap(file, true, 'en', to))).out) as { ranges: (Range & { kind: string })[] };
    for (const { base, end, kind } of ranges) {
      if (kind !== 'dram' && kind !== 'conflict') continue;
      const address = `0x${(Number(end) - 1).toString(16)}`;
      const cell = JSON.parse((await said((to) => boardLocate(file, address, true, 'en', to))).out) as { alsoAnswer?: unknown[] };
      expect((await said((to) => boardAddress(file, JSON.stringify(cell), 'en', to))).out.trim()).toBe(address);
      expect(cell.alsoAnswer?.length ?? 0, base).toBe(kind === 'conflict' ? 1 : 0);
      for (const other of cell.alsoAnswer ?? [])
        expect((await said((to) => boardAddress(file, JSON.stringify(other), 'en', to))).out.trim()).toBe(address);
    }
  });

  it('is drawn as a map whose sizes can be read at a glance', async () => {
    const { out } = await said((to) => boardMap(file, false, 'en', to));
    for (const line of out.trimEnd().split('\n'))
      expect(line).toMatch(/^0x[0-9A-F_]+ – 0x[0-9A-F_]+ +[0-9]{1,4}(\.[0-9]{1,2})? [KMGT]iB  [A-Za-z]/);
  });

  it('has SMBIOS tables that are read without a complaint', async () => {
    expect((await said((to) => boardDmi(file, 'tables.bin', 'en', to))).status).toBe(good);
    const dump = await readFile(join(cwd, 'tables.bin'));
    const types: number[] = [];
    let at = 32;
    while (at < dump.length) {
      types.push(dump[at]!);
      at += dump[at + 1]!;
      // strings, each with its zero, and one more
      while (at < dump.length && (dump[at] !== 0 || dump[at + 1] !== 0)) at++;
      at += 2;
    }
    expect(at).toBe(dump.length);
    expect(types[0]).toBe(16);
    expect(types.at(-1)).toBe(127);
    if (!dmidecode) return;
    const { status, stdout, stderr } = spawnSync('dmidecode', ['--from-dump', join(cwd, 'tables.bin')], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(/out of spec|bad|broken|invalid|truncat|wrong|inconsistent/i);
    expect(stdout.match(/^Memory Device$/gm)).toHaveLength(types.filter((type) => type === 17).length);
  });
});
