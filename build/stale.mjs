/**
 * Is a built part older than its sources? A stamp holds the hash of names, sizes and contents of everything the part is made
 * of, so that a checkout, a copy or a clock that runs backwards cannot fool it.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const SOURCES = {
  main: ['src', 'resources/schema', 'build', 'package-lock.json'],
  preload: ['src/preload', 'src/lab/shell-bridge.ts', 'build', 'package-lock.json'],
  renderer: ['src', 'build', 'package-lock.json'],
};
const skip = (part, path) => path.endsWith('.spec.ts') || (part === 'main' && path.includes('/src/renderer/'));

async function* files(path) {
  let entries;
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch {
    yield path;
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) yield* files(inner);
    else yield inner;
  }
}

export async function fingerprint(repository, part) {
  const hash = createHash('sha256');
  for (const source of SOURCES[part]) {
    for await (const path of files(resolve(repository, source))) {
      if (skip(part, path)) continue;
      const content = await readFile(path).catch(() => undefined);
      if (content !== undefined) hash.update(`${path.slice(repository.length)}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

const stampPath = (repository, part) => resolve(repository, 'out', `${part}.stamp`);

export async function isStale(repository, part) {
  const stamped = await readFile(stampPath(repository, part), 'utf8').catch(() => '');
  return stamped !== (await fingerprint(repository, part));
}

/** `of`: the fingerprint from before the build, so that an edit made while it ran is not taken for built. */
export async function stamp(repository, part, of) {
  await mkdir(resolve(repository, 'out'), { recursive: true });
  await writeFile(stampPath(repository, part), of);
}
