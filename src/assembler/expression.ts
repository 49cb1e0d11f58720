/**
 * Expressions: NASM's operators with NASM's precedence (manual, 3.5), 64-bit wrap-around arithmetic. Parsing gives a tree;
 * evaluation gives a number, and says whether it depends on where something lies (then no short form may be chosen for it) or
 * on a symbol not seen yet.
 */
import { AssemblyError, type Place } from './diagnostics';
import type { Token } from './lexer';

export type Expression =
  | { kind: 'number'; value: bigint; place: Place }
  | { kind: 'symbol'; name: string; place: Place }
  | { kind: 'here' | 'section-start'; place: Place }
  | { kind: 'register'; name: string; place: Place }
  | { kind: 'unary'; operator: string; operand: Expression; place: Place }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression; place: Place }
  | { kind: 'conditional'; condition: Expression; yes: Expression; no: Expression; place: Place };

export interface Value {
  /** signed 64 bits */
  value: bigint;
  /** the section whose place it depends on; null for a plain number */
  section: string | null;
  /** how many times: 1 for an address, 0 for a plain number or a difference of two addresses, -1 for a negated address */
  factor: number;
  /** depends on a symbol that has no value yet */
  unknown: boolean;
}

export interface Scope {
  symbol(name: string, place: Place): Value;
  here(place: Place): Value;
  sectionStart(place: Place): Value;
}

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['^^'],
  ['&&'],
  ['=', '==', '!=', '<>', '<', '<=', '>', '>=', '<=>'],
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>', '<<<', '>>>'],
  ['+', '-'],
  ['*', '/', '//', '%', '%%'],
];

/** Parentheses and unary operators may nest this deep; more is an attack on the stack, not a program. */
const DEEPEST = 200;

export const placeOf = (token: Token): Place => ({ file: token.file, line: token.line, column: token.column, endColumn: token.endColumn });

/** Reads tokens one after the other; shared by every parser here. */
export class TokenCursor {
  private index = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly fallback: Place,
  ) {}

  get done(): boolean {
    return this.index >= this.tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.index + ahead];
  }

  take(): Token {
    const token = this.tokens[this.index];
    if (!token) throw this.error('asm-expression-expected', 'The line ends where a value is expected', '此处应有一个值，但该行已结束');
    this.index++;
    return token;
  }

  /** Takes the next token if it is this operator. */
  accept(operator: string): Token | undefined {
    const token = this.peek();
    return token?.kind === 'operator' && token.text === operator ? this.take() : undefined;
  }

  expect(operator: string): Token {
    const token = this.accept(operator);
    if (!token) throw this.error('asm-token-expected', `Expected ${operator} here`, `此处应为 ${operator}`);
    return token;
  }

  acceptWord(word: string): Token | undefined {
    const token = this.peek();
    return token?.kind === 'identifier' && token.text.toLowerCase() === word ? this.take() : undefined;
  }

  /** Where the next token is, or the end of the last one. */
  place(): Place {
    const token = this.peek();
    if (token) return placeOf(token);
    const last = this.tokens[this.tokens.length - 1];
    return last ? { ...placeOf(last), column: last.endColumn, endColumn: last.endColumn + 1 } : this.fallback;
  }

  error(code: string, en: string, zh: string): AssemblyError {
    return new AssemblyError(code, this.place(), { en, 'zh-CN': zh });
  }

  expectEnd(): void {
    const token = this.peek();
    if (!token) return;
    throw this.error(
      'asm-unexpected-token',
      `${token.text} does not belong here: expected the end of the line`,
      `此处不应有 ${token.text}：该行应在此结束`,
    );
  }
}

/** A string of up to eight characters as a number, the first character lowest. */
function characterConstant(token: Token): bigint {
  const bytes = token.bytes ?? new Uint8Array();
  let value = 0n;
  for (let index = Math.min(bytes.length, 8) - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
  return value;
}

export interface ExpressionOptions {
  /** registers are leaves (inside `[ ]`) */
  isRegister?: (name: string) => boolean;
  /** full name of a symbol: `.x` → `label.x` */
  qualify?: (name: string) => string;
}

/** Parses one expression and leaves the cursor behind it. Throws AssemblyError. */
export function parseExpression(cursor: TokenCursor, options: ExpressionOptions = {}): Expression {
  let depth = 0;

  const conditional = (): Expression => {
    const condition = binary(0);
    const question = cursor.accept('?');
    if (!question) return condition;
    const yes = conditional();
    cursor.expect(':');
    return { kind: 'conditional', condition, yes, no: conditional(), place: placeOf(question) };
  };

  const binary = (level: number): Expression => {
    const operators = LEVELS[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    for (;;) {
      const token = cursor.peek();
      if (token?.kind !== 'operator' || !operators.includes(token.text)) return left;
      cursor.take();
      left = { kind: 'binary', operator: token.text, left, right: binary(level + 1), place: placeOf(token) };
    }
  };

  const unary = (): Expression => {
    if (++depth > DEEPEST) throw cursor.error('asm-expression-too-deep', 'This expression is nested too deeply', '表达式嵌套过深');
    try {
      const token = cursor.peek();
      if (token?.kind === 'operator' && ['-', '+', '~', '!'].includes(token.text)) {
        cursor.take();
        return { kind: 'unary', operator: token.text, operand: unary(), place: placeOf(token) };
      }
      if (cursor.accept('(')) {
        const inner = conditional();
        cursor.expect(')');
        return inner;
      }
      return leaf();
    } finally {
      depth--;
    }
  };

  const leaf = (): Expression => {
    const token = cursor.take();
    const place = placeOf(token);
    if (token.kind === 'error') throw new AssemblyError(token.problem!.code, place, token.problem!.message);
    if (token.kind === 'number') return { kind: 'number', value: token.value!, place };
    if (token.kind === 'string') return { kind: 'number', value: characterConstant(token), place };
    if (token.kind === 'operator' && token.text === '$') return { kind: 'here', place };
    if (token.kind === 'operator' && token.text === '$$') return { kind: 'section-start', place };
    if (token.kind === 'identifier') {
      const escaped = token.text.startsWith('$');
      const name = escaped ? token.text.slice(1) : token.text;
      if (!escaped && options.isRegister?.(name)) return { kind: 'register', name: name.toLowerCase(), place };
      return { kind: 'symbol', name: options.qualify?.(name) ?? name, place };
    }
    throw new AssemblyError('asm-expression-expected', place, {
      en: `${token.text} is no value: expected a number, a symbol or (`,
      'zh-CN': `${token.text} 不是值：此处应为数字、符号或 (`,
    });
  };

  return conditional();
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
const truth = (condition: boolean): bigint => (condition ? 1n : 0n);

function arithmetic(operator: string, left: bigint, right: bigint, place: Place): bigint {
  const divisor = (): bigint => {
    if (right !== 0n) return right;
    throw new AssemblyError('asm-division-by-zero', place, { en: 'Division by zero', 'zh-CN': '除数为零' });
  };
  const distance = unsigned(right) > 63n ? 64n : unsigned(right);
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return unsigned(left) / unsigned(divisor());
    case '//':
      return left / divisor();
    case '%':
      return unsigned(left) % unsigned(divisor());
    case '%%':
      return left % divisor();
    case '<<':
    case '<<<':
      return left << distance;
    case '>>':
      return unsigned(left) >> distance;
    case '>>>':
      return left >> distance;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '=':
    case '==':
      return truth(left === right);
    case '!=':
    case '<>':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '<=':
      return truth(left <= right);
    case '>':
      return truth(left > right);
    case '>=':
      return truth(left >= right);
    case '<=>':
      return left < right ? -1n : truth(left > right);
    case '&&':
      return truth(left !== 0n && right !== 0n);
    case '||':
      return truth(left !== 0n || right !== 0n);
    default:
      return truth((left !== 0n) !== (right !== 0n)); // ^^
  }
}

export const plainNumber = (value: bigint): Value => ({ value, section: null, factor: 0, unknown: false });

const COMPARISONS = new Set(['=', '==', '!=', '<>', '<', '<=', '>', '>=', '<=>']);

/** What a result depends on: two addresses of one section cancel out when subtracted or compared. */
function dependence(operator: string, left: Value, right: Value): Pick<Value, 'section' | 'factor'> {
  const section = left.section ?? right.section;
  if (section === null) return { section: null, factor: 0 };
  const same = left.section === right.section;
  if (COMPARISONS.has(operator) && same) return { section: null, factor: 0 };
  if (operator !== '+' && operator !== '-') return { section, factor: 1 };
  if (left.section !== null && right.section !== null && !same) return { section, factor: 1 };
  const factor = left.factor + (operator === '-' ? -right.factor : right.factor);
  return factor === 0 ? { section: null, factor: 0 } : { section, factor };
}

/** Sum or difference, wrapped to 64 bits. */
export function addValues(operator: '+' | '-', left: Value, right: Value): Value {
  const value = signed(operator === '+' ? left.value + right.value : left.value - right.value);
  return { value, ...dependence(operator, left, right), unknown: left.unknown || right.unknown };
}

/** Throws AssemblyError for a register outside an address, a division by zero, and whatever the scope throws. */
export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'number':
      return plainNumber(signed(expression.value));
    case 'symbol':
      return scope.symbol(expression.name, expression.place);
    case 'here':
      return scope.here(expression.place);
    case 'section-start':
      return scope.sectionStart(expression.place);
    case 'register':
      throw new AssemblyError('asm-register-in-expression', expression.place, {
        en: `The register ${expression.name} cannot be part of a constant`,
        'zh-CN': `寄存器 ${expression.name} 不能出现在常量表达式中`,
      });
    case 'unary': {
      const { value, section, factor, unknown } = evaluate(expression.operand, scope);
      const result = { '-': -value, '+': value, '~': ~value, '!': truth(value === 0n) }[expression.operator] ?? value;
      return { value: signed(result), section, factor: expression.operator === '-' ? -factor : factor, unknown };
    }
    case 'conditional': {
      const condition = evaluate(expression.condition, scope);
      const chosen = evaluate(condition.value !== 0n ? expression.yes : expression.no, scope);
      return { ...chosen, unknown: chosen.unknown || condition.unknown };
    }
    case 'binary': {
      const left = evaluate(expression.left, scope);
      const right = evaluate(expression.right, scope);
      const unknown = left.unknown || right.unknown;
      // an unknown divisor is not yet an error
      const divides = ['/', '//', '%', '%%'].includes(expression.operator);
      const divisor = divides && right.unknown && right.value === 0n ? 1n : right.value;
      const value = signed(arithmetic(expression.operator, left.value, divisor, expression.place));
      return { value, ...dependence(expression.operator, left, right), unknown };
    }
  }
}
