/** Memory written by hand: what depends on the bytes follows, whatever keeps a copy does not, and the run stays one that can be repeated. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../assembler';
import { boardSchema } from '../../machine/board/schema';
import { ENGINES, type Engine } from '../../machine/cpu/engine';
import { applyProcessorStart, protectedModeStart } from '../../machine/firmware/processor-start';
import { Machine } from '../../machine/machine';
import { loadLab } from '../document/load';
import type { IsolationView } from '../protocol';
import { stateHash } from '../snapshot/state-hash';
import type { Computer, QueryError } from './computer';
import type { LoggedInput } from './input-log';
import { LabSession } from './lab-session';
import { powerOn } from './power-on';

const HEAD = `format: pagewalk.lab/1
title: t
board: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }, { id: A2, base: 0x1000_0000, dimm: ddr3-256m }] }
`;
const BARE = `${HEAD}machine: { program: a.asm }\nchecks: [{ unchanged: { range: { from: 0x6000, bytes: 16 } } }]\n`;
const VMS = `${HEAD}vmm: { translation: ept }\nvms:\n  - { id: a, memory: 4 MiB, program: { file: p.asm, mode: protected, load: 0x8000 } }\n  - { id: b, memory: 4 MiB, program: { file: p.asm, mode: protected, load: 0x8000 } }\n`;
const FILES = {
  'a.asm': 'org 0x7C00\nagain: inc dword [0x6000]\nnop\njmp again\n',
  'p.asm':
    'bits 32\norg 0x8000\nagain: inc dword [0x6000]\nmov eax, [0x7000]\nmov [0x5000], eax\ncmp byte [0x7004], 0\nje again\nmov eax, cr3\nmov cr3, eax\njmp again\n',
};

async function sessionOf(yaml: string): Promise<LabSession> {
  const session = new LabSession({ now: () => 0, nextTurn: () => undefined, after: () => () => undefined });
  await session.open(loadLab(yaml, FILES).document!, FILES);
  expect(await session.powerOn()).toMatchObject({ ok: true, problems: [] });
  return session;
}
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const host = (base: number, ...values: number[]) => ({ space: 'host' as const, vm: null, base: BigInt(base), bytes: bytes(...values) });
const read = async (session: LabSession, base: number, length: number): Promise<number[]> => [
  ...(await session.readMemory({ space: 'host', vm: null, base: BigInt(base), length })).bytes,
];
/** What a computer that is switched on anew does with the log of another, in slices of its own. */
function replay(computer: Computer, inputs: readonly LoggedInput[], until: number): Computer {
  const runTo = (instructions: number): void => {
    while (computer.instructions < instructions) computer.run(Math.min(77, instructions - computer.instructions));
  };
  for (const { instructions, ticks, input } of inputs) {
    runTo(instructions);
    expect(computer.ticks).toBe(ticks);
    if (input.kind !== 'memory') throw new Error(input.kind);
    for (const piece of input.pieces) computer.writeMemory(host(piece.host, ...piece.bytes));
  }
  runTo(until);
  return computer;
}
const inputsOf = (session: LabSession): readonly LoggedInput[] =>
  (session as unknown as { state: { inputs: { list: readonly LoggedInput[] } } }).state.inputs.list;

describe('bytes written by hand', () => {
  it('change code that has just run in every tier, and in each the same', () => {
    const source = 'bits 32\norg 0x8000\nmov ecx, 3000\nagain: inc dword [0x6000]\ninc ebx\nloop again\njmp 0x8000\n';
    const program = assemble({ 'p.asm': source }, 'p.asm').bytes;
    // INC EBX becomes DEC EBX
    const at = 0x8000 + program.findIndex((byte, index) => byte === 0x43 && program[index + 1] === 0xe2);
    const end = (engine: Engine): string => {
      const machine = new Machine(boardSchema.parse({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] }), { engine });
      machine.platform.writeBytes(0x8000, program);
      const { state } = machine.processor;
      const start = protectedModeStart(0x8000, { RSP: 0x8000 }, null);
      applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), start);
      machine.processor.stateReplaced();
      machine.run(40_001);
      const before = state.reg32(3);
      expect(machine.chipset.poke([{ host: at, bytes: bytes(0x4b) }])).toBe(true);
      machine.run(40_000);
      expect(Math.abs(state.reg32(3) - (before - 40_000 / 3)) < 20, engine).toBe(true);
      return stateHash(machine, null);
    };
    const expected = end('interpreter');
    for (const engine of ENGINES) expect(end(engine), engine).toBe(expected);
  });

  it('are undone by going back, done again the same, and repeated from the log', async () => {
    const session = await sessionOf(BARE);
    await session.step({ count: 200 });
    const { id } = await session.snapshot();
    const before = await session.stateHash();
    const runOn = async (): Promise<string> => {
      await session.writeMemory(host(0x7c05, 0x40));
      await session.writeMemory({ space: 'linear', vm: null, base: 0x5ffen, bytes: bytes(1, 2, 3, 4) });
      await session.step({ count: 100 });
      return session.stateHash();
    };
    const first = await runOn();
    await session.restore(id);
    expect(await session.stateHash()).toBe(before);
    expect(inputsOf(session)).toEqual([]);
    expect(await runOn()).toBe(first);
    const inputs = inputsOf(session);
    expect(inputs.map(({ instructions }) => instructions)).toEqual([200, 200]);
    const again = replay(powerOn(loadLab(BARE, FILES).document!, FILES).computer!, inputs, 300);
    expect(again.stateHash()).toBe(first);
    // without them it would have been another run
    expect(replay(powerOn(loadLab(BARE, FILES).document!, FILES).computer!, [], 300).stateHash()).not.toBe(first);
  });

  it('leave no trace but a note for each page', async () => {
    const session = await sessionOf(BARE);
    await session.writeMemory(host(0x900_0ffe, 0xaa, 0xbb, 0xcc));
    expect(await read(session, 0x900_0ffe, 3)).toEqual([0xaa, 0xbb, 0xcc]);
    const { entries } = await session.findTransactions({ who: 'user', most: 10 });
    expect(entries.map(({ text }) => text.en)).toEqual(['2 bytes at 0x0900_0FFE written by hand', '1 byte at 0x0900_1000 written by hand']);
  });

  it('are compared with afterwards: no device is blamed for them', async () => {
    const session = await sessionOf(BARE);
    await session.writeMemory(host(0x6004, 9, 9));
    expect((await session.evaluateChecks())[0]!.passed).toBe(true);
  });

  it.each([
    ['where nobody answers', host(0xa000_0000, 1), /Nobody answers at host-physical 0xA000_0000/],
    ['where part of them has no DRAM', host(0x1fff_ffff, 1, 2), /Nobody answers at host-physical 0x2000_0000/],
    ['beyond the address lines', { ...host(0, 1), base: 2n ** 40n }, /No page is mapped/],
    ['too many', { ...host(0, 1), bytes: new Uint8Array(4097) }, /length is 4097/],
    ['none', { ...host(0, 1), bytes: bytes() }, /length is 0/],
    ['that are no bytes', { ...host(0, 1), bytes: [1] as never }, /no bytes/],
    ['at no address', { ...host(0, 1), base: -1n }, /no such address/],
    ['in no space', { ...host(0, 1), space: 'iova' as never }, /no known space/],
  ])('are refused %s', async (_, write, why) => {
    const session = await sessionOf(BARE);
    const before = await session.stateHash();
    const refused = (await session.writeMemory(write).catch((thrown: unknown) => thrown)) as QueryError;
    expect(refused.message).toMatch(why);
    expect(refused.text['zh-CN']).not.toBe('');
    expect(await session.stateHash()).toBe(before);
    expect(inputsOf(session)).toEqual([]);
  });

  it('are refused while the machine runs, and with the power off', async () => {
    const session = await sessionOf(BARE);
    await session.run();
    await expect(session.writeMemory(host(0, 1))).rejects.toThrow(/Pause the machine first/);
    await session.powerOff();
    await expect(session.writeMemory(host(0, 1))).rejects.toThrow(/power is off/);
  });
});

describe('bytes of the VMM’s written by hand', () => {
  /** Two VMs a while into their run; where the EPT of the first leads its page 5 to. */
  async function running() {
    const session = await sessionOf(VMS);
    await session.step({ count: 100 });
    const { steps } = await session.explain({ vm: 'a', space: 'guest', address: 0x5000n, size: 4, kind: 'read' });
    const entry = Number(steps.findLast(({ room }) => room === 'ept')!.entryHostAddress);
    const frame = async (vm: string) => Number((await session.readMemory({ space: 'guest', vm, base: 0x5000n, length: 1 })).pages[0]!.host);
    return { session, entry, frame };
  }

  it('an EPT entry: the guest goes on by its TLB, and follows the bytes when it misses; the VMM reports the damage', async () => {
    const { session, entry, frame } = await running();
    const [own, others] = [await frame('a'), await frame('b')];
    const guest = (at: bigint, value: number) => session.writeMemory({ space: 'guest', vm: 'a', base: at, bytes: bytes(value) });
    await guest(0x7000n, 0x11);
    await session.writeMemory(host(entry + 1, (others >>> 8) & 0xff, (others >>> 16) & 0xff, others >>> 24));
    // the view, and the walk of an explanation that misses, go by the tables
    expect(await frame('a')).toBe(others);
    await session.step({ vm: 'a', count: 12 });
    expect([await read(session, own, 1), await read(session, others, 1)]).toEqual([[0x11], [0]]);
    // a load of CR3 empties the TLB
    await guest(0x7004n, 1);
    await session.step({ vm: 'a', count: 12 });
    await guest(0x7000n, 0x22);
    await session.step({ vm: 'a', count: 12 });
    expect([await read(session, own, 1), await read(session, others, 1)]).toEqual([[0x11], [0x22]]);
    const seen: IsolationView[] = [];
    session.attach({ view: (_, value) => void seen.push(value as IsolationView), problems: () => undefined });
    await session.subscribe(['isolation']);
    expect(seen[0]!.damage.map(({ text }) => text.en)).toEqual([expect.stringMatching(/EPT/)]);
  });
});
