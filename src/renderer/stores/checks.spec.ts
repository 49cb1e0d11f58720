// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import type { CheckResult, Power, StatusView } from '../../lab/protocol';
import { useChecks } from './checks';
import { useDocument } from './document';
import { NEW_LAB_YAML } from './new-lab';
import { useSession } from './session';
import { OPENED, settle, TestShell, withShell } from './test-bridge';

const status = (power: Power): StatusView => ({
  power, stop: power === 'stopped' ? 'halted' : null, stopDetail: null, instructions: 0, ticks: 0, inputs: 0, mips: 0, engine: null,
  currentVm: null, stoppedAt: null, poolBytes: 0, snapshots: 0,
}); // prettier-ignore
const WITH_CHECK = `${NEW_LAB_YAML}\nchecks:\n  - serial: { contains: hello }\n`;
const VERDICT = [{ passed: true, message: { en: 'It says hello.', 'zh-CN': '输出了 hello。' } }] as unknown as CheckResult[];

describe('verdicts on checks', () => {
  /** answers to the questions that are open, oldest first */
  let answers: { give(found: CheckResult[]): void; refuse(error: Error): void }[];
  let shell: TestShell;
  let checks: ReturnType<typeof useChecks>;
  const power = async (now: Power): Promise<void> => {
    shell.servers.at(-1)!.events.view('status', status(now));
    await settle();
    await nextTick();
  };
  beforeEach(async () => {
    answers = [];
    shell = new TestShell({
      evaluateChecks: () => new Promise((give, refuse) => answers.push({ give, refuse })),
    });
    const { use } = withShell(shell);
    const lab = use(useDocument);
    const session = use(useSession);
    checks = use(useChecks);
    await session.connect();
    lab.adopt({ ...OPENED, yaml: WITH_CHECK });
    expect(lab.problems).toEqual([]);
    await power('running');
    await power('stopped');
    expect(answers).toHaveLength(1);
  });
  afterEach(() => void vi.restoreAllMocks());

  it('are shown when the run has come to its end', async () => {
    answers[0]!.give(VERDICT);
    await settle();
    expect(checks.passed).toBe(1);
  });

  it('are no failure and say nothing when the power goes off before they are given', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    await power('off');
    answers[0]!.refuse(new Error('The power is off.'));
    await settle();
    expect(told).not.toHaveBeenCalled();
    expect(checks.busy).toBe(false);
  });

  it('of a run that is over are not those of the next', async () => {
    await power('off');
    await power('running');
    answers[0]!.give(VERDICT);
    await settle();
    expect(checks.results).toBeNull();
  });

  it('are asked for again when the next run ends before they are given', async () => {
    await power('off');
    await power('running');
    await power('stopped');
    answers[0]!.refuse(new Error('The power is off.'));
    await settle();
    expect(answers).toHaveLength(2);
    answers[1]!.give(VERDICT);
    await settle();
    expect(checks.passed).toBe(1);
  });

  it('are a failure when they cannot be given though the power is on', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    answers[0]!.refuse(new Error('no such file'));
    await settle();
    expect(told).toHaveBeenCalledOnce();
  });
});
