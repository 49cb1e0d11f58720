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

  it('keeps accesses to ports among the others, as entries when they are read', () => {
    const state = { at: 1 };
    const log = new TransactionLog((entry) => {
      Object.assign(entry, { at: state.at, tick: state.at * 2 ** 33, who: entry.who ?? 'cpu' });
      if (state.at === 3) Object.assign(entry, { linear: 0xffff_fff0, vm: 'vm1', who: 'vm1' });
    }, 4);
    log.add(note('before'));
    log.addPort(0x3f8, 1, 0x41, true, 'com1');
    log.addPort(0xffff, 4, 0xffff_ffff, false, undefined);
    state.at = 3;
    log.addPort(0x60, 2, 0xabcd, false, 'keyboard');
    state.at = 4;
    const [cpu, later] = [
      { at: 1, tick: 2 ** 33, who: 'cpu' },
      { at: 4, tick: 2 ** 35, who: 'cpu' },
    ];
    const ports = [
      {
        sequence: 1,
        ...cpu,
        kind: 'port-write',
        code: 'port-write',
        size: 1,
        value: 0x41,
        answeredBy: 'com1',
        outcome: 'ok',
        data: { port: 0x3f8 },
      },
      {
        sequence: 2,
        ...cpu,
        kind: 'unanswered',
        code: 'port-read',
        size: 4,
        value: 0xffff_ffff,
        outcome: 'nobody',
        data: { port: 0xffff },
      },
      {
        sequence: 3,
        at: 3,
        tick: 3 * 2 ** 33,
        who: 'vm1',
        vm: 'vm1',
        linear: 0xffff_fff0,
        kind: 'port-read',
        code: 'port-read',
        size: 2,
        value: 0xabcd,
        answeredBy: 'keyboard',
        outcome: 'ok',
        data: { port: 0x60 },
      },
    ];
    expect(log.newest()).toEqual([{ sequence: 0, ...cpu, ...note('before') }, ...ports]);
    const saved = log.save();
    log.addPort(0x80, 1, 7, true, undefined);
    const last = {
      sequence: 4,
      ...later,
      kind: 'unanswered',
      code: 'port-write',
      size: 1,
      value: 7,
      outcome: 'nobody',
      data: { port: 0x80 },
    };
    expect(log.newest()).toEqual([...ports, last]);
    expect(log.dropped).toBe(1);
    log.load(saved);
    log.addPort(0x80, 1, 7, true, undefined);
    expect(log.newest()).toEqual([...ports, last]);
  });
});
