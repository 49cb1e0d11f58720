/** What a command throws when it cannot go on because of what it was given: problems with places and remedies, exit status 2. */
import type { Language, Problem } from '../lab/protocol';
import { error, type Text } from '../lab/document/problem';

export class Failure extends Error {
  constructor(
    readonly problems: readonly Problem[],
    /** the file the problems lie in, as the user named it; problems may name another */
    readonly file: string | null = null,
  ) {
    super(problems[0]?.message.en ?? 'bad input');
    this.name = 'Failure';
  }
}

export const failure = (code: string, message: Text, remedy?: Text, file: string | null = null): Failure =>
  new Failure([error(code, message, remedy)], file);

const SEVERITY = { error: { en: 'error', 'zh-CN': '错误' }, warning: { en: 'warning', 'zh-CN': '警告' } } as const;

/** What would steer a terminal or turn the reading direction round: names in a stranger's file may have such characters. */
const STEERING = /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const visible = (line: string): string =>
  line.replace(STEERING, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`);

/** `lab.yaml:7:12: error: …` and the remedy below it. */
export function formatProblem(problem: Problem, file: string | null, language: Language): string {
  const name = problem.file ?? file;
  const line = problem.line === undefined ? '' : `:${problem.line}${problem.column === undefined ? '' : `:${problem.column}`}`;
  const place = name === null ? '' : `${name}${line}: `;
  const remedy = problem.remedy ? `\n    ${problem.remedy[language]}` : '';
  return visible(`${place}${SEVERITY[problem.severity][language]}: ${problem.message[language]}${remedy}`);
}

export const formatProblems = (problems: readonly Problem[], file: string | null, language: Language): string =>
  problems.map((problem) => `${formatProblem(problem, file, language)}\n`).join('');
