/** Frame ownership: no frame twice, extents exact, first fit, against a plain array with one entry for each frame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../../machine/address';
import { ownerKey } from './frame-owner';
import type { FrameOwner } from './frame-owner';
import { FrameOwnership } from './frame-ownership';
import type { FrameRun } from './frame-ownership';

const VM_A: FrameOwner = { kind: 'vm', vm: 'a' };
const VM_B: FrameOwner = { kind: 'vm', vm: 'b' };
const EPT: FrameOwner = { kind: 'table', part: 'ept', vm: 'a' };
const OWNERS = [VM_A, VM_B, EPT, { kind: 'vmm', part: 'secret' } as const];
const DRAM = [
  { base: 0, bytes: 64 * PAGE_SIZE },
  { base: 64 * PAGE_SIZE, bytes: 32 * PAGE_SIZE },
  { base: 200 * PAGE_SIZE, bytes: 40 * PAGE_SIZE },
];

const framesOf = (runs: FrameRun[]): number[] => runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));

describe('frame ownership', () => {
  it('hands out from the bottom, or from the top', () => {
    const frames = new FrameOwnership(DRAM);
    expect(frames.freeFrames).toBe(136);
    expect(frames.allocate(3, VM_A)).toEqual([{ first: 0, count: 3 }]);
    expect(frames.allocate(2, EPT, 'top')).toEqual([{ first: 238, count: 2 }]);
    expect(frames.allocate(100, VM_B)).toEqual([
      { first: 3, count: 93 },
      { first: 200, count: 7 },
    ]);
    expect(frames.ownerOf(2)).toEqual(VM_A);
    expect(frames.ownerOf(237)).toBeNull();
    expect(frames.ownerOf(150)).toBeUndefined();
    expect(frames.extents()).toEqual([
      { base: 0, bytes: 3 * PAGE_SIZE, owner: VM_A },
      { base: 3 * PAGE_SIZE, bytes: 93 * PAGE_SIZE, owner: VM_B },
      { base: 200 * PAGE_SIZE, bytes: 7 * PAGE_SIZE, owner: VM_B },
      { base: 238 * PAGE_SIZE, bytes: 2 * PAGE_SIZE, owner: EPT },
    ]);
  });

  it('takes nothing when there is not enough', () => {
    const frames = new FrameOwnership(DRAM);
    expect(frames.allocate(137, VM_A)).toBeNull();
    expect(frames.freeFrames).toBe(136);
    expect(frames.extents()).toEqual([]);
  });

  it('agrees with an array of owners, whatever is allocated, taken and released', () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant('allocate' as const), count: fc.integer({ min: 1, max: 30 }), owner: fc.nat(3), top: fc.boolean() }),
      fc.record({ kind: fc.constant('take' as const), first: fc.nat(245), count: fc.integer({ min: 1, max: 12 }), owner: fc.nat(3) }),
      fc.record({ kind: fc.constant('release' as const), first: fc.nat(245), count: fc.integer({ min: 1, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const frames = new FrameOwnership(DRAM);
        const model = new Map<number, FrameOwner | null>();
        for (const { base, bytes } of DRAM) for (let i = 0; i < bytes / PAGE_SIZE; i++) model.set(base / PAGE_SIZE + i, null);
        for (const step of commands) {
          if (step.kind === 'allocate') {
            const owner = OWNERS[step.owner]!;
            const free = [...model].filter(([, value]) => value === null).map(([frame]) => frame);
            const runs = frames.allocate(step.count, owner, step.top ? 'top' : 'bottom');
            if (step.count > free.length) expect(runs).toBeNull();
            else {
              const expected = step.top ? free.slice(-step.count) : free.slice(0, step.count);
              expect(framesOf(runs!).sort((a, b) => a - b)).toEqual(expected);
              for (const frame of expected) model.set(frame, owner);
            }
          } else {
            const wanted = framesOf([step]);
            if (step.kind === 'take') {
              const ok = wanted.every((frame) => model.get(frame) === null);
              expect(frames.take(step.first, step.count, OWNERS[step.owner]!)).toBe(ok);
              if (ok) for (const frame of wanted) model.set(frame, OWNERS[step.owner]!);
            } else {
              const first = model.get(step.first);
              const ok = !!first && wanted.every((frame) => model.get(frame) && ownerKey(model.get(frame)!) === ownerKey(first));
              expect(frames.release(step.first, step.count)).toBe(ok);
              if (ok) for (const frame of wanted) model.set(frame, null);
            }
          }
        }
        for (const [frame, owner] of model) expect(frames.ownerOf(frame)).toEqual(owner);
        expect(frames.freeFrames).toBe([...model.values()].filter((owner) => owner === null).length);
        const extents = frames.extents();
        const covered = extents.reduce((sum, { bytes }) => sum + bytes / PAGE_SIZE, 0);
        expect(covered).toBe([...model.values()].filter((owner) => owner !== null).length);
        extents.forEach((extent, index) => {
          const next = extents[index + 1];
          if (!next) return;
          expect(extent.base + extent.bytes).toBeLessThanOrEqual(next.base);
          if (extent.base + extent.bytes === next.base) expect(ownerKey(extent.owner)).not.toBe(ownerKey(next.owner));
        });
        const copy = new FrameOwnership([]);
        copy.load(frames.save());
        expect(copy.extents()).toEqual(extents);
        expect(copy.freeFrames).toBe(frames.freeFrames);
        expect(copy.allocate(1, VM_A)).toEqual(frames.allocate(1, VM_A));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps a 2 TiB host as one extent', () => {
    const frames = new FrameOwnership([{ base: 0, bytes: 2 * 1024 ** 4 }]);
    frames.allocate(4 * 1024 * 1024, VM_A);
    expect(frames.extents()).toHaveLength(1);
  });
});
