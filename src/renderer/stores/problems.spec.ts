import { describe, expect, it } from 'vitest';
import type { Problem } from '../../lab/protocol';
import { mergeProblems } from './problems';

const problem = (code: string, more: Partial<Problem> = {}): Problem => ({
  severity: 'error',
  code,
  message: { en: code, 'zh-CN': code },
  ...more,
});

describe('problems of the lab', () => {
  it('are listed once, wherever they were found', () => {
    const one = problem('asm-size', { file: 'a.asm', line: 3, column: 1 });
    expect(mergeProblems([one], [{ ...one }])).toEqual([one]);
  });
  it('keep their place when the session reports them without one', () => {
    const placed = problem('lab-out-of-range', { line: 20, column: 3, path: 'checks.0' });
    expect(mergeProblems([placed], [problem('lab-out-of-range', { path: 'checks.0' })])).toEqual([placed]);
  });
  it('stay apart at different lines', () => {
    const list = [problem('asm-size', { file: 'a', line: 1 }), problem('asm-size', { file: 'a', line: 2 })];
    expect(mergeProblems(list)).toHaveLength(2);
  });
  it('come errors first, then by place', () => {
    const warning = problem('w', { severity: 'warning', file: 'a', line: 1 });
    const late = problem('b', { file: 'b', line: 2 });
    const early = problem('a', { file: 'a', line: 9 });
    expect(mergeProblems([warning, late, early])).toEqual([early, late, warning]);
  });
});
