/** Everything that is wrong with the lab, from wherever it was found: the document, the programs, the session. Each only once. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import type { Problem } from '../../lab/protocol';
import { useAssembly } from './assembly';
import { useDocument } from './document';
import { useSession } from './session';

const identity = (problem: Problem): string =>
  [problem.code, problem.file, problem.line, problem.column, problem.path, problem.part, problem.vm, problem.message.en].join('\u0000');
const saying = (problem: Problem): string => `${problem.code}\u0000${problem.message.en}`;
const isPlaced = (problem: Problem): boolean => problem.line !== undefined;

/**
 * Errors first, then by file and place. Duplicates are dropped, and so is what says the same as a problem with a place: the
 * session knows a lab's problems too, but not their lines.
 */
export function mergeProblems(...sources: (readonly Problem[])[]): Problem[] {
  const all = sources.flat();
  const placed = new Set(all.filter(isPlaced).map(saying));
  const seen = new Map<string, Problem>();
  for (const problem of all) {
    if (seen.has(identity(problem)) || (!isPlaced(problem) && placed.has(saying(problem)))) continue;
    seen.set(identity(problem), problem);
  }
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
