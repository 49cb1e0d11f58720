/** A processor with flat memory and a recording port, for specs. */
import { assemble } from '../../assembler';
import type { HostPhysicalAddress } from '../address';
import { FrameStore } from '../memory/frame-store';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { Engine } from './engine';
import { Processor } from './processor';
import { POOL_RESERVED, SEGMENT_INDEX } from './state-layout';

/** `frames` 4 KiB frames of DRAM from 0; beyond them nobody. */
export class FlatMemory implements PhysicalMemory {
  unanswered = 0;
  constructor(
    private readonly store: FrameStore,
    private readonly frames: number,
  ) {}
  readableFrame(frame: number): number {
    return frame < this.frames ? this.store.touch(frame) : -1;
  }
  writableFrame(frame: number): number {
    return frame < this.frames && !this.store.holdsCode(frame) ? this.store.touch(frame) : -1;
  }
  codeMap(frame: number): number {
    return frame < this.frames ? this.store.codeMap(frame) : 0;
  }
  read(address: HostPhysicalAddress, size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.byte(address + i);
    return value;
  }
  private byte(address: number): number {
    const at = this.readableFrame(Math.floor(address / 4096));
    if (at < 0) this.unanswered++;
    return at < 0 ? 0xff : this.store.u8[at + (address % 4096)]!;
  }
  write(address: HostPhysicalAddress, size: 1 | 2 | 4, value: number): void {
    for (let i = 0; i < size; i++) {
      const frame = Math.floor((address + i) / 4096);
      const offset = (address + i) % 4096;
      const at = this.readableFrame(frame);
      if (at < 0) continue;
      this.store.beforeWrite(frame, offset, 1);
      this.store.u8[at + offset] = value >>> (8 * i);
    }
  }
  read64(address: HostPhysicalAddress): bigint {
    return BigInt(this.read(address, 4)) | (BigInt(this.read((address + 4) as HostPhysicalAddress, 4)) << 32n);
  }
  write64(address: HostPhysicalAddress, value: bigint): void {
    this.write(address, 4, Number(value & 0xffff_ffffn));
    this.write((address + 4) as HostPhysicalAddress, 4, Number((value >> 32n) & 0xffff_ffffn));
  }
  readBytes(address: HostPhysicalAddress, length: number): Uint8Array {
    const bytes = new Uint8Array(length).fill(0xff);
    this.eachFrame(address, length, (frame, offset, from, count) => {
      const at = this.readableFrame(frame);
      if (at >= 0) bytes.set(this.store.u8.subarray(at + offset, at + offset + count), from);
    });
    return bytes;
  }
  writeBytes(address: HostPhysicalAddress, bytes: Uint8Array): void {
    this.eachFrame(address, bytes.length, (frame, offset, from, count) => {
      const at = this.readableFrame(frame);
      if (at < 0) return;
      this.store.beforeWrite(frame, offset, count);
      this.store.u8.set(bytes.subarray(from, from + count), at + offset);
    });
  }
  private eachFrame(address: number, length: number, visit: (frame: number, offset: number, from: number, count: number) => void): void {
    for (let done = 0; done < length;) {
      const offset = (address + done) % 4096;
      const count = Math.min(4096 - offset, length - done);
      visit(Math.floor((address + done) / 4096), offset, done, count);
      done += count;
    }
  }
  peek(address: HostPhysicalAddress, length: number): Uint8Array {
    return this.readBytes(address, length);
  }
}

export interface Bench {
  processor: Processor;
  memory: FlatMemory;
  frames: FrameStore;
  /** bytes written to ports, in order */
  output: { port: number; size: number; value: number }[];
  interrupts: { vector: number | null };
  load(address: number, bytes: readonly number[] | Uint8Array): void;
}

/** A processor over `mebibytes` of DRAM. Port reads give 0xA5 in every byte. */
export function makeBench(mebibytes = 4, engine?: Engine, tlb = { entries: 64, ways: 4 }): Bench {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: POOL_RESERVED + (mebibytes + 8) * 2 ** 20 });
  const memory = new FlatMemory(frames, mebibytes * 256);
  const output: Bench['output'] = [];
  const interrupts: Bench['interrupts'] = { vector: null };
  const processor = new Processor({
    frames,
    memory,
    ports: {
      readPort: (_port, size) => (size === 4 ? 0xa5a5_a5a5 : size === 2 ? 0xa5a5 : 0xa5),
      writePort: (port, size, value) => void output.push({ port, size, value }),
      interrupts: {
        pending: () => interrupts.vector !== null,
        acknowledge: () => {
          const vector = interrupts.vector ?? 0;
          interrupts.vector = null;
          return vector;
        },
      },
    },
    part: { physicalAddressBits: 36, tlb, features: ['virtualization'] },
    engine,
  });
  const load = (address: number, bytes: readonly number[] | Uint8Array): void =>
    memory.writeBytes(address as HostPhysicalAddress, Uint8Array.from(bytes));
  return { processor, memory, frames, output, interrupts, load };
}

/** 32-bit protected mode with flat segments (without tables behind them), CPL 0, interrupts off. */
export function flatProtected({ processor }: Bench, eip: number, esp = 0x8000): void {
  const { state } = processor;
  state.cr0 = 0x6000_0011;
  const { CS, LDTR, TR } = SEGMENT_INDEX;
  for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0x10, 0, 0xffff_ffff, 0xc093);
  state.setSegment(CS, 0x08, 0, 0xffff_ffff, 0xc09b);
  state.setSegment(LDTR, 0, 0, 0, 0x1_0082);
  state.setSegment(TR, 0, 0, 0xffff, 0x8b);
  state.eflags = 2;
  state.eip = eip;
  state.setReg32(4, esp);
  processor.stateReplaced();
}

/** Real mode at 0000:eip. */
export function realMode({ processor }: Bench, eip: number): void {
  const { state } = processor;
  for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, 0x93);
  state.idtrLimit = 0x3ff;
  state.eip = eip;
  state.setReg32(4, 0x7000);
  processor.stateReplaced();
}

/** Assembles NASM source (with `org` and `bits` of its own) and puts it where `org` says. Returns the symbols' addresses. */
export function assembleInto(bench: Bench, source: string): Record<string, number> {
  const made = assemble({ 'test.asm': source }, 'test.asm');
  if (!made.ok) throw new Error(made.diagnostics.map((d) => `${d.line}: ${d.message.en}`).join('\n'));
  bench.load(made.origin, made.bytes);
  return Object.fromEntries(Object.entries(made.symbols).map(([name, symbol]) => [name, Number(symbol.value)]));
}
