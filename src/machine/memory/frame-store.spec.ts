import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../address';
import { FrameStore, LAYER_STRIDE, type FrameSnapshot } from './frame-store';

const RESERVED = 2 * 1024 * 1024;
const store = (limitBytes?: number) => new FrameStore({ reservedBytes: RESERVED, limitBytes });
/** toEqual on megabytes of bytes takes seconds; this does not. */
const same = (a: FrameSnapshot, b: FrameSnapshot) =>
  a.frames.join() === b.frames.join() && a.chunks.every((chunk, index) => Buffer.compare(chunk, b.chunks[index]!) === 0);
/** Touch first, then take the view: touching may replace it. */
function poke(frames: FrameStore, frame: number, at: number, value: number): void {
  const offset = frames.touch(frame);
  frames.u8[offset + at] = value;
}

describe('FrameStore', () => {
  it('backs a frame with zeroes behind the reserved area, once', () => {
    const frames = store();
    expect(frames.offsetOf(0x1234)).toBe(-1);
    const offset = frames.touch(0x1234);
    expect(offset).toBeGreaterThanOrEqual(RESERVED);
    expect(offset % PAGE_SIZE).toBe(0);
    expect(frames.isZeroAt(offset)).toBe(true);
    expect(frames.touch(0x1234)).toBe(offset);
    expect(frames.offsetOf(0x1234)).toBe(offset);
    expect(frames.frameAt(offset)).toBe(0x1234);
    expect(frames.frameAt(frames.touch(LAYER_STRIDE + 1) + PAGE_SIZE - 1)).toBe(LAYER_STRIDE + 1);
    expect(frames.offsetOf(0x1235)).toBe(-1);
    expect(frames.bytesUsed).toBe(2 * PAGE_SIZE);
  });

  it('keeps frames apart wherever they are, and lists them in ascending order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: LAYER_STRIDE * 16 - 1 }), { maxLength: 200 }), (numbers) => {
        const frames = store(64 * 1024 * 1024);
        numbers.forEach((frame, index) => {
          const offset = frames.touch(frame);
          frames.view.setUint32(offset, index + 1, true);
        });
        numbers.forEach((frame, index) => expect(frames.view.getUint32(frames.offsetOf(frame), true)).toBe(index + 1));
        expect([...frames.entries()].map(([frame]) => frame)).toEqual([...numbers].sort((a, b) => a - b));
      }),
      { numRuns: 30 },
    );
  });

  it('refuses numbers that are no frames', () => {
    const frames = store();
    for (const frame of [-1, 0.5, NaN, LAYER_STRIDE * 16]) expect(() => frames.touch(frame)).toThrow(RangeError);
  });

  it('grows without moving what is there, and older views stay valid', () => {
    const frames = store();
    const offset = frames.touch(7);
    const old = frames.u8;
    old[offset] = 0x5a;
    for (let frame = 100; frame < 5000; frame++) frames.touch(frame);
    expect(frames.u8.length).toBeGreaterThan(old.length);
    expect(frames.offsetOf(7)).toBe(offset);
    expect(frames.u8[offset]).toBe(0x5a);
    frames.u8[offset + 1] = 0x77;
    expect(old[offset + 1]).toBe(0x77);
  });

  it('says so when the pool is full, and can be used again after a reset', () => {
    const frames = store(RESERVED + 128 * 1024);
    const backed = Array.from({ length: 32 }, (_, frame) => frames.touch(frame));
    expect(backed.every((offset) => offset >= 0)).toBe(true);
    expect(frames.full).toBe(false);
    expect(frames.touch(32)).toBe(-1);
    expect(frames.full).toBe(true);
    expect(frames.touch(31)).toBe(backed[31]);
    frames.reset();
    expect(frames.full).toBe(false);
    expect(frames.touch(32)).toBeGreaterThanOrEqual(0);
  });

  it('tells of writes to watched frames only, before they happen', () => {
    const frames = store();
    const offset = frames.touch(3);
    const seen: [number, number, number, number][] = [];
    const watched: number[] = [];
    frames.onCodeWatch((frame) => watched.push(frame));
    frames.onCodeWrite((frame, at, length) => seen.push([frame, at, length, frames.u8[offset + at]!]));
    frames.beforeWrite(3, 0, 4);
    frames.watchCode(3);
    frames.watchCode(3);
    frames.beforeWrite(4, 0, 4);
    frames.beforeWrite(3, 8, 2);
    frames.u8[offset + 8] = 1;
    frames.unwatchCode(3);
    frames.beforeWrite(3, 8, 2);
    expect(seen).toEqual([[3, 8, 2, 0]]);
    expect(watched).toEqual([3]);
  });

  it('restores a snapshot to the byte, forgets what came after, and drops cached code and offsets', () => {
    const frames = store();
    const first = frames.touch(1);
    frames.u8.fill(0xaa, first, first + PAGE_SIZE);
    frames.touch(2);
    const snapshot = frames.snapshot();
    expect(snapshot.frames).toEqual([1]);
    poke(frames, 1, 0, 1);
    poke(frames, 2, 0, 2);
    poke(frames, 9, 0, 3);
    frames.watchCode(9);
    let dropped = 0;
    let moved = 0;
    frames.onCodeWrite((frame, offset, length) => (dropped += frame === 9 && offset === 0 && length === PAGE_SIZE ? 1 : 0));
    frames.onRelocate(() => moved++);
    frames.restore(snapshot);
    expect(dropped).toBe(1);
    expect(moved).toBe(1);
    expect(frames.holdsCode(9)).toBe(false);
    expect([...frames.entries()].map(([frame]) => frame)).toEqual([1]);
    expect(frames.frameBytes(1)!.every((byte) => byte === 0xaa)).toBe(true);
    expect(frames.isZeroAt(frames.touch(9))).toBe(true);
  });

  it('shares the chunks of frames that did not change between snapshots, and leaves older snapshots alone', () => {
    const frames = store();
    for (let frame = 0; frame < 100; frame++) poke(frames, frame, 0, frame + 1);
    const first = frames.snapshot();
    poke(frames, 50, 100, 0xff);
    const second = frames.snapshot();
    const shared = second.chunks.filter((chunk, index) => chunk === first.chunks[index]).length;
    expect(shared).toBe(99);
    expect(first.chunks[50]![100]).toBe(0);
    frames.restore(structuredClone(first));
    expect(same(frames.snapshot(), first)).toBe(true);
  });

  it('survives random histories: restore is the inverse of everything since the snapshot', () => {
    const write = fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: PAGE_SIZE - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(write, { maxLength: 60 }), fc.array(write, { maxLength: 60 }), (before, after) => {
        const frames = store(16 * 1024 * 1024);
        const apply = (writes: [number, number, number][]) => {
          for (const [frame, at, value] of writes) poke(frames, frame, at, value);
        };
        apply(before);
        const snapshot = frames.snapshot();
        const copy = structuredClone(snapshot);
        apply(after);
        frames.snapshot();
        frames.restore(snapshot);
        expect(same(snapshot, copy)).toBe(true);
        expect(same(frames.snapshot(), copy)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses a snapshot that is none or does not fit', () => {
    const frames = store(RESERVED + 128 * 1024);
    expect(() => frames.restore({ frames: [1], chunks: [] })).toThrow(RangeError);
    expect(() => frames.restore({ frames: [1], chunks: [new Uint8Array(3)] })).toThrow(RangeError);
    const numbers = Array.from({ length: 40 }, (_, frame) => frame);
    expect(() => frames.restore({ frames: numbers, chunks: numbers.map(() => new Uint8Array(PAGE_SIZE)) })).toThrow(RangeError);
    expect(frames.full).toBe(true);
    expect(frames.touchedFrames).toBe(0);
  });

  it('costs next to nothing before anything is touched, however many there are', () => {
    const many = Array.from({ length: 60 }, () => store());
    expect(many.every((frames) => frames.u8.length <= RESERVED + 64 * 1024)).toBe(true);
  });
});
