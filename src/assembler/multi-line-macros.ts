/** `%macro`: its header, choosing one by the number of parameters, and putting the parameters into the body (manual, 4.3). */
import { AssemblyError, type Place } from './diagnostics';
import { placeOf, TokenCursor } from './expression';
import { parseNumber, type SourceLine, type Token } from './lexer';

export interface MultiLineMacro {
  name: string;
  /** fewest and most parameters */
  least: number;
  most: number;
  /** the last parameter takes the rest of the line, commas included (`%macro text 1+`) */
  greedy: boolean;
  /** for the parameters from `least` on */
  defaults: Token[][];
  body: SourceLine[];
}

/** One expansion: what stands for %1, %2, …, and the number that makes its %%labels its own. */
export interface MacroCall {
  parameters: Token[][];
  serial: number;
}

const problem = (code: string, place: Place, en: string, zh: string): AssemblyError => new AssemblyError(code, place, { en, 'zh-CN': zh });

/** `name 1-3 default, default`. `tokens` are those behind %macro, single-line macros expanded. Throws AssemblyError. */
export function readMacroHeader(directive: Token, tokens: readonly Token[], body: SourceLine[]): MultiLineMacro {
  const name = tokens[0];
  if (name?.kind !== 'identifier') throw problem('asm-name-expected', placeOf(directive), '%macro needs a name', '%macro 之后应有名称');
  const cursor = new TokenCursor(tokens.slice(1), placeOf(name));
  const number = (): number => {
    if (cursor.peek()?.kind === 'number') return Number(cursor.take().value);
    throw cursor.error('asm-number-expected', `The macro ${name.text} needs its number of parameters`, `宏 ${name.text} 需要参数个数`);
  };
  const least = cursor.done ? 0 : number();
  let most = least;
  if (cursor.accept('-')) most = cursor.accept('*') ? Infinity : number();
  const greedy = cursor.accept('+') !== undefined;
  const rest: Token[] = [];
  while (!cursor.done) rest.push(cursor.take());
  return { name: name.text, least, most, greedy, defaults: rest.length > 0 ? splitParameters(rest, Infinity) : [], body };
}

/** The macro of that name that takes so many parameters, and its parameters with the defaults filled in. Throws AssemblyError. */
export function matchMacro(
  called: Token,
  candidates: readonly MultiLineMacro[],
  tokens: readonly Token[],
): { macro: MultiLineMacro; parameters: Token[][] } {
  const given = tokens.length === 0 ? [] : splitParameters(tokens, Infinity);
  const macro = candidates.find(({ least, most, greedy }) => given.length >= least && (given.length <= most || greedy));
  if (!macro) {
    const wanted = candidates.map(({ least, most }) => (least === most ? String(least) : `${least}–${most}`)).join(' / ');
    throw problem(
      'asm-macro-parameters',
      placeOf(called),
      `The macro ${called.text} takes ${wanted} parameters, not ${given.length}`,
      `宏 ${called.text} 需要 ${wanted} 个参数，而不是 ${given.length} 个`,
    );
  }
  const parameters = macro.greedy && given.length > macro.most ? splitParameters(tokens, macro.most) : given;
  const wanted = macro.least + macro.defaults.length;
  for (let index = parameters.length; index < wanted; index++) parameters.push(macro.defaults[index - macro.least] ?? []);
  return { macro, parameters };
}

/** `a, {b, c}, d` → three lists. With `most`, the last one keeps its commas. */
function splitParameters(tokens: readonly Token[], most: number): Token[][] {
  const parameters: Token[][] = [[]];
  let braces = 0;
  for (const token of tokens) {
    const operator = token.kind === 'operator' ? token.text : '';
    const current = parameters[parameters.length - 1]!;
    if (operator === '{' && braces++ === 0 && current.length === 0) continue;
    if (operator === '}' && --braces === 0) continue;
    if (operator === ',' && braces === 0 && parameters.length < most) parameters.push([]);
    else current.push(token);
  }
  return parameters;
}

const NUMBERED = /^%\{?([0-9]+)\}?$/;
const LOCAL_LABEL = /^%\{?%([A-Za-z0-9_$#@~.?]+)\}?$/;

/** Replaces %1, %{1}, %0 and %%label, and pastes what stands without space before or behind a parameter, or around %+. */
export function substituteParameters(tokens: readonly Token[], call: MacroCall | null): Token[] {
  const result: Token[] = [];
  let pasteNext = false;
  for (const [index, token] of tokens.entries()) {
    const isParameter = token.kind === 'preprocessor' && NUMBERED.test(token.text);
    const previous = result[result.length - 1];
    const behindParameter = pasteNext && (token.kind === 'identifier' || token.kind === 'number') && !token.spaced;
    const behindName = isParameter && !token.spaced && previous?.kind === 'identifier';
    const glued = tokens[index - 1]?.text === '%+';
    const parts = token.kind === 'preprocessor' ? replacement(token, call) : [token];
    parts.forEach((part, position) => {
      if (position === 0 && previous && (behindParameter || behindName || glued)) result[result.length - 1] = paste(previous, part);
      else result.push(part);
    });
    pasteNext = isParameter || token.text === '%+';
  }
  return result;
}

function replacement(token: Token, call: MacroCall | null): Token[] {
  if (token.text === '%+') return [];
  const local = LOCAL_LABEL.exec(token.text);
  const numbered = NUMBERED.exec(token.text);
  if (!local && !numbered) return [token];
  if (!call) {
    const [en, zh] = [`${token.text} means something only inside a %macro`, `${token.text} 只在 %macro 内有意义`];
    throw problem('asm-stray-parameter', placeOf(token), en, zh);
  }
  if (local) return [{ ...token, kind: 'identifier', text: `..@${call.serial}.${local[1]}` }];
  const number = Number(numbered![1]);
  if (number > 0) return call.parameters[number - 1] ?? [];
  return [{ ...token, kind: 'number', text: String(call.parameters.length), value: BigInt(call.parameters.length) }];
}

/** Two tokens pasted together are read again as one. */
function paste(left: Token, right: Token): Token {
  const text = left.text + right.text;
  const value = parseNumber(text);
  const kind = /^[A-Za-z_.?@$]/.test(text) ? 'identifier' : value !== undefined ? 'number' : right.kind;
  const endColumn = right.line === left.line ? Math.max(left.endColumn, right.endColumn) : left.endColumn;
  return { ...left, kind, text, value: kind === 'number' ? value : undefined, endColumn };
}
