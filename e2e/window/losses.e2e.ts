/** Whatever dies, the lab stays: the worker in its three ways, the window with unsaved changes, the application itself. */
import { readdir } from 'node:fs/promises';
import { expect, test } from '../shells';
import { go, panel, status } from './steps';

/** Is an autosave complete? Its pointer is written last. */
const autosaved = async (data: string): Promise<boolean> =>
  (await readdir(data, { recursive: true })).some((name) => /autosaves[\\/][0-9a-f]+\.json$/.test(name));

for (const how of ['exit', 'hang', 'heap'] as const) {
  test(`losses: the session's worker is lost (${how}); the window says so, keeps the edit and starts a new session`, async ({ shell }) => {
    const page = await shell.start();
    await go(page, 'Board');
    await page.getByRole('button', { name: /^Slot A2:/ }).click();
    await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
    await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
    await page.keyboard.press('F10');
    await expect(status(page)).toContainText('0 instructions');
    await page.keyboard.press('F10');
    await expect(status(page)).toContainText('1 instruction');

    await page.evaluate((detail) => window.dispatchEvent(new CustomEvent('pagewalk:misbehave', { detail })), how);
    await expect(page.getByText('Your lab is safe.')).toBeVisible({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Start again' }).click();
    await expect(page.getByText('Your lab is safe.')).toBeHidden();
    await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
    await page.keyboard.press('F10');
    await expect(status(page)).toContainText('0 instructions');
    await page.keyboard.press('F10');
    await expect(status(page)).toContainText('1 instruction');
  });
}

test('losses: closing with unsaved changes asks', async ({ shell }) => {
  test.skip(shell.kind === 'chromium', 'a browser asks with a prompt of its own');
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  const close = () => shell.electron!.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
  await close();
  const question = page.getByRole('alertdialog').or(page.getByRole('dialog'));
  await expect(question).toBeVisible();
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(question).toBeHidden();
  await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
  await close();
  const closed = page.waitForEvent('close');
  // the window may be gone before the click has returned
  await question
    .getByRole('button', { name: 'Do not save' })
    .click()
    .catch(() => undefined);
  await closed;
});

test('losses: a browser asks before a tab with unsaved changes is closed', async ({ shell }) => {
  test.skip(shell.kind === 'electron', 'the desktop window has a question of its own');
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  const question = await asked;
  expect(question.type()).toBe('beforeunload');
  await question.dismiss();
  await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
});

test('losses: after a crash the lab is offered back', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  await expect(panel(page, 'Address map')).toContainText('768 MiB usable');
  // the autosave follows two seconds after a change
  await expect.poll(() => autosaved(shell.data), { timeout: 30_000 }).toBe(true);
  await shell.kill();

  const again = await shell.start();
  await again.getByRole('button', { name: /Recover|Open it|Restore/ }).click();
  await go(again, 'Board');
  await expect(panel(again, 'Address map')).toContainText('768 MiB usable');
});
