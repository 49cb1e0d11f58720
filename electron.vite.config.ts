/** `npm run dev`: the window with hot reload in Electron. `npm run build` uses the same three configurations (build/build.mjs). */
import { defineConfig } from 'electron-vite';
import { mainConfig, preloadConfig, rendererConfig } from './build/vite.config.ts';

export default defineConfig({
  main: mainConfig(import.meta.dirname),
  preload: preloadConfig(import.meta.dirname),
  renderer: rendererConfig(import.meta.dirname),
});
