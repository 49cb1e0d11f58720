import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressMap } from './address-map';
import type { BoardIssue } from './issue';
import { suggestBase } from './placement';
import { randomBoard } from './random-board.spec-support';
import { checkBoard, MOST_ISSUES } from './rules';
import { boardSchema, type Board } from './schema';

const board = (drawing: object): Board => boardSchema.parse(drawing);
const four = (overrides: object = {}) =>
  board({ slots: ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 0x1000_0000, dimm: 'ddr3-256m' })), ...overrides });
const codes = (drawing: Board) => checkBoard(drawing).map(({ code }) => code);

/** The board after an issue's edits. */
function mended(drawing: Board, issue: BoardIssue): Board {
  const copy = structuredClone(drawing) as unknown as Record<string | number, unknown>;
  for (const { path, value } of issue.fix!.edits) {
    let target = copy;
    for (const key of path.slice(0, -1)) target = (target[key] ??= {}) as Record<string | number, unknown>;
    target[path.at(-1)!] = value;
  }
  return boardSchema.parse(copy);
}

describe('placement rules', () => {
  it('finds nothing wrong with the default board, with gaps, or with an IOMMU and a device', () => {
    expect(checkBoard(four())).toEqual([]);
    expect(checkBoard(four({ slots: four().slots.map((slot, index) => (index === 0 ? { ...slot, dimm: null } : slot)) }))).toEqual([]);
    expect(
      checkBoard(four({ iommu: { present: true, enabled: true }, devices: [{ id: 'dma0', kind: 'edu', at: '00:04.0', dmaMask: 64 }] })),
    ).toEqual([]);
  });

  const slot = (over: object) => ({ id: 'A1', base: 0, dimm: 'ddr3-256m', ...over });
  it.each([
    ['board-unknown-processor', { processor: 'z80', slots: [slot({})] }],
    ['board-address-bits', { physicalAddressBits: 40, slots: [slot({})] }],
    ['board-address-bits', { physicalAddressBits: 4, slots: [slot({ dimm: 'ddr3-128m' })] }],
    ['board-memory-value', { memory: { inFlight: 0 }, slots: [slot({})] }],
    ['board-memory-value', { memory: { reach: 3 }, slots: [slot({})] }],
    ['board-memory-value', { slots: [slot({ trr: 65 })] }],
    ['board-memory-value', { slots: [slot({ rowThreshold: 0 })] }],
    ['board-ecc-simm', { processor: '386', slots: [slot({ dimm: 'simm30-256k', ecc: true })] }],
    ['board-tlb-geometry', { tlb: { entries: 48 }, slots: [slot({})] }],
    ['board-tlb-geometry', { tlb: { entries: 0 }, slots: [slot({})] }],
    ['board-tlb-geometry', { tlb: { entries: 2048 }, slots: [slot({})] }],
    ['board-tlb-geometry', { tlb: { entries: 4, ways: 8 }, slots: [slot({})] }],
    ['board-tlb-geometry', { tlb: { entries: 128, ways: 128 }, slots: [slot({})] }],
    ['board-duplicate-id', { slots: [slot({}), slot({ base: 0x1000_0000 })] }],
    ['board-unknown-dimm', { slots: [slot({}), slot({ id: 'A2', dimm: 'ddr3-3g', base: 0x1000_0000 })] }],
    ['board-no-base', { slots: [slot({}), slot({ id: 'A2', base: undefined })] }],
    ['board-unaligned-base', { slots: [slot({ base: 0x800 })] }],
    ['board-unaligned-window', { slots: [slot({ window: 1000 })] }],
    ['board-window-too-small', { slots: [slot({ window: '128 MiB' })] }],
    ['board-no-memory', { slots: [slot({ dimm: null })] }],
    ['board-no-memory', {}],
    ['board-beyond-address-lines', { slots: [slot({ base: 2 ** 36 - 4096 })] }],
    ['board-overlap', { slots: [slot({}), slot({ id: 'A2', base: 0x0800_0000 })] }],
    ['board-shadowed', { slots: [slot({ dimm: 'ddr3-4g' })], iommu: { present: true } }],
    ['board-unknown-device', { slots: [slot({})], devices: [{ id: 'x', kind: 'toaster' }] }],
    ['board-reserved-id', { slots: [slot({})], devices: [{ id: 'com1', kind: 'edu' }] }],
    ['board-dma-mask', { slots: [slot({})], devices: [{ id: 'd', kind: 'edu', dmaMask: 65 }] }],
    ['board-device-address-clash', { slots: [slot({})], devices: ['a', 'b'].map((id) => ({ id, kind: 'edu', at: '00:04.0' })) }],
    ['board-device-address-clash', { slots: [slot({})], devices: [{ id: 'a', kind: 'edu', at: '00:00.0' }] }],
    [
      'board-no-room-for-device',
      { slots: [slot({})], devices: Array.from({ length: 600 }, (_, index) => ({ id: `d${index}`, kind: 'edu' })) },
    ],
    ['board-iommu-absent', { slots: [slot({})], iommu: { enabled: true } }],
    ['board-iommu-beyond-address-lines', { physicalAddressBits: 30, slots: [slot({})], iommu: { present: true } }],
  ])('%s is found, explained in both languages, and mended by its fix', (code, drawing) => {
    const drawn = board(drawing);
    const found = checkBoard(drawn).filter((issue) => issue.code === code);
    expect(found.length).toBeGreaterThan(0);
    for (const issue of found) {
      for (const words of [issue.message, issue.remedy!]) {
        expect(words.en).toMatch(/\.$/);
        expect(words['zh-CN']).toMatch(/[一-鿿].*。$/);
      }
    }
    const fixable = found[0]!;
    if (fixable.fix) {
      const after = checkBoard(mended(drawn, fixable)).filter((issue) => issue.code === code);
      expect(after.length).toBeLessThan(found.length);
    }
  });

  it('names both slots of an overlap and the range, and offers the next place that is free once it moves', () => {
    const drawn = four({ slots: four().slots.map((each, index) => (index === 3 ? { ...each, base: 0x2800_0000 } : each)) });
    const [issue, ...others] = checkBoard(drawn);
    expect(others).toEqual([]);
    expect(issue!.message.en).toMatch(/^Slots B1 and B2 both answer 0x2800_0000 – 0x2FFF_FFFF\. .*overlaps: allow/);
    expect(issue!.fix!.text.en).toBe('Move to 0x3000_0000');
    expect(issue!.remedy!.en).toBe('Move B2 to 0x3000_0000.');
    expect(suggestBase(drawn, 'B2')).toBe(0x3000_0000);
    expect(checkBoard(mended(drawn, issue!))).toEqual([]);
  });

  it('reports an overlap exactly when the address map has a conflict', () => {
    fc.assert(
      fc.property(randomBoard, (drawing) => {
        const issues = checkBoard(drawing);
        const limit = 2 ** addressMap(drawing).physicalAddressBits;
        const conflict = addressMap(drawing).dram.some(({ claims }) => claims.length > 1);
        const inside = issues.some(
          ({ code, part }) => code === 'board-overlap' && drawing.slots.find(({ id }) => id === part)!.base! < limit,
        );
        expect(inside).toBe(conflict);
      }),
      { numRuns: 300 },
    );
  });

  it('applying every fix of a random board ends without errors that have one', () => {
    fc.assert(
      fc.property(randomBoard, (drawing) => {
        let drawn = { ...drawing, slots: drawing.slots.map((each) => ({ ...each, dimm: each.dimm === null ? null : 'ddr3-256m' })) };
        drawn = { ...drawn, physicalAddressBits: 36 };
        for (let round = 0; round < 60; round++) {
          const issue = checkBoard(drawn).find(({ fix, severity }) => fix !== undefined && severity === 'error');
          if (!issue) return;
          drawn = mended(drawn, issue) as typeof drawn;
        }
        expect(codes(drawn)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['all at one place', () => 0],
    ['nested and staggered', (index: number) => index * 4096],
    ['far beyond', (index: number) => 2 ** 40 + index],
  ])('answers a hostile board with all the slots there can be in bounded time: %s', (_name, base) => {
    const drawn = board({
      slots: Array.from({ length: 2_048 }, (_, index) => ({ id: `S${index % 1_800}`, base: base(index), dimm: 'ddr3-256m' })),
      devices: Array.from({ length: 1_000 }, (_, index) => ({ id: `D${index}`, kind: 'edu', at: '00:04.0' })),
    });
    const issues = checkBoard(drawn);
    const map = addressMap(drawn);
    expect(issues.length).toBe(MOST_ISSUES + 1);
    expect(map.ranges.length).toBeGreaterThan(0);
  });
});
