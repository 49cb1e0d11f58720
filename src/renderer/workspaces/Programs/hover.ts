/** Hovering a word of a program: a label's address and place, a register's value while the machine stands still. */
import type { IDisposable } from 'monaco-editor/editor';
import { formatAddress, type Space } from '../../../machine/address';
import type { Journey } from '../../../machine/journey/journey';
import type { RegistersView } from '../../../lab/protocol';
import type { AssembledSymbol, AssemblyResult } from '../../assembly/messages';
import { formatAscii, formatBytes } from '../../components/format';
import { summarize } from '../../monaco/journey-lines';
import type { Monaco } from '../../monaco/load';
import { LANGUAGE_ID } from '../../monaco/nasm-language';
import { numericDefines, operandAt, type DataSegment, type Operand } from '../../monaco/operand';
import { registerValue } from '../../monaco/register-values';

export interface HoverSources {
  registers(): RegistersView | null;
  programs(): readonly AssemblyResult[];
  /** the walk of an access by the VM whose registers are shown; rejects when the session cannot say */
  explain(access: { segment: DataSegment; offset: bigint; size: 1 | 2 | 4 | 8 }): Promise<Journey>;
  /** `#rrggbb` of an address space's text */
  colour(space: Space): string;
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

/** The chain of a memory operand, a line a space in its colour; null when the session cannot explain it. */
export async function operandText(operand: Operand, { explain, colour, t }: HoverSources): Promise<string[] | null> {
  let journey: Journey;
  try {
    journey = await explain({ segment: operand.segment, offset: operand.offset, size: operand.size ?? 4 });
  } catch {
    return null;
  }
  const { lines, value, failure, device } = summarize(journey);
  const chain = lines.map(({ space, text }) => `${t(`programs.space.${space}`, {})}  <span style="color:${colour(space)};">${text}</span>`);
  const end =
    failure === 'nobody'
      ? t('programs.hoverNobody', {})
      : failure !== null
        ? t('programs.hoverStopped', { what: failure })
        : device !== null
          ? t('programs.hoverDevice', { device })
          : value
            ? `\`${formatBytes(value)}\` “${formatAscii(value)}”`
            : null;
  return [`**\`${operand.text}\`** ${t('programs.hoverOperand', {})}`, chain.join('  \n'), ...(end === null ? [] : [end])];
}

export function registerHover(monaco: Monaco, sources: HoverSources): IDisposable {
  const hover = monaco.languages.registerHoverProvider(LANGUAGE_ID, {
    async provideHover(model, position) {
      const view = sources.registers();
      const defines = numericDefines(model.getValue());
      const symbol = (name: string): bigint | undefined => {
        const found = findSymbol(sources.programs(), name, position.lineNumber);
        return found ? BigInt(found.value) : defines.get(name);
      };
      const operand = view ? operandAt(model.getLineContent(position.lineNumber), position.column, view, symbol) : null;
      const chain = operand ? await operandText(operand, sources) : null;
      if (operand && chain) {
        return {
          range: new monaco.Range(position.lineNumber, operand.startColumn, position.lineNumber, operand.endColumn),
          contents: chain.map((value) => ({ value, supportHtml: true })),
        };
      }
      const word = model.getWordAtPosition(position);
      const text = word && hoverText(word.word, position.lineNumber, sources);
      if (!word || !text) return null;
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
