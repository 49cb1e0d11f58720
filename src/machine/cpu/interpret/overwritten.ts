/**
 * How often the code of each frame was overwritten: what keeps being so must run for longer before it is worth compiling. It is
 * remembered while the frame holds data in between, and forgotten once code there has stood for long.
 */

/** Each time doubles what it takes to compile the frame's code, up to 2 to this power. */
const MOST_DOUBLINGS = 12;
/** Instructions that the code must have stood for. */
const FORGIVEN_AFTER = 1e9;
/** Frames of data that are remembered, at most. */
const MOST_REMEMBERED = 16_384;

export interface History {
  /** times, each soon after the last */
  drops: number;
  /** the last of them, in instructions of the processor */
  last: number;
}

export class Overwritten {
  private readonly remembered = new Map<number, History>();

  /** The history of a frame that code is found in. */
  of(frame: number): History {
    return this.remembered.get(frame) ?? { drops: 0, last: -Infinity };
  }

  /** The frame holds no code any more. */
  remember(frame: number, history: History): void {
    if (history.drops === 0) return;
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(frame, history);
  }

  /** Frames hold something else now. */
  clear(): void {
    this.remembered.clear();
  }
}

/** Code is overwritten once more, `now` in instructions. */
export function note(history: History, now: number): void {
  history.drops = now - history.last > FORGIVEN_AFTER ? 1 : history.drops + 1;
  history.last = now;
}

/** By what the executions are multiplied after which code is worth making something of; `doublings` at most. */
export const patienceWith = ({ drops }: History, doublings = MOST_DOUBLINGS): number => 2 ** Math.min(doublings, drops);
