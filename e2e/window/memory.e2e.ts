/** Accesses to DRAM on screen: the counts of a timed board, counting on any board, heat in the drawing, a lab's plot. */
import { expect, test } from '../shells';
import { accessibilityProblems, go, openLab, panel, runToTheEnd } from './steps';

test('rows and banks: counts, hit rates and heat of three modules', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Rows and banks');
  await runToTheEnd(page);
  await go(page, 'Board');
  await page.getByRole('tab', { name: 'DRAM' }).click();
  const dram = panel(page, 'DRAM');
  await expect(dram.getByTestId('dram-A2')).toHaveText('16,384');
  await expect(dram).toContainText('conflicts 99.4 %');
  await dram.getByRole('button', { name: /^A2/ }).click();
  await expect(dram.getByRole('listitem', { name: /^Bank 0: 16,384 accesses/ })).toBeVisible();
  await expect(dram.getByRole('listitem', { name: 'Bank 3: not accessed' })).toBeVisible();
  await expect(panel(page, 'Board')).toContainText('16,384 · 0.0 % row hits');
  expect(await accessibilityProblems(page)).toEqual([]);
});

test('counting is switched on for a board that does not model time, and changes nothing of the run', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Four DIMMs');
  await go(page, 'Board');
  await page.getByRole('tab', { name: 'DRAM' }).click();
  const dram = panel(page, 'DRAM');
  await dram.getByRole('radio', { name: 'All' }).click();
  await expect(dram.getByTestId('dram-meaning')).toContainText('Every access is counted');
  await runToTheEnd(page);
  await expect(dram.getByTestId('dram-A1')).not.toHaveText('0');
  await go(page, 'Labs');
  await expect(page.getByTestId('checks').locator('[data-state=failed]')).toHaveCount(0);
});

test('samples are labelled as such, in both languages; where memory takes time all is counted and the panel says why', async ({
  shell,
}) => {
  const page = await shell.start();
  await openLab(page, 'Four DIMMs');
  await go(page, 'Board');
  await page.getByRole('tab', { name: 'DRAM' }).click();
  const dram = panel(page, 'DRAM');
  await dram.getByRole('radio', { name: 'Sampled' }).click();
  await runToTheEnd(page);
  await expect(dram.getByTestId('dram-meaning')).toContainText('one slice of 4,096 instructions in 1,024');
  await expect(dram.getByTestId('dram-modules')).toContainText('sampled');
  await page.getByTestId('language').click();
  await expect(page.getByTestId('dram-meaning')).toContainText('每 1,024 段指令统计一段');
  await page.getByTestId('language').click();
  await openLab(page, 'Rows and banks');
  await go(page, 'Board');
  await expect(dram.getByRole('radio', { name: 'All' })).toBeChecked();
  await expect(dram.getByRole('radio', { name: 'Sampled' })).toBeDisabled();
  await expect(dram.getByTestId('dram-meaning')).toContainText('Memory timing is on');
});

test('two channels: the plot shows what the program measured', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Two channels');
  const plot = page.getByTestId('lab-plot');
  await expect(plot).toContainText('has not measured anything yet');
  await runToTheEnd(page);
  await expect(plot.getByRole('img')).toHaveAccessibleName(/one channel, two channels .* 11 points/);
  await expect(plot).toContainText('64 Ki');
});
