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
        await hand.add(SEARCH['slot']!, null);
        break;
      case 'dimm':
        await hand.add(step.dimm, 'empty');
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

const ARROWS = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'];

/** Nothing but keys: the palette, F6 and Tab, arrow keys, Enter and Space. */
export function keyboard(page: Page): Hand {
  const { keyboard: keys } = page;
  const inInspector = (): Promise<boolean> =>
    page.evaluate(() => document.activeElement?.closest('[data-panel="inspector"]') !== null && document.activeElement !== document.body);
  /** F6, and wait until the focus has moved: in the desktop application the key takes the way of the menu. */
  async function nextPanel(): Promise<void> {
    const before = await page.evaluateHandle(() => document.activeElement);
    await keys.press('F6');
    await page.waitForFunction((old) => document.activeElement !== old, before, { timeout: 3_000 }).catch(() => undefined);
    await before.dispose();
  }
  /** Tab from the panel's beginning on until the control with that label has the focus. */
  async function tabTo(label: string | RegExp, role?: string): Promise<void> {
    for (let i = 0; i < 12 && !(await inInspector()); i++) await nextPanel();
    expect(await inInspector()).toBe(true);
    const wanted = role
      ? panel(page, 'Inspector').getByRole(role as 'radio', { name: label }).first()
      : field(page, label);
    await expect(wanted).toBeVisible();
    for (let i = 0; i < 60; i++) {
      // a radio group is one tab stop: any of its buttons will do
      if (await wanted.evaluate((element) => element === document.activeElement || (element.role === 'radio' && element.parentElement!.contains(document.activeElement)))) return;
      await keys.press('Tab');
      if (!(await inInspector())) for (let j = 0; j < 12 && !(await inInspector()); j++) await nextPanel();
    }
    throw new Error(`Tab does not reach ${String(label)}`);
  } // prettier-ignore
  /** From part to part by arrow keys, until the wanted one has the focus: every part is tried from every part that was reached. */
  async function walkTo(node: string): Promise<void> {
    await page.keyboard.press('Control+k');
    await keys.type('Go from part to part');
    await keys.press('Enter');
    const at = (): Promise<string | null> => page.evaluate(() => document.activeElement?.getAttribute('data-part') ?? null);
    for (let i = 0; i < 12 && (await at()) === null; i++) await nextPanel();
    const start = await at();
    if (start === null) throw new Error('F6 does not reach the canvas');
    const ways = new Map<string, string[]>([[start, []]]);
    // breadth first; back to a known part is a walk from where one is
    const known = new Map<string, Map<string, string>>();
    const go = async (from: string, way: readonly string[]): Promise<void> => {
      void from;
      for (const key of way) await keys.press(key);
    };
    const path = (from: string, to: string): string[] | null => {
      const seen = new Map<string, string[]>([[from, []]]);
      for (const [each, way] of seen)
        for (const [key, next] of known.get(each) ?? []) if (!seen.has(next)) seen.set(next, [...way, key]);
      return seen.get(to) ?? null;
    };
    for (const [each] of ways) {
      for (const key of ARROWS) {
        const here = (await at())!;
        if (here === node) {
          await keys.press('Enter');
          return;
        }
        if (here !== each) await go(here, path(here, each) ?? []);
        if ((await at()) !== each) break;
        await keys.press(key);
        const next = (await at())!;
        known.set(each, (known.get(each) ?? new Map<string, string>()).set(key, next));
        if (!ways.has(next)) ways.set(next, []);
      }
    }
    throw new Error(`arrow keys do not reach ${node}`);
  } // prettier-ignore
  return {
    async add(search, onto) {
      await keys.press('Control+k');
      await keys.type('Add a part to the board');
      await keys.press('Enter');
      const find = panel(page, 'Parts').getByRole('textbox', { name: 'Find a part' });
      await expect(find).toBeFocused();
      await keys.press('Control+a');
      await keys.type(search);
      await keys.press('Enter');
      // what is plugged into a bridge is told so in the inspector
      const bridge = onto?.startsWith('bridge:') ? onto.slice('bridge:'.length) : null;
      if (bridge !== null) await chooseFirst('Plugged into', bridge);
    },
    inspect: walkTo,
    async choose(label, value) {
      await tabTo(label);
      await selectByArrows(field(page, label), (now) => now === value, value);
    },
    async type(label, text) {
      await tabTo(label);
      await keys.press('Control+a');
      await keys.type(text);
      await keys.press('Enter');
    },
    async press(role, label) {
      await tabTo(label, role);
      const wanted = panel(page, 'Inspector').getByRole(role, { name: label }).first();
      if (role === 'radio') {
        for (let i = 0; i < 4 && (await wanted.getAttribute('aria-checked')) !== 'true'; i++) await keys.press('ArrowRight');
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
  /** The first open port of that bridge: the one it is named after. */
  async function chooseFirst(label: string, bridge: string): Promise<void> {
    await tabTo(label);
    await selectByArrows(field(page, label), (value) => value === bridge || value.startsWith(`${bridge}.`), bridge);
  }
}
