/** Tokens of one line to a statement: label, prefixes, then an instruction, data, or a directive. */
import { AssemblyError, type Place } from './diagnostics';
import { parseExpression, placeOf, TokenCursor, type Expression } from './expression';
import { isMnemonic, PREFIXES, SEGMENT_PREFIXES, SIZE_PREFIXES, unknownInstruction } from './mnemonics';
import type { Token } from './lexer';
import { parseOperand, type ParsedOperand } from './operands';

export type DataItem =
  | { kind: 'value'; expression: Expression }
  | { kind: 'string'; bytes: Uint8Array }
  | { kind: 'float'; text: string; place: Place }
  | { kind: 'repeat'; count: Expression; items: DataItem[] }
  /** `?`: reserved, zero in the image */
  | { kind: 'reserved' };

export type Statement =
  | { kind: 'nothing' }
  | { kind: 'instruction'; mnemonic: string; prefixes: string[]; operands: ParsedOperand[]; place: Place }
  | { kind: 'data'; size: number; items: DataItem[] }
  | { kind: 'reserve'; size: number; count: Expression; place: Place }
  | { kind: 'equ'; name: string; value: Expression; place: Place }
  | { kind: 'times'; count: Expression; body: Statement; place: Place }
  | { kind: 'align'; boundary: Expression; fill: Statement | null; reserve: boolean; place: Place }
  | { kind: 'incbin'; path: string; skip: Expression | null; length: Expression | null; place: Place }
  | { kind: 'org'; value: Expression; place: Place }
  | { kind: 'bits'; bits: 16 | 32 | 64 }
  | { kind: 'section'; name: string; attributes: Record<string, Expression | true>; place: Place }
  | { kind: 'absolute'; value: Expression }
  | { kind: 'struc'; name: string; place: Place }
  | { kind: 'endstruc'; place: Place };

export interface ParsedLine {
  /** full names of the labels defined here */
  label: { name: string; place: Place } | null;
  statement: Statement;
  place: Place;
}

const DATA: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const RESERVE: Readonly<Record<string, number>> = { resb: 1, resw: 2, resd: 4, resq: 8 };
/** Known to NASM, without effect on a flat image. */
const IGNORED = new Set(['global', 'cpu', 'default', 'static', 'common', 'required']);
const DIRECTIVES = new Set([
  'org',
  'bits',
  'use16',
  'use32',
  'section',
  'segment',
  'align',
  'alignb',
  'absolute',
  'extern',
  'struc',
  'endstruc',
  'incbin',
  'times',
  ...IGNORED,
]);

const fail = (code: string, place: Place, en: string, zh: string): AssemblyError => new AssemblyError(code, place, { en, 'zh-CN': zh });

/** Reads the lines of a program in order: a local label belongs to the last plain one before it. */
export class StatementParser {
  private lastLabel = '';

  constructor(private readonly resolvePath: (path: string, from: string) => string) {}

  /** Throws AssemblyError. */
  parse(tokens: readonly Token[], place: Place): ParsedLine {
    const bracketed = this.withoutBrackets(tokens);
    const cursor = new TokenCursor(bracketed, place);
    const label = this.label(cursor);
    const statement = this.statement(cursor, label?.name ?? null, place);
    cursor.expectEnd();
    if (!label || statement.kind === 'equ') return { label: null, statement, place };
    return { label, statement, place };
  }

  /** `[bits 32]` is the same as `bits 32`. */
  private withoutBrackets(tokens: readonly Token[]): readonly Token[] {
    const last = tokens[tokens.length - 1];
    return tokens[0]?.text === '[' && last?.text === ']' && tokens[0].kind === 'operator' ? tokens.slice(1, -1) : tokens;
  }

  private qualify = (name: string): string => (name.startsWith('.') && !name.startsWith('..') ? this.lastLabel + name : name);

  private isWord(word: string): boolean {
    return (
      word in DATA ||
      word in RESERVE ||
      word in PREFIXES ||
      SIZE_PREFIXES.has(word) ||
      DIRECTIVES.has(word) ||
      word === 'equ' ||
      isMnemonic(word)
    );
  }

  private label(cursor: TokenCursor): { name: string; place: Place } | null {
    const token = cursor.peek();
    if (token?.kind !== 'identifier') return null;
    const following = cursor.peek(1);
    const colon = following?.kind === 'operator' && following.text === ':';
    const word = token.text.toLowerCase();
    const isPrefix = word in SEGMENT_PREFIXES && !colon;
    if (!colon && (this.isWord(word) || isPrefix)) return null;
    const next = following?.kind === 'identifier' ? following.text.toLowerCase() : '';
    if (!colon && following && !this.isWord(next)) throw unknownInstruction(token.text, placeOf(token));
    if (!colon && !following && !token.text.startsWith('.') && /^[a-z]{2,7}$/i.test(token.text))
      throw unknownInstruction(token.text, placeOf(token));
    cursor.take();
    if (colon) cursor.take();
    const written = token.text.startsWith('$') ? token.text.slice(1) : token.text;
    const name = this.qualify(written);
    const isEqu = cursor.peek()?.text.toLowerCase() === 'equ';
    if (!written.startsWith('.') && !isEqu) this.lastLabel = written;
    return { name, place: placeOf(token) };
  }

  private expression(cursor: TokenCursor): Expression {
    return parseExpression(cursor, { qualify: this.qualify });
  }

  private statement(cursor: TokenCursor, label: string | null, line: Place): Statement {
    const token = cursor.peek();
    if (!token) return { kind: 'nothing' };
    const place = placeOf(token);
    if (token.kind === 'error') throw new AssemblyError(token.problem!.code, place, token.problem!.message);
    if (token.kind !== 'identifier')
      throw fail('asm-instruction-expected', place, `Expected an instruction, not ${token.text}`, `此处应为指令，而不是 ${token.text}`);
    const word = token.text.toLowerCase();
    if (word in DATA) {
      cursor.take();
      return { kind: 'data', size: DATA[word]!, items: this.items(cursor, DATA[word]!) };
    }
    if (word in RESERVE) {
      cursor.take();
      return { kind: 'reserve', size: RESERVE[word]!, count: this.expression(cursor), place };
    }
    if (word === 'equ') {
      cursor.take();
      if (label === null) throw fail('asm-label-expected', place, 'equ needs a name before it', 'equ 之前应有名称');
      return { kind: 'equ', name: label, value: this.expression(cursor), place: line };
    }
    if (DIRECTIVES.has(word)) {
      cursor.take();
      return this.directive(word, cursor, place);
    }
    return this.instruction(cursor, place);
  }

  private instruction(cursor: TokenCursor, start: Place): Statement {
    const prefixes: string[] = [];
    let place = start;
    for (;;) {
      const token = cursor.peek();
      if (!token) break;
      const word = token.text.toLowerCase();
      const isPrefix = word in PREFIXES || SIZE_PREFIXES.has(word) || word in SEGMENT_PREFIXES;
      place = placeOf(token);
      if (!isPrefix) break;
      prefixes.push(word);
      cursor.take();
    }
    const token = cursor.peek();
    if (!token) throw fail('asm-instruction-expected', place, 'A prefix needs an instruction behind it', '前缀之后应有指令');
    const mnemonic = token.text.toLowerCase();
    if (token.kind !== 'identifier' || !isMnemonic(mnemonic)) throw unknownInstruction(token.text, placeOf(token));
    cursor.take();
    const operands: ParsedOperand[] = [];
    if (!cursor.done) {
      do operands.push(parseOperand(cursor, this.qualify));
      while (cursor.accept(','));
    }
    return { kind: 'instruction', mnemonic, prefixes, operands, place };
  }

  private items(cursor: TokenCursor, size: number): DataItem[] {
    const items: DataItem[] = [];
    do {
      const token = cursor.peek();
      if (!token && items.length > 0) break; // a comma at the end
      items.push(this.item(cursor, size));
    } while (cursor.accept(','));
    return items;
  }

  private item(cursor: TokenCursor, size: number): DataItem {
    const token = cursor.peek();
    const following = cursor.peek(1);
    const alone = !following || following.text === ',' || following.text === ')';
    if (token?.kind === 'string' && alone) {
      cursor.take();
      return { kind: 'string', bytes: token.bytes! };
    }
    const negative = token?.text === '-' && following?.kind === 'float';
    if (token?.kind === 'float' || negative) {
      if (negative) cursor.take();
      const float = cursor.take();
      if (size < 4) throw fail('asm-float-size', placeOf(float), 'A floating-point number needs dd or dq', '浮点数只能用 dd 或 dq 定义');
      return { kind: 'float', text: (negative ? '-' : '') + float.text, place: placeOf(float) };
    }
    if (token?.text === '?' && alone) {
      cursor.take();
      return { kind: 'reserved' };
    }
    const expression = this.expression(cursor);
    if (!cursor.acceptWord('dup')) return { kind: 'value', expression };
    cursor.expect('(');
    const items = this.items(cursor, size);
    cursor.expect(')');
    return { kind: 'repeat', count: expression, items };
  }

  private directive(word: string, cursor: TokenCursor, place: Place): Statement {
    switch (word) {
      case 'times': {
        const count = this.expression(cursor);
        const body = this.statement(cursor, null, place);
        if (['equ', 'section', 'org', 'struc'].includes(body.kind))
          throw fail('asm-times-body', place, 'times repeats an instruction or data', 'times 只能重复指令或数据');
        return { kind: 'times', count, body, place };
      }
      case 'org':
        return { kind: 'org', value: this.expression(cursor), place };
      case 'bits':
      case 'use16':
      case 'use32': {
        const token = word === 'bits' ? cursor.take() : null;
        const bits = token ? Number(token.value ?? 0n) : Number(word.slice(3));
        if (bits !== 16 && bits !== 32 && bits !== 64)
          throw fail('asm-bad-bits', token ? placeOf(token) : place, 'bits is 16, 32 or 64', 'bits 只能是 16、32 或 64');
        return { kind: 'bits', bits };
      }
      case 'section':
      case 'segment':
        return this.section(cursor, place);
      case 'align':
      case 'alignb': {
        const boundary = this.expression(cursor);
        const fill = cursor.accept(',') ? this.statement(cursor, null, place) : null;
        return { kind: 'align', boundary, fill, reserve: word === 'alignb', place };
      }
      case 'incbin': {
        const token = cursor.take();
        if (!token.bytes)
          throw fail('asm-file-name-expected', placeOf(token), 'incbin needs a file name in quotes', 'incbin 之后应为带引号的文件名');
        const skip = cursor.accept(',') ? this.expression(cursor) : null;
        const length = cursor.accept(',') ? this.expression(cursor) : null;
        return {
          kind: 'incbin',
          path: this.resolvePath(new TextDecoder().decode(token.bytes), place.file),
          skip,
          length,
          place: placeOf(token),
        };
      }
      case 'absolute':
        return { kind: 'absolute', value: this.expression(cursor) };
      case 'struc': {
        const token = cursor.take();
        this.lastLabel = token.text;
        return { kind: 'struc', name: token.text, place: placeOf(token) };
      }
      case 'endstruc':
        return { kind: 'endstruc', place };
      case 'extern':
        throw fail(
          'asm-extern',
          place,
          'A flat image has no other object file to take symbols from: use %include',
          '平坦映像没有其他目标文件可供引用符号：请使用 %include',
        );
      default: {
        for (const _ of restOf(cursor)) cursor.take();
        return { kind: 'nothing' };
      }
    }
  }

  private section(cursor: TokenCursor, place: Place): Statement {
    const name = cursor.take();
    const attributes: Record<string, Expression | true> = {};
    while (!cursor.done) {
      const key = cursor.take();
      if (key.kind !== 'identifier')
        throw fail('asm-unexpected-token', placeOf(key), `${key.text} is no section attribute`, `${key.text} 不是段属性`);
      attributes[key.text.toLowerCase()] = cursor.accept('=') ? this.expression(cursor) : true;
    }
    return { kind: 'section', name: name.text, attributes, place };
  }
}

function restOf(cursor: TokenCursor): Token[] {
  const rest: Token[] = [];
  for (let ahead = 0; ; ahead++) {
    const token = cursor.peek(ahead);
    if (!token) return rest;
    rest.push(token);
  }
}
