/** The image in the tree is what the source in the tree assembles to. After a change to bios.asm: `npx vitest run` here with `-u`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assemble } from '../../../assembler';

const HEADER = `/**
 * The firmware's services for real mode as bytes, and where in the F000 segment their labels lie. Made from bios.asm by
 * bios-image.spec.ts; change the source, not this.
 */
`;

it('is bios.asm, assembled', async () => {
  const source = readFileSync(join(import.meta.dirname, 'bios.asm'), 'utf8');
  const { ok, diagnostics, bytes, symbols, origin } = assemble({ 'bios.asm': source }, 'bios.asm');
  expect(diagnostics).toEqual([]);
  expect(ok).toBe(true);
  expect(origin + bytes.length).toBeLessThanOrEqual(0xfff0);
  const lines = Buffer.from(bytes)
    .toString('hex')
    .match(/.{1,120}/g)!
    .map((line) => `  '${line}',`);
  const labels = Object.entries(symbols)
    .filter(
      ([name, { kind }]) =>
        kind === 'label' && !name.includes('.') && /^(int|map_|extended_kib|low_kib|high_blocks|serial_port|features)/.test(name),
    )
    .map(([name, { value }]) => `  ${name}: 0x${value.toString(16)},`);
  await expect(
    `${HEADER}export const BIOS_LABELS = {\n${labels.join('\n')}\n} as const;\n\n/** From F000:F000, in hexadecimal digits. */\nexport const BIOS_IMAGE = [\n${lines.join('\n')}\n].join('');\n`,
  ).toMatchFileSnapshot('./bios-image.ts');
});
