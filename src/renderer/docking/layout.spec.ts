// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { divide, isUsable, toDockview, type LayoutNode } from './layout';

const THREE: LayoutNode = {
  split: 'row',
  of: [
    { px: 200, panels: ['files'] },
    {
      split: 'column',
      of: [
        { share: 3, panels: ['editor'] },
        { share: 1, panels: ['problems', 'listing'], active: 'listing' },
      ],
    },
  ],
};

describe('default layouts', () => {
  it('gives pixels to side panels and shares to the rest', () => {
    expect(divide([{ px: 200 }, { share: 3 }, { share: 1 }], 1000)).toEqual([200, 600, 200]);
  });
  it('shrinks everything when pixels alone exceed the room', () => {
    const sizes = divide([{ px: 800 }, { px: 800 }], 1000);
    expect(sizes.reduce((a, b) => a + b)).toBeCloseTo(1000);
  });
  it('describes rows and columns with their sizes along their own axis', () => {
    const { grid, panels } = toDockview(THREE, 1000, 800);
    expect(grid.orientation).toBe('HORIZONTAL');
    const [side, column] = grid.root.data as { size: number; type: string; data: unknown }[];
    expect(side?.size).toBe(200);
    expect(column?.size).toBe(800);
    const [editor, below] = column?.data as { size: number; data: { activeView: string } }[];
    expect(editor?.size).toBe(600);
    expect(below?.data.activeView).toBe('listing');
    expect(Object.keys(panels)).toEqual(['files', 'editor', 'problems', 'listing']);
  });
  it('hides the tab strip of a subject', () => {
    const { grid } = toDockview({ split: 'row', of: [{ panels: ['gallery'], headless: true }] }, 100, 100);
    expect((grid.root.data as { data: { hideHeader?: boolean } }[])[0]?.data.hideHeader).toBe(true);
  });
  it('refuses a row in a row and a panel in two places', () => {
    expect(() => toDockview({ split: 'row', of: [{ split: 'row', of: [{ panels: ['a'] }] }] }, 1, 1)).toThrow(/row directly inside a row/);
    expect(() => toDockview({ split: 'row', of: [{ panels: ['a'] }, { panels: ['a'] }] }, 1, 1)).toThrow(/twice/);
  });
  it('keeps a saved layout only while its panels exist', () => {
    const kept: unknown = JSON.parse(JSON.stringify(toDockview(THREE, 1000, 800)));
    expect(isUsable(kept, new Set(['files', 'editor', 'problems', 'listing', 'new']))).toBe(true);
    expect(isUsable(kept, new Set(['files', 'editor']))).toBe(false);
    expect(isUsable({ grid: 1 }, new Set())).toBe(false);
  });
});
