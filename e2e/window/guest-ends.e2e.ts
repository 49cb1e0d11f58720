/** A guest that goes wrong is told in the window: what happened, at which line, and what to do; the window goes on. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '../shells';
import { go, openLab, panel, status } from './steps';

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

/** Each VM writes to every page of its 2.5 GiB: 5 GiB together, more than the lab holds. */
const GREEDY = `format: pagewalk.lab/1
title: { en: Five gibibytes, zh-CN: 五吉字节 }
board: { assignment: automatic, slots: [{ id: A1, dimm: ddr4-8g }] }
vmm: { translation: ept }
vms:
  - { id: one, memory: 2560 MiB, program: { file: a.asm, mode: protected, load: 0x10_0000 } }
  - { id: two, memory: 2560 MiB, program: { file: a.asm, mode: protected, load: 0x10_0000 } }
`;

test('guests that touch 5 GiB end the run with who did it, and the window goes on', async ({ shell }) => {
  test.skip(shell.kind === 'chromium', 'a browser opens files through its own chooser');
  test.setTimeout(180_000);
  const file = join(shell.data, 'greedy.lab.yaml');
  await writeFile(file, GREEDY);
  await writeFile(
    join(shell.data, 'a.asm'),
    'bits 32\norg 0x10_0000\nmov edi, 0x20_0000\nn: mov [edi], edi\nadd edi, 0x1000\ncmp edi, 0xA000_0000\njb n\nhlt\n',
  );
  const page = await shell.start({ lab: file });
  await expect(page.getByRole('banner')).toContainText('greedy');
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('out of memory', { timeout: 120_000 });
  await go(page, 'Programs');
  await expect(panel(page, 'Problems')).toContainText(/3584 MiB of touched memory[\s\S]*one \d+ MiB, two \d+ MiB/);
  // the memory is given back, and another lab runs
  await openLab(page, 'Four DIMMs');
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('halted', { timeout: 60_000 });
});
