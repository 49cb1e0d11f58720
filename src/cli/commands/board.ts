/** `board check FILE` and `board map FILE`: a board alone, or the board of a lab. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeFailure } from '../../host/files/shell-error';
import { MAX_LAB_BYTES } from '../../lab/document/files';
import { loadDrawing } from '../../lab/document/load';
import { error, hasErrors, text } from '../../lab/document/problem';
import { BOARD_FORMAT, type BoardFile } from '../../lab/document/schema';
import type { Language, Problem } from '../../lab/protocol';
import { formatAddress, plainHex } from '../../machine/address';
import { addressMap, type AddressRange } from '../../machine/board/address-map';
import { columns, sizeText } from '../columns';
import { Failure, formatProblems } from '../failure';
import { EXIT, type Surroundings } from '../streams';

export type Board = BoardFile['board'];

/** A board file, or the board of a lab file; null when there is no drawing at all. Throws Failure when the file cannot be read. */
export async function readBoard(file: string, { cwd }: Surroundings): Promise<{ board: Board | null; problems: Problem[] }> {
  const path = resolve(cwd, file);
  let yaml: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_LAB_BYTES) {
      const message = text(
        `${file} has ${(size / 1e6).toFixed(1)} MB; at most 5 MB are read.`,
        `${file} 有 ${(size / 1e6).toFixed(1)} MB；最多读取 5 MB。`,
      );
      throw new Failure([error('lab-too-large', message, text('A board file is a few kilobytes of YAML.', '主板文件只是几 KB 的 YAML。'))]);
    }
    yaml = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const { code, message } = describeFailure(thrown, file);
    throw new Failure([
      error(`board-${code}`, message, text(`Give a board (${BOARD_FORMAT}) or a lab.`, `请给出主板（${BOARD_FORMAT}）或实验。`)),
    ]);
  }
  return loadDrawing(yaml);
}

/** Prints every problem of the board. Exit 2 when one is an error. */
export async function boardCheck(file: string, language: Language, surroundings: Surroundings): Promise<number> {
  const { board, problems } = await readBoard(file, surroundings);
  surroundings.err(formatProblems(problems, file, language));
  if (!board || hasErrors(problems)) return EXIT.badInput;
  const slots = board.slots.filter(({ dimm }) => dimm !== null).length;
  surroundings.out(
    language === 'en'
      ? `${file}: the board is in order, ${slots} of ${board.slots.length} slots have a DIMM\n`
      : `${file}：主板没有错误，${board.slots.length} 个插槽中有 ${slots} 个插了内存条\n`,
  );
  return EXIT.ok;
}

const KIND = {
  dram: { en: 'DRAM', 'zh-CN': '内存' },
  hole: { en: 'nobody', 'zh-CN': '无人应答' },
  mmio: { en: 'device', 'zh-CN': '设备' },
  reserved: { en: 'reserved', 'zh-CN': '保留' },
  conflict: { en: 'CONFLICT', 'zh-CN': '冲突' },
} as const;

/** `slot` is who answers: several names joined by + where DIMMs take turns or conflict, null where no DIMM does. */
const jsonRange = ({ base, end, kind, slots, device }: AddressRange): object => ({
  base: plainHex(base),
  end: plainHex(end),
  bytes: end - base,
  kind,
  slot: kind === 'dram' || kind === 'conflict' ? slots.join('+') : null,
  slots,
  ...(device !== undefined ? { device } : {}),
});

/** Prints the physical address map. Exit 2 when the board has an error; the map is printed all the same where there is one. */
export async function boardMap(file: string, json: boolean, language: Language, surroundings: Surroundings): Promise<number> {
  const { board, problems } = await readBoard(file, surroundings);
  surroundings.err(formatProblems(problems, file, language));
  if (!board) return EXIT.badInput;
  const map = addressMap(board);
  if (json) {
    surroundings.out(
      JSON.stringify(
        { schema: 'pagewalk.board-map/1', physicalAddressBits: map.physicalAddressBits, ranges: map.ranges.map(jsonRange) },
        null,
        2,
      ) + '\n',
    );
  } else {
    const digits = Math.ceil(map.physicalAddressBits / 4);
    surroundings.out(
      columns(
        map.ranges.map((range) => [
          `${formatAddress(range.base, digits)} – ${formatAddress(range.end - 1, digits)}`,
          sizeText(range.end - range.base).padStart(10),
          KIND[range.kind][language],
          range.device ?? range.slots.join(' + '),
        ]),
      ),
    );
  }
  return hasErrors(problems) ? EXIT.badInput : EXIT.ok;
}
