/** A session from the outside: commands in, views out, over the real machine and VMM. */
import { afterEach, describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { LabFiles, SessionEvents, StatusView, ViewName, Views } from '../protocol';
import { LabSession } from './lab-session';

const BARE = `format: pagewalk.lab/1
title: bare
board: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }
machine: { program: a.asm }
checks:
  - memory: { at: { space: host, address: 0x5000 }, equals: [0x34, 0x12] }
  - stop: halted
`;
const PROGRAM = `org 0x7C00
start:
  mov ax, 0x1234
  mov bx, 0x5000
  mov [bx], ax
  ; a comment
  mov al, 'H'
  out 0xE9, al
  hlt
`;
const LOOP = `org 0x7C00
again:
  inc dword [0x6000]
  jmp again
`;
const VMS = `format: pagewalk.lab/1
title: two
board: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }, { id: A2, base: 0x1000_0000, dimm: ddr3-256m }] }
vmm: { translation: ept }
vms:
  - { id: one, memory: 16 MiB, program: a.asm }
  - { id: two, memory: 16 MiB, program: a.asm }
checks:
  - memory: { at: { space: guest, vm: two, address: 0x5000 }, equals: "34 12" }
  - differs: { frames: [{ vm: one, gpa: 0x5000 }, { vm: two, gpa: 0x5000 }] }
`;

/** A session whose views are kept, newest last. */
class Watched {
  readonly views: { name: ViewName; value: unknown }[] = [];
  readonly problems: string[] = [];
  readonly session = new LabSession({
    nextTurn: (work) => void setImmediate(work),
    after: (ms, work) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    now: () => performance.now(),
  });

  constructor() {
    const events: SessionEvents = {
      view: (name, value) => void this.views.push({ name, value }),
      problems: (list) => void this.problems.push(...list.map(({ code }) => code)),
    };
    this.session.attach(events);
  }

  latest<N extends ViewName>(name: N): Views[N] {
    return this.views.findLast((view) => view.name === name)!.value as Views[N];
  }

  async open(yaml: string, files: LabFiles): Promise<void> {
    const { document, problems } = loadLab(yaml, files);
    if (!document) throw new Error(problems[0]!.message.en);
    await this.session.subscribe([
      'status',
      'registers',
      'journey',
      'checks',
      'serial',
      'boot',
      'transactions',
      'virtualization',
      'placement',
      'isolation',
      'tlb',
    ]);
    await this.session.open(document, files);
  }

  async until(accept: (status: StatusView) => boolean): Promise<StatusView> {
    for (let tries = 0; tries < 1_000; tries++) {
      const status = this.latest('status');
      if (accept(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`never came to rest: ${JSON.stringify(this.latest('status'))}`);
  }
}

describe('LabSession on the bare machine', () => {
  let watched: Watched;
  const start = async (program = PROGRAM, yaml = BARE): Promise<LabSession> => {
    watched = new Watched();
    await watched.open(yaml, { 'a.asm': program });
    return watched.session;
  };
  afterEach(() => watched.session.powerOff());

  it('opens, runs to the end, judges the checks', async () => {
    const session = await start();
    expect(watched.latest('status').power).toBe('off');
    await session.run();
    const status = await watched.until(({ power }) => power === 'stopped');
    expect(status).toMatchObject({ stop: 'halted', instructions: 6 });
    expect(watched.latest('checks').map(({ passed }) => passed)).toEqual([true, true]);
    expect(watched.latest('serial').channels.find(({ port }) => port === '0xE9')!.text).toBe('H');
    expect(watched.latest('boot')[0]!.steps.map(({ kind }) => kind)).toContain('jump');
    expect(watched.latest('transactions').entries.at(-1)!.text.en).toContain('0xE9');
    // after the end the last data access, not what lies behind the HLT
    expect(watched.latest('journey')!.access).toMatchObject({ space: 'logical', address: 0x5000n, kind: 'write', size: 2 });
  });

  it('steps one instruction, shows what changed, the source line and the last access', async () => {
    const session = await start();
    await session.step();
    expect(watched.latest('registers')).toMatchObject({
      changed: ['RAX', 'RIP'],
      next: { file: 'a.asm', line: 4, text: 'mov bx, 0x5000' },
    });
    await session.step({ count: 2 });
    const journey = watched.latest('journey')!;
    expect(journey.access).toMatchObject({ space: 'logical', address: 0x5000n, kind: 'write', size: 2 });
    expect(journey.end).toMatchObject({ kind: 'dram', cell: { slot: 'A1' } });
    expect(watched.latest('status')).toMatchObject({ power: 'paused', instructions: 3 });
  });

  it('stops at a breakpoint before the line, and goes on from it', async () => {
    const session = await start();
    expect(await session.setBreakpoints('a.asm', [6, 99])).toEqual([
      { line: 7, bound: true },
      { line: 99, bound: false },
    ]);
    await session.run();
    const status = await watched.until(({ power }) => power !== 'running');
    expect(status).toMatchObject({ power: 'paused', stoppedAt: { vm: null, kind: 'code', file: 'a.asm', line: 7 }, instructions: 3 });
    await session.run();
    expect(await watched.until(({ power }) => power !== 'running')).toMatchObject({ power: 'stopped', stop: 'halted' });
  });

  it('pauses a loop, is told apart from a stop, and resets to the first instruction', async () => {
    const session = await start(LOOP);
    await session.run();
    await watched.until(({ instructions }) => instructions > 10_000);
    await session.pause();
    const { power, instructions } = watched.latest('status');
    expect(power).toBe('paused');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(watched.latest('status').instructions).toBe(instructions);
    expect(watched.latest('journey')).not.toBeNull();
    await session.reset();
    expect(watched.latest('status')).toMatchObject({ power: 'paused', instructions: 0 });
  });

  it('stops at the limit exactly and runs on when asked again', async () => {
    const session = await start(LOOP, BARE + 'limits: { instructions: 12345 }\n');
    await session.run();
    expect(await watched.until(({ power }) => power === 'stopped')).toMatchObject({ stop: 'limit', instructions: 12345 });
    await session.run();
    expect(await watched.until(({ power, instructions }) => power === 'stopped' && instructions > 12345)).toMatchObject({
      instructions: 24690,
    });
  });

  it('restores a snapshot to the byte, and running on repeats', async () => {
    const session = await start();
    await session.step({ count: 2 });
    const hash = await session.stateHash();
    const { id, instructions } = await session.snapshot('before the write');
    expect(instructions).toBe(2);
    await session.step({ count: 2 });
    const later = await session.stateHash();
    expect(later).not.toBe(hash);
    await session.restore(id);
    expect(await session.stateHash()).toBe(hash);
    expect(watched.latest('status').instructions).toBe(2);
    await session.step({ count: 2 });
    expect(await session.stateHash()).toBe(later);
    await expect(session.restore(999)).rejects.toThrow('999');
  });

  it('takes words while running, wants the power off for the board, refuses what is wrong', async () => {
    const session = await start(LOOP);
    await session.powerOn();
    const edited = (yaml: string) => loadLab(yaml, { 'a.asm': LOOP }).document!;
    expect(await session.update(edited(BARE.replace('title: bare', 'title: other')), { 'a.asm': LOOP })).toEqual({ outcome: 'applied' });
    expect(await session.update(edited(BARE.replace('256m', '512m')), { 'a.asm': LOOP })).toEqual({ outcome: 'needs-power-off' });
    const wrong = await session.update({ ...edited(BARE), board: { slots: 'none' } } as never, {});
    expect(wrong.outcome).toBe('rejected');
    await session.reset();
    expect(await session.locate(0x1800_0000)).toMatchObject({ cell: { slot: 'A1' } });
  });

  it('reports errors of the assembler with file and line, and does not start', async () => {
    const session = await start('mvo ax, 1\n');
    expect(watched.problems).toContain('asm-unknown-instruction');
    const { ok, problems } = await session.powerOn();
    expect(ok).toBe(false);
    expect(problems[0]).toMatchObject({ file: 'a.asm', line: 1 });
    await session.run();
    expect(watched.latest('status').power).toBe('off');
  });

  it('a program that does not fit is refused by the firmware, with the ranges', async () => {
    const session = await start(PROGRAM, BARE.replace('program: a.asm', 'program: { file: a.asm, load: 0x2000_0000, mode: protected }'));
    expect((await session.powerOn()).ok).toBe(true);
    expect(watched.latest('status')).toMatchObject({ power: 'stopped', stop: 'boot-refused' });
    expect(watched.latest('boot')[0]!.refused!.message.en).toContain('0x2000_0000');
    await session.run();
    expect(watched.latest('status').instructions).toBe(0);
  });

  it('answers every question politely when the power is off or the arguments are wrong', async () => {
    const session = await start();
    await expect(session.stateHash()).rejects.toThrow('power is off');
    await session.powerOn();
    await expect(session.readMemory({ space: 'host', vm: null, base: 0n, length: 1e9 })).rejects.toThrow('length');
    await expect(session.step({ count: 0 })).rejects.toThrow('count');
    await expect(session.selectVm('nobody')).rejects.toThrow('nobody');
    await expect(session.explain({ vm: null, space: 'linear', address: -1n, size: 4, kind: 'read' })).rejects.toThrow('address');
    const hole = await session.readMemory({ space: 'host', vm: null, base: 0x0fff_fff8n, length: 16 });
    expect([...hole.present]).toEqual([...Array<number>(8).fill(1), ...Array<number>(8).fill(0)]);
  });

  it('shows instructions as the processor on the board reads them', async () => {
    const program = 'org 0x7C00\nstart: mov ax, 1\ndb 0x60, 0x00, 0x0F, 0xC1\n';
    const texts = async (yaml: string): Promise<string[]> => {
      const session = await start(program, yaml);
      await session.step({ count: 1 });
      return (await session.disassemble({ vm: null, linear: 0x7c03n, count: 3 })).map(({ text }) => text);
    };
    expect(await texts(BARE)).toEqual(['pusha', 'add [bx], cl', 'rol word [bx+si], 0']);
    expect(await texts(BARE.replace(/board: \{/, 'board: { processor: "8086",'))).toEqual(['jo short 0x7C05', 'pop cs', 'ret']);
  });

  it('explaining and looking change nothing', async () => {
    const session = await start();
    await session.step({ count: 2 });
    const hash = await session.stateHash();
    for (const space of ['logical', 'linear', 'guest', 'host'] as const)
      await session.explain({ vm: null, space, address: 0x5000n, size: 4, kind: 'write' });
    await session.readMemory({ space: 'linear', vm: null, base: 0x7c00n, length: 4096 });
    await session.disassemble({ vm: null, linear: 0x7c00n, count: 10 });
    await session.evaluateChecks();
    expect(await session.stateHash()).toBe(hash);
  });
});

describe('LabSession with VMs', () => {
  it('runs both, shows where each landed, and steps one VM out of turn', async () => {
    const watched = new Watched();
    await watched.open(VMS, { 'a.asm': PROGRAM });
    const { session } = watched;
    await session.selectVm('two');
    await session.step({ vm: 'two', count: 3 });
    expect(watched.latest('registers')).toMatchObject({ vm: 'two', next: { line: 7 } });
    expect(watched.latest('journey')!.access.vm).toBe('two');
    expect(watched.latest('journey')!.steps.map(({ room }) => room)).toContain('ept');
    await session.run();
    await watched.until(({ power }) => power === 'stopped');
    expect(watched.latest('checks').map(({ passed }) => passed)).toEqual([true, true]);
    // eagerly backed: what was placed at power-on is not sent again
    expect(watched.views.filter(({ name }) => name === 'placement')).toHaveLength(1);
    await session.subscribe(['status', 'virtualization', 'placement', 'checks']);
    expect(watched.views.filter(({ name }) => name === 'placement')).toHaveLength(2);
    const { vms } = watched.latest('virtualization');
    const { pieces, host } = watched.latest('placement');
    expect(vms.map(({ id, state, instructions }) => [id, state, instructions])).toEqual([
      ['one', 'halted', 6],
      ['two', 'halted', 6],
    ]);
    expect(pieces.map(({ vm, guest }) => [vm, guest])).toEqual([
      ['one', 0],
      ['two', 0],
    ]);
    expect(host.some(({ owner }) => owner.kind === 'vmm')).toBe(true);
    expect(await session.locate(pieces[1]!.host + 0x5000)).toMatchObject({ owner: { kind: 'vm', vm: 'two' } });
    await session.powerOff();
  });

  it('a breakpoint belongs to its VM', async () => {
    const watched = new Watched();
    await watched.open(VMS.replace('two, memory: 16 MiB, program: a.asm', 'two, memory: 16 MiB, program: b.asm'), {
      'a.asm': PROGRAM,
      'b.asm': PROGRAM,
    });
    const { session } = watched;
    await session.setBreakpoints('b.asm', [5]);
    await session.run();
    const status = await watched.until(({ power }) => power !== 'running');
    expect(status.stoppedAt).toMatchObject({ vm: 'two', file: 'b.asm', line: 5 });
    expect(watched.latest('virtualization').vms.map(({ instructions }) => instructions)).toEqual([6, 2]);
    await session.powerOff();
  });
});
