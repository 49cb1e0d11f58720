import { expect, test } from '../shells';
import { go, openLab, panel, status } from './steps';

test('machine: stepping shows what changed, and any address is followed to its cell', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Four DIMMs');
  await go(page, 'Machine');
  // the first step switches on, and stands before the first instruction
  for (let i = 0; i <= 5; i++) {
    await page.keyboard.press('F10');
    await expect(status(page)).toContainText(new RegExp(`(^|\\D)${i} instruction`));
  }
  await expect(panel(page, 'Registers')).toContainText('EIP');
  await expect(panel(page, 'Disassembly')).toContainText(/mov|add|cmp/);

  const journey = panel(page, 'Journey');
  await journey.getByRole('radio', { name: 'address' }).click();
  await journey.getByRole('combobox', { name: 'Address space' }).selectOption({ label: 'host-physical' });
  await journey.getByRole('textbox', { name: 'Address of the access' }).fill('0x2000_0000');
  await journey.getByRole('textbox', { name: 'Address of the access' }).press('Enter');
  await expect(journey).toContainText('answered by slot B1');
  await journey.getByRole('textbox', { name: 'Address of the access' }).fill('0x4000_0000');
  await journey.getByRole('textbox', { name: 'Address of the access' }).press('Enter');
  await expect(journey).toContainText(/nobody/i);
});
