import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Autosaves } from './autosave';

let data: string;
beforeEach(async () => void (data = await mkdtemp(join(tmpdir(), 'pagewalk-spec-'))));
afterEach(() => rm(data, { recursive: true, force: true }));

const lab = { name: 'mine', yaml: 'title: edited', files: { 'a.asm': 'hlt', 'b.bin': Uint8Array.of(1, 2) } };

describe('autosaves', () => {
  it('offers back to the next run what a crashed one left, bytes included', async () => {
    await new Autosaves(data).write({ ...lab, path: null });
    const [found] = await new Autosaves(data).recovered();
    expect(found).toMatchObject({ ...lab, path: null, shipped: false });
    expect(found!.savedAt).toBeGreaterThan(0);
  });

  it('lies beside the lab it belongs to', async () => {
    const path = join(data, 'mine.lab.yaml');
    await new Autosaves(data).write({ ...lab, path });
    expect(await readdir(data)).toContain('.mine.lab.yaml.autosave');
    expect((await new Autosaves(data).recovered())[0]).toMatchObject({ path });
  });

  it('goes to the data folder when the lab’s own cannot be written', async () => {
    const path = join(data, 'not-a-folder', 'mine.lab.yaml');
    await writeFile(join(data, 'not-a-folder'), '');
    await new Autosaves(data).write({ ...lab, path });
    expect((await new Autosaves(data).recovered())[0]).toMatchObject({ path });
  });

  it('is gone after a clean close', async () => {
    const own = new Autosaves(data);
    await own.write({ ...lab, path: join(data, 'mine.lab.yaml') });
    await own.discard();
    expect(await new Autosaves(data).recovered()).toEqual([]);
    expect(await readdir(data)).toEqual(['autosaves']);
  });

  it('does not offer a run its own autosave', async () => {
    const own = new Autosaves(data);
    await own.write({ ...lab, path: null });
    expect(await own.recovered()).toEqual([]);
  });

  it('keeps two open windows apart, and offers what one leaves behind', async () => {
    const live = new Set<string>();
    const [first, second] = [new Autosaves(data, live), new Autosaves(data, live)];
    await first.write({ ...lab, path: null });
    expect(await second.recovered()).toEqual([]);
    await second.write({ ...lab, yaml: 'title: of the second', path: null });
    first.leave();
    expect(await second.recovered()).toMatchObject([{ yaml: 'title: edited' }]);
    second.leave();
    expect((await new Autosaves(data, live).recovered()).map(({ yaml }) => yaml).sort()).toEqual(['title: edited', 'title: of the second']);
  });

  it('keeps what it offers until that is discarded or saved anew', async () => {
    await new Autosaves(data).write({ ...lab, path: null });
    const next = new Autosaves(data);
    expect(await next.recovered()).toHaveLength(1);
    await next.discard();
    expect(await new Autosaves(data).recovered()).toHaveLength(1);
    await next.discardRecovered();
    expect(await new Autosaves(data).recovered()).toEqual([]);
  });

  it('drops what cannot be read', async () => {
    const own = new Autosaves(data);
    await own.write({ ...lab, path: null });
    for (const file of await readdir(join(data, 'autosaves'))) {
      if (file.endsWith('.autosave')) await writeFile(join(data, 'autosaves', file), '{ broken');
    }
    expect(await new Autosaves(data).recovered()).toEqual([]);
    expect(await readdir(join(data, 'autosaves'))).toEqual([]);
  });
});
