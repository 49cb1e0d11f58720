/**
 * Unit tests: specs beside the code. Renderer specs ask for a DOM with a `@vitest-environment happy-dom` comment. The limits only
 * end what hangs; speed is measured by `npm run bench`.
 */
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [vue()],
  test: {
    include: ['src/**/*.spec.ts', 'build/**/*.spec.ts', 'bench/*.spec.mjs'],
    environment: 'node',
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
