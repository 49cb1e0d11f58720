/** What zod finds wrong, as problems in both languages: which key, what was expected, what is there, and the nearest names. */
import type { z } from 'zod';
import type { Problem } from '../protocol';
import { nearestNames } from './nearest';
import { error, suggestNames, text, type Text } from './problem';
import { keysAt } from './schema-keys';
import { formatPath, placeOf, shownName, type Key, type YamlSource } from './yaml-source';

interface Issue {
  code: string;
  path: Key[];
  message: string;
  keys?: string[];
  values?: unknown[];
  expected?: string;
  errors?: Issue[][];
  minimum?: number | bigint;
  maximum?: number | bigint;
  origin?: string;
}

const TYPE_NAMES: Record<string, Text> = {
  string: text('a text', '文本'),
  number: text('a number', '数字'),
  bigint: text('a whole number', '整数'),
  boolean: text('true or false', 'true 或 false'),
  array: text('a list', '列表'),
  object: text('a group of keys', '一组键'),
  record: text('a group of keys', '一组键'),
};

/** YAML reads .nan, .inf and 1e400, which no key takes. */
const FINITE = text('a finite number', '有限的数字');

/** The schema's own messages; each says what was expected. */
const CUSTOM: Record<string, Text> = {
  'expected an address from 0 to 2^53 - 1, as 0x10_0000 or 1048576': text(
    'an address from 0 to 2^53 - 1, as 0x10_0000 or 1048576',
    '从 0 到 2^53 - 1 的地址，如 0x10_0000 或 1048576',
  ),
  'expected a size, as 64 MiB or 67108864': text('a size, as 64 MiB or 67108864', '大小，如 64 MiB 或 67108864'),
  'expected a whole number from 0': text('a whole number from 0', '不小于 0 的整数'),
  'expected a name: a letter, then up to 31 letters, digits, _ or -': text(
    'a name: a letter, then up to 31 letters, digits, _ or -',
    '名称：以字母开头，其后最多 31 个字母、数字、_ 或 -',
  ),
  'expected a port: rp1, or sw1.0 for downstream port 0 of a switch': text(
    'a port: rp1, or sw1.0 for downstream port 0 of a switch',
    '端口：如 rp1，或交换机下游端口 0 的 sw1.0',
  ),
  'expected hexadecimal digits, two a byte': text('hexadecimal digits, two a byte', '十六进制数字，每字节两位'),
  'expected a PCI address, as 00:04.0': text('a PCI address, as 00:04.0', 'PCI 地址，如 00:04.0'),
  'expected a path inside the lab folder: no leading /, no .. and no \\': text(
    'a path inside the lab folder: no leading /, no .. and no \\',
    '实验文件夹内的路径：不以 / 开头，不含 .. 和 \\',
  ),
};

const valueAt = (data: unknown, path: readonly Key[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (value !== null && typeof value === 'object' ? (value as Record<Key, unknown>)[key] : undefined),
    data,
  );

function describe(value: unknown): Text {
  if (value === null) return text('nothing (null)', '空（null）');
  if (Array.isArray(value)) return text('a list', '列表');
  if (typeof value === 'object') return text('a group of keys', '一组键');
  const shown = String(value);
  return text(
    typeof value === 'string' ? `"${shown.slice(0, 40)}"` : shown.slice(0, 40),
    typeof value === 'string' ? `“${shown.slice(0, 40)}”` : shown.slice(0, 40),
  );
}

/** Of a union's branches the one that comes nearest: whose keys are right, then whose types are. */
function bestBranch(branches: Issue[][], value: unknown): Issue[] {
  const cost = (branch: Issue[]): number =>
    branch.reduce((sum, issue) => {
      if (issue.path.length === 0 && issue.code === 'invalid_type') return sum + 100;
      if (issue.code === 'unrecognized_keys') return sum + 10 * (issue.keys?.length ?? 1);
      return sum + (valueAt(value, issue.path) === undefined ? 3 : 1);
    }, 0);
  return branches.reduce((best, branch) => (cost(branch) < cost(best) ? branch : best));
}

function flatten(issues: Issue[], data: unknown, prefix: Key[] = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code !== 'invalid_union' || !issue.errors?.length) return [{ ...issue, path }];
    const value = valueAt(data, path);
    const mismatches = issue.errors.every((branch) => branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'));
    if (mismatches) {
      const expected = [...new Set(issue.errors.flatMap((branch) => branch.map((inner) => inner.expected ?? '')))].filter(Boolean);
      return [{ code: 'invalid_type', path, message: issue.message, expected: expected.join('|') }];
    }
    return flatten(bestBranch(issue.errors, value), data, path);
  });
}

const typeText = (expected: string): Text => {
  const types = expected.split('|');
  const names = types.filter((name) => name !== 'bigint' || !types.includes('number')).map((name) => TYPE_NAMES[name] ?? text(name, name));
  const unique = (language: keyof Text): string[] => [...new Set(names.map((name) => name[language]))];
  return text(unique('en').join(' or '), unique('zh-CN').join('或'));
};

/** One problem for each issue, with the line and column in `source`. `schema` is what the data was checked against. */
export function problemsOfIssues(zodError: z.ZodError, schema: z.ZodType, source: YamlSource): Problem[] {
  const { data } = source;
  const problems: Problem[] = [];
  for (const issue of flatten(zodError.issues as unknown as Issue[], data).slice(0, 100)) {
    const path = formatPath(data, issue.path);
    const there = path === '' ? text('the lab file', '实验文件') : text(path, path);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys ?? []) {
        const keyPath = [...issue.path, key];
        const known = keysAt(schema, issue.path).filter((name) => name !== key);
        problems.push(
          error(
            'lab-unknown-key',
            text(`Unknown key "${shownName(key)}" in ${there.en}.`, `${there['zh-CN']} 中有未知的键 “${shownName(key)}”。`),
            suggestNames(nearestNames(key, known)),
            {
              path: formatPath(data, keyPath),
              ...placeOf(source, keyPath, true),
            },
          ),
        );
      }
      continue;
    }
    const value = valueAt(data, issue.path);
    const where = { path, ...placeOf(source, issue.path) };
    if (value === undefined) {
      const key = String(issue.path.at(-1) ?? '');
      problems.push(
        error(
          'lab-missing-key',
          text(`${path} is missing.`, `缺少 ${path}。`),
          text(`Add "${key}": it must be given.`, `请补上必需的 “${key}”。`),
          where,
        ),
      );
      continue;
    }
    const found = describe(value);
    const known = (issue.values ?? []).map(String);
    const custom = CUSTOM[issue.message];
    if (issue.code === 'invalid_value' && known.length > 0) {
      problems.push(
        error(
          'lab-invalid-value',
          text(
            `${there.en} is ${found.en}; expected ${known.join(' or ')}.`,
            `${there['zh-CN']} 的值是 ${found['zh-CN']}；应为 ${known.join(' 或 ')}。`,
          ),
          suggestNames(nearestNames(String(value), known)),
          where,
        ),
      );
    } else if (issue.code === 'invalid_type') {
      const unbounded = typeof value === 'number' && !Number.isFinite(value);
      const expected = unbounded ? FINITE : typeText(issue.expected ?? '');
      problems.push(
        error(
          'lab-wrong-type',
          text(
            `${there.en} is ${found.en}; expected ${expected.en}.`,
            `${there['zh-CN']} 的值是 ${found['zh-CN']}；应为${expected['zh-CN']}。`,
          ),
          text(`Write ${expected.en} there.`, `请在此处写${expected['zh-CN']}。`),
          where,
        ),
      );
    } else if (custom) {
      problems.push(
        error(
          'lab-invalid-value',
          text(
            `${there.en} is ${found.en}; expected ${custom.en}.`,
            `${there['zh-CN']} 的值是 ${found['zh-CN']}；应为${custom['zh-CN']}。`,
          ),
          text(`Write ${custom.en}.`, `请写${custom['zh-CN']}。`),
          where,
        ),
      );
    } else if (issue.code === 'too_big' || issue.code === 'too_small') {
      const limit = String(issue.maximum ?? issue.minimum);
      const big = issue.code === 'too_big';
      problems.push(
        error(
          'lab-out-of-range',
          text(
            `${there.en} must be ${big ? 'at most' : 'at least'} ${limit}${issue.origin === 'array' ? ' items' : ''}.`,
            `${there['zh-CN']} ${big ? '最多' : '至少'}为 ${limit}${issue.origin === 'array' ? ' 项' : ''}。`,
          ),
          text('Change the value to lie within the limit.', '请把值改到范围之内。'),
          where,
        ),
      );
    } else {
      problems.push(
        error('lab-invalid-value', text(`${there.en}: ${issue.message}`, `${there['zh-CN']}：${issue.message}`), undefined, where),
      );
    }
  }
  return problems;
}
