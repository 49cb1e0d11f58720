import { expect, it } from 'vitest';
import { judge } from './soak-verdict.mjs';

const sample = (seconds, rss, more = {}) => ({
  seconds,
  rss,
  pool: 100,
  regions: 4,
  regionBytes: 4000,
  largestRegion: 2000,
  compiled: seconds,
  ...more,
});

it('compares the end with minute 2, whatever was before', () => {
  expect(judge([sample(0, 10), sample(120, 100), sample(600, 110)], 10)).toMatchObject({ passed: true, meanRegion: 1000 });
  expect(judge([sample(0, 10), sample(120, 100), sample(600, 112)], 10).passed).toBe(false);
  expect(judge([sample(0, 100), sample(12, 100), sample(60, 109)], 1).passed).toBe(true);
});

it('fails for a pool that grows, for a region that is too large, and when nothing was compiled', () => {
  const first = sample(120, 100);
  expect(judge([first, sample(600, 100, { pool: 120 })], 10).passed).toBe(false);
  expect(judge([first, sample(600, 100, { largestRegion: 8193 })], 10).passed).toBe(false);
  expect(judge([first, sample(600, 100, { compiled: 120 })], 10).passed).toBe(false);
});
