/**
 * Runs a powered-on lab, bare or under the VMM, a slice or a step at a time, and says what ended it. Knows whose instruction was
 * executed last, and keeps the last data access of a slice known without watching them all.
 */
import { text } from '../document/problem';
import type { Problem, StopKind } from '../protocol';
import type { GuestStops } from '../../vmm/host';
import type { VmmRunReason } from '../../vmm/vmm';
import type { CodeAddress, RunEnd, Stop, WatchedMemory } from './computer';
import { instructionText } from './disassembly';
import { stateCopy } from './registers-view';
import { stopProblems } from './stop-problems';
import { nextLinear, stateBytes, type System } from './system';

/** The last instructions of a slice are watched, so that a pause can show the last access; watching all would cost speed. */
const WATCHED_TAIL = 64;
/** Programs that end soon are watched whole, so that the last access of the run is known however it ends. */
const WATCHED_HEAD = 200_000;

export class Runner {
  /** whose instruction was executed last */
  lastVm: string | null = null;
  /** a run has been held before the first instruction; the next one goes on from there */
  private heldAtStart = false;

  constructor(
    private readonly system: System,
    /** set once nothing more can run */
    public stopped: Stop | null,
  ) {}

  /** the VM whose turn it is; null on the bare machine */
  get currentVm(): string | null {
    return this.system.vmm?.current?.id ?? null;
  }

  run(budget: number): RunEnd {
    if (this.stopped) return { kind: 'stopped', stop: this.stopped };
    const { machine } = this.system;
    const { processor } = machine;
    const start = machine.instructions;
    const head = Math.min(budget, Math.max(WATCHED_HEAD - start, 0));
    if (head > 0) {
      processor.recordAccess = true;
      // nobody has seen the very first instruction yet: a breakpoint there holds the run
      const end = this.advance(head, start > 0 || this.heldAtStart);
      this.heldAtStart = end.kind === 'breakpoint' && machine.instructions === 0;
      if (end.kind !== 'budget' || head === budget) return end;
    }
    const unwatched = budget - head - WATCHED_TAIL;
    if (unwatched > 0) {
      processor.recordAccess = false;
      const end = this.advance(unwatched, head === 0);
      if (end.kind !== 'budget') return end;
    }
    processor.recordAccess = true;
    return this.advance(Math.min(budget - head, WATCHED_TAIL), head === 0 && unwatched <= 0);
  }

  step(vm: string | null): RunEnd {
    if (this.stopped) return { kind: 'stopped', stop: this.stopped };
    const { machine, vmm } = this.system;
    machine.processor.recordAccess = true;
    // the delivery of an event is a step of its own, in a VM too: the access that faulted, and where its handler begins, can be seen
    if (!vmm) return this.advance(1, true, true);
    const { reason, vm: stepped } = vmm.step(vm ?? undefined);
    this.lastVm = stepped ?? vm ?? this.currentVm;
    return this.afterVms(reason, this.lastVm);
  }

  private advance(budget: number, passBreakpoint: boolean, stopAtDelivery = false): RunEnd {
    const { machine, vmm } = this.system;
    if (!vmm) {
      const { reason } = machine.run(budget, { passBreakpoint, stopAtDelivery });
      if (reason === 'budget') return { kind: 'budget' };
      if (reason === 'breakpoint') return { kind: 'breakpoint', at: { vm: null, linear: nextLinear(this.system, null) } };
      if (reason === 'watchpoint') return this.watched(null);
      return this.stop(this.stopOf(reason));
    }
    this.lastVm = this.currentVm;
    const { reason, vm } = vmm.run(budget, passBreakpoint);
    if (reason === 'breakpoint') return { kind: 'breakpoint', at: { vm: vm ?? null, linear: nextLinear(this.system, vm ?? null) } };
    return this.afterVms(reason, vm ?? null);
  }

  /** The access is also what is shown as the last one, when nobody has recorded it. */
  private watched(vm: string | null): RunEnd {
    const { processor } = this.system.machine;
    const { point, linear, size, write, instruction } = processor.takeWatchHit()!;
    const kind = write ? 'write' : 'read';
    this.lastVm = vm;
    processor.recordAccess = true;
    const user = instruction !== null && stateCopy(stateBytes(this.system, vm)).cpl === 3;
    processor.system.access.lastAccess ??= { through: null, offset: 0, linear, size, kind, user, missed: false };
    return {
      kind: 'watchpoint',
      access: {
        at: { vm, ...point },
        kind,
        linear,
        size,
        instruction: instruction === null ? null : { linear: instruction, text: instructionText(this.system, vm, instruction) },
      },
    };
  }

  private afterVms(reason: VmmRunReason, vm: string | null): RunEnd {
    if (reason === 'watchpoint') return this.watched(vm);
    // a VM's exit port is its own, so only the VMM knows of it
    if (reason === 'exit-port' || reason === 'out-of-memory') return this.stop(this.stopOf(reason));
    return reason === 'stopped' ? this.finish() : this.check();
  }

  /** The pool may have run full, or a program asked to end. */
  private check(): RunEnd {
    const reason = this.system.machine.stopRequested();
    return reason ? this.stop(this.stopOf(reason)) : { kind: 'budget' };
  }

  /** No VM can run any more: halted, or given up after a triple fault. */
  private finish(): RunEnd {
    const requested = this.system.machine.stopRequested();
    if (requested) return this.stop(this.stopOf(requested));
    const crashed = this.system.vmm!.vms.filter(({ state }) => state === 'crashed');
    const detail =
      crashed.length === 0
        ? null
        : text(crashed.map((vm) => vm.detail?.en ?? vm.id).join(' '), crashed.map((vm) => vm.detail?.['zh-CN'] ?? vm.id).join(''));
    return this.stop({ kind: crashed.some(({ tripleFault }) => tripleFault) ? 'triple-fault' : 'halted', detail });
  }

  private stop(stop: Stop): RunEnd {
    this.stopped = stop;
    return { kind: 'stopped', stop };
  }

  /** An end with what there is to say about it. */
  private stopOf(kind: StopKind): Stop {
    return { kind, detail: this.stopProblems(kind)[0]?.message ?? null };
  }

  limitReached(): Stop {
    return this.stopOf('limit');
  }

  stopProblems(kind: StopKind): Problem[] {
    return stopProblems(this.system, kind, this.currentVm);
  }

  setStops(code: readonly CodeAddress[], watched: readonly WatchedMemory[]): void {
    const { machine, vmm } = this.system;
    const of = (vm: string | null): GuestStops => ({
      breakpoints: code.filter((address) => address.vm === vm).map(({ linear }) => linear),
      watchpoints: watched.filter((memory) => memory.vm === vm).map(({ linear, bytes, kind }) => ({ linear, bytes, kind })),
    });
    if (vmm) for (const { id } of vmm.vms) vmm.setStops(id, of(id));
    else {
      const { breakpoints, watchpoints } = of(null);
      machine.processor.setBreakpoints(breakpoints);
      machine.processor.setWatchpoints(watchpoints);
    }
  }
}
