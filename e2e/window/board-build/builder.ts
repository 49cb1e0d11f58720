/** Building a board in the window, step by step, with one kind of hand: the mouse, or the keyboard alone. */
import { expect, type Locator, type Page } from '@playwright/test';
import { panel } from '../steps';
import type { Step } from './steps';

/** How the fields of the inspector are set: what a hand does once the part is in it. */
export interface Hand {
  /** adds a part of the catalogue, found by `search`, onto a part of the board (by node), or anywhere */
  add(search: string, onto: string | null): Promise<void>;
  /** brings a part into the inspector */
  inspect(node: string): Promise<void>;
  choose(label: string | RegExp, value: string): Promise<void>;
  type(label: string | RegExp, text: string): Promise<void>;
  press(role: 'radio' | 'switch', label: string | RegExp): Promise<void>;
}

const SEARCH: Readonly<Record<string, string>> = { channels: '1–8 channels', banks: 'SIMM bank', slot: 'unwired', iommu: 'remapping' };
/** the part that the inspector shows, as the canvas names it */
export const inspected = (page: Page): Locator => page.locator('[data-part][aria-pressed=true]');

export async function perform(page: Page, hand: Hand, steps: readonly Step[]): Promise<void> {
  const bridges: string[] = [];
  const slots = page.locator('[data-part^="slot:"]');
  const empty = slots.filter({ has: page.locator('.empty') });
  /** What a hand has done is seen before it does the next thing. */
  const arrives = async (parts: Locator, by: number, act: () => Promise<void>): Promise<void> => {
    const before = await parts.count();
    await act();
    await expect(parts).toHaveCount(before + by);
  };
  for (const step of steps) {
    switch (step.do) {
      case 'processor':
        await hand.add(step.id, 'processor:processor');
        break;
      case 'automatic':
        await hand.inspect('firmware:firmware');
        await hand.press('radio', /automatic/);
        break;
      case 'controller':
        await hand.add(SEARCH[step.kind]!, null);
        await hand.choose(step.kind === 'channels' ? 'Channels' : 'Banks', String(step.counts.length));
        for (const [i, count] of step.counts.entries())
          await hand.choose(step.kind === 'channels' ? `Slots on channel ${i}` : `Modules in bank ${i}`, String(count));
        if (step.order) await hand.choose('Order', step.order);
        if (step.channelInterleave) await hand.choose('Channel block', String(step.channelInterleave));
        if (step.rankInterleave) await hand.choose('Rank block', String(step.rankInterleave));
        if (step.hash) await hand.press('switch', /XOR/);
        break;
      case 'slot':
        await arrives(slots, 1, () => hand.add(SEARCH['slot']!, null));
        break;
      case 'dimm':
        await arrives(empty, -1, () => hand.add(step.dimm, 'empty'));
        break;
      case 'base':
        await hand.type('Base address', step.base);
        break;
      case 'hole':
        await hand.inspect('firmware:firmware');
        await hand.press('switch', /Keep a hole/);
        await hand.type('First address of the hole', step.base);
        break;
      case 'iommu':
        await hand.add(SEARCH['iommu']!, 'iommu:iommu');
        break;
      case 'bridge': {
        await hand.add(step.kind, step.onto === null ? null : `bridge:${step.onto}`);
        bridges.push((await inspected(page).getAttribute('data-part'))!);
        if (step.onto !== null) await expect(panel(page, 'Inspector').getByLabel('Plugged into')).toHaveValue(new RegExp(`^${step.onto}`));
        if (step.ports) await hand.choose('Downstream ports', String(step.ports));
        if (step.hotPlug) await hand.press('switch', /Hot-plug/);
        break;
      }
      case 'device':
        await hand.add(step.kind, step.onto === null ? null : `bridge:${step.onto}`);
        if (step.at) await hand.type(/^PCI address/, step.at);
        if (step.mask) await hand.type(/^Address bits/, String(step.mask));
    }
  }
}

const field = (page: Page, label: string | RegExp): Locator =>
  panel(page, 'Inspector').getByLabel(label, typeof label === 'string' ? { exact: true } : {});

/** Drags parts from the catalogue, clicks, chooses in lists, and types numbers into fields. */
export function mouse(page: Page): Hand {
  const parts = panel(page, 'Parts');
  return {
    async add(search, onto) {
      const find = parts.getByRole('textbox', { name: 'Find a part' });
      await find.fill(search);
      const part = parts.locator('[data-item]').first();
      const canvas = page.locator('.cv');
      if (onto === null) {
        const box = (await canvas.boundingBox())!;
        // below the parts there is room
        await part.dragTo(canvas, { targetPosition: { x: box.width * 0.55, y: box.height - 70 } });
      } else {
        // the slot that was touched last when it is empty, else the first empty one
        const empty = page.locator('[data-part^="slot:"]').filter({ has: page.locator('.empty') });
        const own = empty.and(inspected(page));
        const target = onto !== 'empty' ? page.locator(`[data-part="${onto}"]`) : (await own.count()) > 0 ? own : empty.first();
        await part.dragTo(target);
      } // prettier-ignore
    },
    inspect: async (node) => page.locator(`[data-part="${node}"]`).click(),
    async choose(label, value) {
      await field(page, label).selectOption(value);
    },
    async type(label, text) {
      await field(page, label).fill(text);
      await field(page, label).press('Enter');
    },
    press: async (role, label) => panel(page, 'Inspector').getByRole(role, { name: label }).first().click(),
  };
}

/** Nothing but keys: the palette, arrow keys, letters of the canvas, Enter, Escape, Tab and Space. */
export function keyboard(page: Page): Hand {
  const { keyboard: keys } = page;
  const inspector = panel(page, 'Inspector');
  const find = panel(page, 'Parts').getByRole('textbox', { name: 'Find a part' });
  const focusedPart = (): Promise<string | null> => page.evaluate(() => document.activeElement?.getAttribute('data-part') ?? null);
  /** what was searched for last; it is still there when the keyboard has not left the catalogue */
  let searched = '';

  async function goTo(what: string): Promise<void> {
    await keys.press('Control+k');
    await expect(page.getByRole('combobox', { name: 'Go to' })).toBeFocused();
    await keys.type(what);
    await keys.press('Enter');
  }
  const isFocused = (locator: Locator): Promise<boolean> => locator.evaluate((element) => element === document.activeElement);

  /** Into the inspector, and with Tab or Shift+Tab to the control with that label. */
  async function tabTo(label: string | RegExp, role?: 'radio' | 'switch'): Promise<Locator> {
    const wanted = role ? inspector.getByRole(role, { name: label }).first() : field(page, label);
    const inside = await page.evaluate(() => document.activeElement?.closest('[data-panel="inspector"]') !== null);
    if (!inside) {
      if ((await focusedPart()) !== null) await keys.press('Enter');
      else await goTo('Inspector');
    }
    await expect(inspector.locator(':focus')).toHaveCount(1);
    for (let i = 0; i < 60; i++) {
      const way = await wanted.evaluate((element) => {
        const now = document.activeElement!;
        // a radio group is one tab stop: any of its buttons will do
        if (now === element || (element.role === 'radio' && element.parentElement!.contains(now))) return 'here';
        if (!now.closest('[data-panel="inspector"]')) return 'outside';
        return now.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING ? 'Tab' : 'Shift+Tab';
      });
      if (way === 'here') return wanted;
      if (way === 'outside') break;
      await keys.press(way);
    }
    throw new Error(`Tab does not reach ${String(label)}`);
  }

  /** From part to part by arrow keys, towards where the wanted one is seen. */
  async function walkTo(node: string): Promise<void> {
    await goTo('Go from part to part');
    await expect.poll(focusedPart).not.toBeNull();
    for (let i = 0; i < 12; i++) {
      const key = await page.locator(`[data-part="${node}"]`).evaluate((element) => {
        const [from, to] = [document.activeElement!.getBoundingClientRect(), element.getBoundingClientRect()];
        const [dx, dy] = [to.x + to.width / 2 - from.x - from.width / 2, to.y + to.height / 2 - from.y - from.height / 2];
        if (element === document.activeElement) return null;
        return Math.abs(dx) > Math.abs(dy) ? (dx > 0 ? 'ArrowRight' : 'ArrowLeft') : dy > 0 ? 'ArrowDown' : 'ArrowUp';
      });
      if (key === null) return;
      const before = await focusedPart();
      await keys.press(key);
      await expect.poll(focusedPart).not.toBe(before);
    }
    throw new Error(`arrow keys do not reach ${node}`);
  }

  return {
    async add(search, onto) {
      if (!(await isFocused(find))) {
        if ((await focusedPart()) !== null) await keys.press('a');
        else await goTo('Add a part');
        await expect(find).toBeFocused();
      }
      if (searched !== search) {
        await keys.press('Control+a');
        await keys.type(search);
        searched = search;
      }
      await keys.press('Enter');
      // what is plugged into a bridge is told so in the inspector: its first open port is the one it is named after
      const bridge = onto?.startsWith('bridge:') ? onto.slice('bridge:'.length) : null;
      if (bridge !== null) await selectByArrows(await tabTo('Plugged into'), (port) => port === bridge || port.startsWith(`${bridge}.`), bridge);
    },
    inspect: walkTo,
    choose: async (label, value) => selectByArrows(await tabTo(label), (now) => now === value, value),
    async type(label, text) {
      await tabTo(label);
      await keys.press('Control+a');
      await keys.type(text);
      await keys.press('Enter');
    },
    async press(role, label) {
      const wanted = await tabTo(label, role);
      if (role === 'radio') {
        for (let i = 0; i < 4 && (await wanted.getAttribute('aria-checked')) !== 'true'; i++) {
          await keys.press('ArrowRight');
          // the inspector shows a change in a task of its own: pressed again before, the arrow would go on to the next choice
          await expect(inspector.locator(':focus')).toHaveAttribute('aria-checked', 'true');
        }
      } else await keys.press('Space');
    },
  };

  async function selectByArrows(select: Locator, done: (value: string) => boolean, wanted: string): Promise<void> {
    const options = await select.evaluate((element) => [...(element as HTMLSelectElement).options].map(({ value }) => value));
    for (let i = 0; i < 80; i++) {
      const now = await select.inputValue();
      if (done(now)) return;
      const target = options.findIndex(done);
      await keys.press(options.indexOf(now) < target ? 'ArrowDown' : 'ArrowUp');
      await expect(select).not.toHaveValue(now);
    }
    throw new Error(`arrow keys do not choose ${wanted}`);
  }
} // prettier-ignore
