/**
 * `labs` drives the command line; `chromium` and `electron` run one set of specs in both shells; `package` drives the application
 * that `npm run package` made.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from '@playwright/test';

const packaged = process.env['PAGEWALK_PACKAGED'];
const results = resolve(import.meta.dirname, '../test-results');

export default defineConfig({
  testDir: import.meta.dirname,
  outputDir: resolve(results, 'e2e'),
  // a journey waits for its window half of the time
  workers: Math.min(3, availableParallelism() + 1),
  fullyParallel: true,
  forbidOnly: Boolean(process.env['CI']),
  // a journey that passes only the second time is reported as flaky, by name
  retries: process.env['CI'] ? 1 : 0,
  // only ends what hangs: a busy machine is no reason to fail
  timeout: 240_000,
  expect: { timeout: 15_000 },
  reporter: [['line'], ['json', { outputFile: resolve(results, packaged ? 'package.json' : 'e2e.json') }]],
  projects: [
    { name: 'labs', testMatch: 'labs/**/*.e2e.ts' },
    { name: 'chromium', testMatch: 'window/**/*.e2e.ts' },
    { name: 'electron', testMatch: 'window/**/*.e2e.ts' },
    ...(packaged ? [{ name: 'package', testMatch: 'package/**/*.e2e.ts' }] : []),
  ],
});
