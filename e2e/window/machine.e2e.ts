import { expect, test } from '../shells';
import { accessibilityProblems, go, openLab, panel, runToTheEnd, status } from './steps';

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

test('machine: a run stops at an address, after a write, and the machine goes back to a snapshot', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Two VMs from zero');
  await go(page, 'Machine');
  await page.keyboard.press('F10');
  await expect(panel(page, 'Disassembly')).toContainText('mov');
  // the margin of the disassembly: the instruction after the next
  await panel(page, 'Disassembly')
    .getByRole('button', { name: /^Breakpoint at/ })
    .nth(1)
    .click();
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('breakpoint at two-vms-from-zero.asm');
  await expect(page.getByTestId('instructions')).toHaveText('1 instruction');

  await page.getByRole('button', { name: /Keep the whole machine/ }).click();
  await page.getByRole('tab', { name: 'Breakpoints' }).click();
  const stops = panel(page, 'Breakpoints');
  await stops.getByRole('switch').click();
  await stops.getByRole('combobox', { name: 'When to stop' }).selectOption('write');
  await stops.getByRole('textbox', { name: 'Linear address' }).fill('0x20_1000');
  await stops.getByRole('textbox', { name: 'Linear address' }).press('Enter');
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('0x0020_1000 was written');
  await expect(stops.getByTestId('stopped-at')).toContainText('mov [edi], eax');
  await expect(stops.getByTestId('stopped-at')).toContainText('→ 0x41000001');
  await expect(stops.getByRole('row', { name: /0x0020_1000/ })).toContainText('1');

  await page.getByRole('tab', { name: 'Snapshots' }).click();
  await panel(page, 'Snapshots')
    .getByRole('button', { name: /Go back/ })
    .click();
  await expect(page.getByTestId('instructions')).toHaveText('1 instruction');
});

test('machine: a call is stepped over, and a run goes to a line of the disassembly', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'Two VMs from zero');
  await go(page, 'Machine');
  await page.keyboard.press('F10');
  const listing = panel(page, 'Disassembly');
  await expect(listing).toContainText('mov');
  const target = listing.getByRole('listitem').filter({ hasText: 'loop' }).first();
  await target.hover();
  await target.getByRole('button', { name: /^Run to/ }).click();
  await expect(listing.locator('[aria-current=step]')).toContainText('loop');
  const before = Number((await page.getByTestId('instructions').innerText()).replace(/\D/g, ''));
  await page.keyboard.press('F8');
  await expect(listing.locator('[aria-current=step]')).toContainText('dec');
  const after = Number((await page.getByTestId('instructions').innerText()).replace(/\D/g, ''));
  // the other VM has had its turns meanwhile
  expect(after - before).toBeGreaterThanOrEqual(10_000);
});

test('machine: a descriptor is changed in memory by hand: DS keeps its copy until it is loaded again', async ({ shell }) => {
  const page = await shell.start();
  await openLab(page, 'From selector to byte');
  await go(page, 'Machine');
  await page.keyboard.press('F10');
  await expect(page.getByTestId('instructions')).toHaveText('0 instructions');
  await page.getByRole('tab', { name: 'Breakpoints' }).click();
  const stops = panel(page, 'Breakpoints');
  await stops.getByRole('combobox', { name: 'When to stop' }).selectOption('write');
  await stops.getByRole('textbox', { name: 'Linear address' }).fill('0x9020');
  await stops.getByRole('textbox', { name: 'Linear address' }).press('Enter');
  await page.keyboard.press('F5');
  await expect(status(page)).toContainText('0x0000_9020 was written');

  const memory = panel(page, 'Memory');
  await memory.getByRole('radio', { name: 'linear' }).click();
  await memory.getByRole('textbox', { name: 'Address to show' }).fill('0x7D83');
  await memory.getByRole('textbox', { name: 'Address to show' }).press('Enter');
  const field = (address: string) => memory.getByRole('textbox', { name: `New value at ${address}, hexadecimal` });
  // by keyboard: the address that was gone to; Escape leaves it, Tab writes and goes on
  await memory.getByRole('group', { name: /^Memory, linear/ }).press('Enter');
  await expect(field('0x0000_7D83')).toHaveValue('B0');
  await page.keyboard.type('77');
  await page.keyboard.press('Escape');
  await expect(field('0x0000_7D83')).toBeHidden();
  await memory.locator('[data-at="32131"]').click();
  await page.keyboard.type('c0');
  await page.keyboard.press('Tab');
  await expect(field('0x0000_7D84')).toHaveValue('00');
  expect(await accessibilityProblems(page)).toEqual([]);
  // beyond what is on screen: the view follows
  await page.keyboard.press('ArrowUp');
  await expect(field('0x0000_7D74')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(memory.locator('[data-at="32131"]')).toHaveText('C0');
  await expect(memory.locator('.diff')).toHaveCount(1);
  await page.getByRole('tab', { name: 'Descriptors' }).click();
  await panel(page, 'Descriptors').getByText('LDT', { exact: true }).first().click();
  await expect(panel(page, 'Descriptors')).toContainText('0000_C000');
  await page.getByRole('tab', { name: 'Segments' }).click();
  await expect(panel(page, 'Segments').getByRole('row', { name: /^DS 0014 0000_9000/ })).toBeVisible();
  await runToTheEnd(page);
  await expect(panel(page, 'Segments').getByRole('row', { name: /^DS 0014 0000_C000/ })).toBeVisible();
  await go(page, 'Board');
  await page.getByRole('tab', { name: 'Chipset' }).click();
  const chipset = panel(page, 'Chipset');
  await chipset.getByRole('radio', { name: 'Transactions' }).click();
  await chipset.getByRole('combobox', { name: 'who' }).selectOption('you');
  await expect(chipset).toContainText('1 byte at 0x0000_7D83 written by hand');
});

test('machine: on a small screen all segment registers with their hidden parts are seen at once, and the general registers too', async ({
  shell,
}) => {
  const page = await shell.start({ size: { width: 1280, height: 800 } });
  await openLab(page, 'From selector to byte');
  await runToTheEnd(page);
  await go(page, 'Machine');
  const fits = (name: string): Promise<boolean> =>
    panel(page, name).evaluate((root) =>
      [root, ...root.querySelectorAll('*')].every(({ scrollHeight, clientHeight, scrollWidth, clientWidth }) => {
        const scrolls = scrollHeight > clientHeight + 1 || scrollWidth > clientWidth + 1;
        return !scrolls || clientHeight === 0;
      }),
    );
  await expect(panel(page, 'Registers')).toContainText('CS000C');
  expect(await fits('Registers')).toBe(true);
  await page.getByRole('tab', { name: 'Segments' }).click();
  // the same selector, loaded again, has brought the new base
  await expect(panel(page, 'Segments').getByRole('row', { name: /^DS 0014 0000_B000/ })).toBeVisible();
  await expect(panel(page, 'Segments').getByRole('row', { name: /^IDTR/ })).toBeVisible();
  expect(await fits('Segments')).toBe(true);
});
