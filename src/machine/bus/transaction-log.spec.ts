import { describe, expect, it } from 'vitest';
import { TransactionLog, type TransactionContext } from './transaction-log';

const context = (state: { at: number }) => (entry: Partial<TransactionContext>) =>
  void Object.assign(entry, { at: state.at, tick: state.at + 1, who: entry.who ?? 'cpu' });
const note = (code: string) => ({ kind: 'note' as const, code, outcome: 'ok' as const });

describe('transaction log', () => {
  it('adds when and who, unless the report says who', () => {
    const state = { at: 5 };
    const log = new TransactionLog(context(state));
    log.add(note('a'));
    state.at = 9;
    log.add({ ...note('b'), who: '00:04.0' });
    expect(log.newest()).toEqual([
      { sequence: 0, at: 5, tick: 6, who: 'cpu', ...note('a') },
      { sequence: 1, at: 9, tick: 10, who: '00:04.0', ...note('b') },
    ]);
    expect(log.since(1).map(({ code }) => code)).toEqual(['b']);
    expect(log.since(2)).toEqual([]);
  });

  it('is bounded, drops the oldest and counts them', () => {
    const log = new TransactionLog(context({ at: 0 }), 10);
    for (let index = 0; index < 137; index++) log.add(note(`${index}`));
    expect(log.newest().map(({ code }) => Number(code))).toEqual([127, 128, 129, 130, 131, 132, 133, 134, 135, 136]);
    expect(log.total).toBe(137);
    expect(log.dropped).toBe(127);
    expect(log.newest(2).map(({ sequence }) => sequence)).toEqual([135, 136]);
    expect(log.since(0).length).toBe(10);
  });

  it('goes back to what was saved', () => {
    const log = new TransactionLog(context({ at: 0 }), 10);
    log.add(note('kept'));
    const saved = log.save();
    log.add(note('later'));
    log.load(saved);
    expect(log.newest().map(({ code }) => code)).toEqual(['kept']);
    log.add(note('again'));
    expect(log.newest().at(-1)!.sequence).toBe(1);
    log.clear();
    expect(log.total).toBe(0);
  });
});
