/** db, dw, dd, dq: items to bytes, little-endian. */
import { AssemblyError, type DiagnosticList, type Place } from './diagnostics';
import type { Expression, Value } from './expression';
import type { DataItem } from './statement';

/** Bytes one line may make out of `dup`; more is for `times`. */
const MOST_BYTES_IN_LINE = 1024 * 1024;

export interface DataScope {
  value(expression: Expression): Value;
  /** a number of repetitions, checked */
  count(expression: Expression, place: Place, what: string): number;
  diagnostics: DiagnosticList;
}

/** `size` is that of one item in bytes. Numbers that do not fit are cut off with a warning. Throws AssemblyError. */
export function dataBytes(items: readonly DataItem[], size: number, place: Place, scope: DataScope): Uint8Array {
  const bytes: number[] = [];
  for (const item of items) {
    if (item.kind === 'string') {
      append(bytes, item.bytes);
      while (bytes.length % size !== 0) bytes.push(0);
    } else if (item.kind === 'float') append(bytes, floatBytes(item.text, size));
    else if (item.kind === 'reserved') append(bytes, new Uint8Array(size));
    else if (item.kind === 'repeat') {
      const inner = dataBytes(item.items, size, place, scope);
      const count = scope.count(item.count, place, 'dup');
      if (bytes.length + inner.length * count > MOST_BYTES_IN_LINE) throw tooMuch(place);
      for (let round = 0; round < count; round++) append(bytes, inner);
    } else append(bytes, numberBytes(item.expression, size, scope));
  }
  return Uint8Array.from(bytes);
}

/** One by one: a long list as arguments of one call would exhaust the stack. */
function append(bytes: number[], more: Uint8Array): void {
  for (const byte of more) bytes.push(byte);
}

const tooMuch = (place: Place): AssemblyError =>
  new AssemblyError('asm-too-large', place, {
    en: 'dup makes more than 1 MiB in one line: use times',
    'zh-CN': 'dup 在一行中生成超过 1 MiB 数据：请使用 times',
  });

function floatBytes(text: string, size: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  const value = Number(text.replaceAll('_', ''));
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return new Uint8Array(view.buffer);
}

function numberBytes(expression: Expression, size: number, { value: evaluate, diagnostics }: DataScope): Uint8Array {
  const { value, unknown } = evaluate(expression);
  const bits = size * 8;
  if (!unknown && BigInt.asIntN(bits, value) !== value && BigInt.asUintN(bits, value) !== value) {
    diagnostics.add('warning', 'asm-number-too-wide', expression.place, {
      en: `The number does not fit into ${bits} bits and is cut off`,
      'zh-CN': `该数超出 ${bits} 位，高位被截去`,
    });
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, value, true);
  return new Uint8Array(view.buffer, 0, size);
}
