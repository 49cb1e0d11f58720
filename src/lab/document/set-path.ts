/** `--set path=value`: one edit given as text. The path must exist in the lab's format; a value is read as YAML (null, false, 64 MiB, { … }). */
import { parseDocument } from 'yaml';
import type { Problem } from '../protocol';
import { nearestNames } from './nearest';
import { applyPatches, type PatchOutcome, type PatchValue } from './patches';
import { error, suggestNames, text } from './problem';
import { isKnownPath, isListAt, keysAt } from './schema-keys';
import { labSchema } from './schema';
import { parseYaml, resolveKeys } from './yaml-source';

/** Names that could stand at `path` in the document: the format's keys, or the ids of a list. */
function candidates(data: unknown, path: readonly (string | number)[]): string[] {
  const here = path.reduce<unknown>(
    (value, key) => (value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[key] : undefined),
    data,
  );
  if (Array.isArray(here)) return here.map((item, index) => String((item as { id?: unknown } | null)?.id ?? index));
  const own = here !== null && typeof here === 'object' ? Object.keys(here) : [];
  return [...new Set([...keysAt(labSchema, path), ...own])];
}

const unknownPath = (path: string, at: string, key: string, names: readonly string[]): Problem =>
  error(
    'lab-unknown-path',
    text(`--set ${path}: there is no "${key}" in ${at || 'the lab'}.`, `--set ${path}：${at || '实验'}中没有 “${key}”。`),
    suggestNames(nearestNames(key, names)),
    { path },
  );

/** Applies `assignment` (`board.slots.A1.dimm=null`) to a lab's text. A path that the lab or its format does not have is refused with the nearest names. */
export function applySetting(yaml: string, assignment: string): PatchOutcome {
  const equals = assignment.indexOf('=');
  const refuse = (problem: Problem): PatchOutcome => ({ ok: false, problems: [problem] });
  if (equals <= 0) {
    return refuse(
      error(
        'lab-bad-setting',
        text(`--set ${assignment}: expected path=value.`, `--set ${assignment}：应为 路径=值。`),
        text('For example: --set board.iommu.enabled=false', '例如：--set board.iommu.enabled=false'),
      ),
    );
  }
  const path = assignment.slice(0, equals).trim();
  const { source, problems } = parseYaml(yaml);
  if (!source) return { ok: false, problems };
  const keys = path.split('.');
  const resolved = resolveKeys(source.data, keys);
  let here: unknown = source.data;
  for (let depth = 0; depth < keys.length; depth++) {
    const prefix = resolved.slice(0, depth);
    const key = resolved[depth]!;
    const exists = here !== null && typeof here === 'object' && Object.hasOwn(here, key);
    const allowed = !isListAt(labSchema, prefix) && isKnownPath(labSchema, resolved.slice(0, depth + 1));
    if (!exists && !allowed)
      return refuse(unknownPath(path, keys.slice(0, depth).join('.'), keys[depth]!, candidates(source.data, prefix)));
    here = exists ? (here as Record<string | number, unknown>)[key] : undefined;
  }
  const written = assignment.slice(equals + 1);
  const parsed = parseDocument(written, { intAsBigInt: true, logLevel: 'silent' });
  // what YAML cannot read is a text
  const value = (parsed.errors.length > 0 ? written : parsed.toJS({ maxAliasCount: 0 })) as PatchValue;
  return applyPatches(yaml, [{ op: 'set', path: resolved, value }]);
}
