/** The way of a request: order of the hops, one log entry each, what reaches memory, and when the device hears of it. */
import { describe, expect, it } from 'vitest';
import type { EventTag } from '../devices/device';
import { plainMemory } from '../iommu/bench.spec-support';
import type { JourneyEnd } from '../journey/journey';
import type { DmaHop, DmaRequest } from './dma-port';
import { completionDelay, DevicePort, DmaPath, RootComplex } from './dma-path';
import type { DmaLogEntry, DmaRecord } from './dma-path';

const CELL = { channel: 0, subchannel: 0, slot: 'A1', rank: 0, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 };
const dram = (hostAddress: number): JourneyEnd => ({ kind: 'dram', hostAddress: BigInt(hostAddress), cell: CELL });

function setUp(hops: DmaHop[] = [new DevicePort(0x20), new RootComplex()], message?: (address: number, data: number) => void) {
  const memory = plainMemory(64 * 1024);
  const log: DmaLogEntry[] = [];
  const records: DmaRecord[] = [];
  const scheduled: { delay: number; tag: EventTag }[] = [];
  let id = 0;
  const path = new DmaPath({
    hops,
    memory,
    clock: { schedule: (delay, tag) => scheduled.push({ delay, tag }) },
    log: (entry) => log.push(entry),
    describeHost: dram,
    instructions: () => 42,
    nextId: () => ++id,
    observe: (record) => records.push(record),
    ...(message ? { message } : {}),
  });
  const issue = (request: Partial<DmaRequest>): number =>
    path.issue({ kind: 'read', address: 0x1000, addressType: 'untranslated', requester: 0x20, length: 4, ...request });
  return { memory, log, records, scheduled, issue };
}

const shift: DmaHop = {
  id: 'iommu',
  handle: (request) => ({ outcome: 'accept', request: { ...request, address: request.address + 0x2000 } }),
};

describe('DMA path', () => {
  it('asks every hop in order and reads at the end, with one log entry each', () => {
    const { memory, log, scheduled, records, issue } = setUp([new DevicePort(0x20), new RootComplex(), shift]);
    memory.bytes.set([1, 2, 3, 4], 0x3000);
    expect(issue({})).toBe(1);
    expect(log.map(({ hop, outcome, address, toAddress }) => [hop, outcome, address, toAddress])).toEqual([
      ['port', 'accept', 0x1000, undefined],
      ['root-complex', 'accept', 0x1000, undefined],
      ['iommu', 'accept', 0x1000, 0x3000],
      ['chipset', 'done', 0x3000, undefined],
    ]);
    expect(scheduled).toEqual([
      {
        delay: completionDelay(4),
        tag: { kind: 'dma-completion', completion: { id: 1, status: 'success', data: Uint8Array.of(1, 2, 3, 4) } },
      },
    ]);
    expect(records[0]).toMatchObject({ hostAddress: 0x3000, status: 'success' });
    expect(records[0]!.journey.access).toMatchObject({ requester: '00:04.0', space: 'iova', address: 0x1000n, at: 42 });
    expect(records[0]!.journey.end).toMatchObject({ kind: 'dram', hostAddress: 0x3000n, value: Uint8Array.of(1, 2, 3, 4) });
  });

  it('writes at the end', () => {
    const { memory, issue, scheduled } = setUp();
    issue({ kind: 'write', address: 0x1ffe, length: 2, data: Uint8Array.of(0xaa, 0xbb) });
    expect([...memory.bytes.slice(0x1ffe, 0x2000)]).toEqual([0xaa, 0xbb]);
    expect(scheduled[0]?.tag.completion).toEqual({ id: 1, status: 'success' });
  });

  it('stops at a rejection: nothing reaches memory, the device is told', () => {
    const reject: DmaHop = {
      id: 'iommu',
      handle: () => ({ outcome: 'reject', status: 'unsupported-request', reason: 5, text: 'no write permission' }),
    };
    const { memory, issue, log, scheduled, records } = setUp([reject, shift]);
    issue({ kind: 'write', data: Uint8Array.of(1, 1, 1, 1) });
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
    expect(log).toMatchObject([{ hop: 'iommu', outcome: 'reject', reason: 5, text: 'no write permission' }]);
    expect(scheduled[0]?.tag.completion).toEqual({ id: 1, status: 'unsupported-request' });
    expect(records[0]).toMatchObject({ hostAddress: null, journey: { end: { kind: 'fault', fault: { name: 'iommu-fault', reason: 5 } } } });
  });

  it('lets a hop answer for the chipset, or send the request on elsewhere', () => {
    const answer: DmaHop = { id: 'switch', handle: () => ({ outcome: 'answer', status: 'success', data: Uint8Array.of(9) }) };
    const first = setUp([answer, shift]);
    first.issue({ length: 1 });
    expect(first.scheduled[0]?.tag.completion).toEqual({ id: 1, status: 'success', data: Uint8Array.of(9) });
    const around: DmaHop = { id: 'switch', handle: (request) => ({ outcome: 'redirect', request, to: 'root-complex' }) };
    const second = setUp([around, shift, new RootComplex()]);
    second.issue({});
    expect(second.log.map((entry) => entry.hop)).toEqual(['switch', 'root-complex', 'chipset']);
    const nowhere: DmaHop = { id: 'switch', handle: (request) => ({ outcome: 'redirect', request, to: 'nowhere' }) };
    const third = setUp([nowhere, shift]);
    third.issue({});
    expect(third.scheduled[0]?.tag.completion?.status).toBe('unsupported-request');
  });

  it('checks whose requests a port lets through, when asked to', () => {
    const strict = setUp([new DevicePort(0x20, true)]);
    strict.issue({ requester: 0x28 });
    strict.issue({ requester: 0x20 });
    expect(strict.scheduled.map(({ tag }) => tag.completion?.status)).toEqual(['unsupported-request', 'success']);
    const trusting = setUp([new DevicePort(0x20)]);
    trusting.issue({ requester: 0x28 });
    expect(trusting.scheduled[0]?.tag.completion?.status).toBe('success');
  });

  it('hands interrupt messages over instead of writing them', () => {
    const messages: number[][] = [];
    const { issue } = setUp([], (address, data) => messages.push([address, data]));
    issue({ kind: 'write', address: 0xfee0_1004, data: Uint8Array.of(0x31, 0, 0, 0) });
    expect(messages).toEqual([[0xfee0_1004, 0x31]]);
  });

  it('refuses what a port does not take', () => {
    const { issue } = setUp();
    for (const bad of [
      { address: -1 },
      { address: 2 ** 53 },
      { address: 0x1fff, length: 2 },
      { length: 0 },
      { length: 4097 },
      { kind: 'write' as const },
      { kind: 'write' as const, data: new Uint8Array(3) },
    ])
      expect(() => issue(bad)).toThrow(RangeError);
  });
});
