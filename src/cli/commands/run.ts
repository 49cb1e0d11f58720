/** `run LAB`: power on, run to the end or the limit, judge the checks, report. */
import { evaluateChecks } from '../../lab/checks/evaluate';
import { DEFAULT_INSTRUCTION_LIMIT, type LabDocument } from '../../lab/document/schema';
import type { CheckResult, Language, Problem } from '../../lab/protocol';
import type { Computer, Stop } from '../../lab/session/computer';
import { powerOn } from '../../lab/session/power-on';
import { formatAddress, plainHex } from '../../machine/address';
import { columns } from '../columns';
import { Failure, formatProblem, formatProblems } from '../failure';
import { toJson } from '../json';
import { openLab } from '../open-lab';
import { EXIT, type Surroundings } from '../streams';

export interface RunOptions {
  json?: boolean;
  set: string[];
  maxInstructions?: number;
}

/** Instructions at a stretch; nothing depends on it but that every end of one is an exit of a VM. */
const SLICE = 50_000_000;

/** Runs until nothing more can run, `limit` instructions are counted, or, between two stretches, the user has interrupted it. */
export async function runToEnd(computer: Computer, limit: number, interrupted?: AbortSignal): Promise<Stop> {
  for (;;) {
    const left = limit - computer.instructions;
    if (left <= 0) return computer.stopped ?? computer.limitReached();
    const end = computer.run(Math.min(SLICE, left));
    if (end.kind === 'stopped') return end.stop;
    if (!interrupted) continue;
    // the signal is heard of in a turn of its own
    await new Promise(setImmediate);
    if (interrupted.aborted) return { kind: 'paused', detail: null };
  }
}

/** What a run came to, as far as the exit status is concerned. */
export interface Outcome {
  stop: Stop['kind'];
  /** a VM that will not run again: triple fault, or the VMM's state for it was destroyed */
  crashed: boolean;
  checks: readonly Pick<CheckResult, 'passed'>[];
}

/** CONTRACTS: 1 when a check failed; else 3 when it stopped as the lab does not expect, or crashed; else 0. */
export function exitStatus(document: Pick<LabDocument, 'expect' | 'checks'>, { stop, crashed, checks }: Outcome): number {
  if (checks.some(({ passed }) => !passed)) return EXIT.checkFailed;
  // a lab says what it expects under `expect`, or by a check on the stop
  const expected = document.expect?.stop ?? document.checks.flatMap((check) => ('stop' in check ? [check.stop] : []))[0];
  if (expected !== undefined) return stop === expected ? EXIT.ok : EXIT.notExpected;
  return (stop === 'halted' || stop === 'exit-port') && !crashed ? EXIT.ok : EXIT.notExpected;
}

function report(name: string, computer: Computer, stop: Stop, checks: readonly CheckResult[], language: Language): object {
  const { faults, damage } = computer.isolation(false);
  const vms = computer.vmIds.length > 0 ? computer.virtualization().vms : [];
  const serial = computer.serial().channels;
  const output = (vm: string | null): string =>
    serial
      .filter((channel) => channel.vm === vm)
      .map((channel) => channel.text)
      .join('');
  return {
    schema: 'pagewalk.run/1',
    lab: name,
    instructions: computer.instructions,
    ticks: computer.ticks,
    stop: stop.kind,
    ...(stop.detail ? { stopDetail: stop.detail[language] } : {}),
    ...(computer.vmIds.length === 0 ? { serial: output(null) } : {}),
    boot: computer.boots.map(({ vm, steps, refused }) => ({
      vm,
      steps: steps.map(({ kind, ok, text }) => ({ kind, ok, text: text[language] })),
      refused: refused ? { code: refused.code, text: refused.message[language] } : null,
    })),
    vms: vms.map(({ id, instructions, exits }) => ({ id, instructions, exits, serial: output(id) })),
    checks: checks.map(({ name: check, passed, detail }) => ({ name: check, passed, detail: detail[language] })),
    faults: faults.map(({ requester, address, access, reason, text }) => ({
      requester,
      address: plainHex(address),
      access,
      reason,
      text: text[language],
    })),
    ...(vms.length > 0 ? { damage: damage.map(({ at, text }) => ({ at, text: text[language] })) } : {}),
    stateHash: computer.stateHash(),
  };
}

const ACCESS = { read: { en: 'read', 'zh-CN': '读' }, write: { en: 'write', 'zh-CN': '写' } };

const STOPS: Record<Stop['kind'], Record<Language, string>> = {
  halted: { en: 'halted: nothing is left that could run', 'zh-CN': '停机：没有可以继续运行的程序' },
  limit: { en: 'stopped at the instruction limit', 'zh-CN': '达到指令数上限（limit）' },
  'triple-fault': { en: 'triple fault: the processor gave up', 'zh-CN': '三重故障（triple fault）：处理器停止' },
  'boot-refused': { en: 'boot refused', 'zh-CN': '拒绝启动' },
  'exit-port': { en: 'ended by the program', 'zh-CN': '由程序结束' },
  paused: { en: 'interrupted', 'zh-CN': '被中断' },
  'out-of-memory': { en: 'out of memory', 'zh-CN': '内存不足' },
};

function print(
  name: string,
  computer: Computer,
  stop: Stop,
  checks: readonly CheckResult[],
  language: Language,
  { out, err }: Surroundings,
): void {
  const en = language === 'en';
  for (const { vm, steps, refused } of computer.boots) {
    out(`--- ${en ? 'boot' : '启动'}${vm === null ? '' : ` ${vm}`} ---\n`);
    out(columns(steps.map(({ ok, text }) => [ok ? '✓' : '✗', text[language]])));
    out('\n');
    if (refused) err(formatProblem(refused, name, language) + '\n');
  }
  out(`${name}: ${STOPS[stop.kind][language]}\n`);
  out(formatProblems(computer.stopProblems(stop.kind), name, language));
  // a VM's own reason stands with the VM
  const said = stop.kind === 'boot-refused' || stop.kind === 'triple-fault' || stop.kind === 'limit';
  if (stop.detail && computer.vmIds.length === 0 && !said) out(`${stop.detail[language]}\n`);
  out(
    en ? `${computer.instructions} instructions, ${computer.ticks} ticks\n` : `${computer.instructions} 条指令，${computer.ticks} 个时钟\n`,
  );
  if (computer.vmIds.length > 0) {
    out('\n');
    const header = en ? ['VM', 'instructions', 'exits'] : ['虚拟机', '指令', '退出'];
    out(
      columns([
        header,
        ...computer.virtualization().vms.map(({ id, instructions, exits }) => [
          id,
          String(instructions),
          Object.entries(exits)
            .map(([reason, count]) => `${reason} ${count}`)
            .join(', '),
        ]),
      ]),
    );
    for (const { id, detail } of computer.virtualization().vms)
      if (detail) out(`${detail[language].startsWith(id) ? '' : `${id}: `}${detail[language]}\n`);
  }
  for (const { vm, port, text } of computer.serial().channels) {
    if (text !== '') out(`\n--- ${[vm, port].filter(Boolean).join(' ')} ---\n${text}${text.endsWith('\n') ? '' : '\n'}`);
  }
  const isolation = computer.isolation(false);
  if (isolation.faults.length > 0) {
    out('\n');
    out(
      columns(
        isolation.faults.map(({ requester, address, access, text }) => [
          en ? 'fault' : '故障',
          requester,
          ACCESS[access][language],
          formatAddress(address),
          text[language],
        ]),
      ),
    );
  }
  if (isolation.damage.length > 0) out(`\n--- VMM ---\n`);
  for (const { at, text } of isolation.damage)
    out(en ? `after ${at} instructions: ${text.en}\n` : `执行 ${at} 条指令之后：${text['zh-CN']}\n`);
  if (checks.length > 0) {
    out('\n');
    out(columns(checks.map(({ name: check, passed, detail }) => [passed ? '✓' : '✗', check, detail[language]])));
  }
}

/** Ctrl-C ends the run with the report of what there is by then. Exit status per CONTRACTS, "Command line and JSON". */
export async function run(lab: string, options: RunOptions, language: Language, surroundings: Surroundings): Promise<number> {
  const { document, files, name, shown, warnings } = await openLab(lab, options.set, surroundings);
  surroundings.err(formatProblems(warnings, shown, language));
  const { computer, problems } = powerOn(document, files);
  if (!computer) throw new Failure(problems, shown);
  // warnings of the programs are known only now; those of the document were shown above
  const isNew = (problem: Problem): boolean =>
    !warnings.some(({ code, message }) => code === problem.code && message.en === problem.message.en);
  surroundings.err(formatProblems(problems.filter(isNew), shown, language));
  const stop =
    computer.stopped ??
    (await runToEnd(
      computer,
      options.maxInstructions ?? document.limits?.instructions ?? DEFAULT_INSTRUCTION_LIMIT,
      surroundings.interrupts?.(),
    ));
  // what did not boot has done nothing that could be judged, unless the lab is about that
  const ran = stop.kind !== 'boot-refused' || document.expect?.stop === 'boot-refused';
  const checks = ran ? evaluateChecks(document.checks, { ...computer.checkContext(), stop: stop.kind }) : [];
  if (options.json) surroundings.out(toJson(report(name, computer, stop, checks, language)));
  else print(name, computer, stop, checks, language, surroundings);
  const crashed = computer.vmIds.length > 0 && computer.virtualization().vms.some(({ state }) => state === 'crashed');
  if (stop.kind === 'paused') return EXIT.interrupted;
  return exitStatus(document, { stop: stop.kind, crashed, checks });
}
