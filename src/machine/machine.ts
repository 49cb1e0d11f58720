/**
 * One board, put together and powered: processor, chipset, clock, frames, IOMMU and devices. It runs in slices that end where
 * the next event is due, so interrupts and DMA land at the same instruction in every run.
 */
import type { HostPhysicalAddress } from './address';
import { addressMap, type AddressMap } from './board/address-map';
import type { HotPlugChange } from './board/hot-plug';
import { dimmPart, processorPart, tlbGeometry, validTlb } from './board/parts';
import type { Board } from './board/schema';
import { LPC_REQUESTER, pciTopology, SMBUS_REQUESTER } from './board/topology';
import { deviceWindows } from './board/windows';
import { Bus } from './bus/bus';
import { Chipset } from './bus/chipset';
import { HOST_BRIDGE, LPC_BRIDGE } from './bus/chipset-functions';
import type { DmaRecord } from './bus/dma-path';
import type { PciConfiguration } from './bus/pci-configuration';
import { PciTree } from './bus/pci-tree';
import { TransactionLog, type TransactionContext } from './bus/transaction-log';
import { MachineClock } from './clock/machine-clock';
import { wordOf } from './cpu/cpu-state';
import type { Engine } from './cpu/engine';
import { Processor, type RunOptions } from './cpu/processor';
import { POOL_RESERVED } from './cpu/state-layout';
import { A20Gate } from './devices/a20-gate/a20-gate';
import { DebugPort } from './devices/debug-port/debug-port';
import { ExitPort } from './devices/exit-port/exit-port';
import { SmbusController } from './devices/smbus/smbus';
import type { SpdEeprom } from './devices/smbus/spd-eeprom';
import { IntervalTimer } from './devices/pit/pit';
import { bootRom } from './devices/rom/rom';
import { Uart } from './devices/uart/uart';
import type { Platform } from './firmware/platform';
import { BoardInterrupts, PIT_IRQ } from './interrupts/board-interrupts';
import { DELIVERY_NAMES } from './interrupts/interrupt-message';
import { COM1_IRQ } from './interrupts/lines';
import { Iommu } from './iommu/iommu';
import type { JourneyEnd, JourneyRecorder } from './journey/journey';
import type { WordError } from './dram/dram';
import { FrameStore } from './memory/frame-store';
import { MemoryController } from './memory/memory-controller';
import { MemoryModel } from './memory-model';
import { explainHost, slotsOf } from './host-addresses';
import { hotPlug } from './hot-plug';
import { runMachine, waitForEvent, type MachineRun } from './run-machine';
import { BoardDevices } from './board-devices';
import { BoardError } from './board-error';
import { boardPlatform } from './board-platform';
import { spdModules } from './spd-bus';
import { loadMachine, saveMachine, stateChunks, type MachineSnapshot } from './machine-state';

export interface MachineOptions {
  /** bytes the frame pool may grow to; 3.5 GiB unless told */
  poolLimit?: number;
  /** which tiers of the processor execute; `auto` unless told */
  engine?: Engine;
  /** 64 or 128 KiB that answer below 1 MiB and again at the top of the address space: the program at the reset vector */
  rom?: Uint8Array;
}

/** IA32_APIC_BASE in the processor's state: at its usual address, enabled, on the only processor. */
const APIC_BASE_MSR = wordOf('apicBase');
const APIC_ENABLED = 0x800;
const APIC_AT_RESET = 0xfee0_0900;

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
  readonly exitPort = new ExitPort('exit-port', () => this.endSlice());
  /** on boards whose processor has a line 20 to gate */
  private readonly a20Gate?: A20Gate;
  /** what firmware loads programs through */
  readonly platform: Platform;
  /** the board's PCI tree, with bus numbers as firmware gives them */
  readonly pciTree: PciTree;
  /** the devices that the drawing names */
  readonly devices: BoardDevices;

  /** who makes the accesses that are not a device's: `cpu`, or a VM's id while it runs (the VMM says) */
  private initiator: { who: string; vm?: string } = { who: 'cpu' };
  private running = false;
  /** the SPD memories on the SMBus, by slot; none on a board of the days before them */
  spd?: (SpdEeprom | undefined)[] | undefined;

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
    this.log = new TransactionLog((entry) => this.stamp(entry));
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
      wordFailed: (error) => this.reportMemoryError(error),
    });
    this.bus.onChange(() => {
      this.processor.windowsChanged();
      this.endSlice();
    });
    this.pciTree = new PciTree(pciTopology(board), this.bus);
    this.pci = this.pciTree.configuration;
    if (board.iommu?.present) {
      this.iommu = new Iommu({
        memory: this.chipset,
        hostAddressBits: this.map.physicalAddressBits,
        now: () => this.clock.now(),
        message: (address, data) => this.interrupts.message(address, data),
        touches: (address, bytes) => this.memory.dma(address, bytes, false),
      });
    }
    this.devices = new BoardDevices({
      bus: this.bus,
      chipset: this.chipset,
      clock: this.clock,
      interrupts: this.interrupts,
      log: this.log,
      memory: this.memory,
      pciTree: this.pciTree,
      iommu: this.iommu,
      instructions: () => this.instructions,
      explainHost: (address, recorder) => this.explainHost(address, recorder),
    });
    this.uart = new Uart('com1', this.devices.contextFor('com1', null, COM1_IRQ));
    this.pit = new IntervalTimer('pit', this.devices.contextFor('pit', null, PIT_IRQ));
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
    for (const device of board.devices) this.devices.plug(device);
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
    this.devices.dmaRequests = 0;
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
    return runMachine(this, budget, options);
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

  /** Instructions until the next event is due: at least 1, at most `budget`. */
  sliceLimit(budget: number): number {
    return this.memory.sliceLimit(budget, this.clock.nextEventTick() - this.clock.now());
  }

  /** Delivers every event that is due, in order. Events that these cause in turn come at least one tick later. */
  serviceEvents(): void {
    for (let event = this.clock.takeDue(); event; event = this.clock.takeDue()) {
      const device = this.bus.device(event.device);
      if (!device) continue;
      if (event.tag.completion) {
        const { id, status } = event.tag.completion;
        const requester = this.devices.requesters.get(event.device);
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
    return waitForEvent(this);
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
    this.devices.beforeDma(listener);
  }

  /** Called with every finished DMA request and its Journey. */
  onDma(listener: (record: DmaRecord) => void): void {
    this.devices.onDma(listener);
  }

  // --- explaining ------------------------------------------------------------------------------------------------------

  /** The end of every Journey: the decode table, then the memory controller. Changes nothing. */
  explainHost(hostAddress: number, recorder: JourneyRecorder): JourneyEnd {
    return explainHost(this, hostAddress, recorder);
  }

  /** Slots whose DIMMs hold `bytes` bytes from a host address, in address order, each once. */
  slotsOf(address: HostPhysicalAddress, bytes: number): string[] {
    return slotsOf(this, address, bytes);
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
    hotPlug(this, changes, after);
  }

  // --- snapshots -------------------------------------------------------------------------------------------------------

  /** Everything that running changes, as plain data. Only between slices. */
  snapshot(): MachineSnapshot {
    return { ...saveMachine(this), dmaRequests: this.devices.dmaRequests, initiator: { ...this.initiator } };
  }

  /** The machine as it was, to the byte. Throws MachineStateError for a snapshot of another version or board. */
  restore(snapshot: MachineSnapshot): void {
    loadMachine(this, snapshot);
    this.devices.dmaRequests = snapshot.dmaRequests;
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
    this.pci.add(LPC_REQUESTER, { identity: LPC_BRIDGE });
    this.pci.add(SMBUS_REQUESTER, { identity: smbus.pci, ports: { bar: 4, base: this.bus.baseOf('smbus', 'registers')! } });
  }

  /** What firmware does before anything else: bus numbers, BARs where the address map has them, decoding and bus mastering on. */
  private assignPci(): void {
    const basesOf = (id: string): Record<string, number> =>
      Object.fromEntries(this.map.windows.filter(({ device }) => device === id).map(({ region, base }) => [region, base]));
    this.pciTree.setUp(basesOf, deviceWindows(this.board).forwarded);
    this.interrupts.setUp();
  }

  /** Processors with the machine-check architecture hear of it themselves; to others the chipset says NMI when data is lost. */
  private reportMemoryError({ processor: consumed, ...error }: WordError): void {
    if (this.processor.system.machineCheck.present) this.processor.reportMemoryError({ ...error, consumed });
    else if (!error.corrected && this.pit.memoryCheck()) this.processor.signalNmi();
  }

  private endSlice(): void {
    if (this.running) this.processor.endSlice();
  }

  private stamp(entry: Partial<TransactionContext>): void {
    const { processor, initiator } = this;
    entry.at = processor.machineInstructions;
    entry.tick = processor.machineTicks;
    entry.who ??= initiator.who;
    if (initiator.vm !== undefined) entry.vm = initiator.vm;
    if (this.running) entry.linear = processor.currentLinear;
  }
}
