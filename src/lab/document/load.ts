/**
 * From a lab file's text to a document: parse, migrate, check against the schema, check what the schema cannot. Everything that is wrong comes
 * back as a problem with its line and column; nothing is thrown, whatever the text holds. Runs in the browser.
 */
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { LabFiles, Problem } from '../protocol';
import { boardProblems } from './board-problems';
import { problemsOfIssues } from './issue-texts';
import { migrate } from './migrate';
import { error, text } from './problem';
import { BOARD_FORMAT, boardFileSchema, LAB_FORMAT, labSchema, type BoardFile, type LabDocument } from './schema';
import { validateLab } from './validate';
import { parseYaml, placeOf, resolveKeys, type YamlSource } from './yaml-source';

export interface LoadedLab {
  /** null when the text is no lab at all; with problems of severity error it may be shown and edited, but not run */
  document: LabDocument | null;
  problems: Problem[];
  /** what the document was read from; null when it is not YAML */
  source: YamlSource | null;
}

/** Adds line and column to problems that only know their path in the document. */
function placeProblems(problems: readonly Problem[], source: YamlSource): Problem[] {
  return problems.map((problem) => {
    if (problem.path === undefined || problem.line !== undefined || problem.file !== undefined) return problem;
    const path = problem.path === '' ? [] : resolveKeys(source.data, problem.path.split('.'));
    return { ...problem, ...placeOf(source, path) };
  });
}

/** Brings what was parsed to `format`, and checks it against `schema`. */
function read<T>(
  parsed: ReturnType<typeof parseYaml>,
  format: string,
  schema: z.ZodType<T>,
): { value: T | null; problems: Problem[]; source: YamlSource | null } {
  let source = parsed.source;
  if (!source) return { value: null, problems: parsed.problems, source: null };
  if (source.data === null || typeof source.data !== 'object' || Array.isArray(source.data)) {
    const problem = error(
      'lab-wrong-type',
      text('A lab file is a list of keys and values; this is not.', '实验文件应由键和值组成；此文件不是。'),
      text(`Begin with "format: ${format}".`, `请以 “format: ${format}” 开头。`),
      { path: '', line: 1, column: 1 },
    );
    return { value: null, problems: [problem], source };
  }
  const migrated = migrate(source.document, format);
  if (migrated.problem) return { value: null, problems: placeProblems([migrated.problem], source), source };
  if (migrated.changed) {
    const newText = source.document.toString();
    const lines = new LineCounter();
    const document = parseDocument(newText, { intAsBigInt: true, lineCounter: lines, stringKeys: true });
    source = { text: newText, document, lines, data: document.toJS() as unknown };
  }
  const result = schema.safeParse(source.data);
  return result.success
    ? { value: result.data, problems: [], source }
    : { value: null, problems: problemsOfIssues(result.error, schema, source), source };
}

/** Reads `NAME.lab.yaml` with the files of its folder (paths relative to it). Never throws. */
export function loadLab(yamlText: string, files: LabFiles): LoadedLab {
  const { value, problems, source } = read(parseYaml(yamlText), LAB_FORMAT, labSchema);
  if (!value || !source) return { document: null, problems, source };
  return { document: value, problems: placeProblems(validateLab(value, files), source), source };
}

export interface LoadedBoard {
  board: BoardFile | null;
  problems: Problem[];
  source: YamlSource | null;
}

/** Reads a board alone (`pagewalk.board/1`). Never throws. */
export const loadBoard = (yamlText: string): LoadedBoard => boardOf(parseYaml(yamlText));

function boardOf(parsed: ReturnType<typeof parseYaml>): LoadedBoard {
  const { value, problems, source } = read(parsed, BOARD_FORMAT, boardFileSchema);
  if (!value || !source) return { board: null, problems, source };
  return { board: value, problems: placeProblems(boardProblems(value.board), source), source };
}

/** Reads a board alone, or a lab for its board: a program that is missing is none of the board's problems. Never throws. */
export function loadDrawing(yamlText: string): { board: BoardFile['board'] | null; problems: Problem[] } {
  const parsed = parseYaml(yamlText);
  const { format } = (parsed.source?.data ?? {}) as { format?: unknown };
  if (typeof format !== 'string' || !format.startsWith('pagewalk.lab/')) {
    const { board, problems } = boardOf(parsed);
    return { board: board?.board ?? null, problems };
  }
  const { value, problems, source } = read(parsed, LAB_FORMAT, labSchema);
  if (!value || !source) return { board: null, problems };
  return { board: value.board, problems: placeProblems(boardProblems(value.board), source) };
}
