/**
 * Which views somebody wants, and when they are made: at once when something has happened, and while the computer runs at most so
 * often that people see it move and the machine still has most of the time.
 */
import type { SessionEvents, ViewName, Views } from '../protocol';
import type { Scheduler } from './run-loop';

/** Views are pushed at most this often while running. */
const VIEW_INTERVAL_MS = 1_000 / 30;
/** …and less often when they are costly: for each ms of making views the machine runs this many. */
const VIEW_SHARE = 4;

const VIEW_NAMES: readonly ViewName[] = [
  'status',
  'registers',
  'virtualization',
  'placement',
  'isolation',
  'transactions',
  'serial',
  'boot',
  'checks',
  'journey',
  'chipset',
  'tlb',
  'tables',
  'events',
  'breakpoints',
  'snapshots',
  'dram',
];

export class ViewPush {
  /** where views go */
  events: SessionEvents | null = null;
  private subscribed = new Set<ViewName>();
  private last = -Infinity;
  /** ms that making the last views took */
  private cost = 0;
  private cancel: (() => void) | null = null;

  /** @param value of a view, or undefined when there is nothing to show or nothing new */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly value: (name: ViewName) => Views[ViewName] | undefined,
  ) {}

  /** Exactly these from now on; names that are none are left out. */
  subscribe(views: readonly ViewName[]): void {
    this.subscribed = new Set(VIEW_NAMES.filter((name) => views.includes(name)));
  }

  /** One view, whether anybody has subscribed to it or not. */
  one(name: ViewName, value: Views[ViewName]): void {
    this.events?.view(name, value as never);
  }

  /** All that are subscribed to. */
  now(): void {
    this.cancel?.();
    this.cancel = null;
    const started = this.scheduler.now();
    for (const name of this.subscribed) {
      const value = this.value(name);
      if (value !== undefined) this.one(name, value);
    }
    this.last = this.scheduler.now();
    this.cost = this.last - started;
  }

  /** While running: at once when the last push is long enough ago, else when it will be. */
  soon(): void {
    const wait = this.last + Math.max(VIEW_INTERVAL_MS, this.cost * VIEW_SHARE) - this.scheduler.now();
    if (wait <= 0) this.now();
    else this.cancel ??= this.scheduler.after(wait, () => this.now());
  }
}
