/** The lab's programs, assembled as they are typed. The last good result of each program stays while its source has errors. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { Problem } from '../../lab/protocol';
import { AssemblerClient } from '../assembly/assembler-client';
import { jobsOf } from '../assembly/jobs';
import type { AssemblyAnswer, AssemblyResult } from '../assembly/messages';
import { useDocument } from './document';

const DELAY_MS = 150;

export const useAssembly = defineStore('assembly', () => {
  const lab = useDocument();
  const results = shallowRef<ReadonlyMap<string, AssemblyResult>>(new Map());
  const lastGood = shallowRef<ReadonlyMap<string, AssemblyResult>>(new Map());
  const milliseconds = ref<number | null>(null);
  const failed = ref(false);

  const client = new AssemblerClient(
    () => new Worker(new URL('../assembly/assembler.worker.ts', import.meta.url), { type: 'module' }),
    (answer: AssemblyAnswer) => {
      results.value = new Map(answer.results.map((result) => [result.main, result]));
      const good = new Map([...lastGood.value].filter(([main]) => results.value.has(main)));
      for (const result of answer.results) if (result.ok) good.set(result.main, result);
      lastGood.value = good;
      milliseconds.value = answer.milliseconds;
      failed.value = false;
    },
    () => (failed.value = true),
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  function assembleNow(): void {
    clearTimeout(timer);
    const document = lab.document;
    if (!document) return;
    const jobs = jobsOf(document);
    if (jobs.length === 0) {
      results.value = new Map();
      return;
    }
    client.request({ files: { ...lab.allFiles }, jobs });
  }
  watch(
    () => lab.opened,
    () => {
      results.value = new Map();
      lastGood.value = new Map();
      assembleNow();
    },
  );
  watch(
    () => lab.meaning,
    () => {
      clearTimeout(timer);
      timer = setTimeout(assembleNow, DELAY_MS);
    },
  );
  if (lab.isOpen) assembleNow();

  const problems = computed<Problem[]>(() => {
    const found: Problem[] = [...results.value.values()].flatMap(
      (result) =>
      result.diagnostics.map(({ severity, code, message, file, line, column, endColumn }) => ({
        severity, code, message, file, line, column, endLine: line, endColumn,
      })), // prettier-ignore
    );
    if (failed.value) {
      found.push({
        severity: 'error',
        code: 'asm-timeout',
        message: { en: 'Assembling took longer than 10 seconds and was stopped.', 'zh-CN': '汇编超过 10 秒，已被中止。' },
        remedy: { en: 'Make repetitions and macros smaller.', 'zh-CN': '请减少重复次数或宏的展开规模。' },
      });
    }
    return found;
  });

  /** What is shown beside a file: the result that is current, or the last good one while there are errors. */
  const shownFor = (main: string): AssemblyResult | undefined => {
    const current = results.value.get(main);
    return current?.ok ? current : (lastGood.value.get(main) ?? current);
  };
  /** Programs whose result contains lines of this file: itself, or those that include it. */
  const usersOf = (file: string): AssemblyResult[] =>
    [...results.value.keys()]
      .map((main) => shownFor(main))
      .filter(
        (result): result is AssemblyResult =>
          result !== undefined && (result.main === file || result.lines.some((line) => line.file === file)),
      );

  return { results, lastGood, milliseconds, problems, shownFor, usersOf };
});
