// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import type { OpenResult, PatchResult, Power, SessionCommands, StatusView } from '../../lab/protocol';
import { useBreakpoints } from './breakpoints';
import { useControl } from './control';
import { useDocument } from './document';
import { useSession } from './session';
import { OPENED, settle, TestShell, withShell } from './test-bridge';

const status = (power: Power): StatusView => ({
  power, stop: power === 'stopped' ? 'halted' : null, stopDetail: null, instructions: 0, ticks: 0, inputs: 0, mips: 0, engine: null,
  currentVm: null, stoppedAt: null, poolBytes: 0, snapshots: 0,
}); // prettier-ignore

/** A worker that only keeps account of what it is asked, and whether it is on. */
class Worker {
  readonly calls: string[] = [];
  power: Power = 'off';
  speed: () => Promise<void> = () => Promise.resolve();
  openResult: OpenResult = { ok: true, problems: [] };
  updateResult: PatchResult = { outcome: 'applied' };
  breakpoints: [string, number[]][] = [];
  say: (view: StatusView) => void = () => {};
  private to(power: Power): void {
    this.power = power;
    this.say(status(power));
  }
  readonly commands: Partial<SessionCommands> = {
    open: () => (this.calls.push('open'), this.to('off'), Promise.resolve(this.openResult)),
    update: () => (this.calls.push('update'), Promise.resolve(this.updateResult)),
    powerOn: () => (this.calls.push('powerOn'), this.to('paused'), Promise.resolve({ ok: true, problems: [] })),
    powerOff: () => (this.calls.push('powerOff'), this.to('off'), Promise.resolve()),
    run: () => (this.calls.push('run'), this.to('running'), Promise.resolve()),
    pause: () => (this.calls.push('pause'), this.to('paused'), Promise.resolve()),
    setSpeed: () => (this.calls.push('setSpeed'), this.speed()),
    step: () => (this.calls.push('step'), Promise.resolve()),
    setBreakpoints: (file, lines) => {
      this.breakpoints.push([file, lines]);
      return Promise.resolve(lines.map((line) => ({ line: line + 1, bound: true })));
    },
  };
  halt(): void {
    this.to('stopped');
  }
}

describe('power and time', () => {
  let worker: Worker;
  let shell: TestShell;
  let stores: { lab: ReturnType<typeof useDocument>; session: ReturnType<typeof useSession>; control: ReturnType<typeof useControl> };
  let breakpoints: ReturnType<typeof useBreakpoints>;
  beforeEach(async () => {
    worker = new Worker();
    shell = new TestShell(worker.commands);
    const { use } = withShell(shell);
    stores = { lab: use(useDocument), session: use(useSession), control: use(useControl) };
    breakpoints = use(useBreakpoints);
    await stores.session.connect();
    worker.say = (view) => shell.servers.at(-1)?.events.view('status', view);
    stores.lab.adopt(OPENED);
    await nextTick();
    await settle();
  });
  afterEach(() => vi.useRealTimers());
  const asked = (): string[] => worker.calls.splice(0);

  it('gives the session a lab as soon as it is open', () => {
    expect(asked()).toEqual(['open']);
  });

  it('keeps what is asked for while a worker is being started, and asks it of the new one', async () => {
    await stores.control.step();
    asked();
    shell.lose('unresponsive');
    expect(stores.control.canStep).toBe(false);
    const connected = stores.session.connect();
    expect(stores.control.canStep).toBe(true);
    const step = stores.control.step();
    await connected;
    await step;
    expect(asked().at(-1)).toBe('powerOn');
    expect(stores.session.power).toBe('paused');
  });

  it('takes every step that is asked for while one is under way, up to a bound', async () => {
    await stores.control.step();
    asked();
    const steps: Promise<void>[] = [];
    while (stores.control.canStep) steps.push(stores.control.step());
    expect(steps).toHaveLength(8);
    await Promise.all(steps);
    expect(asked().filter((call) => call === 'step')).toHaveLength(8);
    expect(stores.control.canStep).toBe(true);
  });

  it('a step asked for before the machine was seen running does not stop it', async () => {
    await stores.control.step();
    asked();
    await Promise.all([stores.control.run(), stores.control.step()]);
    expect(asked()).toEqual(['run']);
  });

  it('carries out a command given while another is under way, after it', async () => {
    asked();
    let release = (): void => {};
    worker.speed = () => new Promise((done) => (release = done));
    const first = stores.control.setSpeed(10);
    const second = stores.control.run();
    await settle();
    expect(asked()).toEqual(['setSpeed']);
    expect(stores.control.busy).toBe(true);
    worker.speed = () => Promise.resolve();
    release();
    await Promise.all([first, second]);
    expect(asked()).toEqual(['open', 'setSpeed', 'powerOn', 'run']);
    expect(stores.control.busy).toBe(false);
  });

  it('switches on when it must, and only then', async () => {
    asked();
    await stores.control.run();
    await settle();
    expect(asked()).toEqual(['open', 'powerOn', 'run']);
    await stores.control.pause();
    await settle();
    await stores.control.run();
    expect(asked()).toEqual(['pause', 'run']);
  });

  it('begins again after the end, and the first step only switches on', async () => {
    await stores.control.run();
    worker.halt();
    await settle();
    asked();
    await stores.control.step();
    await settle();
    expect(asked()).toEqual(['powerOff', 'open', 'powerOn']);
    await stores.control.step();
    expect(asked()).toEqual(['step']);
  });

  it('does not run a lab that was refused', async () => {
    worker.openResult = { ok: false, problems: [] };
    asked();
    await stores.control.run();
    expect(asked()).toEqual(['open']);
  });

  it('sends edits, and starts over when they need the power off', async () => {
    await stores.control.run();
    await stores.control.pause();
    await settle();
    asked();
    worker.updateResult = { outcome: 'needs-power-off' };
    stores.lab.setText('main.asm', 'hlt');
    await stores.control.update();
    expect(stores.control.stale).toBe(true);
    await stores.control.run();
    expect(asked()).toEqual(['update', 'powerOff', 'open', 'powerOn', 'run']);
    expect(stores.control.stale).toBe(false);
  });

  it('says why hardware could not be plugged with the power on, and starts over for it', async () => {
    await stores.control.run();
    const message = { en: 'Frames belong to a.', 'zh-CN': '页框属于 a。' };
    worker.updateResult = { outcome: 'rejected', problems: [{ severity: 'error', code: 'board-hot-plug-refused', message }] };
    stores.lab.setText('main.asm', 'hlt');
    await stores.control.update();
    expect([stores.control.stale, stores.control.refusal]).toEqual([true, message]);
  });

  it('survives the loss of its worker: the lab stays, a new worker gets it whole', async () => {
    stores.lab.setText('main.asm', 'hlt');
    shell.lose('unresponsive');
    expect([stores.session.connection, stores.session.loss]).toEqual(['lost', 'unresponsive']);
    await stores.control.run();
    expect(stores.control.complaint).toBeNull();
    expect(stores.lab.allFiles['main.asm']).toBe('hlt');
    asked();
    await stores.session.connect();
    await nextTick();
    await settle();
    expect(stores.session.connection).toBe('ready');
    expect(asked()).toEqual(['open']);
  });

  it('moves breakpoints to where the session put them, and sends them to a new worker', async () => {
    breakpoints.toggle('main.asm', 3);
    await settle();
    expect(breakpoints.all).toEqual([{ file: 'main.asm', line: 4, bound: true, enabled: true }]);
    shell.lose('exited');
    worker.breakpoints = [];
    await stores.session.connect();
    await nextTick();
    await settle();
    expect(worker.breakpoints[0]).toEqual(['main.asm', [4]]);
    breakpoints.toggle('main.asm', breakpoints.all[0]?.line ?? 0);
    expect(breakpoints.all).toEqual([]);
  });
});
