/**
 * Random machine code, disassembled by iced into NASM syntax, through NASM and through our assembler: every instruction of the legacy
 * encoding comes by sooner or later. Skipped, and said so, where nasm is not installed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decoder, DecoderOptions, EncodingKind, Formatter, FormatterSyntax } from 'iced-x86';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from './index';

const nasm = spawnSync('nasm', ['-v']).status === 0;
if (!nasm) console.warn('nasm is not installed: random instructions are not compared with it');

const folder = mkdtempSync(join(tmpdir(), 'assembler-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LINES = 1500;
const ORIGIN = 0x1000;
/** branches would go anywhere; the rest are spellings only one of the two knows */
const LEFT_OUT =
  /\b(j[a-z]+|loop\w*|call|xbegin|reservednop|db|maskmovq|cmp\w*[ps][sd]) |reserved|\bto st|^(x?acquire|x?release|bnd|notrack|hint)/;

/** A linear congruential sequence (Numerical Recipes' constants), so that a failure comes back. */
function bytesFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) & 0xff;
  };
}

function randomInstructions(bits: 16 | 32, seed: number): string[] {
  const next = bytesFrom(seed);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  const lines: string[] = [];
  while (lines.length < LINES) {
    const code = Uint8Array.from({ length: 15 }, next);
    if (lines.length % 4 === 0) code[0] = 0x0f;
    const decoder = new Decoder(bits, code, DecoderOptions.None);
    const instruction = decoder.decode();
    const text = formatter.format(instruction);
    if (!instruction.isInvalid && instruction.encoding === EncodingKind.Legacy && !LEFT_OUT.test(text)) lines.push(text);
    instruction.free();
    decoder.free();
  }
  formatter.free();
  return lines;
}

/** NASM's bytes for each line it accepts. */
function byNasm(bits: 16 | 32, lines: string[]): { line: string; address: number; bytes: string }[] {
  let accepted = lines;
  for (let round = 0; ; round++) {
    writeFileSync(
      join(folder, 'x.asm'),
      [`bits ${bits}`, `org ${ORIGIN}`, ...accepted.map((line, index) => `l${index}: ${line}`), 'lend: nop'].join('\n'),
    );
    const run = spawnSync('nasm', ['-w-all', '-f', 'bin', '-o', 'x.bin', '-l', 'x.lst', 'x.asm'], { cwd: folder, encoding: 'utf8' });
    if (run.status === 0) break;
    if (round > 8) throw new Error(run.stderr);
    const refused = new Set([...run.stderr.matchAll(/x\.asm:(\d+): error/g)].map((match) => Number(match[1]) - 3));
    accepted = accepted.filter((_, index) => !refused.has(index));
  }
  const image = readFileSync(join(folder, 'x.bin'));
  const starts: number[] = [];
  for (const row of readFileSync(join(folder, 'x.lst'), 'utf8').split('\n')) {
    const match = /^ *\d+ ([0-9A-F]{8}) .*?\bl(?:\d+|end): /.exec(row);
    if (match) starts.push(parseInt(match[1]!, 16));
  }
  expect(starts).toHaveLength(accepted.length + 1);
  return accepted.map((line, index) => ({
    line,
    address: ORIGIN + starts[index]!,
    bytes: image.subarray(starts[index], starts[index + 1]).toString('hex'),
  }));
}

describe.skipIf(!nasm)('random instructions against NASM', () => {
  for (const [bits, seed] of [
    [16, 11],
    [32, 22],
    [32, 33],
  ] as const) {
    // prettier-ignore
    it(`bits ${bits}, seed ${seed}`, () => {
      const wanted = byNasm(bits, randomInstructions(bits, seed));
      expect(wanted.length).toBeGreaterThan(LINES * 0.9);
      const different: string[] = [];
      for (const { line, address, bytes } of wanted) {
        const { ok, bytes: ours, diagnostics } = assemble({ 'x.asm': `bits ${bits}\norg ${address}\n${line}` }, 'x.asm');
        const found = ok ? Buffer.from(ours).toString('hex') : diagnostics[0]!.message.en;
        if (found !== bytes) different.push(`${line}: ${found}, not ${bytes}`);
      }
      expect(different).toEqual([]);
    });
  }
});
