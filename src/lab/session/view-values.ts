/** What each view shows at this moment. */
import { evaluateChecks } from '../checks/evaluate';
import type { LabDocument } from '../document/schema';
import type { CheckResult, PlacementView, Power, RegistersView, StatusView, ViewName, Views } from '../protocol';
import { changedRegisters } from './changed-registers';
import type { Computer } from './computer';
import type { RunLoop } from './run-loop';
import type { RunState } from './run-state';

export class ViewValues {
  /** the placement that was sent last */
  private sentPlacement: { computer: Computer; revision: number } | null = null;

  constructor(
    private readonly run: RunState,
    private readonly loop: RunLoop,
    private readonly document: () => LabDocument | null,
  ) {}

  /** Somebody new looks on: what was sent before counts no more. */
  forgetSent(): void {
    this.sentPlacement = null;
  }

  get power(): Power {
    if (!this.run.computer) return 'off';
    if (this.loop.running) return 'running';
    return this.run.stop ? 'stopped' : 'paused';
  }

  private status(): StatusView {
    const { computer } = this.run;
    return {
      power: this.power,
      stop: this.run.stop?.kind ?? null,
      stopDetail: this.run.stop?.detail ?? null,
      instructions: computer?.instructions ?? 0,
      ticks: computer?.ticks ?? 0,
      inputs: this.run.inputs.length,
      mips: this.loop.mips,
      engine: computer?.engine ?? null,
      currentVm: computer?.currentVm ?? null,
      stoppedAt: this.run.stoppedAt,
      poolBytes: computer?.poolBytes ?? 0,
      snapshots: this.run.snapshots.size,
    };
  }

  checks(): CheckResult[] {
    const { computer } = this.run;
    const document = this.document();
    if (!computer || !document) return [];
    return evaluateChecks(document.checks, { ...computer.checkContext(), stop: this.run.stop?.kind ?? null });
  }

  private registers(computer: Computer): RegistersView {
    const now = computer.registers(this.run.shownVm(null));
    return { ...now, changed: this.run.registersBefore ? changedRegisters(this.run.registersBefore, now) : [] };
  }

  /** Only when it is not what the window has already. */
  private placement(computer: Computer): PlacementView | undefined {
    const { placementRevision: revision } = computer;
    if (this.sentPlacement?.computer === computer && this.sentPlacement.revision === revision) return undefined;
    this.sentPlacement = { computer, revision };
    return computer.placement();
  }

  /** The value of a view, or undefined when there is nothing to show with the power off. */
  value(name: ViewName): Views[ViewName] | undefined {
    if (name === 'status') return this.status();
    const { computer } = this.run;
    if (!computer) return undefined;
    switch (name) {
      case 'registers':
        return this.registers(computer);
      case 'virtualization':
        return computer.virtualization();
      case 'placement':
        return this.placement(computer);
      case 'isolation':
        return computer.isolation(this.loop.running);
      case 'transactions':
        return computer.transactions();
      case 'chipset':
        return computer.chipset();
      case 'serial':
        return computer.serial();
      case 'boot':
        return [...computer.boots];
      case 'checks':
        // judged when the run has come to rest: half-way results would only confuse
        return this.loop.running ? undefined : this.checks();
      case 'journey':
        return this.loop.running ? null : computer.lastJourney(this.run.shownVm(null));
      case 'tlb':
        return computer.tlb();
      case 'tables':
        return computer.tables(this.run.shownVm(null));
      case 'events':
        return computer.events();
      case 'breakpoints':
        return this.run.breakpoints.view(computer.programs);
      case 'snapshots':
        return this.run.snapshots.view(this.run.hardware);
      case 'dram':
        return computer.dram();
    }
  }
}
