/** From the options of `boot` to a machine that is ready to run: its board, its parts, and the program where the processor finds it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { boot, type BootResult } from '../../machine/firmware/boot';
import { applyProcessorStart } from '../../machine/firmware/processor-start';
import type { BootProgram } from '../../machine/firmware/program-image';
import { DIMMS, PROCESSORS, processorPart } from '../../machine/board/parts';
import { parseSize, type Board } from '../../machine/board/schema';
import { BusConflictError } from '../../machine/bus/bus';
import { PostPort } from '../../machine/devices/post-port/post-port';
import { ROM_SIZES } from '../../machine/devices/rom/rom';
import type { Engine } from '../../machine/cpu/engine';
import { BoardError } from '../../machine/board-error';
import { Machine } from '../../machine/machine';
import { boardProblems } from '../../lab/document/board-problems';
import { nearestNames } from '../../lab/document/nearest';
import { suggestNames, text } from '../../lab/document/problem';
import type { Problem } from '../../lab/protocol';
import { Failure, failure } from '../failure';
import { findLab } from '../open-lab';
import type { Surroundings } from '../streams';
import { readBoard } from './board';

/** Memory of the board that is made when none is named. */
const DEFAULT_MEMORY = 256 * 1024 ** 2;
const LARGEST_MEMORY = 64 * 1024 ** 3;
const LOW_MEMORY = 3 * 1024 ** 3;
const FOUR_GIB = 4 * 1024 ** 3;
const PAGE = 4096;
const BOARD_SUFFIX = '.board.yaml';
/** What a ROM finds when nothing else is said: the part that reset vectors at 4 GiB came with. */
const ROM_PROCESSOR = '386';

/** `64M`, `64 MiB`, 67108864 → bytes; undefined for anything else. */
export function memorySize(value: string): number | undefined {
  const short = /^([0-9]+)\s*([KMG])$/i.exec(value.trim());
  return parseSize(short ? `${short[1]} ${short[2]!.toUpperCase()}iB` : value);
}

/** The smallest DIMM of the catalogue that has so many bytes; an error of ours when there is none. */
function dimmFor(bytes: number): string {
  const [dimm] = DIMMS.filter((part) => part.bytes >= bytes).sort((a, b) => a.bytes - b.bytes);
  if (!dimm) throw new RangeError(`no DIMM has ${bytes} bytes`);
  return dimm.id;
}

/**
 * A board with so much DRAM: from 0 to at most 3 GiB, where the addresses of devices begin, and the rest from 4 GiB on. Throws
 * Failure for a size it cannot have.
 */
function boardWithMemory(bytes: number, processor: string): Board {
  if (bytes < PAGE || bytes > LARGEST_MEMORY || bytes % PAGE !== 0) {
    throw failure(
      'boot-memory',
      text(
        `${bytes} bytes of memory: expected a multiple of 4 KiB up to 64 GiB.`,
        `内存大小 ${bytes} 字节无效：应为 4 KiB 的倍数，且不超过 64 GiB。`,
      ),
      text('Write --memory "64 MiB", or give a board with --board.', '请写 --memory "64 MiB"，或用 --board 指定主板。'),
    );
  }
  const low = Math.min(bytes, LOW_MEMORY);
  const slots = [{ id: 'A1', base: 0, window: low, dimm: dimmFor(low) }];
  if (bytes > low) slots.push({ id: 'A2', base: FOUR_GIB, window: bytes - low, dimm: dimmFor(bytes - low) });
  return { processor, assignment: 'fixed', slots, devices: [] };
}

/** The named part. Throws Failure with the nearest names when there is none. */
function checkedProcessor(id: string): string {
  if (processorPart(id)) return id;
  const names = PROCESSORS.map((part) => part.id);
  throw failure(
    'boot-cpu',
    text(`There is no processor "${id}".`, `没有处理器 “${id}”。`),
    suggestNames(nearestNames(id, names)) ?? text(`Choose one of ${names.join(', ')}.`, `请选择其中之一：${names.join('、')}。`),
  );
}

/**
 * The board that `--board` names: a board file, a lab for its board, or the name of a shipped one. Throws Failure when there is none
 * or it cannot be read.
 */
export async function boardNamed(argument: string, surroundings: Surroundings): Promise<Board> {
  const shipped = resolve(surroundings.resources, 'boards', `${argument}${BOARD_SUFFIX}`);
  let path: string;
  try {
    path = await findLab(argument, surroundings);
  } catch (thrown) {
    if (!existsSync(shipped) || /[\\/]/.test(argument)) throw thrown;
    path = shipped;
  }
  const { board, problems } = await readBoard(path, surroundings);
  // what the rules say of it is asked again with the processor that it gets
  if (!board) throw new Failure(problems, argument);
  return board;
}

/**
 * The board that a run gets: the named one or one with --memory, with the processor of --cpu; and what the placement rules say of it.
 * Throws Failure for a part that does not exist and for a size that no board has.
 */
export function boardOf(
  named: Board | null,
  { cpu, memory, rom }: { cpu?: string; memory?: number; rom?: string },
): { board: Board; problems: Problem[] } {
  const processor = checkedProcessor(cpu ?? named?.processor ?? (rom === undefined ? 'p6-virtualization' : ROM_PROCESSOR));
  const reach = 2 ** (processorPart(processor)?.physicalAddressBits ?? 0);
  if (named) return { board: { ...named, processor }, problems: boardProblems({ ...named, processor }) };
  const board = boardWithMemory(memory ?? Math.min(DEFAULT_MEMORY, reach), processor);
  // that its DIMMs are cut to the size that was asked for is no news
  return { board, problems: boardProblems(board).filter(({ code }) => code === 'board-beyond-address-lines') };
}

export interface MachineChoice {
  board: Board;
  rom?: Uint8Array | undefined;
  romFile?: string | undefined;
  postPort?: number | undefined;
  exitPort?: number | undefined;
  engine?: Engine | undefined;
}

export interface BootMachine {
  machine: Machine;
  cpu: string;
  post: PostPort | null;
}

/** Builds it. Throws Failure for a ROM of a wrong size, an unknown part, and a port that another device has. */
export function buildMachine({ board, rom, romFile, postPort, exitPort, engine = 'auto' }: MachineChoice): BootMachine {
  if (rom && !ROM_SIZES.includes(rom.length)) {
    throw failure(
      'boot-rom-size',
      text(
        `${romFile} has ${rom.length} bytes; a ROM has 65536 or 131072.`,
        `${romFile} 有 ${rom.length} 字节；ROM 应为 65536 或 131072 字节。`,
      ),
      text('Pad it, so that its last 16 bytes are the reset vector.', '请补齐，使最后 16 字节为复位向量。'),
    );
  }
  let machine: Machine;
  try {
    machine = new Machine(board, { engine, ...(rom ? { rom } : {}) });
  } catch (thrown) {
    if (!(thrown instanceof BoardError)) throw thrown;
    throw failure(
      'board-not-built',
      text(thrown.message, `${thrown.part}：无法通电`),
      text('Mend the board first: see pagewalk board check.', '请先修正主板：参见 pagewalk board check。'),
    );
  }
  const post = postPort === undefined ? null : new PostPort('post', postPort);
  if (exitPort !== undefined) takePort('--exit-port', exitPort, () => machine.bus.move(machine.exitPort.id, 'value', exitPort));
  if (post) takePort('--post-port', postPort!, () => machine.bus.attach(post));
  return { machine, cpu: board.processor, post };
}

function takePort(option: string, port: number, take: () => void): void {
  try {
    take();
  } catch (thrown) {
    const hex = `0x${port.toString(16)}`;
    const choose = text('Choose a free port below 0x10000.', '请选择 0x10000 以下的空闲端口。');
    if (thrown instanceof BusConflictError)
      throw failure(
        'boot-port-taken',
        text(`${option} ${hex}: the port belongs to ${thrown.holder}.`, `${option} ${hex}：该端口属于 ${thrown.holder}。`),
        choose,
      );
    if (thrown instanceof RangeError)
      throw failure('boot-port', text(`${option} ${hex}: there is no such port.`, `${option} ${hex}：没有这个端口。`), choose);
    throw thrown;
  }
}

/** Loads the kernel and sets the processor to where it starts; the firmware may refuse. */
export function loadKernel(machine: Machine, program: BootProgram): BootResult {
  const result = boot(machine.platform, program);
  if (result.start) {
    const { state } = machine.processor;
    applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.byteLength), result.start);
    machine.processor.stateReplaced();
  }
  return result;
}
