/** Hovering a word of a program: a label's address and place, a register's value while the machine stands still. */
import type { IDisposable } from 'monaco-editor/editor';
import { formatAddress } from '../../../machine/address';
import type { RegistersView } from '../../../lab/protocol';
import type { AssembledSymbol, AssemblyResult } from '../../assembly/messages';
import type { Monaco } from '../../monaco/load';
import { LANGUAGE_ID } from '../../monaco/nasm-language';
import { registerValue } from '../../monaco/register-values';

export interface HoverSources {
  registers(): RegistersView | null;
  programs(): readonly AssemblyResult[];
  t: (key: string, named: Record<string, unknown>) => string;
}

/** A local label (`.wait`) belongs to the label before it: the fitting one is the nearest definition at or above the line, else below. */
export function findSymbol(programs: readonly AssemblyResult[], word: string, line: number): AssembledSymbol | undefined {
  const all = programs.flatMap((program) => program.symbols);
  if (!word.startsWith('.')) return all.find((symbol) => symbol.name === word);
  const locals = all.filter((symbol) => symbol.name.endsWith(word) && symbol.name.length > word.length);
  const distance = (symbol: AssembledSymbol): number => Math.abs(symbol.line - line);
  return locals.sort((a, b) => distance(a) - distance(b))[0];
}

/** Lines of Markdown, or null when there is nothing to say about the word. */
export function hoverText(word: string, line: number, { registers, programs, t }: HoverSources): string[] | null {
  const view = registers();
  const register = view ? registerValue(word, view) : undefined;
  if (register) {
    const value = formatAddress(register.value, Math.max(4, register.bits / 4));
    return [
      `**${word.toUpperCase()}** \`${value}\``,
      t('programs.hoverRegister', { decimal: register.value.toLocaleString('en-US'), bits: register.bits }),
    ];
  }
  const symbol = findSymbol(programs(), word, line);
  if (!symbol) return null;
  const key = symbol.kind === 'label' ? 'programs.hoverLabel' : 'programs.hoverConstant';
  return [
    `**${symbol.name}** \`${formatAddress(Math.max(0, symbol.value))}\``,
    t(key, { file: symbol.file, line: symbol.line, decimal: symbol.value.toLocaleString('en-US') }),
  ];
}

export function registerHover(monaco: Monaco, sources: HoverSources): IDisposable {
  const hover = monaco.languages.registerHoverProvider(LANGUAGE_ID, {
    provideHover(model, position) {
      const word = model.getWordAtPosition(position);
      if (!word) return null;
      const text = hoverText(word.word, position.lineNumber, sources);
      if (!text) return null;
      return {
        range: new monaco.Range(position.lineNumber, word.startColumn, position.lineNumber, word.endColumn),
        contents: text.map((value) => ({ value })),
      };
    },
  });
  const definition = monaco.languages.registerDefinitionProvider(LANGUAGE_ID, {
    provideDefinition(model, position) {
      const word = model.getWordAtPosition(position);
      const symbol = word && findSymbol(sources.programs(), word.word, position.lineNumber);
      // other files have a model of their own only while they are open
      if (!symbol || !model.uri.path.endsWith(`/${symbol.file}`)) return null;
      return { uri: model.uri, range: new monaco.Range(symbol.line, 1, symbol.line, 1) };
    },
  });
  return {
    dispose() {
      hover.dispose();
      definition.dispose();
    },
  };
}
