import { describe, expect, it } from 'vitest';
import { rowsInSight, WHOLE_TABLE } from './use-row-window';

describe('the rows of a long table that are drawn', () => {
  it('are all of a short one', () => {
    expect(rowsInSight(WHOLE_TABLE, 24, -1000, 100)).toEqual({ first: 0, last: WHOLE_TABLE });
  });

  it('cover what is seen, wherever it is scrolled to, and are few', () => {
    const [count, height, sight] = [1024, 24, 600];
    for (let scrolled = 0; scrolled <= count * height - sight; scrolled += 37) {
      const { first, last } = rowsInSight(count, height, -scrolled, sight);
      expect(first * height).toBeLessThanOrEqual(scrolled);
      expect(last * height).toBeGreaterThanOrEqual(scrolled + sight);
      expect(last - first).toBeLessThan(WHOLE_TABLE);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(last).toBeLessThanOrEqual(count);
    }
  });

  it('are a few until it is known how high they are', () => {
    const { first, last } = rowsInSight(1024, 0, 0, 0);
    expect([first, last > 0 && last < WHOLE_TABLE]).toEqual([0, true]);
  });

  it('are never none, however far the table has been scrolled out of sight', () => {
    for (const top of [-1e6, 1e6]) {
      const { first, last } = rowsInSight(1024, 24, top, 600);
      expect(last).toBeGreaterThan(first);
    }
  });
});
