/** For specs: the system side over a plain megabytes-of-RAM machine, without chipset or interpreter. */
import { hostPhysical } from '../address';
import type { HostPhysicalAddress } from '../address';
import { FrameStore } from '../memory/frame-store';
import type { PhysicalMemory } from '../memory/physical-memory';
import { CpuState } from './cpu-state';
import type { CpuPorts } from './runtime';
import { encodeSegment } from './segmentation';
import { POOL_RESERVED } from './state-layout';
import { ProcessorSystem } from './system';

/** RAM from 0 to `bytes`; above it nobody answers, except one register block whose accesses are listed. */
export class PlainMemory implements PhysicalMemory {
  readonly registerBase = 0xfe00_0000;
  readonly registerAccesses: { kind: 'read' | 'write'; offset: number; size: number; value: number }[] = [];
  registerValue = 0x1234_5678;

  constructor(
    readonly frames: FrameStore,
    readonly bytes: number,
  ) {}

  readableFrame(frame: number): number {
    return frame * 4096 < this.bytes ? this.frames.touch(frame) : -1;
  }
  writableFrame(frame: number): number {
    return this.frames.holdsCode(frame) ? -1 : this.readableFrame(frame);
  }
  codeMap(frame: number): number {
    return this.frames.codeMap(frame);
  }
  read(address: HostPhysicalAddress, size: 1 | 2 | 4): number {
    if (address >= this.registerBase && address < this.registerBase + 4096) {
      this.registerAccesses.push({ kind: 'read', offset: address - this.registerBase, size, value: this.registerValue });
      return this.registerValue % 2 ** (8 * size);
    }
    return this.readBytes(address, size).reduceRight((value, byte) => value * 256 + byte, 0);
  }
  write(address: HostPhysicalAddress, size: 1 | 2 | 4, value: number): void {
    if (address >= this.registerBase && address < this.registerBase + 4096) {
      this.registerAccesses.push({ kind: 'write', offset: address - this.registerBase, size, value });
      return;
    }
    this.writeBytes(
      address,
      Uint8Array.from({ length: size }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff),
    );
  }
  read64(address: HostPhysicalAddress): bigint {
    return BigInt(this.read(address, 4)) + (BigInt(this.read(hostPhysical(address + 4), 4)) << 32n);
  }
  write64(address: HostPhysicalAddress, value: bigint): void {
    this.write(address, 4, Number(value & 0xffff_ffffn));
    this.write(hostPhysical(address + 4), 4, Number(value >> 32n));
  }
  readBytes(address: HostPhysicalAddress, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, index) => {
      const at = address + index;
      if (at >= this.bytes) return 0xff;
      const offset = this.frames.offsetOf(Math.floor(at / 4096));
      return offset < 0 ? 0 : this.frames.u8[offset + (at % 4096)]!;
    });
  }
  writeBytes(address: HostPhysicalAddress, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => {
      const at = address + index;
      if (at >= this.bytes) return;
      const frame = Math.floor(at / 4096);
      this.frames.beforeWrite(frame, at % 4096, 1);
      const offset = this.frames.touch(frame);
      this.frames.u8[offset + (at % 4096)] = byte;
    });
  }
  peek(address: HostPhysicalAddress, length: number): Uint8Array {
    return this.readBytes(address, length);
  }
}

export interface Rig {
  frames: FrameStore;
  memory: PlainMemory;
  state: CpuState;
  system: ProcessorSystem;
  ports: CpuPorts & { writes: [port: number, size: number, value: number][]; waiting: number[] };
  w32(address: number, ...values: number[]): void;
  r32(address: number): number;
}

/** A processor just out of reset, in real mode. */
export function makeRig(options: { bytes?: number; tlb?: { entries: number; ways: number }; physicalAddressBits?: number } = {}): Rig {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 64 * 1024 * 1024 });
  const memory = new PlainMemory(frames, options.bytes ?? 16 * 1024 * 1024);
  const state = new CpuState(frames.memory.buffer);
  const waiting: number[] = [];
  const writes: [number, number, number][] = [];
  const ports = {
    writes,
    waiting,
    readPort: (port: number, size: 1 | 2 | 4) => (port * 0x0101) % 2 ** (8 * size),
    writePort: (port: number, size: 1 | 2 | 4, value: number) => void writes.push([port, size, value]),
    interrupts: { pending: () => waiting.length > 0, acknowledge: () => waiting.shift()! },
  };
  state.cr0 = 0x10;
  state.eflags = 2;
  for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, 0x93);
  state.setSegment(6, 0, 0, 0xffff, 0x82);
  state.setSegment(7, 0, 0, 0xffff, 0x8b);
  state.idtrLimit = 0x3ff;
  state.gdtrLimit = 0xffff;
  const part = {
    physicalAddressBits: options.physicalAddressBits ?? 36,
    tlb: options.tlb ?? { entries: 64, ways: 4 },
    features: ['virtualization'],
  };
  const system = new ProcessorSystem({ state, frames, memory, ports, part });
  return {
    frames,
    memory,
    state,
    system,
    ports,
    w32: (address, ...values) => values.forEach((value, index) => memory.write(hostPhysical(address + index * 4), 4, value >>> 0)),
    r32: (address) => memory.read(hostPhysical(address), 4),
  };
}

export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x3000;

/** Selectors of the rig's GDT, flat segments of both rings. */
export const SEL = { code0: 0x08, data0: 0x10, code3: 0x1b, data3: 0x23, tss: 0x28, ldt: 0x30, spare: 0x38, spare2: 0x40 } as const;

/** Writes a descriptor at an index of the rig's GDT. */
export function setDescriptor(rig: Pick<Rig, 'w32'>, selector: number, base: number, limit: number, attributes: number): void {
  const [low, high] = encodeSegment({ base, limit, attributes });
  rig.w32(GDT + (selector & 0xfff8), low, high);
}

/** Flat protected mode at the given privilege, with a GDT, an empty IDT of 256 entries and a 32-bit TSS (ring-0 stack 0x10:0x9000). */
export function enterProtected(rig: Pick<Rig, 'state' | 'system' | 'w32'>, cpl: 0 | 3 = 0): void {
  const { state, system } = rig;
  rig.w32(GDT, 0, 0);
  setDescriptor(rig, SEL.code0, 0, 0xffff_ffff, 0xc09a);
  setDescriptor(rig, SEL.data0, 0, 0xffff_ffff, 0xc092);
  setDescriptor(rig, SEL.code3, 0, 0xffff_ffff, 0xc0fa);
  setDescriptor(rig, SEL.data3, 0, 0xffff_ffff, 0xc0f2);
  setDescriptor(rig, SEL.tss, TSS, 0x67, 0x89);
  rig.w32(TSS + 4, 0x9000, SEL.data0);
  rig.w32(TSS + 0x64, 0x68 << 16);
  state.gdtrBase = GDT;
  state.gdtrLimit = 0xff;
  state.idtrBase = IDT;
  state.idtrLimit = 0x7ff;
  system.writeControl(0, 0x11);
  state.setSegment(1, SEL.code0, 0, 0xffff_ffff, 0xc09b);
  state.setSegment(2, SEL.data0, 0, 0xffff_ffff, 0xc093);
  system.loadTr(SEL.tss);
  for (const segment of [0, 3, 4, 5] as const) system.loadSegment(segment, SEL.data0);
  if (cpl === 3) {
    state.setSegment(1, SEL.code3, 0, 0xffff_ffff, 0xc0fb);
    state.setSegment(2, SEL.data3, 0, 0xffff_ffff, 0xc0f3);
    for (const segment of [0, 3, 4, 5] as const) system.loadSegment(segment, SEL.data3);
  }
  state.setReg32(4, 0x8000);
  state.clearStop();
}

/** Gate in the rig's IDT. */
export function setGate(rig: Rig, vector: number, selector: number, offset: number, attributes: number): void {
  rig.w32(IDT + vector * 8, (selector << 16) | (offset & 0xffff), (offset & 0xffff_0000) | (attributes << 8));
}

/** Forgets a fault and says what it was. */
export function takeFault(rig: Rig): { vector: number; errorCode: number } | null {
  if (rig.state.stop !== 1) return null;
  const fault = { vector: rig.state.faultVector, errorCode: rig.state.faultErrorCode };
  rig.state.clearStop();
  return fault;
}
