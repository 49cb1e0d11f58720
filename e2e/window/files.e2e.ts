/** Labs as files: save, open again, broken files, the lab named on the command line. Dialogs are answered by the spec. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, type Shell } from '../shells';
import { go, panel } from './steps';

async function answerDialogs(shell: Shell, path: string): Promise<void> {
  await shell.electron!.evaluate(({ dialog }, file) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: file });
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] });
  }, path);
}

test('files: an edit is saved beside its programs, and is there when the file is opened again', async ({ shell }) => {
  test.skip(shell.kind === 'chromium', 'a browser saves by downloading');
  const folder = join(shell.data, 'labs');
  await mkdir(folder);
  const file = join(folder, 'mine.lab.yaml');
  const page = await shell.start();
  await answerDialogs(shell, file);
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  await expect(page.getByTestId('unsaved')).toBeVisible();
  await page.keyboard.press('Control+S');
  await expect(page.getByRole('banner')).toContainText('mine');
  await expect(page.getByTestId('unsaved')).toBeHidden();
  expect((await readdir(folder)).sort()).toEqual(['four-dimms.asm', 'mine.lab.yaml', 'print.inc']);
  expect(await readFile(file, 'utf8')).toMatch(/id: A2.*dimm: null/);
  await shell.stop();

  const again = await shell.start({ lab: file });
  await expect(again.getByRole('banner')).toContainText('mine');
  await go(again, 'Board');
  await expect(panel(again, 'Address map')).toContainText('768 MiB usable');
});

for (const [what, yaml, words] of [
  ['is no YAML', 'board: [unclosed', /mine\.lab\.yaml|line 1|1:/i],
  ['has a wrong version', 'format: pagewalk.lab/9\ntitle: x\nboard: {}\n', /pagewalk\.lab\/9/],
  ['has an unknown key', 'format: pagewalk.lab/1\ntitle: x\nbord: {}\n', /bord/],
] as const) {
  test(`files: a lab that ${what} says where, and can be mended in place`, async ({ shell }) => {
    test.skip(shell.kind === 'chromium', 'a browser opens files through its own chooser');
    const file = join(shell.data, 'mine.lab.yaml');
    await writeFile(file, yaml);
    const page = await shell.start({ lab: file });
    await expect(page.getByRole('banner')).toContainText('mine');
    await go(page, 'Programs');
    await expect(panel(page, 'Problems')).toContainText(words);
    await expect(page.locator('body')).not.toContainText(/\bat .+\.js:\d+/);
  });
}
