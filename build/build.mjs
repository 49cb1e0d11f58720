/** Builds the parts named as arguments (`main`, `preload`, `renderer`; all three by default) and stamps each. */
import { resolve } from 'node:path';
import { build, loadConfigFromFile } from 'vite';
import { fingerprint, stamp } from './stale.mjs';

const repository = resolve(import.meta.dirname, '..');
const PARTS = ['main', 'preload', 'renderer'];
const asked = process.argv.slice(2);
const parts = asked.length > 0 ? asked : PARTS;
const unknown = parts.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) {
  console.error(`build: no part is named ${unknown.join(', ')}; the parts are ${PARTS.join(', ')}`);
  process.exit(2);
}

const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, resolve(repository, 'build/vite.parts.ts'));
for (const part of parts) {
  const sources = await fingerprint(repository, part);
  await build({ ...loaded.config[part], configFile: false, logLevel: 'warn' });
  await stamp(repository, part, sources);
}
