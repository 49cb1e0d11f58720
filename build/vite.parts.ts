/** The three configurations by name, for build/build.mjs. */
import { resolve } from 'node:path';
import { mainConfig, preloadConfig, rendererConfig } from './vite.config.ts';

const repository = resolve(import.meta.dirname, '..');
export default { main: mainConfig(repository), preload: preloadConfig(repository), renderer: rendererConfig(repository) };
