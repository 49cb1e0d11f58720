/**
 * The machine clock. Ticks live in the processor's state: one for each instruction completed plus what was charged on top
 * (memory timing, waiting), exact at the instruction that asks, also in mid-slice. Events are data in a queue ordered
 * by tick, and among equals by when they were scheduled, so that every run is the same and a snapshot can hold them.
 */
import type { DeviceClock, EventTag } from '../devices/device';

/** Where the ticks are counted: the processor. */
export interface TimeSource {
  /** ticks now, exact whenever a device may look */
  now(): number;
  /** time that passes without instructions; only between instructions */
  charge(ticks: number): void;
}

export interface ScheduledEvent {
  tick: number;
  /** the device whose `event` is called */
  device: string;
  tag: EventTag;
}

interface QueuedEvent extends ScheduledEvent {
  /** order of scheduling */
  sequence: number;
}

export interface SavedClock {
  sequence: number;
  events: QueuedEvent[];
}

export class MachineClock {
  private sequence = 0;
  /** ascending */
  private queue: QueuedEvent[] = [];
  private readonly earlierListeners: (() => void)[] = [];

  constructor(private readonly time: TimeSource) {}

  now(): number {
    return this.time.now();
  }

  /** Time that passes without instructions. Throws RangeError for a negative or fractional number. */
  charge(ticks: number): void {
    if (!Number.isSafeInteger(ticks) || ticks < 0) throw new RangeError(`cannot charge ${ticks} ticks`);
    this.time.charge(ticks);
  }

  /** Jumps to a later tick (every processor waits). Going back is refused. */
  advanceTo(tick: number): void {
    this.charge(tick - this.now());
  }

  /** Throws RangeError for a tick that is past or no whole number. */
  schedule(tick: number, device: string, tag: EventTag): void {
    if (!Number.isSafeInteger(tick) || tick < this.now())
      throw new RangeError(`${device}: cannot schedule an event at tick ${tick}, it is ${this.now()}`);
    const event: QueuedEvent = { tick, device, tag, sequence: this.sequence++ };
    let index = this.queue.length;
    while (index > 0 && this.queue[index - 1]!.tick > tick) index--;
    this.queue.splice(index, 0, event);
    if (index === 0) for (const listener of this.earlierListeners) listener();
  }

  /** Drops a device's pending events: those of one kind, or all. */
  cancel(device: string, kind?: string): void {
    this.queue = this.queue.filter((event) => event.device !== device || (kind !== undefined && event.tag.kind !== kind));
  }

  /** Infinity when nothing is pending. */
  nextEventTick(): number {
    return this.queue[0]?.tick ?? Infinity;
  }

  /** Removes and returns the next event that is due, in order; undefined when none is. */
  takeDue(): ScheduledEvent | undefined {
    const first = this.queue[0];
    if (first === undefined || first.tick > this.now()) return undefined;
    this.queue.shift();
    return { tick: first.tick, device: first.device, tag: first.tag };
  }

  /** Pending events in the order in which they will come. */
  pending(): ScheduledEvent[] {
    return this.queue.map(({ tick, device, tag }) => ({ tick, device, tag }));
  }

  /** Called when an event was scheduled before all others: the slice that runs now may be too long. */
  onEarlierEvent(listener: () => void): void {
    this.earlierListeners.push(listener);
  }

  /** The clock as one device sees it. */
  forDevice(device: string): DeviceClock {
    return {
      now: () => this.now(),
      schedule: (delay, tag) => {
        if (!Number.isSafeInteger(delay) || delay < 1)
          throw new RangeError(`${device}: an event needs a delay of at least 1 tick, not ${delay}`);
        this.schedule(this.now() + delay, device, tag);
      },
      cancel: (kind) => this.cancel(device, kind),
    };
  }

  /** Nothing pending, as at power-on. The ticks themselves are the processor's. */
  reset(): void {
    this.sequence = 0;
    this.queue = [];
  }

  /** The pending events; the ticks are in the processor's state. */
  save(): SavedClock {
    return structuredClone({ sequence: this.sequence, events: this.queue });
  }

  load(saved: SavedClock): void {
    const { sequence, events } = structuredClone(saved);
    this.sequence = sequence;
    this.queue = events;
  }
}
