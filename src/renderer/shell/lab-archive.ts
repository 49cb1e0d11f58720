/**
 * A lab as the one file that a browser can save and open: its texts go inline under `files:`. Binary files cannot, and stay
 * beside it. Pure.
 */
import { applyPatches, type Patch } from '../../lab/document/patches';
import type { LabFiles } from '../../lab/protocol';

export interface LabArchive {
  yaml: string;
  /** what YAML cannot carry */
  beside: { path: string; bytes: Uint8Array }[];
}

/** Folder files override inline ones of the same path. A lab file that cannot be parsed is kept as it is, its programs beside it. */
export function archiveLab(yaml: string, files: LabFiles): LabArchive {
  const patches: Patch[] = [];
  const beside: LabArchive['beside'] = [];
  const encoder = new TextEncoder();
  for (const [path, content] of Object.entries(files)) {
    if (typeof content === 'string') patches.push({ op: 'set', path: ['files', path], value: content });
    else beside.push({ path, bytes: content });
  }
  if (patches.length === 0) return { yaml, beside };
  const outcome = applyPatches(yaml, patches);
  if (outcome.ok) return { yaml: outcome.yaml, beside };
  return {
    yaml,
    beside: Object.entries(files).map(([path, content]) => ({
      path,
      bytes: typeof content === 'string' ? encoder.encode(content) : content,
    })),
  };
}

export interface ChosenFile {
  /** name, or path below the chosen folder */
  path: string;
  bytes: Uint8Array;
}

/** Which of the chosen files is the lab, and the rest as its folder. Null when there is no YAML among them. Text or binary is told by a NUL byte. */
export function labFromFiles(chosen: readonly ChosenFile[]): { name: string; yaml: string; files: LabFiles } | null {
  const isLab = (path: string): boolean => /\.lab\.ya?ml$/i.test(path);
  const lab = chosen.find(({ path }) => isLab(path)) ?? chosen.find(({ path }) => /\.ya?ml$/i.test(path));
  if (!lab) return null;
  const decoder = new TextDecoder();
  const folder = lab.path.includes('/') ? lab.path.slice(0, lab.path.lastIndexOf('/') + 1) : '';
  const files: LabFiles = {};
  for (const { path, bytes } of chosen) {
    if (path === lab.path || !path.startsWith(folder)) continue;
    files[path.slice(folder.length)] = bytes.includes(0) ? bytes : decoder.decode(bytes);
  }
  const file = lab.path.slice(folder.length);
  return { name: file.replace(/(\.lab)?\.ya?ml$/i, ''), yaml: decoder.decode(lab.bytes), files };
}
