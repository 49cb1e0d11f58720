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

test('board: a DIMM is dragged to another slot, and carried back by keyboard', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const slot = (id: string) => page.getByRole('button', { name: new RegExp(`^Slot ${id}:`) });
  await slot('A2').click();
  await page.keyboard.press('Delete');
  await expect(slot('A2')).toHaveAccessibleName(/empty/);

  await slot('B1').getByTitle('Drag the DIMM to another slot').dragTo(slot('A2'));
  await expect(slot('B1')).toHaveAccessibleName(/empty/);
  await expect(slot('A2')).toHaveAccessibleName(/DDR3 256 MiB at 0x1000_0000/);

  await slot('A2').focus();
  await page.keyboard.press('Control+X');
  await page.keyboard.press('ArrowDown');
  await expect(slot('B1')).toBeFocused();
  await page.keyboard.press('Control+V');
  await expect(slot('A2')).toHaveAccessibleName(/empty/);
  await expect(slot('B1')).toHaveAccessibleName(/DDR3 256 MiB at 0x2000_0000/);
});

test('board: wires follow a part that is moved, by pointer and by keyboard', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const firmware = page.getByRole('button', { name: 'Firmware', exact: true });
  const wire = page.locator('[data-wire="firmware:firmware>processor:processor"]');
  const before = await wire.getAttribute('d');
  const box = (await firmware.boundingBox())!;
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + 50, { steps: 4 });
  await page.mouse.up();
  await expect(wire).not.toHaveAttribute('d', before!);
  const dragged = (await wire.getAttribute('d'))!;
  await firmware.focus();
  await page.keyboard.press('Alt+ArrowDown');
  await expect(wire).not.toHaveAttribute('d', dragged);

  await page.getByRole('button', { name: 'Tidy up: parts go back to their places' }).click();
  await expect(wire).toHaveAttribute('d', before!);
});

test('board: what is dragged is put back by Escape, goes with its group, and undo and redo bring back every wire', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const wires = () => page.locator('[data-wire]').evaluateAll((paths) => paths.map((path) => path.getAttribute('d')));
  /** The wires once they are others and stay: parts that are put down go to whole numbers, a few tasks after the button is up. */
  const settled = async (others: unknown) => {
    await expect.poll(wires).not.toEqual(others);
    let last = await wires();
    await expect.poll(async () => {
      await page.waitForTimeout(250);
      const now = await wires();
      const stays = now.join() === last.join();
      last = now;
      return stays;
    }).toBe(true); // prettier-ignore
    return last;
  };
  const at = async (node: string) => {
    const { x, y } = (await page.locator(`[data-part="${node}"]`).boundingBox())!;
    return { x: Math.round(x), y: Math.round(y) };
  };
  const take = async (node: string): Promise<void> => {
    const { x, y, width, height } = (await page.locator(`[data-part="${node}"]`).boundingBox())!;
    await page.mouse.move(x + width / 2, y + height - 4);
    await page.mouse.down();
    await page.mouse.move(x + width / 2 + 30, y + height + 20, { steps: 4 });
  };
  /** Put down: nothing is carried any more, and the part is within a pixel of where it was let go (it goes to whole numbers). */
  const isDown = async (node: string, from: { x: number; y: number }): Promise<void> => {
    const carried = () =>
      page
        .locator('.cv')
        .evaluate((canvas) => [...canvas.querySelectorAll<HTMLElement>('*')].filter(({ style }) => style?.translate).length);
    await expect.poll(carried).toBe(0);
    const now = await at(node);
    expect(Math.max(Math.abs(now.x - from.x - 30), Math.abs(now.y - from.y - 24))).toBeLessThanOrEqual(1);
  };
  await expect(page.locator('[data-wire="firmware:firmware>processor:processor"]')).toBeAttached();
  const before = await wires();
  const places = { firmware: await at('firmware:firmware'), iommu: await at('iommu:iommu') };
  await take('firmware:firmware');
  await expect.poll(() => at('firmware:firmware')).toEqual({ x: places.firmware.x + 30, y: places.firmware.y + 24 });
  await page.keyboard.press('Escape');
  await page.mouse.up();
  expect(await at('firmware:firmware')).toEqual(places.firmware);
  expect(await wires()).toEqual(before);

  await page.locator('[data-part="firmware:firmware"]').click();
  await page.locator('[data-part="iommu:iommu"]').click({ modifiers: ['Control'] });
  await page.keyboard.press('Control+g');
  await expect(page.getByRole('button', { name: 'Group g1', exact: true })).toBeVisible();
  const grouped = { firmware: await at('firmware:firmware'), iommu: await at('iommu:iommu') };
  await take('iommu:iommu');
  await expect.poll(() => at('firmware:firmware')).toEqual({ x: grouped.firmware.x + 30, y: grouped.firmware.y + 24 });
  await page.mouse.up();
  const moved = await settled(before);
  await isDown('firmware:firmware', grouped.firmware);
  await isDown('iommu:iommu', grouped.iommu);

  const name = (await page.getByRole('button', { name: 'Group g1', exact: true }).boundingBox())!;
  await page.mouse.move(name.x + 8, name.y + name.height / 2);
  await page.mouse.down();
  await page.mouse.move(name.x + 38, name.y + 40, { steps: 4 });
  await page.mouse.up();
  const byName = await settled(moved);

  await page.locator('[data-part="iommu:iommu"]').focus();
  await page.keyboard.press('Control+a');
  const here = { firmware: await at('firmware:firmware'), slot: await at('slot:A1') };
  await take('firmware:firmware');
  await page.mouse.up();
  const all = await settled(byName);
  await isDown('firmware:firmware', here.firmware);
  await isDown('slot:A1', here.slot);
  const undo = page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: /undo/i });
  await undo.click();
  await expect.poll(wires).toEqual(byName);
  await undo.click();
  await expect.poll(wires).toEqual(moved);
  await undo.click();
  await expect.poll(wires).toEqual(before);
  for (let i = 0; i < 3; i++) await page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: /redo/i }).click();
  await expect.poll(wires).toEqual(all);
});

test('board: parts are chosen with a box, grouped, drawn as one box and renamed, and undo takes it all back', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const slots = page.locator('[data-part^="slot:"]');
  await expect(slots).toHaveCount(4);
  const [first, second] = [(await slots.nth(0).boundingBox())!, (await slots.nth(1).boundingBox())!];
  const pane = page.locator('.vue-flow__pane');
  const ground = (await pane.boundingBox())!;
  // from free ground at the right edge, over the first two slots and no more
  const corner = { x: Math.min(second.x + second.width + 12, ground.x + ground.width - 4), y: first.y - 6 };
  await page.keyboard.down('Shift');
  await page.mouse.move(corner.x, second.y + second.height + 2);
  await page.mouse.down();
  await page.mouse.move(first.x - 8, corner.y, { steps: 5 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await expect(page.locator('.bp.chosen')).toHaveCount(2);

  await slots.nth(0).focus();
  await page.keyboard.press('Control+g');
  await page.keyboard.press('e');
  const box = page.locator('[data-part="folded:g1"]');
  await expect(box).toBeFocused();
  await expect(box).toHaveAccessibleName(/a collapsed group of 2 parts/);
  await expect(slots).toHaveCount(2);
  await expect(page.locator('[data-wire$=">folded:g1"]')).toHaveCount(1);
  await page.keyboard.press('e');
  await expect(slots).toHaveCount(4);
  await expect(slots.nth(0)).toBeFocused();

  await page.keyboard.press('F2');
  const name = panel(page, 'Inspector').getByRole('textbox', { name: 'Another name for Slot A1' });
  await expect(name).toBeFocused();
  await name.fill('B1');
  await name.press('Enter');
  await expect(panel(page, 'Inspector').getByRole('alert')).toContainText('Another part is called B1');
  await name.fill('North');
  await name.press('Enter');
  await expect(page.getByRole('button', { name: /^Slot North:/ })).toBeFocused();
  await expect(panel(page, 'Address map').getByRole('img')).toHaveAccessibleName(/North/);

  const undo = page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: /undo/i });
  while (await undo.isEnabled()) await undo.click();
  await expect(page.getByRole('button', { name: /^Slot A1:/ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Group g1', exact: true })).toHaveCount(0);
});

test('board: the edge of a DIMM is dragged along the address strip', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const map = panel(page, 'Address map');
  const handle = map.locator('[data-edge="B2"]');
  // the strip takes its final size while the panels around it are laid out: taken hold of too early, the edge is not where it was
  await expect(async () => {
    await handle.hover({ position: { x: 20, y: 4 } });
    const edge = (await handle.boundingBox())!;
    await page.mouse.move(edge.x + 20, edge.y + 4);
    await page.mouse.down();
    await page.mouse.move(edge.x + 20, edge.y - 40, { steps: 3 });
    await page.mouse.up();
    await expect(panel(page, 'Inspector').getByRole('textbox', { name: 'Base address' })).toHaveValue(/^0x2[0-9A-F]00_0000$/, {
      timeout: 5_000,
    });
  }).toPass({ timeout: 60_000 });
  await expect(map.getByRole('img')).toHaveAccessibleName(/B1 \+ B2/);
  // Escape leaves an edge where it was, and the next one can be taken hold of
  const edge = (await handle.boundingBox())!;
  await page.mouse.move(edge.x + 20, edge.y + 4);
  await page.mouse.down();
  await page.mouse.move(edge.x + 20, edge.y + 60, { steps: 3 });
  await page.keyboard.press('Escape');
  await page.mouse.move(edge.x + 60, edge.y + 160, { steps: 3 });
  await page.mouse.up();
  await page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: /undo/i }).click();
  await expect(map.getByRole('img')).not.toHaveAccessibleName(/B1 \+ B2/);

  await map.getByRole('radio', { name: 'log' }).click();
  for (let i = 0; i < 20; i++) await map.getByRole('button', { name: 'Zoom in' }).click();
  await expect(map).toContainText('4 KiB shown');
  await map.getByRole('button', { name: 'Show the whole address space' }).click();
  await expect(map).toContainText('64 GiB shown');
});

test('board: an address leads to its cell, and a cell to its address', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('button', { name: /^Slot A2:/ }).click();
  const inspector = panel(page, 'Inspector');
  const address = inspector.getByRole('textbox', { name: 'Host-physical address' });
  await address.fill('0x1234_5678');
  await address.press('Enter');
  // 256 MiB, 64 bits wide, 1,024 columns, 8 banks: byte 2-0, column 12-3, bank 15-13, row above
  await expect(inspector.getByRole('spinbutton', { name: 'row' })).toHaveValue('564');
  await expect(inspector.getByRole('spinbutton', { name: 'bank' })).toHaveValue('2');
  await expect(inspector.getByRole('spinbutton', { name: 'column' })).toHaveValue('719');
  await expect(inspector.getByRole('spinbutton', { name: 'byte' })).toHaveValue('0');

  await inspector.getByRole('spinbutton', { name: 'row' }).fill('4095');
  await inspector.getByRole('spinbutton', { name: 'row' }).press('Enter');
  await expect(address).toHaveValue('0x1FFF_5678');
  await address.fill('0x0000_1000');
  await address.press('Enter');
  await expect(inspector).toContainText('Slot A2 does not answer at this address.');
});

test('board: a slot is added and taken away again', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  await page.getByRole('toolbar', { name: 'Board' }).getByRole('button', { name: 'Add slot' }).click();
  const added = page.getByRole('button', { name: /^Slot C1: empty/ });
  await expect(added).toBeVisible();
  await added.focus();
  await page.keyboard.press('Delete');
  await expect(added).toHaveCount(0);
  await expect(page.getByRole('button', { name: /^Slot B2:/ })).toBeFocused();
});

test('board: the keyboard goes to a part by name, into the inspector, to the catalogue, and back each time', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const slot = page.getByRole('button', { name: /^Slot B1:/ });
  await expect(slot).toBeVisible();
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Go to' })).toBeFocused();
  await page.keyboard.type('slot b1');
  await page.keyboard.press('Enter');
  await expect(slot).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(panel(page, 'Inspector').locator(':focus')).toContainText('Slot B1');
  await page.keyboard.press('Escape');
  await expect(slot).toBeFocused();
  await page.keyboard.press('a');
  await expect(panel(page, 'Parts').getByRole('textbox', { name: 'Find a part' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(slot).toBeFocused();
});

test('board: the strip of a board with 52 address lines shows every size from 4 PiB down to one page', async ({ shell }) => {
  const page = await shell.start();
  await go(page, 'Board');
  const parts = panel(page, 'Parts');
  const find = parts.getByRole('textbox', { name: 'Find a part' });
  await find.fill('ddr4 16g 1rx16');
  await expect(parts).toContainText('16 GiB from 4 chips would need 32 Gbit each; JESD79-4D has 2 Gbit, 4 Gbit, 8 Gbit, 16 Gbit.');
  await find.fill('52 address lines');
  await find.press('Enter');
  const map = panel(page, 'Address map');
  await expect(map).toContainText('4 PiB shown');
  await expect(map).toContainText('52 bits');

  await page.getByRole('button', { name: /^Slot B2:/ }).click();
  const inspector = panel(page, 'Inspector');
  const base = inspector.getByRole('textbox', { name: 'Base address' });
  await base.fill('0x000F_FFFF_F000_0000');
  await base.press('Enter');
  const address = inspector.getByRole('textbox', { name: 'Host-physical address' });
  await address.fill('0x000F_FFFF_FFFF_F234');
  await address.press('Enter');
  const strip = map.getByRole('img');
  const shown = map.getByRole('toolbar').getByText(/shown$/);
  const sizes = [await shown.innerText()];
  await map.getByRole('group', { name: /^Address strip/ }).focus();
  while (sizes.at(-1) !== '4 KiB shown' && sizes.length < 24) {
    await page.keyboard.press('+');
    await expect(shown).not.toHaveText(sizes.at(-1)!);
    sizes.push(await shown.innerText());
  }
  // 40 doublings, two at a time
  expect(sizes).toHaveLength(21);
  expect(sizes.slice(0, 3)).toEqual(['4 PiB shown', '1 PiB shown', '256 TiB shown']);
  for (const scale of ['to scale', 'log', 'with breaks']) {
    await map.getByRole('radio', { name: scale }).click();
    await expect(strip).toHaveAccessibleName('0x000F_FFFF_FFFF_F000 – 0x000F_FFFF_FFFF_FFFF: B2, 4 KiB');
  }
  await map.getByRole('group', { name: /^Address strip/ }).focus();
  await page.keyboard.press('0');
  await expect(shown).toHaveText('4 PiB shown');
  // from range to range: the part that answers is marked on the canvas as well
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('button', { name: /^Slot B1:/ })).toHaveAttribute('aria-pressed', 'true');
});
