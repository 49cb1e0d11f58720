/** Breakpoints by file and line of the open lab, kept for when it is opened again. The session moves them to the lines that carry code. */
import { defineStore } from 'pinia';
import { shallowRef, watch } from 'vue';
import { useDocument } from './document';
import { labKey, readStops, writeStops } from './kept-stops';
import { useSession } from './session';
import { useSettings } from './settings';

export interface Breakpoint {
  file: string;
  line: number;
  /** false while the line carries no code, or the session has not answered */
  bound: boolean;
  /** off: kept, but nothing stops there */
  enabled: boolean;
}

export const useBreakpoints = defineStore('breakpoints', () => {
  const session = useSession();
  const lab = useDocument();
  const settings = useSettings();
  const all = shallowRef<readonly Breakpoint[]>([]);

  const of = (file: string): readonly Breakpoint[] => all.value.filter((point) => point.file === file);
  function replace(file: string, points: readonly Breakpoint[]): void {
    const sorted = [...points].sort((a, b) => a.line - b.line).filter((point, index, list) => list[index - 1]?.line !== point.line);
    all.value = [...all.value.filter((point) => point.file !== file), ...sorted].sort((a, b) => a.file.localeCompare(b.file));
    keep();
  }
  function keep(): void {
    const key = labKey(lab);
    if (key !== null) settings.stops = writeStops(settings.stops, key, { ...readStops(settings.stops, key), lines: all.value });
  }
  async function send(file: string): Promise<void> {
    const asked = of(file).filter(({ enabled }) => enabled);
    if (session.connection !== 'ready') return;
    try {
      const ended = await session.commands.setBreakpoints(
        file,
        asked.map((point) => point.line),
      );
      // the student may have changed them meanwhile: then the later answer counts
      const now = of(file);
      if (linesOn(now) === linesOn(asked)) {
        replace(file, [
          ...now.filter(({ enabled }) => !enabled),
          ...ended.map(({ line, bound }) => ({ file, line, bound, enabled: true })),
        ]);
      }
    } catch {
      // the session is gone; they are sent again to the next one
    }
  }
  const linesOn = (points: readonly Breakpoint[]): string =>
    points
      .filter(({ enabled }) => enabled)
      .map(({ line }) => line)
      .join();

  function toggle(file: string, line: number): void {
    const points = of(file);
    replace(
      file,
      points.some((point) => point.line === line)
        ? points.filter((point) => point.line !== line)
        : [...points, { file, line, bound: false, enabled: true }],
    );
    void send(file);
  }
  function enable(file: string, line: number, enabled: boolean): void {
    replace(
      file,
      of(file).map((point) => (point.line === line ? { ...point, bound: false, enabled } : point)),
    );
    void send(file);
  }
  /** The lines they moved to while the file was edited, in the order of `of`. */
  function move(file: string, lines: readonly number[]): void {
    const before = of(file);
    replace(
      file,
      lines.map((line, index) => ({ file, line, bound: false, enabled: before[index]?.enabled ?? true })),
    );
    void send(file);
  }
  /** All of them at once; the session forgets those it had. */
  function become(points: readonly Breakpoint[]): void {
    const files = new Set([...all.value, ...points].map((point) => point.file));
    all.value = points;
    for (const file of files) void send(file);
  }
  function clear(): void {
    become([]);
    keep();
  }

  watch([() => lab.opened, () => labKey(lab)], ([opened, key], [before]) => {
    // the same lab, saved under another name
    if (opened === before) return keep();
    become(readStops(settings.stops, key).lines.map((line) => ({ ...line, bound: false })));
  });
  watch(
    () => session.views.status?.power,
    (power, before) => {
      // addresses exist from power-on; a new worker knows none
      if (before === 'off' || before === undefined) {
        if (power && power !== 'off') for (const file of new Set(all.value.map((point) => point.file))) void send(file);
      }
    },
  );
  watch(
    () => session.generation,
    () => {
      for (const file of new Set(all.value.map((point) => point.file))) void send(file);
    },
  );

  return { all, of, toggle, enable, move, clear };
});
