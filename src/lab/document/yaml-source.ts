/**
 * The YAML side of a lab file: parsing within bounds, and the line and column of any path in it. Parsing never throws, whatever
 * the text is.
 */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
  type ScalarTag,
  type Tags,
} from 'yaml';
import type { Problem } from '../protocol';
import { MAX_LAB_BYTES, fileBytes } from './files';
import { error, text } from './problem';
import { MOST_ITEMS, tooLarge, type TooLarge } from './yaml-bounds';
import { yamlErrorInChinese } from './yaml-words';

export const MAX_ALIASES = 50;
/** Deeper nesting than any lab needs would only exhaust the stack. */
const MAX_DEPTH = 64;

export type Key = string | number;

export interface YamlSource {
  text: string;
  document: Document;
  lines: LineCounter;
  /** plain data; integers are bigint */
  data: unknown;
}

export interface Place {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

type TagsFunction = (tags: Tags) => Tags;

const at = (lines: LineCounter, start: number, end: number): Place => {
  const from = lines.linePos(start);
  const to = lines.linePos(Math.max(start, end));
  return { line: Math.max(1, from.line), column: Math.max(1, from.col), endLine: Math.max(1, to.line), endColumn: Math.max(1, to.col) };
};

/** Numbers that nobody edits keep the spelling they were written in (0x0000, 0x1f) when the document is written out again. */
const keepSpelling: TagsFunction = (tags) =>
  tags.map((tag) => {
    if (typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:int' && tag.tag !== 'tag:yaml.org,2002:float') || !tag.stringify)
      return tag;
    const write = tag.stringify;
    return { ...tag, stringify: (item, ...rest) => (item as Scalar).source ?? write(item, ...rest) } as ScalarTag;
  });

/** How many list and map levels a text opens by its own brackets and indentation, before anything recursive looks at it. */
function tooDeep(source: string): boolean {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const code = source.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > 1_000) return true;
    } else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1);
  }
  // no `\s`: it would take line ends too, and look at every empty line again from each one before it
  return /^[ \t]*(?:[-?] ){65}/m.test(source) || /^ {1000,}[^ \r\n]/m.test(source);
}

/** The parser quotes what it could not read, however long that is. */
const shortened = (message: string): string => (message.length <= 160 ? message : `${message.slice(0, 160)}…`);

const notYaml = (en: string, zh: string, where: Partial<Place> = {}): Problem =>
  error(
    'lab-not-yaml',
    text(`This is not YAML: ${en}`, `这不是 YAML：${zh}`),
    text('A lab file is YAML text; see the shipped labs for its form.', '实验文件是 YAML 文本；格式请参照自带的实验。'),
    where,
  );

function tooLargeProblem(large: TooLarge, source: string): Problem {
  if (large.kind === 'file')
    return error(
      'lab-too-large',
      text('The file has far more lines, keys and values than any lab needs.', '文件中的行、键和值远多于任何实验所需。'),
      text('Keep programs and data in files beside it.', '请把程序和数据放在旁边的文件里。'),
    );
  const before = source.slice(0, large.start);
  const line = before.split('\n').length;
  const column = large.start - before.lastIndexOf('\n');
  const name = large.key === undefined ? text('A list', '有一个列表') : text(`The list "${large.key}"`, `列表 “${large.key}”`);
  return error(
    'lab-list-too-long',
    text(`${name.en} has more than ${MOST_ITEMS} items.`, `${name['zh-CN']}超过 ${MOST_ITEMS} 项。`),
    text('Shorten it.', '请缩短它。'),
    { line, column, endLine: line, endColumn: column + 1 },
  );
}

/** The aliases in a node, and how many levels it has: two for a map, one for a list. The parser's own visitor takes as long as parsing. */
function survey(contents: unknown): { aliases: number; deepest: number } {
  const found = { aliases: 0, deepest: 0 };
  const look = (node: unknown, depth: number): void => {
    if (isAlias(node)) found.aliases++;
    else if (isNode(node)) found.deepest = Math.max(found.deepest, depth);
    if (isSeq(node)) for (const item of node.items) look(item, depth + 1);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      look(key, depth + 2);
      look(value, depth + 2);
    }
  };
  look(contents, 1);
  return found;
}

/** A text with a hundred thousand mistakes gives as many errors, and taking a stack for each would be most of the time. */
function withoutStacks<T>(work: () => T): T {
  // V8's own, and no part of the language
  const errors = Error as { stackTraceLimit?: number };
  const before = errors.stackTraceLimit;
  errors.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    if (before !== undefined) errors.stackTraceLimit = before;
  }
}

/** Parses a lab's text: at most 5 MB, 4096 items a list and 50 aliases, one document, unique string keys. */
export function parseYaml(source: string): { source: YamlSource | null; problems: Problem[] } {
  const bytes = fileBytes(source, MAX_LAB_BYTES);
  if (bytes > MAX_LAB_BYTES) {
    const message = text(
      `The lab file has ${(bytes / 1e6).toFixed(1)} MB; at most 5 MB are read.`,
      `实验文件有 ${(bytes / 1e6).toFixed(1)} MB；最多读取 5 MB。`,
    );
    return {
      source: null,
      problems: [error('lab-too-large', message, text('Keep programs and data in files beside it.', '请把程序和数据放在旁边的文件里。'))],
    };
  }
  if (tooDeep(source)) return { source: null, problems: [notYaml('it is nested too deeply.', '嵌套过深。')] };
  const large = tooLarge(source);
  if (large) return { source: null, problems: [tooLargeProblem(large, source)] };
  try {
    const lines = new LineCounter();
    const document = withoutStacks(() =>
      parseDocument(source, {
        intAsBigInt: true,
        lineCounter: lines,
        prettyErrors: false,
        stringKeys: true,
        uniqueKeys: true,
        customTags: keepSpelling,
        // with `silent`, what follows a second `---` would be passed over without a word
        logLevel: 'error',
      }),
    );
    if (document.errors.length > 0) {
      const problems = document.errors.slice(0, 20).map((issue) => {
        const where = at(lines, issue.pos[0], issue.pos[1]);
        return issue.code === 'DUPLICATE_KEY'
          ? error(
              'lab-duplicate-key',
              text('This key is written twice in the same place.', '同一处重复写了这个键。'),
              text('Keep one of them.', '请只保留一个。'),
              where,
            )
          : notYaml(
              issue.code === 'MULTIPLE_DOCS' ? 'it has a second document, after "---".' : shortened(issue.message),
              yamlErrorInChinese(issue.code),
              where,
            );
      });
      return { source: null, problems };
    }
    const { aliases, deepest } = survey(document.contents);
    if (aliases > MAX_ALIASES) {
      const message = text(
        `The file uses ${aliases} aliases; at most ${MAX_ALIASES} are followed.`,
        `文件使用了 ${aliases} 个别名；最多允许 ${MAX_ALIASES} 个。`,
      );
      return { source: null, problems: [error('lab-too-many-aliases', message, text('Write the values out.', '请直接写出这些值。'))] };
    }
    if (deepest > MAX_DEPTH * 2) return { source: null, problems: [notYaml('it is nested too deeply.', '嵌套过深。')] };
    return { source: { text: source, document, lines, data: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown }, problems: [] };
  } catch (cause) {
    const overflow = cause instanceof RangeError;
    const alias = cause instanceof ReferenceError ? /^Unresolved alias.*: (.{1,64})/.exec(cause.message) : null;
    if (alias) {
      const why = [`nothing is called &${alias[1]}, which an alias names.`, `没有名为 &${alias[1]} 的锚点，别名却指向它。`] as const;
      return { source: null, problems: [notYaml(...why)] };
    }
    if (cause instanceof ReferenceError) {
      const message = text('The aliases of this file expand to far too much.', '文件中的别名展开后过大。');
      return { source: null, problems: [error('lab-too-many-aliases', message, text('Write the values out.', '请直接写出这些值。'))] };
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    return { source: null, problems: [overflow ? notYaml('it is nested too deeply.', '嵌套过深。') : notYaml(why, why)] };
  }
}

/** The items of a list that have an `id`, by that id: what a path like `board.slots.A1` means. */
function indexOfId(list: readonly unknown[], id: string): number {
  return list.findIndex((item) => item !== null && typeof item === 'object' && (item as { id?: unknown }).id === id);
}

/** Turns the ids in a path into list positions where `data` has such items. Unknown parts stay as they are. */
export function resolveKeys(data: unknown, path: readonly Key[]): Key[] {
  let current = data;
  return path.map((key) => {
    let resolved: Key = key;
    if (Array.isArray(current)) {
      const byId = indexOfId(current, String(key));
      if (byId >= 0) resolved = byId;
      else if (/^\d+$/.test(String(key))) resolved = Number(key);
      current = typeof resolved === 'number' ? (current[resolved] as unknown) : undefined;
    } else if (current !== null && typeof current === 'object' && Object.hasOwn(current, key)) {
      current = (current as Record<string, unknown>)[String(key)];
    } else current = undefined;
    return resolved;
  });
}

/** Longer names are not told in full: a stranger's file may have one of megabytes. */
const LONGEST_SHOWN = 64;
export const shownName = (name: string): string => (name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name);

/** `board.slots.A1.dimm`: list items by their id where they have one that can be written, else by position. */
export function formatPath(data: unknown, path: readonly Key[]): string {
  let current = data;
  const parts: string[] = [];
  for (const key of path) {
    const next: unknown = current !== null && typeof current === 'object' ? (current as Record<Key, unknown>)[key] : undefined;
    const id = Array.isArray(current) && next !== null && typeof next === 'object' ? (next as { id?: unknown }).id : undefined;
    const named = typeof id === 'string' && id !== '' && id.length <= LONGEST_SHOWN && !id.includes('.');
    parts.push(named ? id : shownName(String(key)));
    current = next;
  }
  return parts.join('.');
}

/** Where the value at `path` stands (or the key, when `ofKey`); the nearest enclosing value when there is none. */
export function placeOf(source: YamlSource, path: readonly Key[], ofKey = false): Place {
  let node: unknown = source.document.contents;
  let range: [number, number] = isNode(node) && node.range ? [node.range[0], node.range[1]] : [0, 0];
  for (let depth = 0; depth < path.length; depth++) {
    const key = path[depth]!;
    if (isAlias(node)) node = node.resolve(source.document);
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(key),
      );
      if (!pair) break;
      next = pair.value;
      const wantKey = (ofKey && depth === path.length - 1) || !isNode(next) || !next.range;
      const named = (wantKey ? pair.key : next) as Node;
      if (named.range) range = [named.range[0], named.range[1]];
    } else if (isSeq(node)) {
      next = node.items[Number(key)];
      if (!isNode(next)) break;
      if (next.range) range = [next.range[0], next.range[1]];
    } else break;
    node = next;
  }
  // a block of many lines is named by its first line
  const end = source.text.indexOf('\n', range[0]);
  return at(source.lines, range[0], end >= 0 ? Math.min(range[1], end) : range[1]);
}
