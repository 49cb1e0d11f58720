/** Breakpoints at addresses and watchpoints of the open lab, kept for when it is opened again; the session is given those that are on. */
import { defineStore } from 'pinia';
import { shallowRef, watch } from 'vue';
import type { StopPoint } from '../../lab/protocol';
import { useDocument } from './document';
import { labKey, MOST_STOP_POINTS, readStops, writeStops, type KeptPoint } from './kept-stops';
import { useSession } from './session';
import { useSettings } from './settings';

/** Two points with the same key are one. */
export const keyOf = ({ vm, kind, linear, size }: StopPoint): string => `${vm ?? ''} ${kind} ${linear} ${size}`;

export const useStopPoints = defineStore('stop-points', () => {
  const session = useSession();
  const lab = useDocument();
  const settings = useSettings();
  const all = shallowRef<readonly KeptPoint[]>([]);

  async function send(): Promise<void> {
    if (session.connection !== 'ready') return;
    const on = all.value.filter(({ enabled }) => enabled);
    try {
      await session.commands.setStopPoints(on.map(({ vm, kind, linear, size }) => ({ vm, kind, linear, size })));
    } catch {
      // the session is gone; they are sent again to the next one
    }
  }
  function keep(): void {
    const key = labKey(lab);
    if (key !== null) settings.stops = writeStops(settings.stops, key, { ...readStops(settings.stops, key), points: all.value });
  }
  function replace(points: readonly KeptPoint[]): void {
    all.value = points;
    keep();
    void send();
  }

  const has = (point: StopPoint): boolean => all.value.some((kept) => keyOf(kept) === keyOf(point));
  /** Adds it, on, or switches on the one that is there. False when there are too many. */
  function add(point: StopPoint): boolean {
    if (!has(point) && all.value.length >= MOST_STOP_POINTS) return false;
    const others = all.value.filter((kept) => keyOf(kept) !== keyOf(point));
    replace([...others, { ...point, enabled: true }]);
    return true;
  }
  const remove = (point: StopPoint): void => replace(all.value.filter((kept) => keyOf(kept) !== keyOf(point)));
  const toggle = (point: StopPoint): boolean => (has(point) ? (remove(point), true) : add(point));
  const enable = (point: StopPoint, enabled: boolean): void =>
    replace(all.value.map((kept) => (keyOf(kept) === keyOf(point) ? { ...kept, enabled } : kept)));
  const clear = (): void => replace([]);

  watch([() => lab.opened, () => labKey(lab)], ([opened, key], [before]) => {
    // the same lab, saved under another name
    if (opened === before) return keep();
    all.value = readStops(settings.stops, key).points;
    void send();
  });
  // a new worker knows none
  watch(
    () => session.generation,
    () => {
      if (all.value.length > 0) void send();
    },
  );

  return { all, has, add, remove, toggle, enable, clear };
});
