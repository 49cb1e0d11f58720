/** Both languages say the same things: same keys, same placeholders, and every key that the sources ask for exists. */
import { describe, expect, it } from 'vitest';
import { localize, messages, type Messages } from './index';

function flatten(tree: Messages, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (typeof value === 'string') flat.set(path, value);
    else for (const [inner, text] of flatten(value, path)) flat.set(inner, text);
  }
  return flat;
}
const en = flatten(messages.en);
const zh = flatten(messages['zh-CN']);
/** plural forms (`one | many`) repeat them */
const placeholders = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort();

const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.spec.ts', '!./**'], {
  query: '?raw',
  import: 'default',
  eager: true,
});

describe('messages', () => {
  it('have the same keys in both languages', () => {
    expect([...zh.keys()].sort()).toEqual([...en.keys()].sort());
    expect(en.size).toBeGreaterThan(50);
  });
  it('have the same placeholders in both languages', () => {
    for (const [key, text] of en) expect(placeholders(zh.get(key) ?? ''), key).toEqual(placeholders(text));
  });
  it('are translated: a Chinese text without a Chinese character is a name or a unit', () => {
    const untranslated = [...zh].filter(([key, text]) => !/[\u4e00-\u9fff]/.test(text) && text.length > 24 && text === en.get(key));
    expect(untranslated).toEqual([]);
  });
  it('exist for every literal key in the sources', () => {
    const missing: string[] = [];
    for (const [path, source] of Object.entries(sources)) {
      for (const match of source.matchAll(/\bt\(\s*'([\w.-]+)'/g)) {
        const key = match[1] ?? '';
        if (!en.has(key)) missing.push(`${path}: ${key}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

describe('localize', () => {
  it('takes the language, and English where Chinese is missing', () => {
    expect(localize({ en: 'slot', 'zh-CN': '插槽' }, 'zh-CN')).toBe('插槽');
    expect(localize({ en: 'slot' }, 'zh-CN')).toBe('slot');
    expect(localize('plain', 'zh-CN')).toBe('plain');
  });
});
