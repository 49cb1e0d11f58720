/**
 * Edits to a lab's YAML by path (`board.slots.A1.dimm`), as small as they can be: a changed value is replaced where it stands, byte for
 * byte around it, and so is a record on one line that gets or loses a key; records of a list that have a line each come and go with it;
 * what else is new or removed goes through the YAML document, which keeps comments and key order. However many patches there are, the text is read once and written once.
 */
import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  Scalar,
  visit,
  type Node,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Problem } from '../protocol';
import { itemLine } from './item-line';
import { nearestNames } from './nearest';
import { error, suggestNames, text } from './problem';
import { humanValue, scalarText, type PatchValue } from './scalar-text';
import { MAX_ALIASES, parseYaml, resolveKeys, type Key, type YamlSource } from './yaml-source';

export type { PatchValue } from './scalar-text';

/** A path is keys joined by '.', list items by `id` or position; a list of keys where a key has a '.' in it. */
export type Path = string | readonly Key[];

export type Patch =
  /** replaces a value, or adds a key to an existing map (a missing parent map is made) */
  | { op: 'set'; path: Path; value: PatchValue }
  /** removes a key or a list item; a list item that is not there is an error, a missing key is not */
  | { op: 'remove'; path: Path }
  /** puts an item into the list at `path`, at the end unless `index` is given */
  | { op: 'insert'; path: Path; value: PatchValue; index?: number };

export type PatchOutcome = { ok: true; yaml: string } | { ok: false; problems: Problem[] };

const keysOf = (path: Path): readonly Key[] => (typeof path === 'string' ? (path === '' ? [] : path.split('.')) : path);

type Refusal = Extract<PatchOutcome, { ok: false }>;
const refuse = (code: string, en: string, zh: string, path: readonly Key[], candidates: readonly string[] = []): Refusal => ({
  ok: false,
  problems: [error(code, text(en, zh), suggestNames(nearestNames(String(path.at(-1) ?? ''), candidates)), { path: path.join('.') })],
});

/** Keys of a record that is written on one line where it is no list's. */
const MOST_IN_LINE = 4;

const write = (document: Document): string => document.toString({ lineWidth: 0, flowCollectionPadding: true });

/** A list of scalars, or of such lists. */
const isPlainList = (node: unknown): node is YAMLSeq => isSeq(node) && node.items.every((item) => isScalar(item) || isPlainList(item));
const isRecord = (node: unknown): node is YAMLMap => isMap(node) && node.items.every(({ value }) => isScalar(value) || isPlainList(value));

/** A value as YAML nodes; plain lists, small records and the records of a list stand on one line each, as people write them. */
function nodeOf(document: Document, value: PatchValue, inList: boolean): Node {
  const node = document.createNode(value) as Node;
  const dress = (each: unknown, within: 'list' | 'map'): void => {
    if (isPlainList(each)) each.flow = true;
    else if (isRecord(each) && (within === 'list' || each.items.length <= MOST_IN_LINE)) each.flow = true;
    else if (isMap(each)) for (const { value: inner } of each.items) dress(inner, 'map');
    else if (isSeq(each)) for (const item of each.items) dress(item, 'list');
  };
  dress(node, inList ? 'list' : 'map');
  return node;
}

/** A key with its value, as it would stand in a file of its own: lines, each with its end. */
export function entryText(key: string, value: PatchValue): string {
  const document = new Document({});
  (document.contents as unknown as YAMLMap).set(key, nodeOf(document, humanValue(key, value), false));
  return write(document);
}

/** A text in place of the characters from `start` up to `end`. */
interface Splice {
  start: number;
  end: number;
  text: string;
}

/** A value that is replaced where it stands; texts of many lines and what others refer to are not. */
const isPlainValue = (node: unknown): node is Scalar =>
  isScalar(node) && node.type !== Scalar.BLOCK_LITERAL && node.type !== Scalar.BLOCK_FOLDED && !node.anchor;

/** Ids of the records of a list. */
const idsIn = (list: YAMLSeq): ReadonlySet<unknown> =>
  new Set(list.items.map((item) => (isMap(item) ? item.get('id') : isAlias(item) ? (item.toJSON() as { id?: unknown }).id : undefined)));
const idsOf = (list: YAMLSeq): string[] =>
  (list.toJSON() as unknown[]).map((item) => String((item as { id?: unknown } | null)?.id ?? '')).filter(Boolean);

/** Is anything said within it, or referred to there? Then it cannot be written anew by itself. */
function isBare(node: Node): boolean {
  let bare = node.anchor === undefined;
  visit(node, {
    Alias: () => ((bare = false), visit.BREAK),
    Node: (_key, inner) => {
      const { anchor, comment, commentBefore } = inner as Scalar;
      if (inner === node || !(anchor || comment || commentBefore)) return undefined;
      bare = false;
      return visit.BREAK;
    },
  });
  return bare;
}

/** A record as it would stand on one line, without what is said beside it. */
function lineOf(node: Node): string {
  const { comment, commentBefore, spaceBefore } = node;
  Object.assign(node, { comment: undefined, commentBefore: undefined, spaceBefore: undefined });
  const alone = new Document();
  alone.contents = node as never;
  const line = write(alone).trim();
  Object.assign(node, { comment, commentBefore, spaceBefore });
  return line;
}

/** A text under edit: the document as it is to be, and what that changes in the text as long as that can be told in places. */
class Draft {
  private splices: Splice[] = [];
  /** lines at the end of lists */
  private readonly appended = new Map<YAMLSeq, Splice & { head: string }>();
  /** more has changed than can be told in places: the document is written out */
  private rewritten = false;
  private stale = false;
  private current: unknown;

  constructor(private readonly source: YamlSource) {
    this.current = source.data;
  }

  /** What the document holds now, as plain data. */
  get data(): unknown {
    if (this.stale) this.current = this.document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    this.stale = false;
    return this.current;
  }

  get document(): Document {
    return this.source.document;
  }

  /** The path with items of lists by position; only ids, and what goes through an alias, ask for the plain data. */
  resolve(path: readonly Key[]): readonly Key[] {
    let node: unknown = this.document.contents;
    for (const key of path) {
      if (isAlias(node) || (isSeq(node) && typeof key !== 'number')) return resolveKeys(this.data, path);
      node = isCollection(node) ? node.get(key, true) : undefined;
    }
    return path;
  }

  get yaml(): string {
    if (this.rewritten) return write(this.document);
    return [...this.splices, ...this.appended.values()]
      .sort((a, b) => b.start - a.start || b.end - a.end)
      .reduce((text, { start, end, text: written }) => text.slice(0, start) + written + text.slice(end), this.source.text);
  }

  /** The document has changed in more than one place. */
  rewrite(): void {
    this.rewritten = true;
    this.stale = true;
  }

  /** The document has changed between two places of the text, where it now reads `text`. */
  splice(start: number, end: number, text: string): void {
    this.stale = true;
    // what was changed within it is part of what it now reads
    this.splices = this.splices.filter((other) => other.start < start || other.end > end);
    if (this.splices.some((other) => other.start < end && start < other.end)) this.rewritten = true;
    else this.splices.push({ start, end, text });
  }

  /** An item has left a list: with its line where it has one. */
  removed(list: YAMLSeq, item: Node): void {
    const { commentBefore, spaceBefore } = item;
    const alone = !this.rewritten && list.items.length > 0 && !commentBefore && !spaceBefore && isBare(item);
    const line = alone ? itemLine(this.source.text, item) : null;
    if (line) this.splice(line.start, line.end, '');
    else this.rewrite();
  }

  /** A record has come to the end of a list: on a line of its own where the others have one. */
  added(list: YAMLSeq, item: Node): void {
    const before = list.items.at(-2);
    const line = this.rewritten || !isMap(item) || !item.flow ? null : lineOf(item);
    const known = this.appended.get(list);
    const place = known || line === null || !isNode(before) ? null : itemLine(this.source.text, before);
    if (line === null || line.includes('\n') || !(known || place)) return this.rewrite();
    this.stale = true;
    if (known) known.text += `${known.head}${line}\n`;
    else if (place) this.appended.set(list, { start: place.end, end: place.end, head: place.head, text: `${place.head}${line}\n` });
  }

  /** A collection whose keys or items have changed: by itself where it stands on one line, else with the document. */
  changed(collection: unknown): void {
    const parts = isMap(collection) && collection.flow && collection.range && isBare(collection) ? collection : null;
    const [start = 0, end = 0] = parts?.range ?? [];
    const inside = this.splices.filter((other) => other.start < end && start < other.end);
    if (this.rewritten || !parts || parts.items.length === 0 || inside.length > 1 || this.source.text.slice(start, end).includes('\n'))
      return this.rewrite();
    this.splice(start, end, lineOf(parts));
  }
}

function set(draft: Draft, path: readonly Key[], value: PatchValue): Refusal | null {
  const { document } = draft;
  const written = humanValue(path.at(-1) ?? '', value);
  const node: unknown = document.getIn(path as Key[], true);
  if (isPlainValue(node) && (written === null || typeof written !== 'object')) {
    const text = scalarText(written);
    const fresh = parseDocument(text, { intAsBigInt: true }).contents as Scalar;
    const [start, end] = node.range ?? [0, 0];
    node.value = fresh.value;
    if (fresh.type) node.type = fresh.type;
    if (fresh.source === undefined) delete node.source;
    else node.source = fresh.source;
    if (end > start) draft.splice(start, end, text);
    else draft.rewrite();
    return null;
  }
  let parent: unknown = document.contents;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const key = path[depth]!;
    if (!isMap(parent) && !isSeq(parent)) break;
    let next: unknown = parent.get(key, true);
    if (isSeq(parent) && next === undefined) {
      return refuse(
        'lab-unknown-path',
        `There is no "${key}" in ${path.slice(0, depth).join('.')}.`,
        `${path.slice(0, depth).join('.')} 中没有 “${key}”。`,
        path.slice(0, depth + 1),
        idsOf(parent),
      );
    }
    if (next === undefined || (isScalar(next) && next.value === null)) {
      next = document.createNode({});
      (parent as YAMLMap).set(key, next);
      draft.rewrite();
    }
    parent = next;
  }
  const last = path.at(-1);
  if (last === undefined || !isCollection(parent) || (isSeq(parent) && typeof last !== 'number')) {
    return refuse(
      'lab-unknown-path',
      `${path.join('.')} cannot be set: what encloses it is not a group of keys.`,
      `无法设置 ${path.join('.')}：外层不是一组键。`,
      path,
    );
  }
  parent.set(last, nodeOf(document, written, isSeq(parent)));
  draft.changed(parent);
  return null;
}

function remove(draft: Draft, path: readonly Key[]): Refusal | null {
  const { document } = draft;
  const parent: unknown = path.length > 1 ? document.getIn(path.slice(0, -1) as Key[], true) : document.contents;
  const last = path.at(-1);
  if (isSeq(parent)) {
    if (typeof last !== 'number' || last >= parent.items.length) {
      return refuse(
        'lab-unknown-path',
        `There is no "${last}" in ${path.slice(0, -1).join('.')}.`,
        `${path.slice(0, -1).join('.')} 中没有 “${last}”。`,
        path,
        idsOf(parent),
      );
    }
    const item = parent.items[last] as Node;
    parent.delete(last);
    if (parent.items.length === 0) (parent as YAMLSeq).flow = true;
    draft.removed(parent, item);
  } else if (isMap(parent) && last !== undefined && parent.delete(last)) draft.changed(parent);
  return null;
}

function insert(draft: Draft, path: readonly Key[], value: PatchValue, index?: number): Refusal | null {
  const { document } = draft;
  let list: unknown = document.getIn(path as Key[], true);
  if (list === undefined || (isScalar(list) && list.value === null)) {
    const refused = set(draft, path, []);
    if (refused) return refused;
    list = document.getIn(path as Key[], true);
  }
  if (!isSeq(list)) return refuse('lab-unknown-path', `${path.join('.')} is no list.`, `${path.join('.')} 不是列表。`, path);
  const id = value !== null && typeof value === 'object' && !Array.isArray(value) ? value['id'] : undefined;
  if (typeof id === 'string' && idsIn(list).has(id)) {
    return refuse('lab-duplicate-id', `${path.join('.')} already has "${id}".`, `${path.join('.')} 中已有 “${id}”。`, path);
  }
  const item = nodeOf(document, humanValue('', value), true);
  if (list.items.length === 0) list.flow = false;
  list.items.splice(Math.min(index ?? list.items.length, list.items.length), 0, item);
  const kin = list.items.find((other) => other !== item);
  if (isMap(kin) && isMap(item)) item.flow = kin.flow === true;
  if (list.items.at(-1) === item) draft.added(list, item);
  else draft.rewrite();
  return null;
}

function apply(draft: Draft, patch: Patch): Refusal | null {
  const path = draft.resolve(keysOf(patch.path));
  switch (patch.op) {
    case 'set':
      return set(draft, path, patch.value);
    case 'remove':
      return remove(draft, path);
    case 'insert':
      return insert(draft, path, patch.value, patch.index);
  }
}

/**
 * Applies patches in order; all or none. It gives text that parses again; whether it is a good lab is for `loadLab`.
 * @param read what the text has been read as, when it has been: its document is changed and is of no use afterwards
 */
export function applyPatches(yaml: string, patches: readonly Patch[], read?: YamlSource): PatchOutcome {
  if (patches.length === 0) return { ok: true, yaml };
  const { source, problems } = read ? { source: read, problems: [] } : parseYaml(yaml);
  if (!source) return { ok: false, problems };
  if (!isNode(source.document.contents)) return refuse('lab-not-yaml', 'The lab file is empty.', '实验文件是空的。', []);
  const draft = new Draft(source);
  for (const patch of patches) {
    const refused = apply(draft, patch);
    if (refused) return refused;
  }
  return { ok: true, yaml: draft.yaml };
}
