import { describe, expect, it } from 'vitest';
import type { Journey } from '../../machine/journey/journey';
import { summarize } from './journey-lines';

const step = (from: [never | string, bigint], to: [string, bigint] | null, structure: string) =>
  ({
    room: 'paging',
    from: { space: from[0], address: from[1], ...(from[0] === 'logical' ? { segment: 'DS' } : {}) },
    ...(to ? { to: { space: to[0], address: to[1] } } : {}),
    structure,
    fields: {},
    checks: [],
    cached: false,
  }) as unknown as Journey['steps'][number];

describe('a Journey in a hover card', () => {
  const access: Journey['access'] = { space: 'logical', address: 0x5010n, size: 4, kind: 'read', at: 1 };
  const walk = [
    step(['logical', 0x5010n], ['linear', 0x40_5010n], 'descriptor'),
    step(['linear', 0x40_5010n], null, 'pde'),
    step(['linear', 0x40_5010n], ['guest', 0x1_9010n], 'pte'),
  ];
  it('has one line a space, and the bytes', () => {
    const cell = { channel: 0, subchannel: 0, slot: 'B1', rank: 0, bankGroup: 0, bank: 3, row: 2636, column: 514, byte: 0 };
    const summary = summarize({
      access: { ...access, vm: 'victim' },
      steps: [...walk, step(['guest', 0x1_9010n], ['host', 0x2a4c_7010n], 'ept-pte')],
      end: { kind: 'dram', hostAddress: 0x2a4c_7010n, cell, value: new Uint8Array([1, 2]) },
    });
    expect(summary.lines.map((line) => line.text)).toEqual([
      'DS:0x0000_5010',
      '0x0040_5010',
      '0x0001_9010',
      '0x2A4C_7010',
      'B1 · bank 3 · row 2636 · column 514',
    ]);
    expect(summary.value).toEqual(new Uint8Array([1, 2]));
    expect(summary.failure).toBeNull();
  });
  it('stops where the access stopped', () => {
    const summary = summarize({ access, steps: walk.slice(0, 2), end: { kind: 'fault', fault: { name: 'page-fault' } } });
    expect(summary.lines).toHaveLength(2);
    expect(summary.failure).toBe('page-fault');
  });
  it('leaves guest-physical out on the bare machine', () => {
    const steps = [...walk, step(['guest', 0x1_9010n], ['host', 0x1_9010n], 'identity')];
    expect(summarize({ access, steps, end: { kind: 'nobody', hostAddress: 0x1_9010n } }).lines.map((line) => line.space)).toEqual([
      'logical',
      'linear',
      'host',
    ]);
  });
});
