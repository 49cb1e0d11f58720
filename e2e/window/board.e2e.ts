import { expect, test } from '../shells';
import { go, panel } from './steps';

test('board: unplugging a DIMM leaves a hole, a wrong base is marked with a remedy, undo brings everything back', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const map = panel(page, 'Address map');
  await expect(map).toContainText('1 GiB usable of 1 GiB installed');

  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  await expect(map).toContainText('768 MiB usable of 768 MiB installed');
  await expect(map.getByRole('img')).toHaveAccessibleName(/0x1000_0000 – 0x1FFF_FFFF: hole/);

  await page.getByRole('button', { name: /^Slot B2:/ }).click();
  const base = panel(page, 'Inspector').getByRole('textbox', { name: 'Base address' });
  await base.fill('0x2800_0000');
  await base.press('Enter');
  await expect(panel(page, 'Problems')).toContainText('B2');
  await expect(panel(page, 'Problems')).toContainText('B1');
  await panel(page, 'Inspector')
    .getByRole('button', { name: /Move to/ })
    .first()
    .click();
  await expect(panel(page, 'Problems')).toContainText('Nothing is wrong with this board.');

  const undo = page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: /undo/i });
  while (await undo.isEnabled()) await undo.click();
  await expect(map).toContainText('1 GiB usable of 1 GiB installed');
  await expect(map.getByRole('img')).not.toHaveAccessibleName(/hole/);
});

test('board: automatic bases close the gap', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A1:/ }).click();
  await panel(page, 'Inspector').getByRole('button', { name: 'Unplug' }).click();
  await expect(panel(page, 'Address map').getByRole('img')).toHaveAccessibleName(/^0x0000_0000 – 0x0FFF_FFFF: hole/);
  await panel(page, 'Inspector')
    .getByRole('radio', { name: /automatic/ })
    .click();
  await expect(panel(page, 'Address map').getByRole('img')).toHaveAccessibleName(/^0x0000_0000 – 0x0FFF_FFFF: A2/);
});
