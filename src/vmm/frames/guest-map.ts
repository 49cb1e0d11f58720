/**
 * Which host frame stands behind each guest-physical frame of a VM, as runs. This is what the VMM knows; the EPT in host
 * memory is what the processor believes. They say the same until somebody overwrites the EPT.
 */

/** `count` guest frames from `guest` on lie in the host frames from `host` on. */
export interface MapRun {
  guest: number;
  host: number;
  count: number;
}

export class GuestMap {
  private runs: MapRun[] = [];
  private mapped = 0;

  /** Guest frames that have a host frame. */
  get mappedFrames(): number {
    return this.mapped;
  }

  /** Adds a mapping. Throws RangeError when one of the guest frames has one already. */
  add(run: MapRun): void {
    const index = this.indexAfter(run.guest);
    const before = this.runs[index - 1];
    const after = this.runs[index];
    if ((before && before.guest + before.count > run.guest) || (after && run.guest + run.count > after.guest))
      throw new RangeError(`guest frame ${run.guest} is mapped already`);
    this.mapped += run.count;
    const joinsBefore = before !== undefined && follows(before, run);
    const joinsAfter = after !== undefined && follows(run, after);
    if (joinsBefore && joinsAfter) {
      before.count += run.count + after.count;
      this.runs.splice(index, 1);
    } else if (joinsBefore) before.count += run.count;
    else if (joinsAfter) Object.assign(after, { guest: run.guest, host: run.host, count: after.count + run.count });
    else this.runs.splice(index, 0, { ...run });
  }

  /** Host frame behind a guest frame, -1 when there is none. */
  hostFrame(guestFrame: number): number {
    const run = this.runs[this.indexAfter(guestFrame) - 1];
    return run && guestFrame < run.guest + run.count ? run.host + (guestFrame - run.guest) : -1;
  }

  /** Guest frame that a host frame stands behind, -1 when it stands behind none. */
  guestFrame(hostFrame: number): number {
    const run = this.runs.find(({ host, count }) => hostFrame >= host && hostFrame < host + count);
    return run ? run.guest + (hostFrame - run.host) : -1;
  }

  /** All mappings, ascending by guest frame, neighbours joined where both sides continue. */
  pieces(): readonly MapRun[] {
    return this.runs;
  }

  save(): number[] {
    return this.runs.flatMap(({ guest, host, count }) => [guest, host, count]);
  }

  load(saved: readonly number[]): void {
    this.runs = [];
    this.mapped = 0;
    for (let index = 0; index + 2 < saved.length; index += 3)
      this.add({ guest: saved[index]!, host: saved[index + 1]!, count: saved[index + 2]! });
  }

  /** Index of the first run that starts behind a guest frame. */
  private indexAfter(guestFrame: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.runs[middle]!.guest <= guestFrame) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const follows = (first: MapRun, second: MapRun): boolean =>
  first.guest + first.count === second.guest && first.host + first.count === second.host;
