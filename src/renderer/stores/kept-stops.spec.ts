// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest';
import { nextTick } from 'vue';
import type { StopPoint } from '../../lab/protocol';
import { useBreakpoints } from './breakpoints';
import { useDocument } from './document';
import { labKey, readStops, writeStops, type KeptPoint } from './kept-stops';
import { useSession } from './session';
import { useSettings } from './settings';
import { useStopPoints } from './stop-points';
import { OPENED, settle, TestShell, withShell } from './test-bridge';

const point: KeptPoint = { vm: null, kind: 'write', linear: 0x20_1000n, size: 4, enabled: false };
const line = { file: 'a.asm', line: 7, enabled: true };

describe('what is kept of a lab’s breakpoints', () => {
  it('comes back as it was, through JSON', () => {
    const kept = JSON.parse(JSON.stringify(writeStops({}, 'file:/a', { lines: [line], points: [point] }))) as Record<string, unknown>;
    expect(readStops(kept, 'file:/a')).toEqual({ lines: [line], points: [point] });
    expect(readStops(kept, 'file:/b')).toEqual({ lines: [], points: [] });
    expect(readStops(kept, null)).toEqual({ lines: [], points: [] });
    expect(writeStops(kept, 'file:/a', { lines: [], points: [] })).toEqual({});
  });

  it('is of the fifty labs that were changed last', () => {
    let kept: Record<string, unknown> = {};
    for (let lab = 0; lab < 60; lab++) kept = writeStops(kept, `file:/${lab}`, { lines: [line], points: [] });
    kept = writeStops(kept, 'file:/12', { lines: [line], points: [] });
    expect(Object.keys(kept)).toHaveLength(50);
    expect(Object.keys(kept).at(-1)).toBe('file:/12');
    expect(kept).not.toHaveProperty(['file:/9']);
  });

  it('is read without what is malformed', () => {
    const points = [
      { ...point, linear: -1 },
      { ...point, linear: 2 ** 32 - 3 },
      { ...point, linear: 5, kind: 'x' },
      { ...point, linear: 5, size: 3 },
      7,
      null,
    ];
    const lines = [{ file: 1, line: 1 }, { file: 'a', line: 0 }, { file: 'a', line: 1.5 }, 'a', { file: 'a', line: 2 }];
    expect(readStops({ k: { points, lines } }, 'k')).toEqual({ lines: [{ file: 'a', line: 2, enabled: true }], points: [] });
    for (const odd of [null, 7, 'x', [], { points: 7, lines: {} }]) expect(readStops({ k: odd }, 'k')).toEqual({ lines: [], points: [] });
    expect(readStops({}, '__proto__')).toEqual({ lines: [], points: [] });
  });

  it('goes by the shipped lab’s name or the file’s path; a lab that was never saved has none', () => {
    expect(labKey({ shipped: true, name: 'ldt-flow', path: null })).toBe('shipped:ldt-flow');
    expect(labKey({ shipped: false, name: 'x', path: '/labs/x.lab.yaml' })).toBe('file:/labs/x.lab.yaml');
    expect(labKey({ shipped: false, name: 'untitled', path: null })).toBeNull();
  });
});

describe('breakpoints of labs that are opened one after the other', () => {
  const told: { points: readonly StopPoint[]; lines: [string, number[]][] } = { points: [], lines: [] };
  let stores: ReturnType<typeof make>;
  const make = () => {
    const shell = new TestShell({
      open: () => Promise.resolve({ ok: true, problems: [] }),
      setStopPoints: (points) => ((told.points = points), Promise.resolve()),
      setBreakpoints: (file, lines) => (told.lines.push([file, lines]), Promise.resolve(lines.map((at) => ({ line: at, bound: true })))),
    });
    const { use } = withShell(shell);
    return {
      shell,
      lab: use(useDocument),
      session: use(useSession),
      settings: use(useSettings),
      lines: use(useBreakpoints),
      points: use(useStopPoints),
    };
  };
  beforeEach(async () => {
    told.points = [];
    told.lines = [];
    stores = make();
    await stores.settings.load();
    await stores.session.connect();
  });

  it('come back with their lab, and the session is told of those only', async () => {
    const { lab, lines, points } = stores;
    lab.adopt({ ...OPENED, path: '/labs/one.lab.yaml' });
    await nextTick();
    lines.toggle('main.asm', 3);
    points.add({ vm: null, kind: 'code', linear: 0x7c00n, size: 1 });
    await settle();
    lab.adopt({ ...OPENED, path: '/labs/two.lab.yaml' });
    await settle();
    expect([lines.all, points.all]).toEqual([[], []]);
    expect(told.points).toEqual([]);
    expect(told.lines.at(-1)).toEqual(['main.asm', []]);
    lab.adopt({ ...OPENED, path: '/labs/one.lab.yaml' });
    await settle();
    expect(lines.all).toMatchObject([{ file: 'main.asm', line: 3, enabled: true }]);
    expect(points.all).toMatchObject([{ kind: 'code', linear: 0x7c00n, enabled: true }]);
    expect(told.points).toEqual([{ vm: null, kind: 'code', linear: 0x7c00n, size: 1 }]);
    expect(told.lines.at(-1)).toEqual(['main.asm', [3]]);
  });

  it('go with a lab that is saved under another name, and change nothing in it', async () => {
    const { lab, lines, points } = stores;
    lab.createNew();
    await nextTick();
    points.add({ vm: null, kind: 'write', linear: 16n, size: 2 });
    lines.toggle('main.asm', 3);
    await settle();
    expect(lab.unsaved).toBe(false);
    await lab.save(true);
    await settle();
    expect(lab.path).toBe('/labs/saved.lab.yaml');
    lab.adopt({ ...OPENED, path: '/labs/other.lab.yaml' });
    await settle();
    lab.adopt({ ...OPENED, path: '/labs/saved.lab.yaml' });
    await settle();
    expect(points.all).toMatchObject([{ kind: 'write', linear: 16n, size: 2 }]);
    expect(lines.all).toMatchObject([{ file: 'main.asm', line: 3 }]);
  });
});
