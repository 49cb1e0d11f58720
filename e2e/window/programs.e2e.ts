import { expect, test } from '../shells';
import { go, panel } from './steps';

test('programs: a space can be typed, mistakes are marked as one types, undo takes a wrong edit back', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Programs');
  const editor = page.getByRole('textbox', { name: /Source of/ });
  await editor.focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\nlast: mvo eax, 1');
  await expect(page.locator('.view-lines')).toContainText('last: mvo eax, 1');
  await expect(panel(page, 'Problems')).toContainText('mvo');
  await expect(page.getByRole('contentinfo')).toContainText('1');

  for (let i = 0; i < 30 && (await page.locator('.view-lines').textContent())!.replaceAll('\u00a0', ' ').includes('last:'); i++)
    await page.keyboard.press('Control+Z');
  await expect(page.locator('.view-lines')).not.toContainText('last:');
  await expect(panel(page, 'Problems')).toContainText('No problems.');
});

test('programs: a breakpoint in the margin stops the run on its line', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Programs');
  // the outline leads to the line of a label; F9 sets a breakpoint there
  await panel(page, 'Files')
    .getByRole('button', { name: /^tell_end/ })
    .click();
  await page.getByRole('textbox', { name: /Source of/ }).focus();
  await page.keyboard.press('F9');
  await page.keyboard.press('F5');
  await expect(page.getByRole('contentinfo')).toContainText('Paused', { timeout: 30_000 });
});
