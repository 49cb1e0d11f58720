/**
 * Operands as written, and what is left of them once their expressions have values: registers, numbers, far pointers and
 * memory operands brought into base + index × scale + displacement the way NASM does it.
 */
import { AssemblyError, type Place } from './diagnostics';
import { REGISTERS, type RegisterInfo } from './encoder';
import {
  addValues,
  evaluate,
  parseExpression,
  placeOf,
  plainNumber,
  type Expression,
  type Scope,
  type TokenCursor,
  type Value,
} from './expression';

/** Operand sizes in bytes by keyword. */
const SIZE_WORDS: Readonly<Record<string, number>> = { byte: 1, word: 2, dword: 4, qword: 8, tword: 10, tbyte: 10, oword: 16 };

interface Attributes {
  /** bytes, when a size was written */
  size: number | null;
  strict: boolean;
  distance: 'short' | 'near' | 'far' | null;
  place: Place;
}

export type ParsedOperand = Attributes &
  (
    | { kind: 'register'; register: RegisterInfo }
    | { kind: 'value'; expression: Expression }
    | { kind: 'far'; selector: Expression; offset: Expression }
    | { kind: 'memory'; address: Expression; segment: string | null; addressSize: number | null; noSplit: boolean }
  );

/** Reads one operand. Throws AssemblyError. */
export function parseOperand(cursor: TokenCursor, qualify: (name: string) => string): ParsedOperand {
  const start = cursor.place();
  const attributes: Attributes = { size: null, strict: false, distance: null, place: start };
  for (;;) {
    const token = cursor.peek();
    const word = token?.kind === 'identifier' ? token.text.toLowerCase() : '';
    if (word in SIZE_WORDS) attributes.size = SIZE_WORDS[word]!;
    else if (word === 'strict') attributes.strict = true;
    else if (word === 'short' || word === 'near' || word === 'far') attributes.distance = word;
    else if (word !== 'ptr') break;
    cursor.take();
  }
  const token = cursor.peek();
  const following = cursor.peek(1);
  const register = token?.kind === 'identifier' ? REGISTERS.get(token.text.toLowerCase()) : undefined;
  if (register && (!following || following.text === ',')) {
    cursor.take();
    return { ...attributes, kind: 'register', register, place: placeOf(token!) };
  }
  if (cursor.accept('[')) return memoryOperand(cursor, qualify, attributes, start);
  const expression = parseExpression(cursor, { qualify });
  const place = { ...start, endColumn: Math.max(start.endColumn, cursor.peek()?.column ?? expression.place.endColumn) };
  if (cursor.accept(':')) return { ...attributes, kind: 'far', selector: expression, offset: parseExpression(cursor, { qualify }), place };
  return { ...attributes, kind: 'value', expression, place };
}

function memoryOperand(cursor: TokenCursor, qualify: (name: string) => string, attributes: Attributes, start: Place): ParsedOperand {
  let segment: string | null = null;
  let addressSize: number | null = null;
  let noSplit = false;
  for (;;) {
    const token = cursor.peek();
    const word = token?.kind === 'identifier' ? token.text.toLowerCase() : '';
    const register = REGISTERS.get(word);
    if (register?.class === 'segment' && cursor.peek(1)?.text === ':') {
      segment = word;
      cursor.take();
    } else if (word in SIZE_WORDS) addressSize = SIZE_WORDS[word]!;
    else if (word === 'nosplit') noSplit = true;
    else if (word !== 'abs') break;
    cursor.take();
  }
  const address = parseExpression(cursor, { qualify, isRegister: (name) => REGISTERS.has(name.toLowerCase()) });
  const close = cursor.expect(']');
  const place = { ...start, endColumn: close.line === start.line ? close.endColumn : start.endColumn };
  return { ...attributes, kind: 'memory', address, segment, addressSize, noSplit, place };
}

export interface ResolvedMemory {
  kind: 'memory';
  size: number | null;
  far: boolean;
  segment: string | null;
  /** 16, 32 or 64 bits; null: nothing in the operand says */
  addressBits: number | null;
  base: RegisterInfo | null;
  index: RegisterInfo | null;
  scale: number;
  displacement: Value;
  /** a displacement size was written: bytes */
  displacementSize: number | null;
  place: Place;
}

export type ResolvedOperand =
  | { kind: 'register'; register: RegisterInfo; place: Place }
  | { kind: 'value'; value: Value; size: number | null; strict: boolean; distance: Attributes['distance']; place: Place }
  | { kind: 'far'; selector: Value; offset: Value; size: number | null; place: Place }
  | ResolvedMemory;

/** Gives an operand's expressions their values. Throws AssemblyError for an address that cannot be expressed. */
export function resolveOperand(operand: ParsedOperand, scope: Scope): ResolvedOperand {
  const { place, size } = operand;
  switch (operand.kind) {
    case 'register':
      return { kind: 'register', register: operand.register, place };
    case 'value':
      return { kind: 'value', value: evaluate(operand.expression, scope), size, strict: operand.strict, distance: operand.distance, place };
    case 'far':
      return { kind: 'far', selector: evaluate(operand.selector, scope), offset: evaluate(operand.offset, scope), size, place };
    case 'memory':
      return resolveMemory(operand, scope);
  }
}

interface LinearSum {
  /** registers with their factors, in the order written */
  terms: { register: RegisterInfo; factor: bigint; multiplied: boolean; place: Place }[];
  constant: Value;
}

const addressError = (place: Place, en: string, zh: string): AssemblyError =>
  new AssemblyError('asm-bad-address', place, { en, 'zh-CN': zh });

/** Splits an address expression into registers times factors, and a constant. */
function linearSum(expression: Expression, scope: Scope): LinearSum {
  const number = (constant: Value): LinearSum => ({ terms: [], constant });
  if (expression.kind === 'register') {
    const register = REGISTERS.get(expression.name)!;
    if (!['r16', 'r32', 'r64'].includes(register.class)) {
      throw addressError(expression.place, `${register.name} cannot form an address`, `寄存器 ${register.name} 不能用于寻址`);
    }
    return {
      terms: [{ register, factor: 1n, multiplied: false, place: expression.place }],
      constant: plainNumber(0n),
    };
  }
  if (expression.kind === 'unary' && (expression.operator === '-' || expression.operator === '+')) {
    const inner = linearSum(expression.operand, scope);
    if (inner.terms.length === 0 || expression.operator === '+')
      return inner.terms.length === 0 ? number(evaluate(expression, scope)) : inner;
    throw addressError(expression.place, 'A register cannot be subtracted in an address', '地址中不能减去寄存器');
  }
  if (expression.kind === 'binary' && ['+', '-', '*'].includes(expression.operator)) {
    const left = linearSum(expression.left, scope);
    const right = linearSum(expression.right, scope);
    if (left.terms.length === 0 && right.terms.length === 0) return number(evaluate(expression, scope));
    if (expression.operator === '*') {
      const [registers, factor] = left.terms.length > 0 ? [left, right] : [right, left];
      if (factor.terms.length > 0)
        throw addressError(expression.place, 'Two registers cannot be multiplied in an address', '地址中两个寄存器不能相乘');
      return {
        terms: registers.terms.map((term) => ({ ...term, factor: term.factor * factor.constant.value, multiplied: true })),
        constant: { ...registers.constant, value: registers.constant.value * factor.constant.value },
      };
    }
    if (expression.operator === '-' && right.terms.length > 0) {
      throw addressError(expression.place, 'A register cannot be subtracted in an address', '地址中不能减去寄存器');
    }
    return {
      terms: [...left.terms, ...right.terms],
      constant: addValues(expression.operator === '-' ? '-' : '+', left.constant, right.constant),
    };
  }
  return number(evaluate(expression, scope));
}

const BITS: Partial<Record<RegisterInfo['class'], number>> = { r16: 16, r32: 32, r64: 64 };

function resolveMemory(operand: Extract<ParsedOperand, { kind: 'memory' }>, scope: Scope): ResolvedMemory {
  const { terms, constant } = linearSum(operand.address, scope);
  const { place } = operand;
  // the same register twice is one term; the first one written wants to be the base
  const merged: LinearSum['terms'] = [];
  for (const term of terms) {
    const same = merged.find((other) => other.register === term.register);
    if (same) Object.assign(same, { factor: same.factor + term.factor, multiplied: same.multiplied || term.multiplied });
    else merged.push({ ...term });
  }
  const factors = merged.filter((term) => term.factor !== 0n);
  const bits = new Set(factors.map((term) => BITS[term.register.class]!));
  if (bits.size > 1) throw addressError(place, 'An address cannot mix 16-bit and 32-bit registers', '地址中不能混用 16 位与 32 位寄存器');
  const width = [...bits][0] ?? null;
  const addressBits = width ?? (operand.addressSize === 2 ? 16 : operand.addressSize === 4 ? 32 : operand.addressSize === 8 ? 64 : null);
  const common = {
    kind: 'memory',
    size: operand.size,
    far: operand.distance === 'far',
    segment: operand.segment,
    addressBits,
    displacement: constant,
    place,
  } as const;
  const displacementSize = width !== null ? operand.addressSize : null;
  if (factors.length > 2) throw addressError(place, 'An address holds at most two registers', '地址中最多只能有两个寄存器');
  const shape = width === 16 ? sixteenBitShape(factors, place) : wideShape(factors, place, operand.noSplit);
  return { ...common, ...shape, displacementSize };
}

type Shape = Pick<ResolvedMemory, 'base' | 'index' | 'scale'>;

/** [bx+si], [bp+di], [bx], … (SDM vol. 2, table 2-1). */
function sixteenBitShape(terms: LinearSum['terms'], place: Place): Shape {
  const bases = terms.filter((term) => ['bx', 'bp'].includes(term.register.name));
  const indexes = terms.filter((term) => ['si', 'di'].includes(term.register.name));
  if (terms.some((term) => term.factor !== 1n) || bases.length > 1 || indexes.length > 1 || bases.length + indexes.length < terms.length) {
    throw addressError(
      place,
      'A 16-bit address is one of bx, bp plus one of si, di, without factors: use 32-bit registers here',
      '16 位地址只能由 bx、bp 之一加 si、di 之一组成，且不能有倍数：请改用 32 位寄存器',
    );
  }
  const [base, index] = [bases[0]?.register ?? null, indexes[0]?.register ?? null];
  return base ? { base, index, scale: 1 } : { base: index, index: null, scale: 1 };
}

/** Base and index × 1, 2, 4, 8; eax*2 becomes eax+eax, eax*3 becomes eax+eax*2, as NASM does. */
function wideShape(terms: LinearSum['terms'], place: Place, noSplit: boolean): Shape {
  const [first, second] = terms;
  if (!first) return { base: null, index: null, scale: 1 };
  const isStack = (register: RegisterInfo): boolean => register.name === 'esp' || register.name === 'rsp';
  if (!second) {
    const factor = Number(first.factor);
    if (factor === 1 && !(first.multiplied && noSplit)) return { base: first.register, index: null, scale: 1 };
    if ([2, 3, 5, 9].includes(factor) && !noSplit && !isStack(first.register))
      return { base: first.register, index: first.register, scale: factor - 1 };
    if ([1, 2, 4, 8].includes(factor) && !isStack(first.register)) return { base: null, index: first.register, scale: factor };
    throw addressError(
      place,
      `${first.register.name} times ${factor} cannot be encoded: 1, 2, 4 or 8`,
      `${first.register.name} 的 ${factor} 倍无法编码：只能是 1、2、4、8`,
    );
  }
  // the register with a factor is the index; of two plain ones the first is the base, unless esp must be it
  const plain = first.factor === 1n && second.factor === 1n;
  const swap =
    !(plain && isStack(first.register)) &&
    (first.factor !== 1n || (first.multiplied && !second.multiplied) || (plain && isStack(second.register)));
  const [base, index] = swap ? [second, first] : [first, second];
  const scale = Number(index.factor);
  if (base.factor !== 1n || ![1, 2, 4, 8].includes(scale) || isStack(index.register)) {
    throw addressError(
      place,
      'An address is base + index × 1, 2, 4 or 8, and the stack pointer cannot be the index',
      '地址形式为 基址 + 变址 × 1、2、4 或 8，且栈指针不能作变址',
    );
  }
  return { base: base.register, index: index.register, scale };
}
