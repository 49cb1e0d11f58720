/** A guest that goes wrong is told in the window: what happened, at which line, and what to do; the window goes on. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '../shells';
import { go, panel, status } from './steps';

const LAB = `format: pagewalk.lab/1
title: { en: Ends badly, zh-CN: 异常结束 }
board:
  processor: p6-virtualization
  slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }]
machine:
  program: { file: a.asm, mode: protected, load: 0x10_0000 }
limits: { instructions: 100_000 }
`;

for (const [what, source, ending, words] of [
  ['triple-faults', 'nop\nud2\n', 'triple fault', /Triple fault at 0x0010_0001 \(ud2\)[\s\S]*IDT/],
  ['jumps into the void', 'mov eax, 0xC000_0000\njmp eax\n', 'triple fault', /0xC000_0000[\s\S]*Nobody answers/],
  ['loops forever', 'again: jmp again\n', 'limit', /instruction limit was reached[\s\S]*0x0010_0000/],
] as const) {
  test(`guest: one that ${what} is told with place and remedy`, async ({ shell }) => {
    test.skip(shell.kind === 'chromium', 'a browser opens files through its own chooser');
    const file = join(shell.data, 'ends.lab.yaml');
    await writeFile(file, LAB);
    await writeFile(join(shell.data, 'a.asm'), `bits 32\norg 0x10_0000\n${source}`);
    const page = await shell.start({ lab: file });
    await expect(page.getByRole('banner')).toContainText('ends');
    await page.keyboard.press('F5');
    await expect(status(page)).toContainText('Stopped', { timeout: 60_000 });
    await expect(status(page)).toContainText(ending);
    await go(page, 'Programs');
    await expect(panel(page, 'Problems')).toContainText(words);
  });
}
