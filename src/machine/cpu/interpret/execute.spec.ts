import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPERATIONS } from './encode';

describe('the interpreter', () => {
  const source = readFileSync(new URL('./execute.ts', import.meta.url), 'utf8');
  const cases = [...source.matchAll(/case (\d+):(?: \{)?\s*\/\/ (\w+)/g)].map(([, number, name]) => [Number(number), name] as const);

  it('has one case for every operation, under its number', () => {
    expect(cases.toSorted((a, b) => a[0] - b[0])).toEqual(OPERATIONS.map((operation, number) => [number, operation.name]));
  });

  it('compares with the right numbers', () => {
    const comparisons = [...source.matchAll(/M\[pc\] === (\d+)(?:;? \/\* (\w+) \*\/)?/g)].map(([, number, name]) => [Number(number), name]);
    expect(comparisons.length).toBeGreaterThan(0);
    for (const [number, name] of comparisons) expect(OPERATIONS[number as number]!.name).toBe(name);
  });

  it('numbers every case', () => {
    expect([...source.matchAll(/^\s*case /gm)]).toHaveLength(cases.length);
  });
});
