import { describe, expect, it } from 'vitest';
import type { RegistersView, SegmentView } from '../../../lab/protocol';
import { segmentRows } from './segment-rows';

const part = (name: SegmentView['name'], change: Partial<SegmentView> = {}): SegmentView => ({
  name, selector: 0x14, base: 0x9000n, limit: 0xfff, attributes: 0x4093, ...change,
}); // prettier-ignore
const view = (segments: SegmentView[], change: Partial<RegistersView> = {}): RegistersView => ({
  vm: null, general: [], rip: 0n, flags: 2, segments, gdtr: { base: 0x7d50n, limit: 0x1f }, idtr: { base: 0n, limit: 0 },
  cr0: 0n, cr2: 0n, cr3: 0n, cr4: 0n, efer: 0n, debug: [], cpl: 0, mode: 'protected', paging: false, activity: 'running', changed: [], next: null, ...change,
}); // prettier-ignore
const changes = (now: RegistersView, then: RegistersView | null, name: string) =>
  segmentRows(now, then).find((row) => row.name === name)!.changed;

describe('rows of segment registers', () => {
  it('come in the order of use, the table registers last', () => {
    const rows = segmentRows(view([part('ES'), part('CS', { attributes: 0x409b }), part('LDTR', { attributes: 0x1_0082 })]), null);
    expect(rows.map(({ name, kind, dpl }) => [name, kind, dpl])).toEqual([
      ['CS', 'code', 0],
      ['ES', 'data', 0],
      ['LDTR', 'unusable', null],
      ['GDTR', null, null],
      ['IDTR', null, null],
    ]);
  });

  it('mark the hidden part alone when the same selector was loaded again', () => {
    const then = view([part('DS')]);
    const now = view([part('DS', { base: 0xb000n })], { changed: ['DS'] });
    expect(changes(now, then, 'DS')).toEqual({ selector: false, base: true, limit: false });
    expect(changes({ ...now, changed: [] }, then, 'DS')).toEqual({ selector: false, base: false, limit: false });
  });

  it('mark the selector when what was there before is not known, or was of another VM', () => {
    const now = view([part('DS')], { changed: ['DS', 'GDTR'] });
    for (const then of [null, view([part('DS', { base: 0n })], { vm: 'other' })])
      expect(changes(now, then, 'DS')).toEqual({ selector: true, base: false, limit: false });
    expect(changes(now, view([], { gdtr: { base: 0n, limit: 0x1f } }), 'GDTR')).toEqual({ selector: false, base: true, limit: false });
  });
});
