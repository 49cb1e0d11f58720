/** Where things are, for a checkout and for a packaged application alike. */
import { app } from 'electron';
import { join, resolve } from 'node:path';

/** out/main in both; the built parts and resources/ are its neighbours */
const built = import.meta.dirname;

export const places = {
  renderer: resolve(built, '../renderer'),
  preload: resolve(built, '../preload/index.cjs'),
  worker: resolve(built, 'lab-worker.js'),
  resources: resolve(built, '../../resources'),
  icon: resolve(built, '../../resources/icons/icon.png'),
  data: (): string => process.env['PAGEWALK_DATA'] ?? join(app.getPath('userData'), 'lab'),
};
