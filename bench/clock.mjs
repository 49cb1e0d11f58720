/**
 * Clocks for the benchmark, in milliseconds: the wall's, or (`--cpu`) the processor time that was used, for machines that do other
 * work meanwhile. Processor time is Linux's (/proc).
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

export const hasProcessorTime = existsSync('/proc/thread-self/schedstat');

/** Nanoseconds of one task: the first field. */
const spent = (path) => Number(readFileSync(path, 'latin1').split(' ')[0]);

/** Of the thread that asks. */
export const threadClock = () => spent('/proc/thread-self/schedstat') / 1e6;

/** Of a process group, all threads of all its processes. */
export function groupClock(group) {
  let total = 0;
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process)) continue;
    try {
      // behind the name, which may have anything in it: state, parent, group
      const stat = readFileSync(`/proc/${process}/stat`, 'latin1');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) !== group) continue;
      for (const task of readdirSync(`/proc/${process}/task`)) total += spent(`/proc/${process}/task/${task}/schedstat`);
    } catch {
      // it has ended meanwhile
    }
  }
  return total / 1e6;
}
