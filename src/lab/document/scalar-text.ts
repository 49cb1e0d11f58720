/** How an edited value is written into YAML: addresses as 0x3000_0000, sizes as 64 MiB, texts plain where YAML reads them back as texts. */
import { formatAddress } from '../../machine/address';

/** What a patch may put into the document. */
export type PatchValue = string | number | bigint | boolean | null | PatchValue[] | { [key: string]: PatchValue };

const ADDRESS_KEYS = new Set(['base', 'load', 'entry', 'address', 'gpa', 'from', 'cr2']);
const SIZE_KEYS = new Set(['memory', 'window', 'bytes']);
const UNITS = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;

/** `64 MiB`; plain bytes when no unit divides it */
export function formatSize(bytes: number): string {
  for (const [unit, size] of UNITS) if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  return String(bytes);
}

/** Numbers under keys that hold addresses or sizes become the text a person would write. */
export function humanValue(key: string | number, value: PatchValue): PatchValue {
  if (Array.isArray(value)) return value.map((item) => humanValue('', item));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, humanValue(name, inner)]));
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (ADDRESS_KEYS.has(String(key))) return formatAddress(value);
    if (SIZE_KEYS.has(String(key))) return formatSize(Number(value));
  }
  return value;
}

const PLAIN = /^(?:[A-Za-z][A-Za-z0-9_./-]*|0x[0-9A-F]+(?:_[0-9A-F]+)*|[1-9][0-9]* (?:KiB|MiB|GiB|TiB))$/;
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n)$/i;

/** One scalar, valid in block and flow context. A hex text without an underscore is quoted, or YAML would read a number. */
export function scalarText(value: string | number | bigint | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !RESERVED.test(value) && (!value.startsWith('0x') || value.includes('_')) ? value : JSON.stringify(value);
}
