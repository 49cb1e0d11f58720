/** Monaco, loaded when the first editor is shown: the editor, its worker, NASM, and YAML for the lab file. */
import type * as MonacoModule from 'monaco-editor/editor';
import type { Language } from '../../lab/protocol';
import { configuration, grammar, LANGUAGE_ID } from './nasm-language';

export type Monaco = typeof MonacoModule;

let loading: Promise<Monaco> | null = null;

async function load(language: Language): Promise<Monaco> {
  // its own words are fixed when it is first evaluated
  if (language === 'zh-CN') await import('monaco-editor/nls/lang/zh-cn');
  const { default: EditorWorker } = await import('monaco-editor/editor/editor.worker?worker');
  self.MonacoEnvironment = { getWorker: () => new EditorWorker() };
  const monaco = await import('monaco-editor/editor');
  await import('monaco-editor/features/register.all');
  await import('monaco-editor/languages/definitions/yaml/register');
  monaco.languages.register({ id: LANGUAGE_ID, extensions: ['.asm', '.inc', '.nasm'] });
  monaco.languages.setLanguageConfiguration(LANGUAGE_ID, configuration);
  monaco.languages.setMonarchTokensProvider(LANGUAGE_ID, grammar);
  return monaco;
}

/** The same Monaco every time. Rejects when its files cannot be loaded, and tries again at the next call. */
export function loadMonaco(language: Language): Promise<Monaco> {
  loading ??= load(language).catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

export const languageOf = (file: string): string =>
  /\.ya?ml$/i.test(file) ? 'yaml' : /\.(asm|inc|nasm|s)$/i.test(file) ? LANGUAGE_ID : 'plaintext';
