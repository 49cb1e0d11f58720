/** The session's door: what a window sends is checked against the schema again, whatever it says it is. */
import { error, text } from '../document/problem';
import { labSchema, type LabDocument } from '../document/schema';
import type { LabFiles, Problem } from '../protocol';

/** The document as the schema gives it, and files that are texts or bytes; or why they are not taken. */
export function admit(document: unknown, files: unknown): { document: LabDocument; files: LabFiles } | { problems: Problem[] } {
  const parsed = labSchema.safeParse(withoutUndefined(document));
  const entries = files !== null && typeof files === 'object' ? Object.entries(files) : null;
  const badFile = entries?.find(([, content]) => typeof content !== 'string' && !(content instanceof Uint8Array));
  if (parsed.success && entries && !badFile) return { document: parsed.data, files: Object.fromEntries(entries) as LabFiles };
  const where = parsed.success ? (badFile?.[0] ?? 'files') : (parsed.error.issues[0]?.path.join('.') ?? '');
  const message = text(
    `The session was sent something that is no lab (at ${where || 'its root'}).`,
    `会话收到的内容不是实验（位于 ${where || '根'}）。`,
  );
  return { problems: [error('lab-not-admitted', message, text('Open the lab again.', '请重新打开实验。'), { path: where })] };
}

/** Keys whose value is undefined are as good as absent; a strict schema and the wire see them differently. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, withoutUndefined(inner)]),
  );
}
