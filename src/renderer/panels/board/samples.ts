/** The sample boards that come with Pagewalk, built into the window: their titles, and their text as it lies in resources/boards. */
import { loadBoard } from '../../../lab/document/load';
import type { Localized } from '../../../lab/document/schema';
import type { PatchValue } from '../../../lab/document/scalar-text';
import { replaceBoard, type BoardChange, type LabParts } from './edits';

const TEXTS = import.meta.glob<string>('../../../../resources/boards/*.board.yaml', { query: '?raw', import: 'default', eager: true });

export interface SampleBoard {
  /** file name without `.board.yaml` */
  readonly name: string;
  /** read from the file when it is first asked for */
  readonly title: Localized;
  readonly yaml: string;
}

class Sample implements SampleBoard {
  private known: Localized | null = null;

  constructor(
    readonly name: string,
    readonly yaml: string,
  ) {}

  get title(): Localized {
    return (this.known ??= loadBoard(this.yaml).board?.title ?? this.name);
  }
}

const PLAINEST = 'four-dimms';
const SAMPLES: readonly SampleBoard[] = Object.entries(TEXTS)
  .map(([path, yaml]) => new Sample(path.slice(path.lastIndexOf('/') + 1).replace(/\.board\.yaml$/, ''), yaml))
  .sort((a, b) => Number(b.name === PLAINEST) - Number(a.name === PLAINEST) || a.name.localeCompare(b.name));

/** The plainest first, then by name. */
export const sampleBoards = (): readonly SampleBoard[] => SAMPLES;

/** The sample in place of the lab's board, as its file has it. Null when the file cannot be read. */
export function takeSample(lab: LabParts, { yaml, title, name }: SampleBoard): BoardChange | null {
  const { board, source } = loadBoard(yaml);
  if (!board || !source) return null;
  const value = (source.data as { board: PatchValue }).board;
  const label = typeof title === 'string' ? { en: title, 'zh-CN': title } : { en: title.en, 'zh-CN': title['zh-CN'] ?? title.en };
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
  return replaceBoard(lab, value, { slots: ids(board.board.slots), devices: ids(board.board.devices) }, {
    en: `Board: ${label.en || name}`,
    'zh-CN': `主板：${label['zh-CN'] || name}`,
  }); // prettier-ignore
}
