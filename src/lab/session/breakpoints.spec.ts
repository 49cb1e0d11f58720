/** Breakpoints at addresses, watchpoints, and snapshots, as the window uses them: on the bare machine and in VMs. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { StatusView, StopPoint, ViewName, Views } from '../protocol';
import { LabSession } from './lab-session';
import type { Scheduler } from './run-loop';

const PROGRAM = `org 0x7C00
  mov cx, 3000
again:
  inc word [0x6000]
  loop again
  push cx
  mov bx, [0x6000]
  hlt
`;
const BARE = `format: pagewalk.lab/1
title: bare
board: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }
machine: { program: a.asm }
`;
const VMS = `format: pagewalk.lab/1
title: two
board: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }
vmm: { translation: ept }
vms:
  - { id: one, memory: 16 MiB, program: a.asm }
  - { id: two, memory: 16 MiB, program: a.asm, backing: on-touch }
`;

const REAL_TIME: Scheduler = {
  nextTurn: (work) => void setImmediate(work),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
};

async function open(yaml: string, program = PROGRAM, scheduler = REAL_TIME) {
  const views = new Map<ViewName, unknown>();
  const session = new LabSession(scheduler);
  session.attach({ view: (name, value) => void views.set(name, value), problems: () => undefined });
  const { document } = loadLab(yaml, { 'a.asm': program });
  await session.subscribe(['status', 'breakpoints', 'snapshots', 'journey', 'registers']);
  await session.open(document!, { 'a.asm': program });
  const latest = <N extends ViewName>(name: N): Views[N] => views.get(name) as Views[N];
  /** Runs until something stops it. */
  const run = async (): Promise<StatusView> => {
    await session.run();
    while (latest('status').power === 'running') await new Promise((resolve) => setImmediate(resolve));
    return latest('status');
  };
  return { session, latest, run };
}

const at = (kind: StopPoint['kind'], linear: bigint, size: StopPoint['size'] = 1, vm: string | null = null): StopPoint => ({
  vm,
  kind,
  linear,
  size,
});

describe('where a run stops', () => {
  it('is before the instruction at an address, and counted', async () => {
    const { session, latest, run } = await open(BARE);
    await session.setStopPoints([at('code', 0x7c07n), at('code', 0x7c07n), at('code', 0x9000n)]);
    expect(await run()).toMatchObject({ power: 'paused', instructions: 2, stoppedAt: { kind: 'code', linear: 0x7c07n, line: 5 } });
    expect(await run()).toMatchObject({ instructions: 4 });
    expect(latest('breakpoints').points.map(({ linear, hits }) => [linear, hits])).toEqual([
      [0x7c07n, 2],
      [0x9000n, 0],
    ]);
    await session.setStopPoints([]);
    expect(await run()).toMatchObject({ power: 'stopped', stoppedAt: null });
    await session.reset();
    expect(latest('breakpoints').points).toEqual([]);
  });

  it('is before the very first instruction too; from there the run goes on', async () => {
    for (const [yaml, linear, vm] of [
      [BARE, 0x7c00n, null],
      [VMS, 0x7c00n, 'one'],
    ] as const) {
      const { session, run } = await open(yaml);
      await session.setStopPoints([at('code', linear, 1, vm)]);
      expect(await run()).toMatchObject({ power: 'paused', instructions: 0, stoppedAt: { kind: 'code', linear, vm } });
      const { power, instructions } = await run();
      expect(power).toBe('stopped');
      expect(instructions).toBeGreaterThan(0);
    }
  });

  it('is the same at a speed at which nearly every instruction is a slice of its own', async () => {
    let time = 0;
    // each look at the clock takes 5 ms, and there are three to a slice
    const scheduler: Scheduler = { nextTurn: REAL_TIME.nextTurn, after: (_ms, work) => REAL_TIME.after(0, work), now: () => (time += 5) };
    for (const [yaml, vm] of [
      [BARE, null],
      [VMS, 'one'],
    ] as const) {
      const { session, run } = await open(yaml, PROGRAM, scheduler);
      await session.setSpeed(67);
      await session.setStopPoints([at('code', 0x7c07n, 1, vm)]);
      for (const instructions of [2, 4, 6, 8]) expect(await run()).toMatchObject({ power: 'paused', instructions });
    }
  });

  it('is after the access to watched memory, with what it did; steps are told too', async () => {
    const { session, latest, run } = await open(BARE);
    await session.setStopPoints([at('write', 0x6001n), at('write', 0x6ffen, 2)]);
    await session.powerOn();
    const first = await run();
    expect(first).toMatchObject({ power: 'paused', instructions: 2 });
    expect(first.stoppedAt).toEqual({
      ...at('write', 0x6001n),
      access: {
        kind: 'write',
        linear: 0x6000n,
        size: 2,
        instruction: { linear: 0x7c03n, text: 'inc word [0x6000]', file: 'a.asm', line: 4 },
        before: 0,
        after: 0,
      },
    });
    // the access that stopped it is the one that is shown
    expect(latest('journey')!.access).toMatchObject({ kind: 'write', size: 2 });
    await session.setStopPoints([at('access', 0x6000n, 2)]);
    await session.step();
    expect(latest('status').stoppedAt).toBeNull();
    await session.step();
    expect(latest('status').stoppedAt).toMatchObject({ access: { before: 1, after: 2 } });
    expect(latest('breakpoints').points).toMatchObject([{ hits: 1 }]);
  });

  it('tells the value where the processor has written it, also by a stale TLB entry', async () => {
    const STALE = `bits 32
org 0x100000
      mov dword [0x20000], 0x21003
      mov dword [0x21000 + 0x21 * 4], 0x21003
      mov dword [0x21000 + 0x100 * 4], 0x100003
      mov dword [0x21000 + 9 * 4], 0x9003
      mov eax, 0x20000
      mov cr3, eax
      mov eax, 0x80000001
      mov cr0, eax
      mov byte [0x9000], 1
      mov dword [0x21000 + 9 * 4], 0xA003
      mov byte [0x9000], 2
      hlt`;
    const { session, run } = await open(BARE.replace('a.asm', '{ file: a.asm, mode: protected, load: 0x10_0000 }'), STALE);
    await session.setStopPoints([at('write', 0x9000n)]);
    expect(await run()).toMatchObject({ instructions: 9, stoppedAt: { access: { before: 0, after: 1 } } });
    expect(await run()).toMatchObject({ instructions: 11, stoppedAt: { access: { before: 1, after: 2 } } });
  });

  it('changes nothing of what the machine does', async () => {
    const plain = await open(BARE);
    await plain.run();
    const watched = await open(BARE);
    await watched.session.setStopPoints([at('access', 0x6000n, 4)]);
    let status = await watched.run();
    for (let stops = 0; stops < 50; stops++) status = await watched.run();
    expect(status).toMatchObject({ power: 'paused', instructions: 2 + 2 * 50 });
    await watched.session.setStopPoints([at('access', 0x6800n, 4)]);
    expect(await watched.run()).toMatchObject({ power: 'stopped', instructions: plain.latest('status').instructions });
    expect(await watched.session.stateHash()).toBe(await plain.session.stateHash());
  });

  it('belongs to a VM', async () => {
    const { session, latest, run } = await open(VMS);
    await session.setStopPoints([at('write', 0x6000n, 2, 'two'), at('code', 0x7c09n, 1, 'one'), at('code', 0x7c09n, 1, 'three')]);
    const stops: unknown[] = [];
    for (let count = 0; count < 3; count++) stops.push((await run()).stoppedAt);
    expect(stops).toMatchObject([
      { vm: 'one', kind: 'code', linear: 0x7c09n },
      { vm: 'two', kind: 'write', access: { after: 1, instruction: { line: 4 } } },
      { vm: 'two', kind: 'write', access: { before: 1, after: 2 } },
    ]);
    await session.selectVm('two');
    await session.step({ vm: 'two' });
    await session.step({ vm: 'two' });
    expect(latest('status').stoppedAt).toMatchObject({ vm: 'two', access: { before: 2, after: 3 } });
  });

  it.each([BARE, VMS.replace(/ {2}- \{ id: two.*\n/, '')])('is found in code that has run hot before', async (yaml) => {
    const { session, latest, run } = await open(yaml + 'limits: { instructions: 4_001 }\n');
    const vm = yaml === BARE ? null : 'one';
    expect(await run()).toMatchObject({ stop: 'limit', instructions: 4_001 });
    // MOV, then INC and LOOP in turn
    await session.setStopPoints([at('write', 0x6000n, 2, vm)]);
    expect(await run()).toMatchObject({ instructions: 4_002, stoppedAt: { access: { before: 2_000, after: 2_001 } } });
    expect(await run()).toMatchObject({ instructions: 4_004 });
    await session.setStopPoints([at('code', 0x7c03n, 1, vm)]);
    expect(await run()).toMatchObject({ instructions: 4_005, stoppedAt: { kind: 'code' } });
    await session.setStopPoints([at('access', 0x7bfen, 2, vm)]);
    expect(await run()).toMatchObject({ instructions: 1 + 2 * 3_000 + 1 });
    expect(latest('registers').next?.text).toMatch(/^mov bx/);
  });

  it('is refused where there is none', async () => {
    const { session } = await open(BARE);
    await expect(session.setStopPoints([at('write', 0xffff_fffdn, 4)])).rejects.toThrow(/32 bits/);
    await expect(session.setStopPoints([at('write', 0n, 3 as 4)])).rejects.toThrow(/no watchpoint/);
    await expect(session.setStopPoints(new Array(65).fill(at('code', 0n)))).rejects.toThrow(/64/);
  });
});

describe('stepping over', () => {
  /** A recursive count down from 3, then a loop. */
  const RECURSIVE = `org 0x7C00
  mov sp, 0x7000
  mov cx, 3
  call down
  mov cx, 500
spin: loop spin
  hlt
down:
  dec cx
  jz done
  call down
  inc dx
done:
  ret
`;

  it('executes calls and loops whole, also when they call themselves; other instructions as a step', async () => {
    const { session, latest } = await open(BARE, RECURSIVE);
    const atRest = async (): Promise<void> => {
      while (latest('status').power === 'running') await new Promise((resolve) => setImmediate(resolve));
    };
    const over = async (): Promise<number | undefined> => {
      await session.stepOver();
      await atRest();
      expect(latest('status').stoppedAt).toBeNull();
      return latest('registers').next?.line;
    };
    await session.powerOn();
    expect([await over(), await over(), await over()]).toEqual([3, 4, 5]);
    expect(latest('registers').general[2]).toBe(0x80n + 2n);
    expect(latest('registers').changed).toContain('RDX');
    expect([await over(), await over()]).toEqual([6, 7]);
    expect(latest('status').instructions).toBe(3 + 3 * 3 + 2 * 2 + 1 + 500);

    // within the recursion: the call is done when this level of it is
    await session.reset();
    await session.runTo({ vm: null, linear: latest('registers').next!.linear + 0x12n });
    await atRest();
    expect(latest('registers').next?.text).toMatch(/^call/);
    const stack = latest('registers').general[4];
    expect(await over()).toBe(12);
    expect(latest('registers').general[4]).toBe(stack);
    // a breakpoint inside stops it
    await session.reset();
    await session.setBreakpoints('a.asm', [9]);
    for (let step = 0; step < 3; step++) await session.stepOver();
    await atRest();
    expect(latest('status').stoppedAt).toMatchObject({ line: 9 });
  });
});

describe('snapshots', () => {
  it('are listed, and gone back to', async () => {
    const { session, latest, run } = await open(BARE);
    await session.setStopPoints([at('code', 0x7c07n)]);
    await run();
    const { id } = await session.snapshot('first time round');
    const hash = await session.stateHash();
    expect(latest('snapshots').kept).toMatchObject([{ id, label: 'first time round', instructions: 2, fits: true }]);
    await run();
    await session.restore(id);
    expect(latest('status')).toMatchObject({ power: 'paused', instructions: 2, stoppedAt: null });
    expect(await session.stateHash()).toBe(hash);
    await session.powerOff();
    await session.powerOn();
    expect(latest('snapshots').kept).toEqual([]);
  });
});
