/** Judges a lab's checks. Every kind of the schema has its function; each says, in both languages, what it found. */
import type { Check } from '../document/schema';
import type { CheckResult } from '../protocol';
import { memory, serial, unchanged } from './contents';
import type { CheckContext } from './context';
import { dram, exception, exits, faults, instructions, tlb, unanswered } from './counts';
import { checkName } from './names';
import { contiguous, differs, located } from './places';
import { verdict, type Verdict } from './verdict';

function judge(check: Check, context: CheckContext): Verdict {
  if ('memory' in check) return memory(check.memory, context);
  if ('unchanged' in check) return unchanged(check.unchanged, context);
  if ('located' in check) return located(check.located, context);
  if ('unanswered' in check) return unanswered(check.unanswered, context);
  if ('differs' in check) return differs(check.differs, context);
  if ('contiguous' in check) return contiguous(check.contiguous, context);
  if ('serial' in check) return serial(check.serial, context);
  if ('exits' in check) return exits(check.exits, context);
  if ('exception' in check) return exception(check.exception, context);
  if ('tlb' in check) return tlb(check.tlb, context);
  if ('faults' in check) return faults(check.faults, context);
  if ('dram' in check) return dram(check.dram, context);
  if ('instructions' in check) return instructions(check.instructions, context);
  const found = context.stop ?? 'running';
  return verdict(
    found === check.stop,
    `The run ended with "${found}"${found === check.stop ? '' : `; expected "${check.stop}"`}.`,
    `运行结束于：${stopName(found)}${found === check.stop ? '' : `；应为：${stopName(check.stop)}`}。`,
  );
}

/** How a run ended, in Chinese; the lab file's word stands beside it. */
const STOPS: Readonly<Record<string, string>> = {
  running: '仍在运行',
  halted: '已停机',
  limit: '达到指令上限',
  'triple-fault': '三重故障',
  'boot-refused': '拒绝引导',
  'exit-port': '退出端口',
  paused: '已暂停',
  'out-of-memory': '内存不足',
};
const stopName = (stop: string): string => (STOPS[stop] ? `${STOPS[stop]}（${stop}）` : stop);

/** One result for each check, in the document's order. */
export const evaluateChecks = (checks: readonly Check[], context: CheckContext): CheckResult[] =>
  checks.map((check) => ({ name: checkName(check), ...judge(check, context) }));
