/**
 * Lab files of older formats. Each step rewrites the YAML document in place, from one version to the next, and keeps what it does
 * not know; `load` runs them in order. There is only one version so far, so the list of steps is empty.
 */
import type { Document } from 'yaml';
import type { Problem } from '../protocol';
import { error, text } from './problem';

export interface Migration {
  from: string;
  to: string;
  apply(document: Document): void;
}

const MIGRATIONS: readonly Migration[] = [];

/**
 * Brings `document` to `target` ("pagewalk.lab/1"). Returns whether anything changed, or the problem when its `format` is absent, not a lab's,
 * newer than this program, or of a version with no way forward.
 */
export function migrate(
  document: Document,
  target: string,
  steps: readonly Migration[] = MIGRATIONS,
): { changed: boolean; problem: Problem | null } {
  const [kind, current] = target.split('/') as [string, string];
  const refuse = (en: string, zh: string, remedy = text(`Write "format: ${target}".`, `请写 “format: ${target}”。`)) => ({
    changed: false,
    problem: error('lab-format-version', text(en, zh), remedy, { path: 'format' }),
  });
  let changed = false;
  for (;;) {
    const format: unknown = document.get('format');
    if (format === target) return { changed, problem: null };
    if (format === undefined) return refuse('The file does not say its format.', '文件没有写明格式。');
    const shown = String(format).slice(0, 60);
    const version = new RegExp(`^${kind.replaceAll('.', '\\.')}/(\\d+)$`).exec(shown)?.[1];
    if (kind !== 'pagewalk.board' && shown.startsWith('pagewalk.board/'))
      return refuse(
        'This file is a board alone, not a lab.',
        '该文件只是一块主板，不是实验。',
        text(
          `Write "format: ${target}", and under "machine" what is to run: "program: main.asm".`,
          `请写 “format: ${target}”，并在 “machine” 下写出要运行的程序：“program: main.asm”。`,
        ),
      );
    if (version === undefined) return refuse(`"${shown}" is not a format of this kind of file.`, `“${shown}” 不是此类文件的格式。`);
    const step = steps.find(({ from }) => from === format);
    if (!step) {
      return Number(version) > Number(current)
        ? refuse(
            `This file has format ${shown}; this Pagewalk reads up to ${target}.`,
            `该文件的格式是 ${shown}；此版本的 Pagewalk 最高支持 ${target}。`,
            text('Open it with a newer Pagewalk.', '请用更新版本的 Pagewalk 打开。'),
          )
        : refuse(`Format ${shown} cannot be read any more.`, `无法再读取格式 ${shown}。`);
    }
    step.apply(document);
    document.set('format', step.to);
    changed = true;
  }
}
