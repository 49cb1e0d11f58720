/** What specs of the window do again and again, in the words of a user. */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Locator, type Page } from '@playwright/test';

export type Workspace = 'Board' | 'Programs' | 'Machine' | 'Virtualization' | 'Isolation' | 'Labs';

export async function go(page: Page, workspace: Workspace): Promise<void> {
  await page.getByRole('navigation', { name: 'Workspaces' }).getByRole('button', { name: workspace, exact: true }).click();
}

/** Opens a shipped lab from the gallery. */
export async function openLab(page: Page, title: string): Promise<void> {
  await go(page, 'Labs');
  await page.getByRole('region', { name: 'Gallery' }).getByRole('button', { name: title, exact: true }).click();
  await expect(page.getByRole('region', { name: 'About this lab' }).getByRole('heading', { name: title })).toBeVisible();
}

export const status = (page: Page): Locator => page.getByRole('contentinfo', { name: 'Status' });

/** The panel's content, by the panel's title. */
export const panel = (page: Page, name: string): Locator => page.getByRole('tabpanel', { name, exact: true });

export async function runToTheEnd(page: Page): Promise<void> {
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('Stopped', { timeout: 60_000 });
}

/** Serious and critical findings of axe, as `rule: element`; of some rules, or of all. */
export async function accessibilityProblems(page: Page, rules?: string[]): Promise<string[]> {
  // what passes is counted, not described: that takes as long as finding out
  const options = { resultTypes: ['violations' as const], ...(rules ? { runOnly: rules } : {}) };
  const { violations } = await new AxeBuilder({ page }).options(options).setLegacyMode(true).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
