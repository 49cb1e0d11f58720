/**
 * Characters to tokens, after NASM's manual, chapter 3: identifiers, numbers in every base, strings, operators, and the
 * preprocessor's `%` words. A malformed token becomes one of kind `error`, reported only if its line is assembled.
 */
import type { Message, Place } from './diagnostics';

export interface Token extends Place {
  kind: 'identifier' | 'number' | 'float' | 'string' | 'operator' | 'preprocessor' | 'error';
  text: string;
  /** numbers */
  value?: bigint;
  /** strings, already unescaped */
  bytes?: Uint8Array;
  /** whitespace stands before it */
  spaced: boolean;
  /** kind `error`: what is wrong */
  problem?: { code: string; message: Message };
}

export interface SourceLine {
  file: string;
  line: number;
  tokens: Token[];
}

const IDENTIFIER = /[A-Za-z_.?@$][A-Za-z0-9_$#@~.?]*/y;
const NUMBER = /[0-9$][A-Za-z0-9_]*(?:\.[0-9_]*(?:[eE][+-]?[0-9]+)?)?/y;
const PREPROCESSOR = /%(?:%[A-Za-z0-9_$#@~.?]+|\{[^}]*\}|[+-]?[0-9]+|[A-Za-z?!][A-Za-z0-9_]*|\+|\*(?=\*)|\$+[A-Za-z0-9_$#@~.?]+)/y;
const OPERATOR = /<=>|<<<|>>>|<<|>>|<=|>=|<>|==|!=|&&|\|\||\^\^|\/\/|%%|\$\$|[-+*/%&|^~!()[\]{},:=<>?$]/y;

const encoder = new TextEncoder();

/** `0x1F`, `1Fh`, `$1F`, `0b101`, `101b`, `17q`, `0d9`, digits with `_`. Undefined when it is none of these. */
export function parseNumber(text: string): bigint | undefined {
  const plain = text.replaceAll('_', '').toLowerCase();
  const match = (pattern: RegExp): string | undefined => pattern.exec(plain)?.[1];
  const hex = match(/^0[xh]([0-9a-f]+)$/) ?? match(/^\$([0-9][0-9a-f]*)$/) ?? match(/^([0-9][0-9a-f]*)[hx]$/);
  if (hex !== undefined) return BigInt('0x' + hex);
  const decimal = match(/^(?:0[dt])?([0-9]+)$/) ?? match(/^([0-9]+)[dt]$/);
  if (decimal !== undefined) return BigInt(decimal);
  const binary = match(/^0[by]([01]+)$/) ?? match(/^([01]+)[by]$/);
  if (binary !== undefined) return BigInt('0b' + binary);
  const octal = match(/^0[oq]([0-7]+)$/) ?? match(/^([0-7]+)[oq]$/);
  if (octal !== undefined) return BigInt('0o' + octal);
  return undefined;
}

const SIMPLE_ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 };

/** The inside of a back-quoted string: C escapes (NASM's manual, 3.4.2). */
function unescape(text: string): Uint8Array {
  const bytes: number[] = [];
  const append = (more: Iterable<number>): void => {
    for (const byte of more) bytes.push(byte);
  };
  const pattern = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|[^\\]+/g;
  for (const [whole, octal, hex, short, long, simple] of text.matchAll(pattern)) {
    const codePoint = short ?? long;
    if (octal !== undefined) append([parseInt(octal, 8) & 0xff]);
    else if (hex !== undefined) append([parseInt(hex, 16)]);
    else if (codePoint !== undefined) append(encoder.encode(String.fromCodePoint(Math.min(parseInt(codePoint, 16), 0x10_ffff))));
    else if (simple !== undefined) append(SIMPLE_ESCAPES[simple] === undefined ? encoder.encode(simple) : [SIMPLE_ESCAPES[simple]]);
    else append(encoder.encode(whole));
  }
  return Uint8Array.from(bytes);
}

class Lexer {
  readonly tokens: Token[] = [];
  private at = 0;

  constructor(
    private readonly file: string,
    private readonly line: number,
    private readonly text: string,
  ) {}

  run(): Token[] {
    for (;;) {
      const before = this.at;
      while (this.at < this.text.length && /\s/.test(this.text[this.at]!)) this.at++;
      const spaced = this.at > before || this.at === 0;
      const character = this.text[this.at];
      if (character === undefined || character === ';') return this.tokens;
      this.next(character, spaced);
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  private push(kind: Token['kind'], length: number, spaced: boolean, extra: Partial<Token> = {}): void {
    const column = this.at + 1;
    const text = this.text.slice(this.at, this.at + length);
    this.at += length;
    this.tokens.push({ kind, text, file: this.file, line: this.line, column, endColumn: column + length, spaced, ...extra });
  }

  private next(character: string, spaced: boolean): void {
    if (character === "'" || character === '"' || character === '`') return this.string(character, spaced);
    const following = this.text[this.at + 1] ?? '';
    if (/[0-9]/.test(character) || (character === '$' && /[0-9]/.test(following))) return this.number(spaced);
    if (character === '%') {
      const word = this.match(PREPROCESSOR);
      if (word !== undefined) return this.push('preprocessor', word.length, spaced);
    }
    if (character !== '$' || /[A-Za-z_.?@]/.test(following)) {
      const identifier = character === '?' && !/[A-Za-z0-9_]/.test(following) ? undefined : this.match(IDENTIFIER);
      if (identifier !== undefined) return this.push('identifier', identifier.length, spaced);
    }
    const operator = this.match(OPERATOR);
    if (operator !== undefined) return this.push('operator', operator.length, spaced);
    this.push('error', [...this.text.slice(this.at)][0]!.length, spaced, {
      problem: {
        code: 'asm-unexpected-character',
        message: { en: `The character ${character} has no meaning here`, 'zh-CN': `此处不应出现字符 ${character}` },
      },
    });
  }

  private number(spaced: boolean): void {
    const text = this.match(NUMBER)!;
    if (text.includes('.')) return this.push('float', text.length, spaced);
    const value = parseNumber(text);
    if (value !== undefined) return this.push('number', text.length, spaced, { value });
    if (/^[0-9]+e[0-9]+$/i.test(text)) return this.push('float', text.length, spaced);
    this.push('error', text.length, spaced, {
      problem: {
        code: 'asm-bad-number',
        message: {
          en: `${text} is not a number: write 0x1F or 1Fh (hexadecimal), 0b101, 0q17 or 123`,
          'zh-CN': `${text} 不是数字：请写成 0x1F 或 1Fh（十六进制）、0b101、0q17 或 123`,
        },
      },
    });
  }

  private string(quote: string, spaced: boolean): void {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== quote) end += quote === '`' && this.text[end] === '\\' ? 2 : 1;
    if (end >= this.text.length) {
      return this.push('error', this.text.length - this.at, spaced, {
        problem: {
          code: 'asm-unterminated-string',
          message: { en: `This string has no closing ${quote}`, 'zh-CN': `字符串缺少结尾的 ${quote}` },
        },
      });
    }
    const inside = this.text.slice(this.at + 1, end);
    this.push('string', end + 1 - this.at, spaced, { bytes: quote === '`' ? unescape(inside) : encoder.encode(inside) });
  }
}

/** One line, without its line break. */
export const lexLine = (file: string, line: number, text: string): Token[] => new Lexer(file, line, text).run();

/** A whole file. A line that ends in `\` goes on in the next one; its tokens keep their own line numbers. */
export function lexFile(file: string, text: string): SourceLine[] {
  const lines: SourceLine[] = [];
  let open: SourceLine | null = null;
  for (const [index, content] of text.split(/\r\n|\n|\r/).entries()) {
    const continues = /\\\s*$/.test(content) && !content.includes(';');
    const tokens = lexLine(file, index + 1, continues ? content.replace(/\\\s*$/, '') : content);
    if (open) for (const token of tokens) open.tokens.push(token);
    else {
      open = { file, line: index + 1, tokens };
      lines.push(open);
    }
    if (!continues) open = null;
  }
  return lines;
}
