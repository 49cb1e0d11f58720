/** `boot`: runs a ROM or a kernel on a bare board, to its end or the limit, and says what it did. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeFailure } from '../../host/files/shell-error';
import { error, text } from '../../lab/document/problem';
import type { Language } from '../../lab/protocol';
import type { Stop } from '../../lab/session/computer';
import { stateHash } from '../../lab/snapshot/state-hash';
import type { BootStep } from '../../machine/firmware/boot-report';
import { LARGEST_FILE } from '../../machine/firmware/program-image';
import type { Engine } from '../../machine/cpu/processor';
import type { Machine } from '../../machine/machine';
import type { MachineRun } from '../../machine/run-machine';
import { columns } from '../columns';
import { Failure, failure, formatProblem } from '../failure';
import { toJson } from '../json';
import { openLab } from '../open-lab';
import { EXIT, type Surroundings } from '../streams';
import { buildMachine, loadKernel, type BootMachine } from './boot-machine';
import { Trace } from './boot-trace';

export interface BootOptions {
  rom?: string;
  kernel?: string;
  loadAddress?: number;
  entry?: number;
  mode?: 'real' | 'protected';
  append?: string;
  memory?: number;
  board?: string;
  serial?: string;
  postPort?: number;
  exitPort?: number;
  cpu?: string;
  engine?: Engine;
  maxInstructions?: number;
  hashAt: number[];
  trace?: string;
  json?: boolean;
}

/** Instructions between looks at the serial port; nothing else depends on it. */
const SLICE = 5_000_000;
const REAL_MODE_END = 0x10_0000;

type StopKind = Exclude<Stop['kind'], 'paused'>;

interface Outcome {
  stop: StopKind;
  /** value a program wrote to the exit port */
  exitValue: number | null;
  seconds: number;
  hashes: Record<string, string>;
}

async function readInput(file: string, largest: number, { cwd }: Surroundings): Promise<Uint8Array> {
  try {
    const path = resolve(cwd, file);
    const { size } = await stat(path);
    if (size > largest)
      throw failure(
        'boot-file-too-large',
        text(`${file} has ${size} bytes; at most ${largest} are read.`, `${file} 有 ${size} 字节；最多读取 ${largest} 字节。`),
        text('Give the ROM or kernel itself.', '请给出 ROM 或内核文件本身。'),
      );
    return new Uint8Array(await readFile(path));
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure(
      'boot-not-read',
      describeFailure(thrown, file).message,
      text('Give the path of a ROM or kernel.', '请给出 ROM 或内核文件的路径。'),
    );
  }
}

/** A file that is written while the machine runs; what the file system says comes back as a problem. */
function writing<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, file);
    const full = text(
      `The disk is full: ${file} ends where there was no room left. Free some space and run it again.`,
      `磁盘已满：${file} 在空间用尽处中断。请释放空间后重新运行。`,
    );
    throw new Failure([error(`boot-${code}`, code === 'disk-full' ? full : message)]);
  }
}

function checkOptions(options: BootOptions): void {
  if ((options.rom === undefined) === (options.kernel === undefined)) {
    throw failure(
      'usage',
      text('Give either --rom FILE or --kernel FILE.', '请给出 --rom FILE 或 --kernel FILE 之一。'),
      text('See pagewalk boot --help.', '参见 pagewalk boot --help。'),
    );
  }
  if (options.memory !== undefined && options.board !== undefined) {
    throw failure(
      'usage',
      text('--memory and --board exclude each other.', '--memory 与 --board 不能同时使用。'),
      text("The board's own DIMMs are its memory.", '主板的内存由其内存条决定。'),
    );
  }
  const kernelOnly = (['loadAddress', 'entry', 'mode', 'append'] as const).filter((name) => options[name] !== undefined);
  if (options.rom !== undefined && kernelOnly.length > 0) {
    throw failure(
      'usage',
      text('A ROM starts at the reset vector: kernel options do not apply.', 'ROM 从复位向量开始执行：内核选项不适用。'),
      text('Leave out --load-address, --entry, --mode and --append.', '请去掉 --load-address、--entry、--mode 和 --append。'),
    );
  }
}

/** Hands on what COM1 has sent since it was last asked: to standard output (or error, beside JSON), or to a file. */
class SerialTap {
  private seen = 0;
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly machine: Machine,
    private readonly take: (bytes: Uint8Array) => void,
  ) {}

  static to(machine: Machine, options: BootOptions, { cwd, out, err }: Surroundings): SerialTap | null {
    const { serial } = options;
    if (serial === undefined) return null;
    if (serial === 'stdio') {
      const print = options.json ? err : out;
      const tap: SerialTap = new SerialTap(machine, (bytes) => print(tap.decoder.decode(bytes, { stream: true })));
      return tap;
    }
    const path = resolve(cwd, serial);
    writing(serial, () => writeFileSync(path, ''));
    return new SerialTap(machine, (bytes) => writing(serial, () => appendFileSync(path, bytes)));
  }

  flush(): void {
    const { uart } = this.machine;
    const { output } = uart;
    const total = uart.droppedBytes + output.length;
    if (total === this.seen) return;
    this.take(output.subarray(Math.max(0, this.seen - uart.droppedBytes)));
    this.seen = total;
  }
}

/** Runs to the end or the limit; stops on the way exactly where a hash is wanted. */
function execute({ machine }: BootMachine, options: BootOptions, serial: SerialTap | null, trace: Trace | null): Outcome {
  const limit = options.maxInstructions ?? Infinity;
  const hashes: Record<string, string> = {};
  const wanted = [...new Set(options.hashAt)].sort((a, b) => a - b);
  let seconds = 0;
  let stop: StopKind | null = null;
  while (stop === null) {
    const { instructions } = machine;
    if (wanted[0] === instructions) {
      hashes[instructions] = stateHash(machine, null);
      wanted.shift();
      continue;
    }
    if (instructions >= limit) {
      stop = 'limit';
      break;
    }
    const budget = Math.min(SLICE, limit - instructions, (wanted[0] ?? Infinity) - instructions);
    const begun = performance.now();
    const { reason }: MachineRun = trace ? trace.step() : machine.run(budget);
    seconds += (performance.now() - begun) / 1000;
    serial?.flush();
    if (reason !== 'budget' && reason !== 'breakpoint' && reason !== 'watchpoint') stop = reason;
  }
  // a program that ends at the very instruction has been there
  if (wanted[0] === machine.instructions) hashes[machine.instructions] = stateHash(machine, null);
  return { stop, exitValue: machine.exitPort.exitValue, seconds, hashes };
}

/** The port's own status for a run that it ended, as QEMU's isa-debug-exit; else 0 when it halted, 3 otherwise. */
export function bootStatus({ stop, exitValue }: Pick<Outcome, 'stop' | 'exitValue'>): number {
  if (stop === 'exit-port') return (((exitValue ?? 0) << 1) | 1) & 0xff;
  return stop === 'halted' ? EXIT.ok : EXIT.notExpected;
}

const STOPS: Record<StopKind, Record<Language, string>> = {
  halted: { en: 'halted', 'zh-CN': '停机' },
  limit: { en: 'stopped at the instruction limit', 'zh-CN': '达到指令数上限' },
  'triple-fault': { en: 'triple fault: the processor gave up', 'zh-CN': '三重故障（triple fault）：处理器停止' },
  'boot-refused': { en: 'boot refused', 'zh-CN': '拒绝启动' },
  'exit-port': { en: 'ended by the program', 'zh-CN': '由程序结束' },
  'out-of-memory': { en: 'out of memory', 'zh-CN': '内存不足' },
};

/** Exit status: the port's for a run that a port ended; 2 bad input; 3 limit, triple fault or refusal; else 0. */
export async function boot(options: BootOptions, language: Language, surroundings: Surroundings): Promise<number> {
  checkOptions(options);
  const board = options.board === undefined ? null : (await openLab(options.board, [], surroundings)).document.board;
  const bytes = await readInput((options.rom ?? options.kernel)!, LARGEST_FILE, surroundings);
  const built = buildMachine({ ...options, board, rom: options.rom === undefined ? undefined : bytes, romFile: options.rom });
  const { machine, post, cpu } = built;
  let steps: BootStep[] = [];
  if (options.kernel !== undefined) {
    const { loadAddress, entry, append } = options;
    // only what has no header may be told where to go; low memory is where real-mode programs live
    const format = loadAddress !== undefined || options.mode !== undefined ? 'flat' : 'auto';
    const mode = options.mode ?? ((loadAddress ?? REAL_MODE_END) < REAL_MODE_END ? 'real' : 'protected');
    const result = loadKernel(machine, {
      file: options.kernel,
      bytes,
      format,
      mode,
      ...(loadAddress === undefined ? {} : { load: loadAddress }),
      ...(entry === undefined ? {} : { entry }),
      ...(append === undefined ? {} : { commandLine: append }),
    });
    steps = result.steps;
    if (result.refused)
      surroundings.err(
        formatProblem(error(result.refused.code, result.refused.message, result.refused.remedy), options.kernel, language) + '\n',
      );
    if (!result.start) {
      const refused: Outcome = { stop: 'boot-refused', exitValue: null, seconds: 0, hashes: {} };
      report(built, options, refused, steps, cpu, language, surroundings);
      return bootStatus(refused);
    }
  }
  const serial = SerialTap.to(machine, options, surroundings);
  const traced = <T>(work: () => T): T => writing(options.trace!, work);
  const trace = options.trace === undefined ? null : new Trace(machine, resolve(surroundings.cwd, options.trace), traced);
  let outcome: Outcome;
  try {
    outcome = execute(built, options, serial, trace);
  } finally {
    trace?.close();
  }
  report({ machine, post, cpu }, options, outcome, steps, cpu, language, surroundings);
  return bootStatus(outcome);
}

function report(
  { machine, post }: BootMachine,
  options: BootOptions,
  outcome: Outcome,
  steps: readonly BootStep[],
  cpu: string,
  language: Language,
  { out }: Surroundings,
): void {
  const { stop, seconds, hashes } = outcome;
  const { instructions } = machine;
  const mips = seconds > 0 ? instructions / seconds / 1e6 : 0;
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const serial = decode(machine.uart.output);
  const debug = decode(machine.debugPort.output);
  const codes = [...(post?.written ?? [])];
  if (options.json) {
    out(
      toJson({
        schema: 'pagewalk.boot/1',
        cpu,
        engine: options.engine ?? 'auto',
        instructions,
        ticks: machine.ticks,
        mips: Math.round(mips * 100) / 100,
        stop,
        post: codes,
        serial,
        debug,
        exitStatus: bootStatus(outcome),
        hashes,
      }),
    );
    return;
  }
  const en = language === 'en';
  if (steps.length > 0) out(columns(steps.map(({ ok, text: words }) => [ok ? '✓' : '✗', words[language]])) + '\n');
  out(`${STOPS[stop][language]}\n`);
  out(
    en
      ? `${instructions} instructions, ${machine.ticks} ticks, ${mips.toFixed(1)} MIPS\n`
      : `${instructions} 条指令，${machine.ticks} 个时钟，${mips.toFixed(1)} MIPS\n`,
  );
  if (post) out(`POST: ${codes.map((code) => code.toString(16).toUpperCase().padStart(2, '0')).join(' ')}\n`);
  for (const [at, hash] of Object.entries(hashes)) out(`${at}: ${hash}\n`);
  const shown = options.serial === undefined ? [['com1', serial] as const] : [];
  for (const [name, words] of [...shown, ['port 0xE9', debug] as const])
    if (words !== '') out(`\n--- ${name} ---\n${words}${words.endsWith('\n') ? '' : '\n'}`);
}
