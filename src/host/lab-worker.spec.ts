/** The real worker, bundled as in the product, behind the real host and the real client: a lab runs, and each of the three deaths is survived. */
import { rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSessionClient, type SessionClient } from '../lab/channel';
import { loadLab } from '../lab/document/load';
import type { CheckResult, StatusView, ViewName } from '../lab/protocol';
import type { SessionLoss } from '../lab/shell-bridge';
import { startSession, type SessionHandle } from './session-host';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const OUT = join(REPOSITORY, '.cache/lab-worker-spec');
const EXTERNAL = ['iced-x86', ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];

const YAML = `format: pagewalk.lab/1
title: t
board: { slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }
vmm: { translation: ept }
vms: [{ id: one, memory: 16 MiB, program: a.asm }, { id: two, memory: 16 MiB, program: a.asm }]
checks: [{ differs: { frames: [{ vm: one, gpa: 0x5000 }, { vm: two, gpa: 0x5000 }] } }, { stop: halted }]
`;
const FILES = { 'a.asm': "org 0x7C00\nmov al, 'H'\nout 0xE9, al\nmov [0x5000], al\nhlt\n" };

describe('lab worker', () => {
  const handles: SessionHandle[] = [];
  beforeAll(async () => {
    process.env['PAGEWALK_TEST'] = '1';
    await build({
      root: REPOSITORY,
      configFile: false,
      publicDir: false,
      logLevel: 'error',
      ssr: { noExternal: true, external: EXTERNAL, target: 'node' },
      build: {
        ssr: true,
        target: 'node20',
        outDir: OUT,
        minify: false,
        rolldownOptions: {
          input: { 'lab-worker': join(REPOSITORY, 'src/host/lab-worker.ts') },
          external: EXTERNAL,
          output: { format: 'es', entryFileNames: '[name].mjs' },
        },
      },
    });
  }, 60_000);
  afterAll(async () => {
    delete process.env['PAGEWALK_TEST'];
    await Promise.all(handles.map((handle) => handle.stop()));
    rmSync(OUT, { recursive: true, force: true });
  });

  function connect(heartbeat?: number): { client: SessionClient; views: Map<ViewName, unknown>; lost: Promise<SessionLoss> } {
    const views = new Map<ViewName, unknown>();
    let receive: (frame: Uint8Array) => void = () => {};
    let lose: (why: SessionLoss) => void = () => {};
    const lost = new Promise<SessionLoss>((resolve) => void (lose = resolve));
    const handle = startSession({
      workerPath: join(OUT, 'lab-worker.mjs'),
      heapMegabytes: 128,
      ...(heartbeat ? { heartbeat } : {}),
      onFrame: (frame) => receive(frame),
      onLost: (why) => {
        lose(why);
        client.close(new Error(why));
      },
    });
    handles.push(handle);
    const client = createSessionClient(
      { send: (frame) => handle.send(frame), onFrame: (listener) => void (receive = listener) },
      { view: (name, value) => void views.set(name, value), problems: () => {} },
    );
    return { client, views, lost };
  }

  it('opens, runs, pushes views, answers questions', async () => {
    const { client, views } = connect();
    const { session } = client;
    const { document } = loadLab(YAML, FILES);
    expect(await session.open(document!, FILES)).toEqual({ ok: true, problems: [] });
    await session.subscribe(['status', 'checks', 'virtualization', 'registers']);
    await session.run();
    // each view arrives by itself, and the checks of the power-on came long ago: wait for the end in both
    const atRest = (): boolean =>
      (views.get('status') as StatusView | undefined)?.power === 'stopped' &&
      (views.get('checks') as CheckResult[]).every(({ passed }) => passed);
    for (let tries = 0; tries < 800 && !atRest(); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(views.get('status')).toMatchObject({ power: 'stopped', stop: 'halted', instructions: 8 });
    expect(views.get('checks')).toMatchObject([{ passed: true }, { passed: true }]);
    const memory = await session.readMemory({ space: 'guest', vm: 'two', base: 0x5000n, length: 4 });
    expect([...memory.bytes]).toEqual([0x48, 0, 0, 0]);
    expect(memory.pages[0]!.owner).toEqual({ kind: 'vm', vm: 'two' });
    const journey = await session.explain({ vm: 'two', space: 'logical', segment: 'DS', address: 0x5000n, size: 4, kind: 'read' });
    expect(journey.end.kind).toBe('dram');
    expect(await session.stateHash()).toMatch(/^[0-9a-f]{64}$/);
    await expect(session.locate(-1)).rejects.toThrow('address');
  });

  it('does not swallow what is no lab', async () => {
    const { client } = connect();
    const result = await client.session.open({ format: 'nonsense', board: 7 } as never, {});
    expect(result.ok).toBe(false);
    expect(result.problems[0]!.message['zh-CN']).toContain('实验');
  });

  it.each([
    ['exited', 'exit', undefined],
    ['unresponsive', 'hang', 150],
    ['out-of-heap', 'heap', undefined],
  ] as const)('is lost as "%s", and pending calls are rejected', async (why, how, heartbeat) => {
    const { client, lost } = connect(heartbeat);
    await client.session.ping();
    const pending = client.session.misbehave(how);
    await expect(pending).rejects.toThrow(why);
    expect(await lost).toBe(why);
  });
});
