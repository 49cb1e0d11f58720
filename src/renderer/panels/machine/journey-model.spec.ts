import { describe, expect, it } from 'vitest';
import type { Journey, JourneyStep, Room } from '../../../machine/journey/journey';
import { buildJourney } from './journey-model';

type Loose = Partial<JourneyStep> & { room: Room };
const step = (loose: Loose): JourneyStep => ({
  from: { space: 'linear', address: 0n },
  structure: 'identity',
  fields: {},
  checks: [],
  cached: false,
  ...loose,
});

const LINEAR = 0x0040_5010n;
const GUEST = 0x0001_9010n;
const HOST = 0x2a4c_7010n;
const CELL = { channel: 0, subchannel: 0, slot: 'B1', rank: 0, bankGroup: 0, bank: 3, row: 2636, column: 514, byte: 0 };

/** Four EPT steps for a guest-physical address, the last giving `host`; `broken` makes that entry empty. */
function eptWalk(guest: bigint, host: bigint, broken = false): JourneyStep[] {
  return ['ept-pml4e', 'ept-pdpte', 'ept-pde', 'ept-pte'].map((structure, level) => {
    const last = level === 3;
    return step({
      room: 'ept',
      structure,
      from: { space: 'guest', address: guest },
      index: level,
      entryAddress: { space: 'host', address: 0x100_3000n + BigInt(level) * 0x1000n },
      entryBytes: new Uint8Array(8),
      fields: { R: !(last && broken), W: !(last && broken), X: true },
      checks: [{ rule: 'readable', passed: !(last && broken) }],
      to: last && !broken ? { space: 'host', address: host } : undefined,
    });
  });
}

const descriptor = step({
  room: 'segmentation',
  structure: 'descriptor',
  from: { space: 'logical', address: 0x5010n, segment: 'DS', selector: 0x10 },
  to: { space: 'linear', address: LINEAR },
  index: 2,
  entryAddress: { space: 'linear', address: 0x810n },
  entryBytes: new Uint8Array(8),
  fields: { table: 'GDT', P: true, W: true },
  checks: [{ rule: 'limit', passed: true, detail: '0x5013 ≤ 0xF_FFFF' }],
});
const pde = (to?: bigint): JourneyStep =>
  step({
    room: 'paging',
    structure: 'pde',
    from: { space: 'linear', address: LINEAR },
    index: 1,
    entryAddress: { space: 'guest', address: 0x2004n },
    entryHostAddress: 0x2a4b_0004n,
    entryBytes: new Uint8Array(4),
    fields: { P: true, W: true, U: true, PS: to !== undefined },
    to: to === undefined ? undefined : { space: 'guest', address: to },
  });
const pte = step({
  room: 'paging',
  structure: 'pte',
  from: { space: 'linear', address: LINEAR },
  index: 5,
  entryAddress: { space: 'guest', address: 0x4014n },
  entryHostAddress: 0x2a4b_2014n,
  entryBytes: new Uint8Array(4),
  fields: { P: true, W: true, U: true, A: true, D: false },
  to: { space: 'guest', address: GUEST },
});
const controller = step({
  room: 'memory-controller',
  structure: 'dram-mapping',
  from: { space: 'host', address: HOST },
  to: { space: 'dram', address: 0xa4c_7010n },
});

const vmAccess: Journey['access'] = { vm: 'victim', space: 'logical', address: 0x5010n, size: 4, kind: 'read', at: 1 };
const whole: Journey = {
  access: vmAccess,
  steps: [
    descriptor,
    ...eptWalk(0x2004n, 0x2a4b_0004n),
    pde(),
    ...eptWalk(0x4014n, 0x2a4b_2014n),
    pte,
    ...eptWalk(GUEST, HOST),
    controller,
  ],
  end: { kind: 'dram', hostAddress: HOST, cell: CELL },
};

describe('journey model', () => {
  it('draws five stations for an access in a VM, each with its address', () => {
    const { stations } = buildJourney(whole);
    expect(stations.map((s) => [s.space, s.reached, s.address])).toEqual([
      ['logical', true, 0x5010n],
      ['linear', true, LINEAR],
      ['guest', true, GUEST],
      ['host', true, HOST],
      ['dram', true, 0xa4c_7010n],
    ]);
    expect(stations[0]?.segment).toBe('DS');
    expect(stations[0]?.how.checks[0]?.rule).toBe('limit');
  });

  it('tucks the walk that found a guest table into the card of the entry, and numbers the references as they were made', () => {
    const { stations, references } = buildJourney(whole);
    const paging = stations[1]!.how;
    expect(paging.cards.map((card) => [card.name, card.index, card.reference, card.nested.map((inner) => inner.reference)])).toEqual([
      ['PDE', 1, 5, [1, 2, 3, 4]],
      ['PTE', 5, 10, [6, 7, 8, 9]],
    ]);
    expect(stations[2]!.how.cards.map((card) => card.reference)).toEqual([11, 12, 13, 14]);
    expect(references).toEqual({ made: 14, read: 14, cached: 0 });
  });

  it('counts what a cache answered', () => {
    const cached = { ...whole, steps: whole.steps.map((s) => (s.room === 'ept' && s.from.address !== GUEST ? { ...s, cached: true } : s)) };
    expect(buildJourney(cached).references).toEqual({ made: 14, read: 6, cached: 8 });
  });

  it('stops at the entry that failed: later stations keep their place without an address', () => {
    const fault: Journey = {
      access: vmAccess,
      steps: [descriptor, ...eptWalk(0x2004n, 0x2a4b_0004n), pde(), ...eptWalk(0x4014n, 0x2a4b_2014n), pte, ...eptWalk(GUEST, HOST, true)],
      end: { kind: 'fault', fault: { name: 'ept-violation', qualification: 0x181n } },
    };
    const { stations, stopped } = buildJourney(fault);
    expect(stations.map((s) => s.reached)).toEqual([true, true, true, false, false]);
    expect(stopped?.name).toBe('PTE');
    expect(stopped?.flags.find((flag) => flag.name === 'R')?.decided).toBe('stopped');
  });

  it('does not take the address of a table for the address of the data when the chain stops in guest paging', () => {
    const missing: JourneyStep = { ...pde(), checks: [{ rule: 'present', passed: false }], fields: { P: false } };
    const { stations, stopped } = buildJourney({
      access: vmAccess,
      steps: [descriptor, ...eptWalk(0x2004n, 0x2a4b_0004n), missing],
      end: { kind: 'fault', fault: { name: 'page-fault', vector: 14, errorCode: 0, cr2: LINEAR } },
    });
    expect(stations.map((s) => s.reached)).toEqual([true, true, false, false, false]);
    expect(stopped?.flags[0]).toEqual({ name: 'P', set: false, decided: 'stopped' });
  });

  it('shows the failed walk for a guest table that has no frame', () => {
    const { stations } = buildJourney({
      access: vmAccess,
      steps: [descriptor, ...eptWalk(0x2004n, 0n, true)],
      end: { kind: 'fault', fault: { name: 'ept-violation' } },
    });
    expect(stations[1]?.how.failedTableWalk.map((card) => card.passed)).toEqual([true, true, true, false]);
  });

  it('closes up for the bare machine: no guest-physical station', () => {
    const identity = step({ room: 'ept', from: { space: 'guest', address: GUEST }, to: { space: 'host', address: GUEST } });
    const { stations } = buildJourney({
      access: { ...vmAccess, vm: undefined },
      steps: [descriptor, pde(), pte, identity, controller],
      end: { kind: 'dram', hostAddress: GUEST, cell: CELL },
    });
    expect(stations.map((s) => s.space)).toEqual(['logical', 'linear', 'host', 'dram']);
    expect(stations[2]?.address).toBe(GUEST);
  });

  it('marks a mechanism that passes the address on unchanged', () => {
    const off = step({ room: 'paging', from: { space: 'linear', address: 0x7c00n }, to: { space: 'guest', address: 0x7c00n } });
    const { stations } = buildJourney({
      access: { ...vmAccess, space: 'linear', address: 0x7c00n },
      steps: [off, ...eptWalk(0x7c00n, HOST), controller],
      end: { kind: 'dram', hostAddress: HOST, cell: CELL },
    });
    expect(stations[0]?.how.identity).toBe(true);
    expect(stations[1]?.how.identity).toBe(false);
  });

  it('tells of address line 20 held at 0: nothing translates, and the address is another', () => {
    const closed = step({ room: 'paging', from: { space: 'linear', address: 0x10_0600n }, to: { space: 'guest', address: 0x600n } });
    const { stations } = buildJourney({
      access: { ...vmAccess, vm: undefined, space: 'linear', address: 0x10_0600n },
      steps: [closed, controller],
      end: { kind: 'dram', hostAddress: 0x600n, cell: CELL },
    });
    expect(stations[0]?.how).toMatchObject({ identity: true, wraps: true });
  });

  it('shows where a TLB entry leads, and that the tables no longer agree', () => {
    const fields = { guestFrame: 0x500n, hostFrame: 0x2a4c7n, stale: true };
    const hit = step({ room: 'tlb', structure: 'tlb-entry', to: { space: 'guest', address: 0x50_0010n }, fields, cached: true });
    const end = { kind: 'dram' as const, hostAddress: HOST, cell: CELL };
    const bare = buildJourney({ access: { ...vmAccess, vm: undefined }, steps: [descriptor, hit, controller], end });
    expect(bare.stations[1]?.how.cards[0]).toMatchObject({ stale: true, next: { space: 'host', address: 0x2a4c_7000n } });
    const inVm = buildJourney({ access: vmAccess, steps: [descriptor, hit, controller], end });
    expect(inVm.stations[1]?.how.cards[0]?.next).toEqual({ space: 'guest', address: 0x50_0000n });
  });

  it('ends in every DIMM that answers', () => {
    const answer = (slot: string, offset: bigint, row: number): JourneyStep =>
      step({
        room: 'memory-controller',
        structure: 'dram-mapping',
        from: { space: 'host', address: 0x800_0000n },
        to: { space: 'dram', address: offset },
        fields: { ...CELL, slot, dimmOffset: offset, row },
      });
    const steps = [answer('A1', 0x800_0000n, 2048), answer('B1', 0n, 0)];
    const access = { space: 'host', address: 0x800_0000n, size: 4, kind: 'read', at: 0 } as const;
    const both = buildJourney({ access, steps, end: { kind: 'dram', hostAddress: 0x800_0000n, cell: { ...CELL, slot: 'A1' } } });
    expect(both.answers).toEqual([
      { cell: { ...CELL, slot: 'A1', row: 2048 }, offset: 0x800_0000n },
      { cell: { ...CELL, slot: 'B1', row: 0 }, offset: 0n },
    ]);
    expect(buildJourney({ access, steps, end: { kind: 'nobody', hostAddress: 0x800_0000n } }).answers).toEqual([]);
  });
});
