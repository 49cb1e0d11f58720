/** Board files from strangers: each is answered with an error that says where and what to do, and none takes the process along. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boardCheck, boardMap } from './board';
import { boardAddress, boardDmi, boardE820, boardLocate } from './board-memory';
import { Failure, formatProblems } from '../failure';
import { EXIT } from '../streams';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pagewalk-board-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const list = (count: number, item: (index: number) => string): string => Array.from({ length: count }, (_, index) => item(index)).join('');
const A1 = '{ id: A1, base: 0, dimm: ddr3-256m }';
const FILES: readonly [name: string, board: string, complaint: RegExp][] = [
  ['too many slots', `  slots: [${list(10_001, (i) => `{id: S${i}},`)}]\n`, /slots/],
  ['negative sizes', '  slots: [{ id: A1, base: -1, dimm: ddr3-256m, window: -5 }]\n', /expected an address/],
  ['bases of 2^70', '  slots: [{ id: A1, base: 1180591620717411303424, dimm: ddr3-256m }]\n', /expected an address/],
  [
    'cyclic wiring',
    `  slots: [${A1}]\n  bridges:\n${list(200, (i) => `    - { id: b${i}, kind: pci-bridge, parent: b${(i + 1) % 200} }\n`)}`,
    /circle/,
  ],
  ['a switch in itself', `  slots: [${A1}]\n  bridges: [{ id: s, kind: switch, parent: s.0 }]\n`, /circle/],
  ['many devices', `  slots: [${A1}]\n  devices:\n${list(1_001, (i) => `    - { id: d${i}, kind: edu }\n`)}`, /devices/],
  ['deep nesting', `  slots: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`, /nested/],
  ['a bomb of aliases', `  x0: &x0 [1,1,1,1,1,1,1,1,1]\n${list(8, (i) => `  x${i + 1}: &x${i + 1} [*x${i},*x${i},*x${i},*x${i},*x${i}]\n`)}`, /aliases/],
  ['keys of every object', `  __proto__: { slots: [] }\n  slots: [${A1}]\n`, /__proto__/],
  ['names of every object', '  processor: constructor\n  slots: [{ id: A1, base: 0, dimm: toString }]\n  devices: [{ id: a, kind: valueOf }]\n', /constructor/],
  ['a slot wired twice', `  slots: [${A1}]\n  controllers: [{ id: m, channels: [[A1], [A1, A1, A1]] }]\n`, /wired twice/],
  ['two thousand slots at one place', `  slots: [${list(2_048, (i) => `{id: S${i}, base: 0, dimm: ddr3-256m},`)}]\n`, /S0 and S1 both answer/],
  ['a name of a megabyte', `  slots: [{ id: ${'A'.repeat(1e6)}, base: 0 }]\n`, /board\.slots\.0\.id/],
  ['thousands of empty lines', `${' \n'.repeat(20_000)}  slots: [{ id: A1, base: -1 }]\n`, /expected an address/],
  ['thousands of mistakes', `  x: ${'!a '.repeat(20_000)}\n`, /at most one tag/],
  ['numbers without an end', '  slots: [{ id: A1, base: 1e400 }, { id: A2, base: .nan }]\n', /A1.base is Infinity; expected a finite number/],
  ['names that steer a terminal', '  slots: [{ id: "A\\e[2J\\u202e\\0", base: 0 }]\n', /"A\\u001b\[2J\\u202e\\u0000"/],
  ['a long key', `  ${'a'.repeat(1000)}: 1\n`, /Unknown key "a{64}…"/],
]; // prettier-ignore

const cell = '{"slot":"A1"}';
type Surroundings = Parameters<typeof boardCheck>[2];
type Command = (file: string, language: 'en' | 'zh-CN', surroundings: Surroundings) => Promise<number>;
const OTHERS: readonly Command[] = [
  (file, ...rest) => boardMap(file, true, ...rest),
  (file, ...rest) => boardLocate(file, '0x1234', true, ...rest),
  (file, ...rest) => boardAddress(file, cell, ...rest),
  (file, ...rest) => boardE820(file, true, ...rest),
  (file, ...rest) => boardDmi(file, 'tables.bin', ...rest),
];

describe('board files from strangers', () => {
  it.each(FILES.map((each, index) => [...each, index] as const))('%s', async (name, board, complaint, index) => {
    const file = `${name.replaceAll(' ', '-')}.yaml`;
    await writeFile(join(cwd, file), `format: pagewalk.board/1\nboard:\n${board}`);
    const run = async (command: Command, language: 'en' | 'zh-CN'): Promise<string> => {
      let said = '';
      const surroundings = { cwd, out: () => undefined, err: (text: string) => void (said += text) } as unknown as Surroundings;
      const status = await command(file, language, surroundings).catch((thrown: unknown) => {
        if (!(thrown instanceof Failure)) throw thrown;
        said += formatProblems(thrown.problems, file, language);
        return EXIT.badInput;
      });
      expect(status).toBe(2);
      expect(said.length).toBeLessThan(400_000);
      expect(said).not.toMatch(/(?!\n)\p{Cc}/u);
      return said;
    };
    // checking, and one of the others in turn
    expect(await run(boardCheck, 'en')).toMatch(complaint);
    expect(await run(OTHERS[index % OTHERS.length]!, 'en')).toMatch(complaint);
    expect(await run(OTHERS[(index + 2) % OTHERS.length]!, 'zh-CN')).toMatch(/错误: /);
    expect(({} as Record<string, unknown>)['slots']).toBeUndefined();
  });
});
