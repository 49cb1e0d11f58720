import { expect, onlyInFullRuns, test } from '../shells';
import { go, openLab } from './steps';

test('labs: the first start opens the first lab', async ({ shell }) => {
  const page = await shell.start();
  await expect(page.getByRole('banner')).toContainText('four-dimms');
});

const ALWAYS = ['Four DIMMs', 'Malicious DMA'];

for (const title of [...ALWAYS, 'A kernel at 1 MiB', 'Two VMs from zero', 'Segments and paging']) {
  test(`labs: ${title} passes its checks in the window`, async ({ shell }) => {
    if (!ALWAYS.includes(title)) onlyInFullRuns();
    const page = await shell.start();
    await openLab(page, title);
    const about = page.getByRole('region', { name: 'About this lab' });
    await about.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(about).toContainText(/Checks\s*(\d+)\/\1/, { timeout: 60_000 });
    await go(page, 'Labs');
  });
}
