/** Labs 1 and 5 in the application that `npm run package` made: its worker, its labs and its window come out of the package. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base, type Page } from '@playwright/test';
import { Shell } from '../shells';
import { go, openLab, panel } from '../window/steps';

const test = base.extend<{ window: Page }>({
  window: async ({}, use) => {
    const application = process.env['PAGEWALK_PACKAGED'];
    if (!application) throw new Error('PAGEWALK_PACKAGED names no application: run npm run package');
    const data = await mkdtemp(join(tmpdir(), 'pagewalk-package-'));
    const shell = new Shell('electron', data);
    await use(await shell.start({ application }));
    await shell.stop();
    await rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  },
});

test('packaged: the first lab opens by itself and passes its checks', async ({ window: page }) => {
  await expect(page.getByRole('banner')).toContainText('four-dimms');
  await openLab(page, 'Four DIMMs');
  const about = page.getByRole('region', { name: 'About this lab' });
  await about.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(about).toContainText(/Checks\s*(\d+)\/\1/, { timeout: 60_000 });
});

test('packaged: the IOMMU holds the attack; without it the bytes change', async ({ window: page }) => {
  await openLab(page, 'Malicious DMA');
  await go(page, 'Isolation');
  const attack = page.getByRole('toolbar', { name: 'Attack' });
  const verdict = panel(page, 'Verdict');
  await attack.getByRole('button', { name: 'Run attack' }).click();
  await expect(verdict).toContainText('Held', { timeout: 60_000 });
  await attack.getByRole('switch', { name: /IOMMU/ }).click();
  await attack.getByRole('button', { name: 'Run attack' }).click();
  await expect(verdict).toContainText('Breached', { timeout: 60_000 });
});
