/** Bundles a script of this folder for Node, from the sources as they are, and gives where it is. */
import { resolve } from 'node:path';
import { repository } from '../../build/prepare.mjs';

export async function bundle(name) {
  const { build } = await import('vite');
  const folder = resolve(repository, '.cache/bench');
  await build({
    root: repository,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: resolve(import.meta.dirname, `${name}.ts`),
      target: 'node20',
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: { output: { format: 'es', entryFileNames: `${name}.mjs` } },
    },
  });
  return resolve(folder, `${name}.mjs`);
}
