import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTurns } from './turns';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('the first is made at once, the others each in a task of its own, in order', () => {
  const made: string[] = [];
  const turns = createTurns();
  for (const name of ['a', 'b', 'c']) turns.ask(() => void made.push(name));
  expect(made).toEqual(['a']);
  vi.advanceTimersToNextTimer();
  expect(made).toEqual(['a', 'b']);
  vi.runAllTimers();
  expect(made).toEqual(['a', 'b', 'c']);
  turns.ask(() => void made.push('d'));
  expect(made).toEqual(['a', 'b', 'c', 'd']);
});

it('what is taken back is not made, and nothing is once it has stopped', () => {
  const made: string[] = [];
  const turns = createTurns();
  turns.ask(() => void made.push('a'));
  const back = turns.ask(() => void made.push('b'));
  turns.ask(() => void made.push('c'));
  back();
  vi.advanceTimersToNextTimer();
  expect(made).toEqual(['a', 'c']);
  turns.ask(() => void made.push('d'));
  turns.stop();
  vi.runAllTimers();
  expect(made).toEqual(['a', 'c']);
});
