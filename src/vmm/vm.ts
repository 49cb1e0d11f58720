/**
 * One virtual machine: memory from guest-physical 0, one virtual processor, the devices it sees, and what has become of it.
 * Its memory is backed at power-on, or page by page when it is first touched.
 */
import { guestPhysical, hostPhysical, PAGE_SIZE } from '../machine/address';
import type { ExitReason } from '../machine/cpu/exit-reasons';
import { applyProcessorStart } from '../machine/firmware/processor-start';
import type { ProcessorStart } from '../machine/firmware/processor-start';
import { COM1_BASE } from '../machine/devices/uart/uart';
import { e820 } from '../machine/firmware/memory-map';
import type { Platform } from '../machine/firmware/platform';
import type { FrameOwnership } from './frames/frame-ownership';
import { GuestMap } from './frames/guest-map';
import type { VmmHost } from './host';
import { VmBus } from './platform/vm-bus';
import { VmmSetupError } from './text';
import type { Text } from './text';
import { EptTranslation } from './translation/ept';
import type { MappingRights } from './translation/translation';
import { Vcpu } from './vcpu';

export interface VmOptions {
  id: string;
  /** bytes, a multiple of 4096 */
  memory: number;
  backing: 'eager' | 'on-touch';
  /** ids of board devices */
  passthrough: readonly string[];
  /** what the firmware does with a program linked where there is no memory */
  loader?: 'strict' | 'force';
}

/** `ready`: can run. `halted`: HLT, and nothing that could wake it. `crashed`: will not run again. */
export type VmState = 'ready' | 'halted' | 'crashed';

const RAM: MappingRights = { readable: true, writable: true, executable: true };
const REGISTERS: MappingRights = { readable: true, writable: true, executable: false, device: true };
/** Unanswered addresses counted one by one; beyond, only the total goes on. */
const MOST_UNANSWERED = 4096;

export interface SavedVm {
  map: number[];
  frame: number;
  tables: number[];
  sealed: string;
  state: VmState;
  detail: Text | null;
  tripleFault: boolean;
  exits: Partial<Record<ExitReason, number>>;
  unanswered: [number, number][];
  unansweredTotal: number;
  devices: string[];
}

export class Vm {
  readonly id: string;
  readonly map = new GuestMap();
  vcpu: Vcpu;
  translation: EptTranslation;
  readonly bus: VmBus;
  state: VmState = 'ready';
  /** why it crashed, for people */
  detail: Text | null = null;
  /** crashed because an exception could not be delivered */
  tripleFault = false;
  readonly exits: Partial<Record<ExitReason, number>> = {};
  /** raised with every change of what the VM's tables map */
  mappingRevision = 0;
  private unansweredAt = new Map<number, number>();
  private unansweredTotal = 0;
  /** while a snapshot is loaded, mappings are noted but memory is left alone: it has them already */
  private loading = false;

  /**
   * @param index position among the VMs; its VPID is one more
   * @param tableFrame one more frame for this VM's EPT; throws when there is none
   */
  constructor(
    private readonly host: VmmHost,
    private readonly frames: FrameOwnership,
    readonly options: VmOptions,
    readonly index: number,
    controlBlockFrame: number,
    private readonly tableFrame: () => number,
    /** told of every piece of memory that the VM gets, so that its devices may reach it too */
    private readonly onBacked: (guest: number, hostFrame: number, count: number) => void,
  ) {
    this.id = options.id;
    this.vcpu = new Vcpu(host.memory, controlBlockFrame, index + 1);
    this.translation = new EptTranslation(host.memory, host.physicalAddressBits, tableFrame);
    this.bus = new VmBus({
      map: (guestBase, hostBase, bytes) => this.mapRegisters(guestBase, hostBase, bytes),
      unmap: (guestBase, bytes) => this.unmapRegisters(guestBase, bytes),
    });
    this.vcpu.initialise(this.translation.pointer);
  }

  get memoryBytes(): number {
    return this.options.memory;
  }

  /** Backed eagerly, as asked for or because a device may write anywhere in it at any time. */
  get eager(): boolean {
    return this.options.backing === 'eager' || this.options.passthrough.length > 0;
  }

  /** Instructions the guest has completed, as its control block has them. */
  get instructions(): number {
    return this.vcpu.block.instructions;
  }

  count(reason: ExitReason): void {
    this.exits[reason] = (this.exits[reason] ?? 0) + 1;
  }

  crash(detail: Text): void {
    this.state = 'crashed';
    this.detail = detail;
  }

  // --- memory ------------------------------------------------------------------------------------

  isMemory(guestAddress: number): boolean {
    return guestAddress < this.memoryBytes;
  }

  /** Backs everything that has no host frame yet. Throws VmmSetupError when the host has not got that much. */
  backAll(): void {
    const count = this.memoryBytes / PAGE_SIZE;
    const runs = this.frames.allocate(count, { kind: 'vm', vm: this.id });
    if (!runs) throw outOfMemory(this.id, this.memoryBytes, this.frames.freeFrames * PAGE_SIZE);
    let guest = 0;
    for (const run of runs) {
      this.adopt(guest, run.first, run.count);
      guest += run.count;
    }
  }

  /** Backs one guest frame inside the VM's memory. False when the host has no frame left. */
  backFrame(guestFrame: number): boolean {
    if (this.map.hostFrame(guestFrame) >= 0) return true;
    const runs = this.frames.allocate(1, { kind: 'vm', vm: this.id });
    if (!runs) return false;
    this.adopt(guestFrame, runs[0]!.first, 1);
    return true;
  }

  /** Host-physical address behind a guest-physical one, by the VMM's own map; null when nothing is behind it. */
  hostAddress(guestAddress: number): number | null {
    const frame = this.map.hostFrame(Math.floor(guestAddress / PAGE_SIZE));
    return frame < 0 ? null : frame * PAGE_SIZE + (guestAddress % PAGE_SIZE);
  }

  /** Memory as the guest has it, from the VMM's side: no TLB, no EPT, no trace. Unbacked memory reads as zero, beyond it as 0xFF. */
  readGuest(guestAddress: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length).fill(0xff);
    eachPage(guestAddress, length, (address, count, offset) => {
      const host = this.hostAddress(address);
      if (host !== null) bytes.set(this.host.memory.peek(hostPhysical(host), count), offset);
      else if (this.isMemory(address)) bytes.fill(0, offset, offset + count);
    });
    return bytes;
  }

  /** Writes guest memory from the VMM's side, backing it where needed. What lies outside the VM's memory is dropped. Throws VmmSetupError when the host is full. */
  writeGuest(guestAddress: number, bytes: Uint8Array): void {
    eachPage(guestAddress, bytes.length, (address, count, offset) => {
      if (!this.isMemory(address)) return;
      if (!this.backFrame(Math.floor(address / PAGE_SIZE))) throw outOfMemory(this.id, PAGE_SIZE, 0);
      const inside = Math.min(count, this.memoryBytes - address);
      this.host.memory.writeBytes(hostPhysical(this.hostAddress(address)!), bytes.subarray(offset, offset + inside));
    });
  }

  /** The VM as the firmware sees a computer. */
  get platform(): Platform {
    return {
      kind: 'vm',
      name: this.id,
      memory: [{ base: 0, bytes: this.memoryBytes, slots: [] }],
      assignment: { mode: 'fixed', slots: [] },
      loader: this.options.loader ?? 'strict',
      physicalAddressBits: this.host.physicalAddressBits,
      bios: { memoryMap: e820(this.addressRanges()), serialPort: COM1_BASE, screen: false, a20Gate: false },
      writeBytes: (address, bytes) => this.writeGuest(guestPhysical(address), bytes),
      slotsOf: (address, bytes) => this.slotsOf(address, bytes),
    };
  }

  /** Guest-physical space as firmware finds it: memory from 0, and registers of passed-through devices above it. */
  private addressRanges(): { base: number; end: number; kind: 'dram' | 'mmio' }[] {
    const registers = this.bus.mappedBars().filter(({ guestBase }) => !this.isMemory(guestBase));
    return [
      { base: 0, end: this.memoryBytes, kind: 'dram' },
      ...registers
        .map(({ guestBase, bytes }) => ({ base: guestBase, end: guestBase + bytes, kind: 'mmio' as const }))
        .sort((a, b) => a.base - b.base),
    ];
  }

  /** Puts the processor where the firmware leaves it. */
  start(start: ProcessorStart): void {
    const state = this.vcpu.block.loadState();
    applyProcessorStart(new DataView(state.buffer, state.byteOffset, state.byteLength), start);
    this.vcpu.block.saveState(state);
    this.vcpu.seal();
  }

  /** Slots whose DIMMs stand behind a guest-physical range, each once, in address order of the range. */
  slotsOf(guestAddress: number, bytes: number): string[] {
    const slots = new Set<string>();
    const end = Math.min(guestAddress + bytes, this.memoryBytes);
    for (const { guest, host, count } of this.map.pieces()) {
      const from = Math.max(guestAddress, guest * PAGE_SIZE);
      const to = Math.min(end, (guest + count) * PAGE_SIZE);
      if (from < to) for (const slot of this.host.slotsOf(host * PAGE_SIZE + (from - guest * PAGE_SIZE), to - from)) slots.add(slot);
    }
    return [...slots];
  }

  // --- nobody ------------------------------------------------------------------------------------

  /** An access that nobody answered, memory of the guest-physical space only. */
  countUnanswered(guestAddress: number): void {
    this.unansweredTotal++;
    const count = this.unansweredAt.get(guestAddress);
    if (count !== undefined || this.unansweredAt.size < MOST_UNANSWERED) this.unansweredAt.set(guestAddress, (count ?? 0) + 1);
  }

  /** Accesses that nobody answered, all of them or at one guest-physical address. */
  unanswered(guestAddress?: number): number {
    return guestAddress === undefined ? this.unansweredTotal : (this.unansweredAt.get(guestAddress) ?? 0);
  }

  // --- snapshots ---------------------------------------------------------------------------------

  save(): SavedVm {
    return {
      map: this.map.save(),
      frame: this.vcpu.frame,
      tables: this.translation.save(),
      sealed: this.vcpu.saveSealed(),
      state: this.state,
      detail: this.detail,
      tripleFault: this.tripleFault,
      exits: { ...this.exits },
      unanswered: [...this.unansweredAt].sort(([a], [b]) => a - b),
      unansweredTotal: this.unansweredTotal,
      devices: this.bus.devices().map((device) => new TextDecoder().decode(device.save())),
    };
  }

  load(saved: SavedVm): void {
    this.loading = true;
    this.mappingRevision++;
    this.map.load(saved.map);
    this.translation = new EptTranslation(this.host.memory, this.host.physicalAddressBits, this.tableFrame, saved.tables);
    for (const { guest, host, count } of this.map.pieces()) this.translation.expect(guest, host, count, RAM);
    this.vcpu = new Vcpu(this.host.memory, saved.frame, this.index + 1);
    this.vcpu.loadSealed(saved.sealed);
    this.state = saved.state;
    this.detail = saved.detail;
    this.tripleFault = saved.tripleFault;
    for (const reason of Object.keys(this.exits) as ExitReason[]) delete this.exits[reason];
    Object.assign(this.exits, saved.exits);
    this.unansweredAt = new Map(saved.unanswered);
    this.unansweredTotal = saved.unansweredTotal;
    this.bus.devices().forEach((device, index) => device.load(new TextEncoder().encode(saved.devices[index]!)));
    for (const { guestBase, hostBase, bytes } of this.bus.mappedBars().filter((bar) => !this.isMemory(bar.guestBase)))
      this.translation.expect(guestBase / PAGE_SIZE, hostBase / PAGE_SIZE, bytes / PAGE_SIZE, REGISTERS);
    this.loading = false;
  }

  private adopt(guest: number, hostFrame: number, count: number): void {
    this.mappingRevision++;
    this.map.add({ guest, host: hostFrame, count });
    this.translation.map(guest, hostFrame, count, RAM);
    this.onBacked(guest, hostFrame, count);
  }

  /** Registers answer outside the VM's memory only: where a guest puts a BAR over its memory, the memory answers, as on a board. */
  private mapRegisters(guestBase: number, hostBase: number, bytes: number): void {
    if (this.loading || this.isMemory(guestBase)) return;
    this.mappingRevision++;
    this.translation.map(guestBase / PAGE_SIZE, hostBase / PAGE_SIZE, bytes / PAGE_SIZE, REGISTERS);
    this.host.invalidateEpt(this.translation.pointer);
  }

  private unmapRegisters(guestBase: number, bytes: number): void {
    if (this.loading || this.isMemory(guestBase)) return;
    this.mappingRevision++;
    this.translation.unmap(guestBase / PAGE_SIZE, bytes / PAGE_SIZE);
    this.host.invalidateEpt(this.translation.pointer);
  }
}

/** Cuts a range at page borders. */
function eachPage(address: number, length: number, visit: (address: number, count: number, offset: number) => void): void {
  for (let offset = 0; offset < length;) {
    const count = Math.min(length - offset, PAGE_SIZE - ((address + offset) % PAGE_SIZE));
    visit(address + offset, count, offset);
    offset += count;
  }
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toLocaleString('en', { maximumFractionDigits: 1 })} MiB`;

function outOfMemory(vm: string, wanted: number, free: number): VmmSetupError {
  return new VmmSetupError(
    'vmm-out-of-memory',
    {
      en: `${vm} needs ${mebibytes(wanted)} of host memory, and ${mebibytes(free)} is free.`,
      'zh-CN': `${vm} 需要 ${mebibytes(wanted)} 宿主机内存，而空闲内存只有 ${mebibytes(free)}。`,
    },
    {
      en: 'Give the VMs less memory, back them on touch, lower `preoccupied`, or plug in more DIMMs.',
      'zh-CN': '请减少虚拟机内存、改用按需分配（on-touch）、降低 preoccupied，或插入更多内存条。',
    },
    vm,
  );
}
