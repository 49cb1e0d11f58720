/** What a session knows of its run: the computer since power-on, where and why it stands still, and what was kept on the way. */
import { text } from '../document/problem';
import type { RegistersView, StopHit } from '../protocol';
import { Breakpoints } from './breakpoints';
import { QueryError, type Computer, type Stop } from './computer';
import { InputLog } from './input-log';
import { KeptSnapshots } from './kept-snapshots';

export class RunState {
  /** null: the power is off */
  computer: Computer | null = null;
  stop: Stop | null = null;
  stoppedAt: StopHit | null = null;
  /** before the step that was made last: what changed is marked */
  registersBefore: Omit<RegistersView, 'changed'> | null = null;
  /** counts what was plugged and unplugged since power-on: a snapshot fits only the hardware it was taken of */
  hardware = 0;
  /** the VM that the user looks at */
  selected: string | null = null;
  readonly breakpoints = new Breakpoints();
  readonly snapshots = new KeptSnapshots();
  readonly inputs = new InputLog();

  /** QueryError with the power off. */
  get on(): Computer {
    if (!this.computer) throw new QueryError(text('The power is off.', '电源已关闭。'));
    return this.computer;
  }

  /** The VM that is asked for; null means the selected one where VMs exist. */
  shownVm(vm: string | null): string | null {
    const ids = this.computer?.vmIds ?? [];
    if (ids.length === 0) return null;
    return vm ?? this.selected ?? this.computer?.currentVm ?? ids[0]!;
  }

  /** QueryError when there is no such VM; null is taken. */
  knownVm(vm: string | null): void {
    if (vm !== null && !this.computer?.vmIds.includes(vm)) throw new QueryError(text(`There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`));
  }

  /** All but the computer, the selection and the breakpoints themselves: a run is over, or has not begun. */
  forget(): void {
    this.hardware = 0;
    this.stop = null;
    this.stoppedAt = null;
    this.registersBefore = null;
    this.snapshots.clear();
    this.inputs.clear();
    this.breakpoints.forgetHits();
  }
}
