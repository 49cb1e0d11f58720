/**
 * One board, put together and powered: processor, chipset, clock, frames, IOMMU and devices. It runs in slices that end where
 * the next event is due, so interrupts and DMA land at the same instruction in every run.
 */
import { hostPhysical, type HostPhysicalAddress } from './address';
import { addressMap, type AddressMap } from './board/address-map';
import { waysWithin } from './board/interleave';
import type { HotPlugChange } from './board/hot-plug';
import { devicePart, dimmPart, processorPart, tlbGeometry, validTlb } from './board/parts';
import type { Board, BoardDevice } from './board/schema';
import { pciTopology, SMBUS_REQUESTER, type DeviceNode } from './board/topology';
import { deviceWindows } from './board/windows';
import { Bus } from './bus/bus';
import { Chipset } from './bus/chipset';
import { DmaPath, RootComplex, type DmaRecord } from './bus/dma-path';
import type { RequesterId } from './bus/dma-port';
import { reportOfHop } from './bus/dma-report';
import type { PciConfiguration } from './bus/pci-configuration';
import { PciTree } from './bus/pci-tree';
import { TransactionLog, type TransactionContext } from './bus/transaction-log';
import { MachineClock } from './clock/machine-clock';
import { wordOf } from './cpu/cpu-state';
import { Processor, type Engine, type RunOptions } from './cpu/processor';
import { POOL_RESERVED } from './cpu/state-layout';
import { createDevice } from './devices';
import { A20Gate } from './devices/a20-gate/a20-gate';
import { DebugPort } from './devices/debug-port/debug-port';
import type { Device, DeviceContext } from './devices/device';
import { ExitPort } from './devices/exit-port/exit-port';
import { SmbusController } from './devices/smbus/smbus';
import type { SpdEeprom } from './devices/smbus/spd-eeprom';
import { IntervalTimer } from './devices/pit/pit';
import { bootRom } from './devices/rom/rom';
import { Uart } from './devices/uart/uart';
import type { Platform } from './firmware/platform';
import { BoardInterrupts, PIT_IRQ } from './interrupts/board-interrupts';
import { DELIVERY_NAMES } from './interrupts/interrupt-message';
import { COM1_IRQ, deviceIrq } from './interrupts/lines';
import { Iommu } from './iommu/iommu';
import type { JourneyEnd, JourneyRecorder } from './journey/journey';
import { FrameStore } from './memory/frame-store';
import { MemoryController } from './memory/memory-controller';
import { MemoryModel } from './memory-model';
import { checkHotPlug, forgetCells } from './hot-plug';
import { boardPlatform } from './board-platform';
import { fitSpd, spdModules } from './spd-bus';
import { loadMachine, saveMachine, stateChunks, type MachineSnapshot } from './machine-state';

/** Slices are never longer than this, so that a pause is never far. */
export const LONGEST_SLICE = 200_000;
/** Slices in a row without one completed instruction, after which the program is taken to be in a fault loop. */
const MOST_BARREN_SLICES = 100;

/** `limit`: exceptions are delivered one after another and no instruction ever completes, so no budget would end it. */
export type MachineStop = 'budget' | 'halted' | 'triple-fault' | 'breakpoint' | 'exit-port' | 'out-of-memory' | 'limit';

export interface MachineRun {
  reason: MachineStop;
  /** instructions completed */
  executed: number;
}

export interface MachineOptions {
  /** bytes the frame pool may grow to; 3.5 GiB unless told */
  poolLimit?: number;
  /** which tiers of the processor execute; `auto` unless told */
  engine?: Engine;
  /** 64 or 128 KiB that answer below 1 MiB and again at the top of the address space: the program at the reset vector */
  rom?: Uint8Array;
}

/** Thrown when a drawing cannot be powered on at all. `checkBoard` finds these, and more, with remedies. */
export class BoardError extends Error {
  constructor(
    readonly part: string,
    problem: string,
  ) {
    super(`${part}: ${problem}`);
    this.name = 'BoardError';
  }
}

/** IA32_APIC_BASE in the processor's state: at its usual address, enabled, on the only processor. */
const APIC_BASE_MSR = wordOf('apicBase');
const APIC_ENABLED = 0x800;
const APIC_AT_RESET = 0xfee0_0900;

/** The identity of the host bridge at 00:00.0: Intel's 82G33/Q35, the chipset whose IOMMU this is. */
const HOST_BRIDGE = { vendor: 0x8086, device: 0x29c0, classCode: 0x060000, revision: 2, interruptPin: 0 } as const;

export class Machine {
  readonly map: AddressMap;
  readonly frames: FrameStore;
  readonly log: TransactionLog;
  readonly bus = new Bus();
  readonly chipset: Chipset;
  readonly controller: MemoryController;
  /** rows, timing and disturbance of the DRAM, where they are modelled */
  readonly memory: MemoryModel;
  readonly clock: MachineClock;
  readonly interrupts: BoardInterrupts;
  readonly pit: IntervalTimer;
  readonly pci: PciConfiguration;
  readonly processor: Processor;
  /** present when the board has one */
  readonly iommu?: Iommu;
  readonly uart: Uart;
  readonly debugPort = new DebugPort('port-e9');
  readonly exitPort = new ExitPort('exit-port');
  /** on boards whose processor has a line 20 to gate */
  private readonly a20Gate?: A20Gate;
  /** what firmware loads programs through */
  readonly platform: Platform;
  /** the board's PCI tree, with bus numbers as firmware gives them */
  readonly pciTree: PciTree;
  /** PCI address of each board device, as configuration space knows it */
  readonly requesters = new Map<string, RequesterId>();
  /** the requester ID under which the IOMMU sees each device's DMA; devices behind one legacy bridge share it */
  readonly dmaRequesters = new Map<string, RequesterId>();

  /** who makes the accesses that are not a device's: `cpu`, or a VM's id while it runs (the VMM says) */
  private initiator: { who: string; vm?: string } = { who: 'cpu' };
  private dmaRequests = 0;
  private readonly dmaListeners: ((record: DmaRecord) => void)[] = [];
  private readonly dmaIssueListeners: (() => void)[] = [];
  private running = false;
  /** the SPD memories on the SMBus, by slot */
  private spd?: (SpdEeprom | undefined)[] | undefined;

  /** Throws BoardError when the drawing has an unknown processor or DIMM, or parts that cannot be told apart. */
  constructor(
    /** the drawing as it is now: hot-plug changes it */
    public board: Board,
    options: MachineOptions = {},
  ) {
    const part = processorPart(board.processor);
    if (part === undefined) throw new BoardError(board.processor, 'no such processor in the catalogue');
    const tlb = tlbGeometry(part, board.tlb);
    if (!validTlb(tlb)) throw new BoardError(board.processor, `no TLB has ${tlb.entries} entries in ${tlb.ways} ways`);
    const unknown = board.slots.find(({ dimm }) => dimm !== null && dimmPart(dimm) === undefined);
    if (unknown) throw new BoardError(unknown.id, `no DIMM ${String(unknown.dimm)} in the catalogue`);
    this.map = addressMap(board);
    this.frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: options.poolLimit });
    this.log = new TransactionLog(() => this.context());
    this.chipset = new Chipset(this.map, this.frames, this.bus, this.log);
    this.controller = new MemoryController(board, this.map.dram);
    this.clock = new MachineClock({
      now: () => this.processor.machineTicks,
      charge: (ticks) => (this.processor.state.ticks += ticks),
    });
    this.clock.onEarlierEvent(() => this.endSlice());
    const apic = board.apic?.present ?? false;
    this.interrupts = new BoardInterrupts({
      apic,
      clockFor: (device) => this.clock.forDevice(device),
      apicEnabled: () => (this.processor.state.u32[APIC_BASE_MSR]! & APIC_ENABLED) !== 0,
      raised: () => this.endSlice(),
      nonMaskable: () => this.processor.signalNmi(),
      unheard: ({ mode, vector, destination }) =>
        this.log.add({
          kind: 'interrupt',
          code: 'interrupt-unheard',
          outcome: 'nobody',
          data: { mode: DELIVERY_NAMES[mode] ?? '', vector, destination },
        }),
    });
    this.processor = new Processor({
      frames: this.frames,
      memory: this.chipset,
      ports: {
        interrupts: this.interrupts.source,
        readPort: (port, size) => this.chipset.readPort(port, size),
        writePort: (port, size, value) => this.chipset.writePort(port, size, value),
      },
      part: {
        ...part,
        tlb,
        physicalAddressBits: this.map.physicalAddressBits,
        features: apic ? [...part.features, 'apic'] : part.features,
      },
      engine: options.engine,
    });
    this.memory = new MemoryModel({
      board,
      dram: this.map.dram,
      processor: this.processor,
      chipset: this.chipset,
      controller: this.controller,
      frames: this.frames,
      log: this.log,
      endSlice: () => this.endSlice(),
    });
    // a window that moved may lie over DRAM whose pool offsets the processor has cached
    this.bus.onChange(() => this.processor.tlb.clearFast());
    this.pciTree = new PciTree(pciTopology(board), this.bus);
    this.pci = this.pciTree.configuration;
    for (const place of this.pciTree.topology.devices.values()) this.enlist(place);

    this.uart = new Uart('com1', this.contextFor('com1', undefined, COM1_IRQ));
    this.pit = new IntervalTimer('pit', this.contextFor('pit', undefined, PIT_IRQ));
    if (board.iommu?.present) {
      this.iommu = new Iommu({
        memory: this.chipset,
        hostAddressBits: this.map.physicalAddressBits,
        now: () => this.clock.now(),
        message: (address, data) => this.interrupts.message(address, data),
      });
    }
    if (part.instructionSet !== '8086') this.a20Gate = new A20Gate('a20-gate', (open) => (this.processor.addressLine20 = open));
    this.pci.add(0, { identity: HOST_BRIDGE });
    for (const device of [
      this.uart,
      this.debugPort,
      this.exitPort,
      this.pit,
      ...this.interrupts.controllers,
      this.pci,
      ...(this.a20Gate ? [this.a20Gate] : []),
      ...(this.iommu ? [this.iommu] : []),
    ])
      this.bus.attach(device);
    this.attachSmbus();
    if (options.rom) this.bus.attach(bootRom('rom', options.rom, this.map.physicalAddressBits));
    for (const device of board.devices) this.plug(device);
    this.platform = boardPlatform(this);
    this.reset();
  }

  /** Instructions completed since power-on, exact at any moment. */
  get instructions(): number {
    return this.processor.machineInstructions;
  }

  /** The machine clock in ticks. */
  get ticks(): number {
    return this.processor.machineTicks;
  }

  /** Power-on: everything as new, then the addresses that firmware assigns to PCI devices. Memory is all zero. */
  reset(): void {
    this.frames.reset();
    this.chipset.fillReadOnly();
    this.clock.reset();
    this.processor.reset();
    if (this.interrupts.apic) this.processor.state.u32[APIC_BASE_MSR] = APIC_AT_RESET;
    this.interrupts.lines.reset();
    for (const device of this.bus.devices()) device.reset();
    this.chipset.reset();
    this.memory.reset();
    this.dmaRequests = 0;
    this.initiator = { who: 'cpu' };
    this.assignPci();
    this.log.clear();
  }

  // --- running ---------------------------------------------------------------------------------------------------------

  /**
   * Executes at most `budget` instructions on the bare machine. `halted` is HLT with no event that could end it; while one
   * is pending, the clock jumps to it. With `stopAtDelivery` it returns (`budget`) when an interrupt or a fault was delivered,
   * before the handler's first instruction.
   */
  run(budget: number, options: RunOptions = {}): MachineRun {
    let executed = 0;
    let barren = 0;
    let passBreakpoint = options.passBreakpoint ?? false;
    for (;;) {
      this.serviceEvents();
      const stop = this.stopRequested();
      if (stop) return { reason: stop, executed };
      if (executed >= budget) return { reason: 'budget', executed };
      const slice = this.slice(() => this.processor.run(this.sliceLimit(budget - executed), { ...options, passBreakpoint }));
      executed += slice.executed;
      if (options.stopAtDelivery && slice.executed === 0 && slice.reason === 'budget') return { reason: 'budget', executed };
      barren = slice.executed === 0 && slice.reason === 'budget' ? barren + 1 : 0;
      if (barren === MOST_BARREN_SLICES) return { reason: 'limit', executed };
      passBreakpoint &&= slice.executed === 0;
      if (slice.reason === 'halted' && this.stopRequested() === null && !this.waitForEvent()) return { reason: 'halted', executed };
      if (slice.reason === 'triple-fault' || slice.reason === 'breakpoint') return { reason: slice.reason, executed };
    }
  }

  /** One instruction (a breakpoint on it does not hold it), or the wait for the next event when the processor is halted. */
  step(): MachineRun {
    return this.run(1, { passBreakpoint: true });
  }

  /** Runs something that executes instructions (the processor, or the VMM's entry into a guest): devices may end its slice. */
  slice<T>(run: () => T): T {
    this.running = true;
    try {
      return run();
    } finally {
      this.running = false;
    }
  }

  /** Instructions until the next event is due: at least 1, at most `budget` and LONGEST_SLICE. */
  sliceLimit(budget: number): number {
    return this.memory.sliceLimit(Math.min(budget, LONGEST_SLICE), this.clock.nextEventTick() - this.clock.now());
  }

  /** Delivers every event that is due, in order. Events that these cause in turn come at least one tick later. */
  serviceEvents(): void {
    for (let event = this.clock.takeDue(); event; event = this.clock.takeDue()) {
      const device = this.bus.device(event.device);
      if (!device) continue;
      if (event.tag.completion) {
        const { id, status } = event.tag.completion;
        const requester = this.requesters.get(event.device);
        this.log.add({
          kind: 'completion',
          code: 'dma-completion',
          ...(requester === undefined ? {} : { who: event.device }),
          answeredBy: event.device,
          outcome: status === 'success' ? 'ok' : 'fault',
          data: { id, status },
        });
      }
      device.event(event.tag);
    }
  }

  /** Every processor waits: the clock jumps to the next event. False when there is none, and nothing would ever happen again. */
  waitForEvent(): boolean {
    if (this.interrupts.source.pending() && this.interruptible()) return true;
    if (!this.clock.pending().some(({ device }) => this.matters(device))) return false;
    const tick = this.clock.nextEventTick();
    this.clock.advanceTo(Math.max(tick, this.clock.now()));
    return true;
  }

  /** What ends a run whoever executes: a program that asked for it, or a pool without room. */
  stopRequested(): 'exit-port' | 'out-of-memory' | null {
    if (this.frames.full) return 'out-of-memory';
    return this.exitPort.exitValue === null ? null : 'exit-port';
  }

  /** Who makes the accesses from now on, for the log; the VMM names the VM it enters. */
  setInitiator(who: string, vm?: string): void {
    this.initiator = vm === undefined ? { who } : { who, vm };
  }

  /** What `work` does is logged as the firmware's. */
  asFirmware<T>(work: () => T): T {
    const before = this.initiator;
    this.initiator = { who: 'firmware' };
    try {
      return work();
    } finally {
      this.initiator = before;
    }
  }

  /** Called when a device has issued a DMA request, before anything has happened to it: memory is still as it was. */
  beforeDma(listener: () => void): void {
    this.dmaIssueListeners.push(listener);
  }

  /** Called with every finished DMA request and its Journey. */
  onDma(listener: (record: DmaRecord) => void): void {
    this.dmaListeners.push(listener);
  }

  // --- explaining ------------------------------------------------------------------------------------------------------

  /** The end of every Journey: the decode table, then the memory controller. Changes nothing. */
  explainHost(hostAddress: number, recorder: JourneyRecorder): JourneyEnd {
    const address = hostPhysical(hostAddress);
    const range = this.chipset.explain(address, recorder);
    if (range?.kind === 'mmio') {
      const offset = hostAddress - range.windowBase!;
      return { kind: 'register', hostAddress: BigInt(hostAddress), device: range.device!, region: range.region!, offset };
    }
    const found = range && range.claims.length > 0 ? this.controller.explain(address, recorder) : undefined;
    const value = this.chipset.peek(address, 4);
    return found
      ? { kind: 'dram', hostAddress: BigInt(hostAddress), cell: found.cell, value }
      : { kind: 'nobody', hostAddress: BigInt(hostAddress), value };
  }

  /** Slots whose DIMMs hold `bytes` bytes from a host address, in address order, each once. */
  slotsOf(address: HostPhysicalAddress, bytes: number): string[] {
    const slots = new Set<string>();
    const end = address + bytes;
    for (const range of this.map.dram) {
      if (range.base >= end || range.end <= address) continue;
      const from = Math.max(range.base, address) - range.base;
      for (const { slot, interleave } of range.claims) {
        if (!interleave) slots.add(slot);
        else for (const each of waysWithin(interleave, from, Math.min(range.end, end) - range.base)) slots.add(each.slot);
      }
    }
    return [...slots];
  }

  /** Where a region of a board device answers now; undefined while nowhere. */
  barOf(device: string, region = 'bar0'): number | undefined {
    return this.bus.baseOf(device, region);
  }

  // --- hot-plug --------------------------------------------------------------------------------------------------------

  /**
   * Plugs and unplugs what differs between the board and `after` (board/hot-plug says what may). Throws HotPlugRefusedError when
   * something cannot be changed now; nothing has changed then. Only between slices.
   */
  hotPlug(changes: readonly HotPlugChange[], after: Board): void {
    checkHotPlug(this, changes, after);
    for (const change of changes) {
      if (change.kind === 'dimm') {
        forgetCells(this, change.slot);
        this.log.add({ kind: 'note', code: change.dimm === null ? 'unplugged' : 'plugged', outcome: 'ok', data: { part: change.slot } });
      } else if (change.plugged) this.plugLive(after, change.id);
      else this.unplugLive(change.id);
    }
    this.board = after;
    // everybody who knows where DRAM is shares these lists
    const { dram, ranges, placements, windows } = addressMap(after);
    this.map.dram.splice(0, Infinity, ...dram);
    this.map.ranges.splice(0, Infinity, ...ranges);
    this.map.placements.splice(0, Infinity, ...placements);
    this.map.windows.splice(0, Infinity, ...windows);
    this.controller.fit(after);
    this.memory.fit(after);
    if (this.spd) fitSpd(this.spd, changes, after);
    this.bus.dramChanged();
  }

  private plugLive(after: Board, id: string): void {
    const place = pciTopology(after).devices.get(id)!;
    const device = this.createBoardDevice(
      after.devices.find((each) => each.id === id)!,
      place,
    );
    this.bus.attach(device, { requester: place.requester });
    this.pciTree.plug(device, place);
    this.enlist(place);
    device.reset();
    this.log.add({ kind: 'note', code: 'plugged', who: id, outcome: 'ok', data: { part: id } });
  }

  private unplugLive(id: string): void {
    const device = this.bus.device(id);
    // lets go of its interrupt line
    device?.reset();
    this.clock.cancel(id);
    this.pciTree.unplug(id);
    this.bus.detach(id);
    this.requesters.delete(id);
    this.dmaRequesters.delete(id);
    this.log.add({ kind: 'note', code: 'unplugged', who: id, outcome: 'ok', data: { part: id } });
  }

  private enlist({ id, requester, dmaRequester }: DeviceNode): void {
    this.requesters.set(id, requester);
    this.dmaRequesters.set(id, dmaRequester);
  }

  // --- snapshots -------------------------------------------------------------------------------------------------------

  /** Everything that running changes, as plain data. Only between slices. */
  snapshot(): MachineSnapshot {
    return { ...saveMachine(this), dmaRequests: this.dmaRequests, initiator: { ...this.initiator } };
  }

  /** The machine as it was, to the byte. Throws MachineStateError for a snapshot of another version or board. */
  restore(snapshot: MachineSnapshot): void {
    loadMachine(this, snapshot);
    this.dmaRequests = snapshot.dmaRequests;
    this.initiator = { ...snapshot.initiator };
  }

  /** The canonical serialisation behind the state hash, piece by piece (CONTRACTS.md, "State hash"). */
  stateChunks(): Iterable<Uint8Array> {
    return stateChunks(this);
  }

  // --- inside ----------------------------------------------------------------------------------------------------------

  /** The SMBus with the modules' SPD memories, on boards whose modules have them. */
  private attachSmbus(): void {
    const modules = (this.spd = spdModules(this.board));
    if (!modules) return;
    const smbus = new SmbusController('smbus', { clock: this.clock.forDevice('smbus') }, modules);
    this.bus.attach(smbus, { requester: SMBUS_REQUESTER });
    this.pci.add(SMBUS_REQUESTER, { identity: smbus.pci, ports: { bar: 4, base: this.bus.baseOf('smbus', 'registers')! } });
  }

  private plug(drawn: BoardDevice): void {
    const part = devicePart(drawn.kind);
    if (!part) throw new BoardError(drawn.id, `no device of kind ${drawn.kind} in the catalogue`);
    const place = this.pciTree.topology.devices.get(drawn.id);
    if (part.pci && place === undefined) throw new BoardError(drawn.id, 'its PCI address is taken or malformed');
    const device = this.createBoardDevice(drawn, place);
    this.bus.attach(device, { requester: place?.requester });
    if (place) this.pciTree.attach(device, place);
  }

  private createBoardDevice({ id, kind, dmaMask, ...rest }: BoardDevice, place: DeviceNode | undefined): Device {
    const context = this.contextFor(id, place, place && deviceIrq(place));
    return createDevice(kind, id, context, { requester: place?.requester, dmaMask: dmaMask ?? devicePart(kind)?.dmaMask, ...rest });
  }

  private contextFor(id: string, place: DeviceNode | undefined, irq: number | undefined): DeviceContext {
    const clock = this.clock.forDevice(id);
    const line = irq === undefined ? { set: () => undefined } : this.interrupts.lines.forDevice(id, irq);
    return {
      clock,
      interrupt: line,
      dma:
        place === undefined
          ? {
              issue: () => {
                throw new BoardError(id, 'it has no place on PCI and cannot make DMA');
              },
            }
          : this.dmaPath(place, clock),
      log: {
        note: (event, detail) =>
          this.log.add({ kind: 'note', code: event, who: id, answeredBy: id, outcome: 'ok', ...(detail ? { data: detail } : {}) }),
      },
    };
  }

  /** What stands behind a device's port: the port itself, the bridges above, the root complex, the IOMMU when there is one, the chipset. */
  private dmaPath(place: DeviceNode, clock: DeviceContext['clock']): DmaPath {
    return new DmaPath({
      hops: [...this.pciTree.hops(place), new RootComplex(), ...(this.iommu ? [this.iommu] : [])],
      memory: this.chipset,
      ...(this.interrupts.apic ? { message: (address, data) => this.interrupts.message(address, data) } : {}),
      clock,
      log: (entry) => this.log.add(reportOfHop(entry, entry.hop === 'chipset' ? this.chipset.entryAt(entry.address)?.range : undefined)),
      describeHost: (address, recorder) => this.explainHost(address, recorder),
      instructions: () => this.instructions,
      touches: (address, length, write) => this.memory.dma(address, length, write),
      nextId: () => {
        for (const listener of this.dmaIssueListeners) listener();
        return ++this.dmaRequests;
      },
      observe: (record) => {
        for (const listener of this.dmaListeners) listener(record);
      },
    });
  }

  /** What firmware does before anything else: bus numbers, BARs where the address map has them, decoding and bus mastering on. */
  private assignPci(): void {
    const basesOf = (id: string): Record<string, number> =>
      Object.fromEntries(this.map.windows.filter(({ device }) => device === id).map(({ region, base }) => [region, base]));
    this.pciTree.setUp(basesOf, deviceWindows(this.board).forwarded);
    this.interrupts.setUp();
  }

  /** Could an event of this device change anything while the processor waits? A clock's cannot while its interrupt would not be taken. */
  private matters(device: string): boolean {
    const { apic } = this.interrupts;
    if (device === this.pit.id) return this.interruptible() && this.interrupts.timerReaches;
    if (device === apic?.id) return this.interruptible() && apic.timerReaches;
    return true;
  }

  private interruptible(): boolean {
    return (this.processor.state.eflags & 0x200) !== 0;
  }

  private endSlice(): void {
    if (this.running) this.processor.endSlice();
  }

  private context(): TransactionContext {
    const { processor } = this;
    const context = { at: processor.machineInstructions, tick: processor.machineTicks, ...this.initiator };
    return this.running ? { ...context, linear: processor.currentLinear } : context;
  }
}
