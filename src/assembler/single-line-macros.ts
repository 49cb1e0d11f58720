/** `%define` and its relatives: names that stand for a list of tokens, with or without parameters. */
import { AssemblyError } from './diagnostics';
import { placeOf } from './expression';
import type { Token } from './lexer';
import { LIMITS } from './limits';

interface SingleLineMacro {
  /** null: no parentheses at all */
  parameters: string[] | null;
  body: Token[];
}

export class SingleLineMacros {
  private readonly exact = new Map<string, SingleLineMacro>();
  private readonly anyCase = new Map<string, SingleLineMacro>();

  define(name: string, parameters: string[] | null, body: Token[], ignoreCase: boolean): void {
    (ignoreCase ? this.anyCase : this.exact).set(ignoreCase ? name.toLowerCase() : name, { parameters, body });
  }

  undefine(name: string): void {
    this.exact.delete(name);
    this.anyCase.delete(name.toLowerCase());
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  private find(name: string): SingleLineMacro | undefined {
    return this.exact.get(name) ?? this.anyCase.get(name.toLowerCase());
  }

  /** `name(a, b) body` or `name body`: the parenthesis counts only directly behind the name. */
  static split(tokens: readonly Token[]): { parameters: string[] | null; body: Token[] } {
    if (tokens[1]?.text !== '(' || tokens[1].spaced) return { parameters: null, body: tokens.slice(1) };
    const end = tokens.findIndex((token) => token.text === ')' && token.kind === 'operator');
    if (end < 0) {
      throw new AssemblyError('asm-token-expected', placeOf(tokens[1]), {
        en: 'These parameters have no closing )',
        'zh-CN': '参数列表缺少结尾的 )',
      });
    }
    const parameters = tokens.slice(2, end).filter((token) => token.text !== ',');
    return { parameters: parameters.map((token) => token.text), body: tokens.slice(end + 1) };
  }

  /** Replaces until nothing is left to replace. A name is not replaced inside its own expansion. */
  expand(tokens: readonly Token[]): Token[] {
    const output: Token[] = [];
    this.expandInto(output, tokens, new Set(), 0);
    return output;
  }

  private expandInto(output: Token[], tokens: readonly Token[], hidden: ReadonlySet<string>, depth: number): void {
    for (let index = 0; index < tokens.length; index++) {
      const token = tokens[index]!;
      const macro = token.kind === 'identifier' && !hidden.has(token.text) ? this.find(token.text) : undefined;
      const opens = tokens[index + 1]?.text === '(' && tokens[index + 1]?.kind === 'operator';
      if (!macro || (macro.parameters !== null && !opens)) {
        if (output.length >= LIMITS.lineTokens) throw this.tooLarge(token);
        output.push(token);
        continue;
      }
      if (depth >= LIMITS.depth) throw this.tooLarge(token);
      let body = macro.body;
      if (macro.parameters !== null) {
        const call = argumentsAt(tokens, index + 1);
        if (!call || call.list.length !== macro.parameters.length) {
          const count = macro.parameters.length;
          throw new AssemblyError('asm-macro-parameters', placeOf(token), {
            en: `${token.text} takes ${count} parameters in parentheses`,
            'zh-CN': `${token.text} 需要括号中的 ${count} 个参数`,
          });
        }
        const names = macro.parameters;
        const values = call.list.map((list) => {
          const expanded: Token[] = [];
          this.expandInto(expanded, list, hidden, depth + 1);
          return expanded;
        });
        body = body.flatMap((part) => {
          const position = part.kind === 'identifier' ? names.indexOf(part.text) : -1;
          return position < 0 ? [part] : values[position]!;
        });
        if (body.length > LIMITS.lineTokens) throw this.tooLarge(token);
        index = call.end;
      }
      // what the name stands for is shown where the name is written
      const { file, line, column, endColumn } = token;
      const placed = body.map((part) => ({ ...part, file, line, column, endColumn }));
      this.expandInto(output, placed, new Set([...hidden, token.text]), depth + 1);
    }
  }

  private tooLarge(token: Token): AssemblyError {
    return new AssemblyError('asm-too-large', placeOf(token), {
      en: `The line grows too large while ${token.text} is expanded`,
      'zh-CN': `展开 ${token.text} 时该行过大`,
    });
  }
}

/** The arguments of a call whose `(` is at `open`: lists of tokens between the commas of the outermost level. */
function argumentsAt(tokens: readonly Token[], open: number): { list: Token[][]; end: number } | null {
  const list: Token[][] = [[]];
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const token = tokens[index]!;
    const operator = token.kind === 'operator' ? token.text : '';
    if (operator === '(' && depth++ === 0) continue;
    if (operator === ')' && --depth === 0) return { list, end: index };
    if (operator === ',' && depth === 1) list.push([]);
    else list[list.length - 1]!.push(token);
  }
  return null;
}
