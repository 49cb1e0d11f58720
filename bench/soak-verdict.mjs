/** What a soak's samples say. */

/** Memory at the end over memory at the beginning. */
const MOST_GROWTH = 1.1;
const MOST_REGION_BYTES = 8 * 1024;
/** From when on memory must not grow: everything has been met once by then. */
const SETTLED_SECONDS = 120;

/**
 * @param samples { seconds, rss, pool, regions, regionBytes, largestRegion, … }, in order
 * @returns { passed, growth: { rss, pool }, largestRegion, meanRegion, text }
 */
export function judge(samples, minutes) {
  const settled = Math.min(SETTLED_SECONDS, (minutes * 60) / 5);
  const first = samples.find(({ seconds }) => seconds >= settled) ?? samples.at(-1);
  const last = samples.at(-1);
  const growth = { rss: last.rss / first.rss, pool: last.pool / first.pool };
  const largestRegion = Math.max(...samples.map((sample) => sample.largestRegion));
  const meanRegion = last.regions === 0 ? 0 : last.regionBytes / last.regions;
  const compiledSince = last.compiled - first.compiled;
  const grown = Object.entries(growth).filter(([, ratio]) => ratio > MOST_GROWTH);
  const passed = grown.length === 0 && largestRegion <= MOST_REGION_BYTES && compiledSince > 0;
  const text = [
    `from ${first.seconds} s to ${last.seconds} s: rss ${growth.rss.toFixed(3)}×, pool ${growth.pool.toFixed(3)}× (at most ${MOST_GROWTH}×)`,
    `${compiledSince} regions compiled meanwhile; ${last.regions} are there, ${Math.round(meanRegion)} bytes on average, the largest ever ${largestRegion} (at most ${MOST_REGION_BYTES})`,
    ...(compiledSince > 0 ? [] : ['nothing was compiled: the guests do not test what they should']),
    passed ? 'passed' : 'failed',
  ];
  return { passed, growth, largestRegion, meanRegion, text };
}
