/** Everything by keyboard, both themes and both languages, and axe finds nothing serious. */
import { expect, test } from '../shells';
import { accessibilityProblems, go, openLab, runToTheEnd, type Workspace } from './steps';

const WORKSPACES: Workspace[] = ['Board', 'Programs', 'Machine', 'Virtualization', 'Isolation', 'Labs'];

/** What a theme can change: the colours. All else is looked at in one of them. */
const COLOURS: string[] = ['color-contrast', 'link-in-text-block'];

for (const [theme, rules] of [['light'], ['dark', COLOURS]] as const) {
  test(`access: axe finds nothing serious in any workspace, ${theme}`, async ({ shell }) => {
    test.setTimeout(180_000);
    const page = await shell.start();
    await openLab(page, 'Malicious DMA');
    const button = page.getByRole('contentinfo').getByRole('button', { name: /^(Light|Dark)/ });
    if (((await page.evaluate(() => document.documentElement.dataset['theme'])) ?? '') !== theme) await button.click();
    await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
    await runToTheEnd(page);
    for (const workspace of WORKSPACES) {
      await go(page, workspace);
      await page.waitForTimeout(500);
      expect(await accessibilityProblems(page, rules), workspace).toEqual([]);
    }
  });
}

test('access: workspaces, panels and the palette by keyboard', async ({ shell }) => {
  const page = await shell.start();
  const regions = ['Board', 'Editor', 'Journey', 'Memory map', 'Topology', 'Gallery'];
  for (const [i, region] of regions.entries()) {
    await page.keyboard.press(`Control+${i + 1}`);
    await expect(page.getByRole('region', { name: region, exact: true })).toBeVisible();
  }
  await page.keyboard.press('Control+K');
  await page.keyboard.type('machine');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Journey' })).toBeVisible();
  const zone = () =>
    page.evaluate(() => {
      const { left, top } = document.activeElement!.getBoundingClientRect();
      return document.activeElement === document.body ? null : `${left},${top}`;
    });
  const seen = new Set<string | null>();
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('F6');
    seen.add(await zone());
  }
  expect(seen).not.toContain(null);
  expect(seen.size).toBeGreaterThan(5);
});

test('access: the whole window in Chinese, and back', async ({ shell }) => {
  const page = await shell.start();
  await page.getByRole('contentinfo').getByRole('button', { name: 'English' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await expect(page.getByRole('navigation').getByRole('button', { name: '主板' })).toBeVisible();
  for (let i = 1; i <= 6; i++) {
    await page.keyboard.press(`Control+${i}`);
    await page.waitForTimeout(300);
    // whatever is shown of our own words is Chinese: no English sentence of four words is left outside of program texts
    const text = await page.locator('main').innerText();
    const sentences = text.split('\n').filter((line) => /^[A-Z][a-z]+( [a-z]+){3,}[.:]?$/.test(line.trim()));
    expect(sentences, `workspace ${i}`).toEqual([]);
  }
});
