/** Serial channels → lines to show. Pure. */
import type { SerialView } from '../../../lab/protocol';

export interface ConsoleLine {
  vm: string | null;
  text: string;
  /** stands for so many bytes that are not shown */
  earlier?: number;
}

const MOST_LINES = 1_000;

/** Channel by channel (the ports have no common clock), the last thousand lines of each; control characters other than tab are left out. */
export function consoleLines(channels: SerialView['channels']): ConsoleLine[] {
  return channels.flatMap(({ vm, text, earlier }) => {
    const lines = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n');
    if (lines.at(-1) === '') lines.pop();
    const shown: ConsoleLine[] = lines.slice(-MOST_LINES).map((line) => ({ vm, text: clean(line) }));
    return earlier > 0 ? [{ vm, text: '', earlier }, ...shown] : shown;
  });
}

const clean = (line: string): string => line.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
