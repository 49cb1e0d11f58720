/** Reading a trace: a small one, made by hand. */
import { expect, it } from 'vitest';
import { costs, share } from './trace.mjs';

const thread = (tid, name) => ({ ph: 'M', name: 'thread_name', pid: 1, tid, args: { name } });
const event = (name, ts, dur, tid = 1) => ({ ph: 'X', name, ts: ts * 1000, dur: dur * 1000, tdur: dur * 1000, pid: 1, tid });

it('work of each frame, and the longest task with what it consists of', () => {
  const trace = [
    thread(1, 'CrRendererMain'), thread(2, 'CrRendererMain'), thread(3, 'Compositor'),
    event('RunTask', 0, 30), event('FunctionCall', 1, 20), event('Layout', 5, 8), event('MinorGC', 14, 2), event('PrePaint', 22, 3),
    event('Commit', 26, 1),
    event('RunTask', 40, 10), event('FunctionCall', 41, 6), event('FunctionCall', 42, 1), event('Paint', 47, 2), event('Commit', 49, 1),
    event('RunTask', 0, 5, 2), event('RunTask', 0, 90, 3),
  ]; // prettier-ignore
  const { frames, work, paint, tasks } = costs(trace);
  expect([frames, work, paint]).toEqual([1, [6], [2]]);
  expect(tasks.map(({ ms }) => ms)).toEqual([30, 10]);
  expect(tasks[0].parts).toMatchObject({ script: 12, layout: 8, 'paint tree': 3, 'of it collecting garbage': 2 });
});

it('shares of what is sorted, and a trace without a window', () => {
  expect([share([1, 2, 3, 4], 0.5), share([1, 2, 3, 4], 1), share([], 0.95)]).toEqual([3, 4, 0]);
  expect(() => costs([event('RunTask', 0, 5)])).toThrow(/no main thread/);
});
