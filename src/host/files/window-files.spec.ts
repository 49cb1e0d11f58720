import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WINDOW_HEADERS, windowFile } from './window-files';

let outer: string;
let root: string;
beforeAll(async () => {
  outer = await mkdtemp(join(tmpdir(), 'pagewalk-spec-'));
  root = join(outer, 'renderer');
  await mkdir(root);
  await writeFile(join(root, 'index.html'), 'page');
  await writeFile(join(outer, 'secret.json'), '{}');
});
afterAll(() => rm(outer, { recursive: true }));

describe('files of the window', () => {
  it('serves the page at /', async () => {
    const file = await windowFile(root, '/');
    expect(file?.type).toContain('text/html');
    expect(Buffer.from(file!.bytes).toString()).toBe('page');
  });

  it.each(['/../secret.json', '/%2e%2e/secret.json', '/..%2fsecret.json', '/%00.html', '/%zz', '/gone.js', '/'.padEnd(9, '.')])(
    'serves nothing at %s',
    async (path) => {
      expect(await windowFile(root, path)).toBeUndefined();
    },
  );

  it('lets no script run but its own', () => {
    expect(WINDOW_HEADERS['content-security-policy']).toContain("default-src 'none'");
    expect(WINDOW_HEADERS['content-security-policy']).not.toMatch(/unsafe-eval'(?<!wasm-unsafe-eval')/);
    expect(WINDOW_HEADERS['cross-origin-embedder-policy']).toBe('require-corp');
  });
});
