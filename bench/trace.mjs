/**
 * What Chromium's trace says of a window's main thread: the work of each frame and the longest tasks, with what these consist of. In
 * processor time where the trace has it, so that other programs on the machine do not count. Pure.
 */

/** script, and what the browser does before it paints: style, layout, the tree for painting, what is under the pointer */
const WORK = new Set([
  'FunctionCall', 'EvaluateScript', 'FireAnimationFrame', 'EventDispatch', 'RunMicrotasks', 'TimerFire', 'MinorGC', 'MajorGC',
  'Layout', 'UpdateLayoutTree', 'PrePaint', 'HitTest',
]); // prettier-ignore
/** painting, reported beside it */
const PAINT = new Set(['Paint', 'Layerize']);
const TASKS = new Set(['RunTask', 'ThreadControllerImpl::RunTask']);

/** How a task's time is divided: the kinds that do not lie within one another. */
const KINDS = {
  script: [
    'FunctionCall',
    'EvaluateScript',
    'FireAnimationFrame',
    'EventDispatch',
    'RunMicrotasks',
    'TimerFire',
    'v8.callFunction',
    'v8.evaluateModule',
  ],
  style: ['UpdateLayoutTree'],
  layout: ['Layout'],
  'paint tree': ['PrePaint'],
  paint: ['Paint', 'Layerize', 'Commit'],
  'under the pointer': ['HitTest'],
};
const GC = ['MinorGC', 'MajorGC', 'V8.GCScavenger', 'V8.GCFinalizeMC'];

/** Milliseconds. */
const timeOf = ({ tdur, dur }) => (tdur ?? dur) / 1000;

/** The events of the window's main thread, outermost first: of such threads the one that worked longest. Throws when there is none. */
function ownEvents(events) {
  const sums = new Map(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => [`${pid}/${tid}`, 0]),
  );
  for (const { ph, name, dur, pid, tid } of events)
    if (ph === 'X' && TASKS.has(name) && sums.has(`${pid}/${tid}`)) sums.set(`${pid}/${tid}`, sums.get(`${pid}/${tid}`) + dur);
  const [busiest] = [...sums].sort((x, y) => y[1] - x[1])[0] ?? [];
  if (!busiest) throw new Error('the trace has no main thread of a window');
  return events.filter(({ pid, tid, ph }) => ph === 'X' && `${pid}/${tid}` === busiest).sort((x, y) => x.ts - y.ts || y.dur - x.dur);
}

/** The outermost events of these names: what is inside them is part of them. */
function outermost(events, names) {
  let end = -Infinity;
  return events.filter(({ name, ts, dur }) => {
    if (!names.has(name) || ts < end) return false;
    end = ts + dur;
    return true;
  });
}

/** Milliseconds of each kind; layout and style that script asks for count as theirs, not as script. */
function divide(inside) {
  const sums = {};
  for (const [kind, names] of Object.entries(KINDS))
    sums[kind] = outermost(inside, new Set(names)).reduce((sum, event) => sum + timeOf(event), 0);
  const scripts = outermost(inside, new Set(KINDS.script));
  const within = inside.filter(({ ts, name }) => !KINDS.script.includes(name) && scripts.some((script) => ts >= script.ts && ts < script.ts + script.dur));
  for (const kind of ['style', 'layout', 'paint tree'])
    sums.script -= outermost(within, new Set(KINDS[kind])).reduce((sum, event) => sum + timeOf(event), 0);
  sums['of it collecting garbage'] = outermost(inside, new Set(GC)).reduce((sum, event) => sum + timeOf(event), 0);
  return sums;
} // prettier-ignore

/**
 * @returns frames; `work` and `paint`, milliseconds of each frame in ascending order; `tasks`, milliseconds of each task with the time it
 * began, the longest first, with `parts`, milliseconds by kind
 */
export function costs(events) {
  const own = ownEvents(events);
  const commits = own.filter(({ name }) => name === 'Commit').map(({ ts }) => ts);
  const perFrame = (names) => {
    const work = outermost(own, names);
    return commits
      .slice(1)
      .map((to, i) => work.filter(({ ts }) => ts >= commits[i] && ts < to).reduce((sum, event) => sum + timeOf(event), 0))
      .sort((a, b) => a - b);
  };
  const tasks = outermost(own, TASKS)
    .map((task) => ({ ms: timeOf(task), task }))
    .sort((a, b) => b.ms - a.ms)
    .map(({ ms, task }, i) => ({
      ms,
      at: (task.ts - own[0].ts) / 1000,
      parts: i < 8 ? divide(own.filter(({ ts, name }) => ts >= task.ts && ts < task.ts + task.dur && !TASKS.has(name))) : {},
    }));
  return {
    frames: Math.max(0, commits.length - 1),
    work: perFrame(WORK),
    paint: perFrame(PAINT),
    tasks,
  };
}

/** The value below which this share of them lies; 0 of none. */
export const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
