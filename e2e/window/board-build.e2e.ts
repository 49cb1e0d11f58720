/** Each sample board is built from the empty board by mouse, and again by keyboard alone, and is what the sample's file says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { expect, onlyInFullRuns, repository, test, type Shell } from '../shells';
import { keyboard, mouse, perform, type Hand } from './board-build/builder';
import { readSample, stepsOf, withoutNames } from './board-build/steps';
import { go } from './steps';

const SAMPLES = readdirSync(join(repository, 'resources/boards')).map((file) => file.replace(/\.board\.yaml$/, ''));
/** built in every run, in the browser; the others, and all of them in the desktop application, with `npm run test:e2e:all` */
const ALWAYS = { mouse: 'dual-channel-desktop', keyboard: '386-four-simms' };

/** The lab as it was last autosaved, two seconds after a change; empty before there was one. */
function saved(shell: Shell): string {
  const folder = join(shell.data, 'autosaves');
  // a hidden file is one that is still being written
  const file = (existsSync(folder) ? readdirSync(folder) : []).find((each) => !each.startsWith('.'));
  return file === undefined ? '' : ((JSON.parse(readFileSync(join(folder, file), 'utf8')) as { yaml?: string }).yaml ?? '');
}
const boardIn = (yaml: string): unknown => withoutNames((parse(yaml || 'board: { slots: [] }') as { board: never }).board);
const SOON = { timeout: 20_000, intervals: [250] };

async function build(shell: Shell, name: string, how: (page: Shell['page']) => Hand): Promise<void> {
  const page = await shell.start({ size: { width: 1680, height: 1000 } });
  await go(page, 'Board');
  // a board that is not drawn yet looks like an empty one
  await expect(page.locator('[data-part^="slot:"]')).toHaveCount(4);
  // the empty board by the keys that every one has
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Go to' })).toBeFocused();
  await page.keyboard.type('Board: Empty');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-part^="slot:"]')).toHaveCount(0);
  const sample = readSample(name);
  await perform(page, how(page), stepsOf(sample));
  await expect.poll(() => boardIn(saved(shell)), SOON).toEqual(withoutNames(sample));

  // undone to the empty board, and redone to the same file, byte for byte
  const built = saved(shell);
  const toolbar = page.getByRole('toolbar', { name: 'Board' });
  const [undo, redo] = [toolbar.getByRole('button', { name: /undo/i }), toolbar.getByRole('button', { name: /redo/i })];
  let steps = 0;
  for (; !(await undo.getAttribute('aria-label'))?.includes('Empty board'); steps++) await undo.click();
  expect(steps).toBeGreaterThan(1);
  await expect.poll(() => boardIn(saved(shell)), SOON).toEqual(withoutNames({ slots: [] }));
  for (; await redo.isEnabled(); steps--) await redo.click();
  expect(steps).toBe(0);
  await expect.poll(() => saved(shell) === built, SOON).toBe(true);
}

for (const name of SAMPLES) {
  for (const [hand, how] of Object.entries({ mouse, keyboard })) {
    test(`building a board: ${name} by ${hand}`, async ({ shell }) => {
      if (shell.kind === 'electron' || ALWAYS[hand as keyof typeof ALWAYS] !== name) onlyInFullRuns();
      test.setTimeout(name === 'server-2-tib' ? 600_000 : 240_000);
      await build(shell, name, how);
    });
  }
}
