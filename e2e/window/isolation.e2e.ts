import { expect, test } from '../shells';
import { go, openLab, panel, status } from './steps';

test('isolation: the IOMMU holds the attack; without it the bytes change and the VMM says what that did', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Malicious DMA');
  await go(page, 'Isolation');
  const attack = page.getByRole('toolbar', { name: 'Attack' });
  await attack.getByRole('button', { name: 'Run attack' }).click();
  const verdict = panel(page, 'Verdict');
  await expect(verdict).toContainText('Held', { timeout: 60_000 });
  await expect(panel(page, 'Fault records').getByRole('row')).toHaveCount(3);
  await expect(panel(page, 'Timeline')).toContainText(/mov/);

  await attack.getByRole('switch', { name: /IOMMU/ }).click();
  await attack.getByRole('button', { name: 'Run attack' }).click();
  await expect(verdict).toContainText('Breached', { timeout: 60_000 });
  await expect(verdict).toContainText(/EPT/);
  await expect(status(page)).not.toContainText('Power off');
});
