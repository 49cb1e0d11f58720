/** From the LAB argument to a document: a path, a folder with one lab in it, or the name of a shipped lab; then --set, then validation. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readLab } from '../host/files/lab-folder';
import { describeFailure } from '../host/files/shell-error';
import { loadLab } from '../lab/document/load';
import { nearestNames } from '../lab/document/nearest';
import { error, hasErrors, suggestNames, text } from '../lab/document/problem';
import type { LabDocument } from '../lab/document/schema';
import { applySetting } from '../lab/document/set-path';
import type { LabFiles, Problem } from '../lab/protocol';
import { Failure, failure } from './failure';
import type { Surroundings } from './streams';

const SUFFIX = '.lab.yaml';

export interface OpenLab {
  /** as the user wrote it, for messages */
  shown: string;
  name: string;
  document: LabDocument;
  files: LabFiles;
  warnings: Problem[];
}

async function labsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  } catch {
    return [];
  }
}

const kindOf = async (path: string): Promise<'file' | 'folder' | null> => {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return null;
  }
};

/** The lab file that an argument means. Throws Failure with the nearest names when there is none. */
export async function findLab(argument: string, { cwd, resources }: Surroundings): Promise<string> {
  const path = resolve(cwd, argument);
  for (const candidate of [path, path + SUFFIX]) if ((await kindOf(candidate)) === 'file') return candidate;
  if ((await kindOf(path)) === 'folder') {
    const inside = await labsIn(path);
    if (inside.length === 1) return join(path, inside[0]! + SUFFIX);
    throw inside.length === 0
      ? failure(
          'lab-not-found',
          text(`There is no lab in the folder ${argument}.`, `文件夹 ${argument} 中没有实验。`),
          text(`A lab is a file NAME${SUFFIX}.`, `实验是名为 NAME${SUFFIX} 的文件。`),
        )
      : failure(
          'lab-ambiguous',
          text(`The folder ${argument} has ${inside.length} labs.`, `文件夹 ${argument} 中有 ${inside.length} 个实验。`),
          text(`Name one: ${inside.join(', ')}.`, `请指明一个：${inside.join('、')}。`),
        );
  }
  const shippedFolder = join(resources, 'labs');
  const shipped = await labsIn(shippedFolder);
  if (shipped.includes(argument)) return join(shippedFolder, argument + SUFFIX);
  const base = argument
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.lab\.yaml$|\.ya?ml$/i, '');
  const near = nearestNames(base, [...shipped, ...(await labsIn(cwd))]);
  throw failure(
    'lab-not-found',
    text(`There is no lab "${argument}".`, `没有实验 “${argument}”。`),
    suggestNames(near) ?? text('Give the path of a .lab.yaml file.', '请给出 .lab.yaml 文件的路径。'),
  );
}

/** Opens, applies the settings, validates. Throws Failure when any error remains. */
export async function openLab(argument: string, settings: readonly string[], surroundings: Surroundings): Promise<OpenLab> {
  const path = await findLab(argument, surroundings);
  let opened;
  try {
    opened = await readLab(path, false);
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, argument);
    throw new Failure([error(`lab-${code}`, message)], argument);
  }
  let { yaml } = opened;
  for (const setting of settings) {
    const outcome = applySetting(yaml, setting);
    if (!outcome.ok) {
      // a lab that is not even YAML has nothing to set: its own problems say more
      throw new Failure(outcome.problems, argument);
    }
    yaml = outcome.yaml;
  }
  const { document, problems } = loadLab(yaml, opened.files);
  if (!document || hasErrors(problems)) throw new Failure(problems, argument);
  return { shown: argument, name: opened.name, document, files: opened.files, warnings: problems };
}
