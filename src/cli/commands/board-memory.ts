/** `board locate`, `board address`, `board e820` and `board dmi`: from an address to its cell and back, and what firmware tells an OS. */
import { formatAddress, hostPhysical, plainHex } from '../../machine/address';
import { addressMap, rangeAt, type AddressMap } from '../../machine/board/address-map';
import { dimmPart } from '../../machine/board/parts';
import { parseAddress } from '../../machine/board/schema';
import { e820, type E820Type } from '../../machine/firmware/memory-map';
import { smbiosDump } from '../../machine/firmware/smbios';
import type { Cell } from '../../machine/journey/journey';
import { MemoryController } from '../../machine/memory/memory-controller';
import { NoSuchCellError } from '../../machine/memory/no-such-cell';
import { error, hasErrors, text } from '../../lab/document/problem';
import type { Language } from '../../lab/protocol';
import { writeAtomically } from '../../host/files/atomic-write';
import { describeFailure } from '../../host/files/shell-error';
import { resolve } from 'node:path';
import { columns, sizeText } from '../columns';
import { Failure, failure, formatProblems } from '../failure';
import { EXIT, type Surroundings } from '../streams';
import { readBoard, type Board } from './board';

interface OpenBoard {
  board: Board;
  map: AddressMap;
  status: number;
}

/** Reads the board and reports its problems; goes on as long as there is a drawing. */
async function open(file: string, language: Language, surroundings: Surroundings): Promise<OpenBoard> {
  const { board, problems } = await readBoard(file, surroundings);
  if (!board) throw new Failure(problems, file);
  surroundings.err(formatProblems(problems, file, language));
  return { board, map: addressMap(board), status: hasErrors(problems) ? EXIT.badInput : EXIT.ok };
}

/** The keys that `board address` reads back; the subchannel only where a module has two. */
function cellJson(board: Board, { channel, slot, subchannel, rank, bankGroup, bank, row, column, byte }: Cell): object {
  const part = dimmPart(board.slots.find(({ id }) => id === slot)?.dimm ?? '');
  const halves = (part?.geometry.subchannels ?? 1) > 1 ? { subchannel } : {};
  return { channel, slot, ...halves, rank, bankGroup, bank, row, column, byte };
}

const cellText = (cell: object): string =>
  Object.entries(cell)
    .map(([level, value]) => `${level} ${String(value)}`)
    .join(', ');

/** Prints the cell behind an address. Exit 2 when no DIMM answers there. */
export async function boardLocate(
  file: string,
  address: string,
  json: boolean,
  language: Language,
  surroundings: Surroundings,
): Promise<number> {
  const wanted = parseAddress(address);
  if (wanted === undefined) {
    throw failure(
      'usage',
      text(`"${address}" is no address.`, `“${address}” 不是地址。`),
      text('Write a number, as 0x10_0000.', '请写一个数，例如 0x10_0000。'),
    );
  }
  const { board, map, status } = await open(file, language, surroundings);
  const range = rangeAt(map.ranges, wanted);
  const answers = range && (range.kind === 'dram' || range.kind === 'conflict');
  const [first, ...others] = answers ? new MemoryController(board, map.dram).locateAll(hostPhysical(wanted)) : [];
  if (!first) {
    const where = range ? range.text : text('Beyond the address lines', '超出地址线范围');
    throw failure(
      'board-no-dram',
      text(
        `No DIMM answers at ${formatAddress(wanted)}: ${where.en.toLowerCase()}.`,
        `${formatAddress(wanted)} 处没有内存条应答：${where['zh-CN']}。`,
      ),
      text('See "board map".', '参见 “board map”。'),
      file,
    );
  }
  const cells = [first, ...others].map(({ cell }) => cellJson(board, cell));
  if (json) surroundings.out(JSON.stringify(cells.length > 1 ? { ...cells[0], alsoAnswer: cells.slice(1) } : cells[0]) + '\n');
  else surroundings.out(cells.map((cell) => `${formatAddress(wanted)}: ${cellText(cell)}\n`).join(''));
  return status;
}

const LEVELS = ['channel', 'subchannel', 'rank', 'bankGroup', 'bank', 'row', 'column', 'byte'] as const;

/** The JSON that `board locate` prints; levels left out are 0. Throws Failure. */
function parseCell(written: string): Cell {
  const wrong = (en: string, zh: string): Failure =>
    failure(
      'usage',
      text(`CELL ${en}.`, `CELL ${zh}。`),
      text(
        'Write what "board locate --json" prints: {"channel":0,"slot":"A1","rank":0,"bankGroup":0,"bank":0,"row":0,"column":0,"byte":0}.',
        '请写 “board locate --json” 的输出：{"channel":0,"slot":"A1","rank":0,"bankGroup":0,"bank":0,"row":0,"column":0,"byte":0}。',
      ),
    );
  let data: unknown;
  try {
    data = JSON.parse(written);
  } catch {
    throw wrong('is no JSON', '不是 JSON');
  }
  if (typeof data !== 'object' || data === null) throw wrong('is no object', '不是对象');
  const { slot, ...levels } = data as Record<string, unknown>;
  if (typeof slot !== 'string') throw wrong('has no "slot"', '没有 “slot”');
  const cell: Cell = { slot, channel: 0, subchannel: 0, rank: 0, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 };
  for (const level of LEVELS) {
    const value = levels[level] ?? 0;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw wrong(`has a "${level}" that is no whole number`, `的 “${level}” 不是整数`);
    cell[level] = value;
  }
  return cell;
}

/** A board may have thousands. */
const MOST_NAMES = 16;
const some = (names: readonly string[], comma: string): string =>
  names.slice(0, MOST_NAMES).join(comma) + (names.length > MOST_NAMES ? `${comma}… (${names.length})` : '');

/** Prints the host-physical address of a cell. Exit 2 when the board has no such cell or no address reaches it. */
export async function boardAddress(file: string, written: string, language: Language, surroundings: Surroundings): Promise<number> {
  const cell = parseCell(written);
  const { board, map, status } = await open(file, language, surroundings);
  let address: number | undefined;
  try {
    address = new MemoryController(board, map.dram).addressOf(cell);
  } catch (thrown) {
    if (!(thrown instanceof NoSuchCellError)) throw thrown;
    const slots = board.slots.filter(({ dimm }) => dimm !== null).map(({ id }) => id);
    throw failure(
      'board-no-cell',
      text(`The board has no such cell: ${thrown.message}.`, `主板上没有这个单元：${thrown.zh}。`),
      text(`Slots with a DIMM: ${some(slots, ', ')}.`, `装有内存条的插槽：${some(slots, '、')}。`),
      file,
    );
  }
  if (address === undefined) {
    throw failure(
      'board-unreachable-cell',
      text('No address reaches this cell.', '没有任何地址能到达该单元。'),
      text('Its DIMM is cut off by its window, lost under a hole, or has no base.', '其内存条被窗口截断、位于空洞之下，或没有基地址。'),
      file,
    );
  }
  surroundings.out(`${plainHex(address)}\n`);
  return status;
}

const TYPES: Readonly<Record<E820Type, Record<Language, string>>> = {
  usable: { en: 'usable', 'zh-CN': '可用' },
  reserved: { en: 'reserved', 'zh-CN': '保留' },
};

/** Prints the map that firmware would hand to an operating system. */
export async function boardE820(file: string, json: boolean, language: Language, surroundings: Surroundings): Promise<number> {
  const { map, status } = await open(file, language, surroundings);
  const entries = e820(map.ranges);
  if (json) {
    const plain = entries.map(({ base, end, type }) => ({ base: plainHex(base), end: plainHex(end), type }));
    surroundings.out(JSON.stringify({ schema: 'pagewalk.e820/1', entries: plain }, null, 2) + '\n');
  } else {
    const row = ({ base, end, type }: (typeof entries)[number]): string[] => [
      `${formatAddress(base, 16)} – ${formatAddress(end - 1, 16)}`,
      sizeText(end - base).padStart(10),
      TYPES[type][language],
    ];
    surroundings.out(columns(entries.map(row)));
  }
  return status;
}

/** Writes the SMBIOS tables as dmidecode's --from-dump reads them: to `out`, or to the standard output. */
export async function boardDmi(file: string, out: string | undefined, language: Language, surroundings: Surroundings): Promise<number> {
  const { board, map, status } = await open(file, language, surroundings);
  const dump = smbiosDump(board, map);
  if (out === undefined) {
    surroundings.out(dump);
    return status;
  }
  try {
    await writeAtomically(resolve(surroundings.cwd, out), dump);
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, out);
    throw new Failure([error(`board-${code}`, message)]);
  }
  return status;
}
