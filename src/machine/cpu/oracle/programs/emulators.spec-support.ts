/** The programs of an image on QEMU, on Bochs, and on ours: each gives the records that the runner wrote to port 0xE9. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '../../../../assembler';
import { hostPhysical, type HostPhysicalAddress } from '../../../address';
import { FrameStore } from '../../../memory/frame-store';
import type { Engine } from '../../engine';
import { Processor } from '../../processor';
import { POOL_RESERVED } from '../../state-layout';
import { PlainMemory } from '../../system.spec-support';
import {
  DUMP_BYTES,
  makeImage,
  readReport,
  RECORD_BYTES,
  RUNNER,
  type ImageOptions,
  type Outcome,
  type ProgramCase,
  type Report,
} from './layout.spec-support';
import { random } from '../../../random.spec-support';

const MEMORY = 64 * 2 ** 20;
/** Bochs allocates its memory in pieces of this size, and loads an image into one of them; it takes up to four images. */
const BOCHS_PIECE = 128 * 1024;
const BOCHS_PIECES = 4;
const ROM_BASE = 0xf_0000;
const EXIT_PORT = 0xf4;
const DEBUG_PORT = 0xe9;
/** A case that takes so many instructions has gone astray. */
const MOST_INSTRUCTIONS = 2_000_000;

function assembled(name: string): Uint8Array {
  const made = assemble({ [name]: readFileSync(join(import.meta.dirname, name), 'utf8') }, name);
  if (!made.ok) throw new Error(made.diagnostics.map(({ line, message }) => `${name}:${line}: ${message.en}`).join('\n'));
  return made.bytes;
}
const made = new Map<string, Uint8Array>();
/** The bytes of one of the sources beside this file. */
export function program(name: 'runner.asm' | 'rom.asm'): Uint8Array {
  const found = made.get(name) ?? assembled(name);
  made.set(name, found);
  return found;
}

const installed = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

export interface Emulator {
  name: string;
  available(): boolean;
  /** @throws when it cannot be started or prints nothing */
  run(cases: readonly ProgramCase[], options?: ImageOptions): Promise<Report>;
}

/**
 * Goes on behind a case that does not end, as often as that happens. Such a case has no outcome.
 * @throws when nothing comes at all, again and again
 */
async function pastEndless(
  cases: readonly ProgramCase[],
  options: ImageOptions,
  run: (options: ImageOptions) => Promise<Report> | Report,
): Promise<Report> {
  const outcomes = new Map<number, Outcome>();
  const strayed = new Set<number>();
  let first = options.first ?? 0;
  for (let barren = 0; barren < 4;) {
    const report = await run({ ...options, first });
    for (const [number, outcome] of report.outcomes) outcomes.set(number, outcome);
    for (const number of report.strayed ?? []) strayed.add(number);
    const last = Math.max(first - 1, ...[...report.outcomes.keys()].filter((number) => number < cases.length));
    if (last === cases.length - 1) return { outcomes, strayed, complete: true, dump: report.dump };
    barren = report.outcomes.size === 0 ? barren + 1 : 0;
    first = last + 2;
    if (first >= cases.length) return { outcomes, strayed, complete: true };
  }
  return { outcomes, strayed, complete: false };
}

/** So many looks at an emulator that has printed nothing new, a tenth of a second apart, and it is taken for endless. */
const PATIENCE = 60;

/** More than that is printed by no run that goes through its cases once; what a case gone wild has overwritten may make it start again. */
const mostOutput = (cases: readonly ProgramCase[]): number => (2 * cases.length + 64) * RECORD_BYTES + DUMP_BYTES;

/** Runs a command in a folder with the image and the ROM, until it says that it is done or says nothing any more. */
async function inFolder(
  cases: readonly ProgramCase[],
  options: ImageOptions,
  start: (
    folder: string,
    image: Uint8Array,
  ) => { command: string; args: string[]; input?: string; files?: Record<string, string | Uint8Array> },
): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'pagewalk-oracle-'));
  const out = join(folder, 'out');
  try {
    await writeFile(join(folder, 'rom'), program('rom.asm'));
    const image = makeImage(program('runner.asm'), cases, options);
    const { command, args, input, files } = start(folder, image);
    await writeFile(join(folder, 'image'), image);
    for (const [name, content] of Object.entries({ ...files, input: input ?? '', out: '' })) await writeFile(join(folder, name), content);
    const [stdin, stdout] = [openSync(join(folder, 'input'), 'r'), openSync(out, 'a')];
    await new Promise<void>((done, failed) => {
      const child = spawn(command, args, { cwd: folder, stdio: [stdin, stdout, 'ignore'], detached: true });
      // with what it has started: xvfb-run does not pass signals on
      const end = (): void => {
        try {
          process.kill(-child.pid!, 'SIGKILL');
        } catch {
          // it has ended by itself
        }
      };
      const most = mostOutput(cases);
      let size = 0;
      let quiet = 0;
      const watch = setInterval(() => {
        const now = statSync(out).size;
        quiet = now === size ? quiet + 1 : 0;
        size = now;
        if (quiet > PATIENCE || size > most || (quiet > 0 && endsThere(out, size))) end();
      }, 100);
      child.on('error', failed);
      child.on('exit', () => {
        clearInterval(watch);
        end();
        done();
      });
    });
    closeSync(stdin);
    closeSync(stdout);
    return readReport(await readFile(out));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Has the runner printed its last word? Bochs waits for a command of its debugger after that. */
function endsThere(path: string, size: number): boolean {
  const tail = Buffer.alloc(Math.min(size, 2048));
  const file = openSync(path, 'r');
  readSync(file, tail, 0, tail.length, size - tail.length);
  closeSync(file);
  return tail.includes('END.');
}

export const qemu: Emulator = {
  name: 'QEMU',
  available: () => installed('qemu-system-i386'),
  run: (cases, given = {}) =>
    pastEndless(cases, given, (options) => inFolder(cases, options, (folder) => ({
      command: 'qemu-system-i386',
      args: [
        '-M', 'pc', '-cpu', 'pentium2', '-m', '64', '-bios', join(folder, 'rom'), '-device', `loader,file=${join(folder, 'image')},addr=${RUNNER},force-raw=on`,
        '-nodefaults', '-display', 'none', '-vga', 'none', '-chardev', `file,id=o,path=${join(folder, 'out')},append=on`, '-device', 'isa-debugcon,iobase=0xe9,chardev=o',
        '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
      ],
    }))), // prettier-ignore
};

/** An image as Bochs can load it. @throws when it is too long for that */
function bochsPieces(image: Uint8Array): Uint8Array[] {
  if (image.length > BOCHS_PIECES * BOCHS_PIECE) throw new Error(`an image of ${image.length} bytes: Bochs cannot load more than 512 KiB`);
  const count = Math.ceil(image.length / BOCHS_PIECE);
  return Array.from({ length: count }, (_, index) => image.subarray(index * BOCHS_PIECE, (index + 1) * BOCHS_PIECE));
}

/** Debian's Bochs has the debugger, which stops at every shutdown and goes on at `c`; xvfb-run gives it the display it wants. */
export const bochs: Emulator = {
  name: 'Bochs',
  available: () => installed('bochs') && installed('xvfb-run'),
  run: (cases, given = {}) =>
    pastEndless(cases, given, (options) =>
      inFolder(cases, options, (folder, image) => {
        const pieces = bochsPieces(image);
        return {
          command: 'xvfb-run',
          args: ['-a', 'bochs', '-q', '-f', 'rc'],
          input: 'c\n'.repeat(cases.length + 1),
          files: {
            ...Object.fromEntries(pieces.map((piece, index) => [`image${index}`, piece])),
            rc: [
              `romimage: file=${folder}/rom, address=0xffff0000`,
              ...pieces.map(
                (_, index) =>
                  `optramimage${index + 1}: file=${folder}/image${index}, address=0x${(RUNNER + index * BOCHS_PIECE).toString(16)}`,
              ),
              'vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest',
              'megs: 64',
              'cpu: model=p3_katmai, count=1, ips=400000000, reset_on_triple_fault=1',
              'display_library: x',
              'port_e9_hack: enabled=1',
              `log: ${folder}/log`,
              'clock: sync=none',
              'mouse: enabled=0',
            ].join('\n'),
          },
        };
      }),
    ),
};

/** Frames below 1 MiB where a PC has no DRAM: a card's memory, its ROM, or nobody; each emulator has something else there. */
const HOLE = { first: 0xa0, end: 0xf0 };
/** where the runner keeps the number of the running case (runner.asm, PROGRESS) */
const RUNNING = hostPhysical(0xf0_4004);

/** DRAM with a hole; notes the cases that reach into it. */
class MemoryWithHole extends PlainMemory {
  readonly strayed = new Set<number>();

  private inHole(frame: number): boolean {
    return frame >= HOLE.first && frame < HOLE.end;
  }
  override readableFrame(frame: number): number {
    return this.inHole(frame) ? -1 : super.readableFrame(frame);
  }
  override read(address: HostPhysicalAddress, size: 1 | 2 | 4): number {
    if (!this.inHole(Math.floor(address / 4096))) return super.read(address, size);
    this.strayed.add(super.read(RUNNING, 4));
    return 2 ** (8 * size) - 1;
  }
  override write(address: HostPhysicalAddress, size: 1 | 2 | 4, value: number): void {
    if (this.inHole(Math.floor(address / 4096))) this.strayed.add(super.read(RUNNING, 4));
    else super.write(address, size, value);
  }
}

export interface OurOptions extends ImageOptions {
  /** `threaded` and `compiled`: everything is, at its first execution */
  engine: Engine;
  /** but here what is met for the first time, as the cases are, is interpreted, and what goes round and round as the runner does is not */
  cold?: true;
  /** seed of the slices' lengths */
  seed?: number;
}

/** Where ours puts its records: a byte written to a port ends a slice, so that printing them would take longer than the cases do. */
const RECORDS = hostPhysical(0x300_0000);

/** Ours: the processor over plain memory, in slices of random length. */
export const runOurs = (cases: readonly ProgramCase[], options: OurOptions): Promise<Report> =>
  pastEndless(cases, options, (given) =>
    runSlices(cases, { ...(options.dump === undefined ? { records: RECORDS } : {}), ...options, ...given }),
  );

function runSlices(cases: readonly ProgramCase[], options: OurOptions): Report {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: POOL_RESERVED + 2 * MEMORY });
  const memory = new MemoryWithHole(frames, MEMORY);
  const output: number[] = [];
  let ended = false;
  const processor = new Processor({
    frames,
    memory,
    ports: {
      readPort: (_port, size) => 2 ** (8 * size) - 1,
      writePort: (port, size, value) => {
        if (port === DEBUG_PORT) for (let byte = 0; byte < size; byte++) output.push((value >>> (8 * byte)) & 255);
        else if (port === EXIT_PORT) ended = true;
      },
      interrupts: { pending: () => false, acknowledge: () => 0 },
    },
    part: { instructionSet: 'p6', physicalAddressBits: 36, tlb: { entries: 64, ways: 4 }, features: [] },
    engine: options.engine,
  });
  const image = makeImage(program('runner.asm'), cases, options);
  memory.writeBytes(hostPhysical(ROM_BASE), program('rom.asm'));
  memory.writeBytes(hostPhysical(RUNNER), image);
  const restart = (): void => {
    processor.reset();
    // the ROM below 1 MiB: plain memory has none below 4 GiB
    processor.state.setSegment(1, 0xf000, ROM_BASE, 0xffff, 0x93);
    processor.stateReplaced();
  };
  restart();
  const next = random(options.seed ?? 1);
  const { blocks } = processor.interpreter;
  let quiet = 0;
  let seen = -1;
  let turns = 0;
  while (!ended) {
    if (options.cold === undefined && (options.engine === 'compiled' || options.engine === 'threaded')) {
      blocks.hotAfter = 1;
      // cases take turns in the same frames, which would count as code that keeps changing
      for (const page of (blocks as unknown as { pages: Map<number, { drops: number }> }).pages.values()) page.drops = 0;
    }
    const { reason, executed } = processor.run(1 + (next() % (next() % 4 === 0 ? 30 : 6000)));
    const running = memory.read(RUNNING, 4);
    quiet = running === seen ? quiet + executed + 1 : 0;
    if (running !== seen) turns++;
    seen = running;
    if (reason === 'triple-fault') restart();
    else if (reason === 'halted' || quiet > MOST_INSTRUCTIONS || turns > 2 * cases.length + 64) break;
  }
  const records = options.records === undefined ? new Uint8Array() : memory.readBytes(RECORDS, cases.length * RECORD_BYTES);
  return { ...readReport(Buffer.concat([records, Uint8Array.from(output)])), strayed: memory.strayed };
}
