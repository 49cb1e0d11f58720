import { expect, test } from '../shells';
import { go, openLab, panel, runToTheEnd } from './steps';

test('virtualization: two VMs run from zero, their pieces and exits are shown', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Two VMs from zero');
  await go(page, 'Virtualization');
  await runToTheEnd(page);
  const vms = panel(page, 'Virtual machines');
  await expect(vms).toContainText('vm-a');
  await expect(vms).toContainText('vm-b');
  await expect(panel(page, 'Exits by reason')).toContainText('EPT violation');
  await expect(panel(page, 'Audit')).toContainText(/no VM reaches/);
  await page.getByRole('tab', { name: 'Owners as list' }).click();
  await expect(panel(page, 'Owners as list')).toContainText('0x');
});
