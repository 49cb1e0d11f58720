/**
 * Unit tests: specs beside the code. Renderer specs ask for a DOM with a `@vitest-environment happy-dom` comment. The limits only
 * end what hangs; speed is measured by `npm run bench`.
 */
import { availableParallelism } from 'node:os';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

const limits = { testTimeout: 120_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // by itself Vitest leaves a processor to the process that transforms, which has little to do: of two it would use one
    maxWorkers: availableParallelism(),
    projects: [
      {
        // rooms without a state of their own: their specs share a process and what is loaded and warm in it
        test: {
          name: 'core',
          include: ['src/**/*.spec.ts', 'build/**/*.spec.ts', 'bench/*.spec.mjs'],
          exclude: ['src/renderer/**'],
          isolate: false,
          ...limits,
        },
      },
      {
        // stores, languages and the DOM belong to a window: each spec has its own
        plugins: [vue()],
        test: { name: 'window', include: ['src/renderer/**/*.spec.ts'], ...limits },
      },
    ],
  },
});
