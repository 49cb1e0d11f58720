/** Everything that is wrong with the lab, from wherever it was found: the document, the programs, the session. Each only once. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import type { Problem } from '../../lab/protocol';
import { useAssembly } from './assembly';
import { useDocument } from './document';
import { useSession } from './session';

const identity = (problem: Problem): string =>
  [problem.code, problem.file, problem.line, problem.column, problem.path, problem.part, problem.vm, problem.message.en].join('\u0000');

/** Errors first, then by file and place; duplicates dropped. */
export function mergeProblems(...sources: (readonly Problem[])[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const problem of sources.flat()) if (!seen.has(identity(problem))) seen.set(identity(problem), problem);
  const rank = (problem: Problem): number => (problem.severity === 'error' ? 0 : 1);
  return [...seen.values()].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.file ?? '').localeCompare(b.file ?? '') || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

export const useProblems = defineStore('problems', () => {
  const lab = useDocument();
  const session = useSession();
  const assembly = useAssembly();
  const list = computed(() => mergeProblems(lab.problems, lab.refused, assembly.problems, session.problems));
  const errors = computed(() => list.value.filter((problem) => problem.severity === 'error').length);
  const warnings = computed(() => list.value.length - errors.value);
  const inFile = (file: string): Problem[] => list.value.filter((problem) => problem.file === file);
  return { list, errors, warnings, inFile };
});
