/** `boot`: runs a ROM or a kernel on a bare board, to its end or the limit, and says what it did. */
import { resolve } from 'node:path';
import { error, hasErrors, text, warning } from '../../lab/document/problem';
import type { Language } from '../../lab/protocol';
import type { Stop } from '../../lab/session/computer';
import type { BootStep } from '../../machine/firmware/boot-report';
import { LARGEST_FILE } from '../../machine/firmware/program-image';
import type { Engine } from '../../machine/cpu/engine';
import { columns } from '../columns';
import { Failure, failure, formatProblem, formatProblems } from '../failure';
import { toJson } from '../json';
import { EXIT, type Surroundings } from '../streams';
import { boardNamed, boardOf, buildMachine, loadKernel, type BootMachine } from './boot-machine';
import { readInput, writing } from './boot-files';
import { registerLines, registersByName } from './boot-registers';
import { runBoot, type BootRun } from './boot-run';
import { SerialConnection } from './boot-serial';
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

const REAL_MODE_END = 0x10_0000;

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

/** The port's own status for a run that it ended, as QEMU's isa-debug-exit; else 0 when it halted, 130 after Ctrl-C, 3 otherwise. */
function bootStatus({ stop, exitValue }: Pick<BootRun, 'stop' | 'exitValue'>): number {
  if (stop === 'exit-port') return (((exitValue ?? 0) << 1) | 1) & 0xff;
  if (stop === 'paused') return EXIT.interrupted;
  return stop === 'halted' ? EXIT.ok : EXIT.notExpected;
}

const STOPS: Record<Stop['kind'], Record<Language, string>> = {
  halted: { en: 'halted', 'zh-CN': '停机' },
  limit: { en: 'stopped at the instruction limit', 'zh-CN': '达到指令数上限' },
  'triple-fault': { en: 'triple fault: the processor gave up', 'zh-CN': '三重故障（triple fault）：处理器停止' },
  'boot-refused': { en: 'boot refused', 'zh-CN': '拒绝启动' },
  'exit-port': { en: 'ended by the program', 'zh-CN': '由程序结束' },
  paused: { en: 'interrupted', 'zh-CN': '被中断' },
  'out-of-memory': { en: 'out of memory', 'zh-CN': '内存不足' },
};

/** Exit status: the port's for a run that a port ended; 2 bad input; 3 limit, triple fault or refusal; else 0. */
export async function boot(options: BootOptions, language: Language, surroundings: Surroundings): Promise<number> {
  checkOptions(options);
  const named = options.board === undefined ? null : await boardNamed(options.board, surroundings);
  const file = options.rom ?? options.kernel!;
  const bytes = await readInput(file, LARGEST_FILE, surroundings);
  const { board, problems } = boardOf(named, options);
  if (hasErrors(problems)) throw new Failure(problems, options.board ?? null);
  surroundings.err(formatProblems(problems, options.board ?? null, language));
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
      const refused: BootRun = { stop: 'boot-refused', exitValue: null, seconds: 0, hashes: {} };
      report(built, options, refused, steps, cpu, language, surroundings);
      return bootStatus(refused);
    }
  }
  const serial = SerialConnection.open(machine, options, surroundings);
  const traced = <T>(work: () => T): T => writing(options.trace!, work);
  const trace = options.trace === undefined ? null : new Trace(machine, resolve(surroundings.cwd, options.trace), traced);
  const { maxInstructions, hashAt } = options;
  const limit = maxInstructions === undefined ? {} : { maxInstructions };
  let outcome: BootRun;
  try {
    outcome = await runBoot(machine, { ...limit, hashAt, trace, serial, interrupted: surroundings.interrupts?.() });
  } finally {
    serial?.close();
    trace?.close();
  }
  const missed = hashAt.filter((at) => !(at in outcome.hashes));
  if (missed.length > 0) surroundings.err(formatProblem(notReached(missed, machine.instructions), null, language) + '\n');
  report({ machine, post, cpu }, options, outcome, steps, cpu, language, surroundings);
  return bootStatus(outcome);
}

const notReached = (missed: readonly number[], instructions: number): ReturnType<typeof warning> =>
  warning(
    'boot-hash-not-reached',
    text(
      `--hash-at ${missed.join(', ')}: the run ended after ${instructions} instructions, so there is no hash.`,
      `--hash-at ${missed.join(', ')}：运行在 ${instructions} 条指令之后已结束，因此没有哈希。`,
    ),
  );

function report(
  { machine, post }: BootMachine,
  options: BootOptions,
  outcome: BootRun,
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
        registers: registersByName(machine.processor.state),
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
  if (stop !== 'boot-refused') out(registerLines(machine.processor.state));
  if (post) out(`POST: ${codes.map((code) => code.toString(16).toUpperCase().padStart(2, '0')).join(' ')}\n`);
  for (const [at, hash] of Object.entries(hashes)) out(`${at}: ${hash}\n`);
  const shown = options.serial === undefined ? [['com1', serial] as const] : [];
  for (const [name, words] of [...shown, ['port 0xE9', debug] as const])
    if (words !== '') out(`\n--- ${name} ---\n${words}${words.endsWith('\n') ? '' : '\n'}`);
}
