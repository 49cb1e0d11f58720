/**
 * How each part is built: `main` (Electron's main process, the web host, the command line and the session's worker; Node 20),
 * `preload` (CommonJS, as a sandboxed preload must be) and `renderer` (the window; Chromium 130). electron.vite.config.ts
 * takes the same three for `npm run dev`.
 */
import { builtinModules } from 'node:module';
import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import type { UserConfig } from 'vite';
import { icedX86InTheBrowser } from './iced-x86-browser.ts';

/** iced-x86 finds its WebAssembly beside itself, so it stays in node_modules; everything else is bundled. */
const EXTERNAL = ['electron', 'iced-x86', ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];

export function mainConfig(repository: string): UserConfig {
  const source = resolve(repository, 'src');
  return {
    root: repository,
    publicDir: false,
    define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
    ssr: { noExternal: true, external: EXTERNAL, target: 'node' },
    build: {
      ssr: true,
      target: 'node20',
      outDir: resolve(repository, 'out/main'),
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: {
          index: resolve(source, 'main/index.ts'),
          web: resolve(source, 'web/index.ts'),
          cli: resolve(source, 'cli/index.ts'),
          'lab-worker': resolve(source, 'host/lab-worker.ts'),
        },
        external: EXTERNAL,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  };
}

export function preloadConfig(repository: string): UserConfig {
  return {
    root: repository,
    publicDir: false,
    ssr: { noExternal: true, external: EXTERNAL, target: 'node' },
    build: {
      ssr: true,
      target: 'node20',
      outDir: resolve(repository, 'out/preload'),
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: { index: resolve(repository, 'src/preload/index.ts') },
        external: EXTERNAL,
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  };
}

export function rendererConfig(repository: string): UserConfig {
  const root = resolve(repository, 'src/renderer');
  return {
    root,
    base: './',
    plugins: [icedX86InTheBrowser(), vue()],
    optimizeDeps: { exclude: ['iced-x86'] },
    worker: { format: 'es', plugins: () => [icedX86InTheBrowser()] },
    server: { host: '127.0.0.1' },
    build: {
      target: 'chrome130',
      outDir: resolve(repository, 'out/renderer'),
      emptyOutDir: true,
      minify: true,
      chunkSizeWarningLimit: 6000,
      // the content security policy has no `data:` for scripts, and fetch of a data: URL is not 'self'
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: resolve(root, 'index.html') },
    },
  };
}
