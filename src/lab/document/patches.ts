/**
 * Edits to a lab's YAML by path (`board.slots.A1.dimm`), as small as they can be: a changed value is replaced where it stands, byte for
 * byte around it; a new or removed key goes through the YAML document, which keeps comments and key order. The text is the document's
 * truth: a patch takes a text and gives a text.
 */
import { Document, isCollection, isMap, isNode, isScalar, isSeq, Scalar, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Problem } from '../protocol';
import { nearestNames } from './nearest';
import { error, suggestNames, text } from './problem';
import { humanValue, scalarText, type PatchValue } from './scalar-text';
import { indexOfId, parseYaml, resolveKeys, type Key, type YamlSource } from './yaml-source';

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

const refuse = (code: string, en: string, zh: string, path: readonly Key[], candidates: readonly string[] = []): PatchOutcome => ({
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

function set(source: YamlSource, path: readonly Key[], value: PatchValue): PatchOutcome {
  const written = humanValue(path.at(-1) ?? '', value);
  const node: unknown = source.document.getIn(path as Key[], true);
  const isPlainOld =
    isScalar(node) &&
    node.range &&
    node.type !== Scalar.BLOCK_LITERAL &&
    node.type !== Scalar.BLOCK_FOLDED &&
    !node.anchor &&
    node.range[1] > node.range[0];
  if (isPlainOld && (written === null || typeof written !== 'object')) {
    const [start, end] = node.range!;
    return { ok: true, yaml: source.text.slice(0, start) + scalarText(written) + source.text.slice(end) };
  }
  let parent: unknown = source.document.contents;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const key = path[depth]!;
    if (!isMap(parent) && !isSeq(parent)) break;
    let next: unknown = parent.get(key, true);
    if (isSeq(parent) && next === undefined) {
      const ids = (parent.toJSON() as unknown[]).map((item) => String((item as { id?: unknown } | null)?.id ?? '')).filter(Boolean);
      return refuse(
        'lab-unknown-path',
        `There is no "${key}" in ${path.slice(0, depth).join('.')}.`,
        `${path.slice(0, depth).join('.')} 中没有 “${key}”。`,
        path.slice(0, depth + 1),
        ids,
      );
    }
    if (next === undefined || (isScalar(next) && next.value === null)) {
      next = source.document.createNode({});
      (parent as YAMLMap).set(key, next);
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
  parent.set(last, nodeOf(source.document, written, isSeq(parent)));
  return { ok: true, yaml: write(source.document) };
}

function remove(source: YamlSource, path: readonly Key[]): PatchOutcome {
  const parent: unknown = path.length > 1 ? source.document.getIn(path.slice(0, -1) as Key[], true) : source.document.contents;
  const last = path.at(-1);
  if (isSeq(parent)) {
    const ids = (parent.toJSON() as unknown[]).map((item) => String((item as { id?: unknown } | null)?.id ?? '')).filter(Boolean);
    if (typeof last !== 'number' || last >= parent.items.length) {
      return refuse(
        'lab-unknown-path',
        `There is no "${last}" in ${path.slice(0, -1).join('.')}.`,
        `${path.slice(0, -1).join('.')} 中没有 “${last}”。`,
        path,
        ids,
      );
    }
    parent.delete(last);
    if (parent.items.length === 0) (parent as YAMLSeq).flow = true;
  } else if (isMap(parent) && last !== undefined) {
    if (!parent.delete(last)) return { ok: true, yaml: source.text };
  } else return { ok: true, yaml: source.text };
  return { ok: true, yaml: write(source.document) };
}

function insert(source: YamlSource, path: readonly Key[], value: PatchValue, index?: number): PatchOutcome {
  let list: unknown = source.document.getIn(path as Key[], true);
  if (list === undefined || (isScalar(list) && list.value === null)) {
    const made = set(source, path, []);
    if (!made.ok) return made;
    list = source.document.getIn(path as Key[], true);
  }
  if (!isSeq(list)) return refuse('lab-unknown-path', `${path.join('.')} is no list.`, `${path.join('.')} 不是列表。`, path);
  const id = value !== null && typeof value === 'object' && !Array.isArray(value) ? value['id'] : undefined;
  if (typeof id === 'string' && indexOfId(list.toJSON() as unknown[], id) >= 0) {
    return refuse('lab-duplicate-id', `${path.join('.')} already has "${id}".`, `${path.join('.')} 中已有 “${id}”。`, path);
  }
  const item = nodeOf(source.document, humanValue('', value), true);
  if (list.items.length === 0) list.flow = false;
  list.items.splice(Math.min(index ?? list.items.length, list.items.length), 0, item);
  const kin = list.items.find((other) => other !== item);
  if (isMap(kin) && isMap(item)) item.flow = kin.flow === true;
  return { ok: true, yaml: write(source.document) };
}

function applyOne(yaml: string, patch: Patch): PatchOutcome {
  const { source, problems } = parseYaml(yaml);
  if (!source) return { ok: false, problems };
  if (!isNode(source.document.contents)) return refuse('lab-not-yaml', 'The lab file is empty.', '实验文件是空的。', []);
  const path = resolveKeys(source.data, keysOf(patch.path));
  switch (patch.op) {
    case 'set':
      return set(source, path, patch.value);
    case 'remove':
      return remove(source, path);
    case 'insert':
      return insert(source, path, patch.value, patch.index);
  }
}

/** Applies patches in order; all or none. Each gives text that parses again; whether it is a good lab is for `loadLab`. */
export function applyPatches(yaml: string, patches: readonly Patch[]): PatchOutcome {
  let current = yaml;
  for (const patch of patches) {
    const outcome = applyOne(current, patch);
    if (!outcome.ok) return outcome;
    current = outcome.yaml;
  }
  return { ok: true, yaml: current };
}
