/**
 * The hypervisor: shares one board among VMs. It keeps all its state in the same host memory (so that it can be attacked),
 * lets the processor run guests and handles their exits, gives devices to VMs through the IOMMU, and says what it finds
 * wrong. It never repairs damage and never falls over it: whoever suffers crashes, the rest go on.
 */
import { PAGE_SIZE } from '../machine/address';
import type { AuditViolation } from './audit';
import { Auditor } from './auditor';
import { ExitHandlers } from './exits';
import { FrameOwnership } from './frames/frame-ownership';
import type { FrameOwner, OwnedExtent } from './frames/frame-owner';
import { isMachineCheck, MachineChecks } from './machine-checks';
import { preoccupiedRuns } from './frames/preoccupied';
import type { GuestStops, StoppedAt, VmmHost } from './host';
import { OwnMemory } from './own-memory';
import type { SavedOwnMemory } from './own-memory';
import { IommuDriver } from './passthrough/iommu-driver';
import { vmmPart } from './parts';
import { VmmRecords } from './records';
import type { RecordedDamage, RecordedFault, SavedRecords, VmmEvent } from './records';
import { Scheduler } from './scheduler';
import { Vm } from './vm';
import type { SavedVm, VmOptions } from './vm';
import { checkOptions } from './options';
import type { VmmOptions } from './options';

/**
 * Why `run` came back. `stopped`: no VM can run and nothing is pending that could change that. `exit-port`: a guest asked to
 * end the run. `out-of-memory`: the pool of touched frames is full.
 */
export type VmmRunReason = 'budget' | 'breakpoint' | 'watchpoint' | 'stopped' | 'exit-port' | 'out-of-memory';

export interface VmmRunResult {
  reason: VmmRunReason;
  /** instructions completed, by all VMs together */
  executed: number;
  /** `breakpoint`, `watchpoint`: whose */
  vm?: string;
}

interface SavedVmm {
  version: number;
  frames: ReturnType<FrameOwnership['save']>;
  own: SavedOwnMemory['own'];
  vms: SavedVm[];
  iommu: SavedOwnMemory['iommu'];
  scheduler: { turn: number; used: number };
  records: SavedRecords;
  auditDue: boolean;
}

const STATE_VERSION = 1;

export class Vmm {
  readonly frames: FrameOwnership;
  readonly vms: readonly Vm[];
  private readonly scheduler: Scheduler;
  private readonly exits: ExitHandlers;
  private readonly machineChecks: MachineChecks;
  private readonly own: OwnMemory;
  private readonly driver: IommuDriver | null;
  private readonly records: VmmRecords;
  private readonly auditor: Auditor;
  /** the VM whose control block the VMM has in hand */
  private open: Vm | null = null;
  private readonly stops = new Map<string, GuestStops>();
  private stopsOf: string | null = null;

  /**
   * Sets everything up: takes frames, writes tables, programs the IOMMU. The VMs are then as after RESET; the firmware loads
   * their programs. Throws VmmSetupError when the board cannot hold what is asked for.
   */
  constructor(
    private readonly host: VmmHost,
    private readonly options: VmmOptions,
  ) {
    checkOptions(host, options);
    this.records = new VmmRecords(() => host.instructions());
    const { seed, preoccupied } = options.allocation;
    this.frames = new FrameOwnership(host.dram);
    for (const { first, count } of preoccupiedRuns(host.dram, preoccupied, seed)) this.frames.take(first, count, { kind: 'preoccupied' });
    this.scheduler = new Scheduler(options.vms.length);
    this.exits = new ExitHandlers(host);
    this.machineChecks = new MachineChecks({
      host,
      ownerAt: (address) => this.ownerAt(address),
      vm: (id) => this.vm(id),
      stops: options.stopsOnMemoryError ?? false,
    });
    this.driver = host.iommuPresent ? new IommuDriver(host.memory) : null;
    this.own = new OwnMemory(host.memory, this.frames, seed, this.driver !== null);
    this.vms = options.vms.map((vm, index) => this.createVm(vm, index));
    for (const vm of this.vms) this.passDevices(vm);
    for (const vm of this.vms) if (vm.eager) vm.backAll();
    if (this.driver && this.own.iommu && options.iommuEnabled) this.driver.enable(this.own.iommu.rootAddress);
    const { frames, vms, own, records, driver } = this;
    this.auditor = new Auditor({ host, frames, vms, own, records, driver, translates: this.iommuEnabled });
  }

  vm(id: string): Vm | undefined {
    return this.vms.find((vm) => vm.id === id);
  }

  /** The VM whose turn it is. */
  get current(): Vm | undefined {
    return this.vms[this.scheduler.current];
  }

  onEvent(listener: (event: VmmEvent) => void): void {
    this.records.onEvent(listener);
  }

  // --- running -----------------------------------------------------------------------------------

  /**
   * Lets the VMs run, each in its turn, until `budget` instructions have completed, nothing can run any more, a breakpoint
   * is next, or watched memory has been accessed (the machine's processor knows by what). A breakpoint on the very first instruction does not hold a run that starts there when `passBreakpoint` is set.
   */
  run(budget: number, passBreakpoint = false): VmmRunResult {
    const result = this.runTurns(budget, passBreakpoint);
    this.closeBlock();
    return result;
  }

  private runTurns(budget: number, passBreakpoint: boolean): VmmRunResult {
    const start = this.host.instructions();
    let pass = passBreakpoint;
    for (;;) {
      this.letEventsHappen();
      const ended = this.ended();
      const executed = this.host.instructions() - start;
      if (ended) return { reason: ended, executed };
      if (executed >= budget) return { reason: 'budget', executed };
      const index = this.scheduler.pick((candidate) => this.vms[candidate]!.state === 'ready');
      if (index < 0) {
        this.closeBlock();
        if (this.host.waitForEvent()) continue;
        this.audit();
        return { reason: 'stopped', executed };
      }
      const slice = Math.min(budget - executed, this.scheduler.left, Math.max(1, this.host.ticksToNextEvent()));
      const vm = this.vms[index]!;
      const stopped = this.enter(vm, slice, pass);
      if (stopped !== null && stopped !== 'delivery') return { reason: stopped, executed: this.host.instructions() - start, vm: vm.id };
      pass = false;
    }
  }

  /**
   * Completes exactly one instruction of a VM (of the one whose turn it is, unless told), whatever exits that takes, or delivers one
   * event to it: what faulted and where its handler begins can be seen between the two.
   */
  step(id?: string): VmmRunResult {
    const start = this.host.instructions();
    const done = (reason: VmmRunReason): VmmRunResult => ({ reason, executed: this.host.instructions() - start });
    const runnable = this.scheduler.pick((candidate) => this.vms[candidate]!.state === 'ready');
    const vm = id === undefined ? this.vms[runnable] : this.vm(id);
    if (vm) this.scheduler.give(vm.index);
    this.letEventsHappen();
    let at: StoppedAt | null = null;
    while (vm?.state === 'ready' && this.host.instructions() === start && at === null) at = this.enter(vm, 1, true, true);
    if (vm && at === 'watchpoint') {
      this.closeBlock();
      return { ...done('watchpoint'), vm: vm.id };
    }
    if (!vm || (vm.state !== 'ready' && this.host.instructions() === start)) return this.settle(done);
    this.closeBlock();
    this.letEventsHappen();
    return done(this.ended() ?? 'budget');
  }

  private ended(): 'exit-port' | 'out-of-memory' | null {
    if (this.host.outOfMemory()) return 'out-of-memory';
    const asking = this.vms.find(({ bus }) => bus.exitPort.exitValue !== null);
    if (!asking) return null;
    // the OUT that asked still completes, as it does without a VMM
    if (asking.state === 'ready' && asking.vcpu.block.completionCount > 0) this.enter(asking, 1, true);
    return 'exit-port';
  }

  /** Where a VM's run stops; none unless told. */
  setStops(vm: string, stops: GuestStops): void {
    this.stops.set(vm, stops);
    this.stopsOf = null;
  }

  /** Nothing could be stepped: if events are pending, one happens. */
  private settle(done: (reason: VmmRunReason) => VmmRunResult): VmmRunResult {
    this.closeBlock();
    if (this.vms.some(({ state }) => state === 'ready')) return done('budget');
    if (this.host.waitForEvent()) {
      this.letEventsHappen();
      return done('budget');
    }
    this.audit();
    return done('stopped');
  }

  /** Enters a VM and handles its exit. Says what stopped it, if something it was told to stop at did. */
  private enter(vm: Vm, slice: number, passBreakpoint: boolean, stopAtDelivery = false): StoppedAt | null {
    this.openBlock(vm);
    this.applyStops(vm);
    const before = this.host.instructions();
    const exit = this.host.enter(vm.id, vm.vcpu.block, slice, { passBreakpoint, stopAtDelivery });
    this.exits.handle(vm, exit);
    const ended = isMachineCheck(exit) ? this.machineChecks.take() : undefined;
    if (ended && ended !== vm) this.records.emit({ kind: 'crash', vm: ended.id });
    this.scheduler.charge(this.host.instructions() - before);
    // where a slice ends within a turn is the host's affair and leaves no trace
    if (exit.reason === 'preemption-timer' && this.scheduler.left <= 0) vm.count(exit.reason);
    this.records.emit({ kind: 'exit', vm: vm.id, reason: exit.reason });
    if (vm.state === 'crashed') {
      this.closeBlock();
      this.records.emit({ kind: 'crash', vm: vm.id });
      this.audit();
    }
    return exit.reason === 'preemption-timer' ? this.host.stoppedAt() : null;
  }

  /** From here on the VMM and the processor write to a VM's control block; what others did before is noticed now. */
  private openBlock(vm: Vm): void {
    if (this.open === vm) return;
    this.closeBlock();
    this.auditor.auditBlock(vm);
    this.open = vm;
  }

  /** The VMM is done with the block it had open: whatever changes in it now is somebody else's doing. */
  private closeBlock(): void {
    this.open?.vcpu.seal();
    this.open = null;
  }

  /** Events may be DMA, so no block is open while they happen. */
  private letEventsHappen(): void {
    if (this.host.ticksToNextEvent() <= 0) {
      this.closeBlock();
      this.host.runDueEvents();
    }
    this.auditor.lookAround();
  }

  private applyStops(vm: Vm): void {
    if (this.stopsOf === vm.id) return;
    // one VM's set is loaded at a time; as long as nobody has any, there is nothing to change
    if (
      this.stopsOf !== null ||
      [...this.stops.values()].some(({ breakpoints, watchpoints }) => breakpoints.length + watchpoints.length > 0)
    )
      this.host.setStops(this.stops.get(vm.id) ?? { breakpoints: [], watchpoints: [] });
    this.stopsOf = vm.id;
  }

  // --- DMA, faults, damage -----------------------------------------------------------------------

  /** Fault records that the VMM took out of the IOMMU, in the order of the faults. */
  get faults(): readonly RecordedFault[] {
    return this.records.faults;
  }

  /** How many times the IOMMU had no register left for a record. */
  get faultsLost(): number {
    return this.records.faultsLost;
  }

  /** What the VMM found overwritten, in the order in which it found it. */
  get damage(): readonly RecordedDamage[] {
    return this.records.damage;
  }

  /** Bytes of host memory were changed past everybody: looks for damage before the next guest when they are of the VMM's own. */
  overwritten(address: number, length: number): void {
    this.auditor.noteWrite(address);
    this.auditor.noteWrite(address + length - 1);
  }

  get iommuEnabled(): boolean {
    return this.driver !== null && this.options.iommuEnabled;
  }

  /** Looks at all of the VMM's own memory and reports what is newly damaged. */
  audit(): readonly RecordedDamage[] {
    return this.auditor.audit();
  }

  /** What a VM, or a device given to it, could reach and does not own, by the tables' bytes as they are now. Changes nothing. */
  reachViolations(): AuditViolation[] {
    return this.auditor.reachViolations();
  }

  // --- what is where -----------------------------------------------------------------------------

  /** Whose host frame an address lies in: null for a free one, undefined where there is no DRAM. */
  ownerAt(hostAddress: number): FrameOwner | null | undefined {
    return this.frames.ownerOf(Math.floor(hostAddress / PAGE_SIZE));
  }

  /** Grows whenever a frame changes hands, and with it what `extents` and the VMs' maps say. */
  get placementRevision(): number {
    return this.frames.revision;
  }

  extents(): OwnedExtent[] {
    return this.frames.extents();
  }

  /** Bytes of host memory that a VM's translation and IOMMU tables take. */
  tableBytes(vm: string): number {
    return (this.vm(vm)?.translation.tableBytes ?? 0) + (this.own.iommu?.tableBytes(vm) ?? 0);
  }

  /** Host range of a part of the VMM's own state (see parts.ts for the names), or null when there is none of that name. */
  part(name: string, vm?: string): { base: number; bytes: number } | null {
    return vmmPart({ own: this.own.pages, iommu: this.own.iommu, vm: vm === undefined ? undefined : this.vm(vm) }, name);
  }

  // --- snapshots ---------------------------------------------------------------------------------

  /** Everything that is not in memory frames, canonical. */
  save(): Uint8Array {
    const { own, iommu } = this.own.save();
    // in this order for good: the state hash is made of it
    const saved: SavedVmm = {
      version: STATE_VERSION,
      frames: this.frames.save(),
      own,
      vms: this.vms.map((vm) => vm.save()),
      iommu,
      scheduler: this.scheduler.save(),
      records: this.records.save(),
      auditDue: this.auditor.due,
    };
    return new TextEncoder().encode(JSON.stringify(saved));
  }

  /** Into a VMM made with the same options, whose memory frames have been restored. Throws RangeError for anything else. */
  load(bytes: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(bytes)) as SavedVmm;
    if (saved.version !== STATE_VERSION || saved.vms?.length !== this.vms.length)
      throw new RangeError('the saved VMM state is of another version, or of another set of VMs');
    this.frames.load(saved.frames);
    this.own.load(saved);
    this.vms.forEach((vm, index) => vm.load(saved.vms[index]!));
    for (const vm of this.vms) {
      if (vm.options.passthrough.length > 0)
        for (const run of vm.map.pieces()) this.own.iommu?.expect(vm.id, run.guest, run.host, run.count);
    }
    this.scheduler.load(saved.scheduler);
    this.records.load(saved.records);
    this.auditor.load(saved.auditDue);
    this.stopsOf = null;
    this.open = null;
    this.exits.reset();
  }

  // --- setting up --------------------------------------------------------------------------------

  private createVm(options: VmOptions, index: number): Vm {
    const { own } = this;
    const controlBlock = own.frame({ kind: 'vmm', part: 'control-block', vm: options.id });
    return new Vm(
      this.host,
      this.frames,
      options,
      index,
      controlBlock,
      () => own.frame({ kind: 'table', part: 'ept', vm: options.id }),
      (guest, host, count) => own.map(options, guest, host, count),
    );
  }

  private passDevices(vm: Vm): void {
    for (const id of vm.options.passthrough) {
      const device = this.host.devices.find((candidate) => candidate.id === id)!;
      vm.bus.pass(device);
      this.own.iommu?.assign(device.requester, vm.id);
    }
  }
}
