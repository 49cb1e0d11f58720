/**
 * `edu`, the teaching DMA device, with the numbers of QEMU's device of that name (docs/specs/edu.rst), so that drivers
 * written for one run on the other: PCI 1234:11e8, one BAR of 1 MiB with the registers below, and a 4 KiB buffer that
 * only its DMA engine reaches, at device address 0x4_0000.
 *
 * Two things differ, and both are visible: the upper halves of the 64-bit DMA registers answer at +4, because a 32-bit
 * processor has no 8-byte access; and a transfer that would leave the device's buffer is refused and logged, where QEMU
 * ends the emulation.
 */
import type { DmaCompletion, RequesterId } from '../../bus/dma-port';
import type { Device, DeviceContext, DeviceRegion, EventTag, PciIdentity } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

export const EDU_REGISTERS = {
  identification: 0x00,
  liveness: 0x04,
  factorial: 0x08,
  status: 0x20,
  interruptStatus: 0x24,
  interruptRaise: 0x60,
  interruptAcknowledge: 0x64,
  dmaSource: 0x80,
  dmaDestination: 0x88,
  dmaCount: 0x90,
  dmaCommand: 0x98,
} as const;

const EDU_IDENTIFICATION = 0x010000ed;
/** device address and size of the DMA buffer */
export const EDU_BUFFER = { base: 0x40000, size: 4096 } as const;
/** DMA command: start (reads as one while the transfer runs), direction device → RAM, interrupt when done */
export const EDU_COMMAND = { start: 1, toMemory: 2, interrupt: 4 } as const;
/** status: a factorial is being computed; raise an interrupt when it is done */
const EDU_STATUS = { computing: 0x01, interruptWhenDone: 0x80 } as const;
/** interrupt status bits that the device itself raises */
const EDU_INTERRUPT = { factorialDone: 0x001, dmaDone: 0x100 } as const;

/** ticks from the start bit to the first request on the bus */
export const EDU_DMA_LATENCY = 100;
/** ticks a factorial takes */
const EDU_FACTORIAL_LATENCY = 50;

const PAGE = 4096;
const STATE_VERSION = 1;
const LARGEST_ADDRESS = BigInt(Number.MAX_SAFE_INTEGER);

export interface EduOptions {
  requester: RequesterId;
  /** number of address bits the DMA engine drives, 1 to 64; 28 unless told, as in QEMU */
  dmaMask?: number;
}

interface SavedEdu {
  liveness: number;
  factorial: number;
  status: number;
  interruptStatus: number;
  source: string;
  destination: string;
  count: string;
  command: number;
  moved: number;
  pendingRequest: number;
  pendingLength: number;
  buffer: string;
}

const isRegister64 = (offset: number): boolean => offset >= 0x80 && offset < 0xa0;

/** n! modulo 2^32, as the device's 32-bit register holds it. From 34! on the result is 0, so the loop is short for any n. */
function factorial(n: number): number {
  let result = 1;
  for (let i = 2; i <= n && result !== 0; i++) result = Math.imul(result, i) >>> 0;
  return result >>> 0;
}

export class Edu implements Device {
  readonly kind = 'edu';
  readonly regions: readonly DeviceRegion[] = [{ name: 'bar0', kind: 'memory', size: 1024 * 1024 }];
  readonly pci: PciIdentity = { vendor: 0x1234, device: 0x11e8, classCode: 0x00ff00, revision: 0x10, interruptPin: 1 };
  readonly dmaMask: number;
  private readonly requester: RequesterId;

  private liveness = 0;
  private factorial = 0;
  private status = 0;
  private interruptStatus = 0;
  private source = 0n;
  private destination = 0n;
  private count = 0n;
  private command = 0;
  /** bytes of the running transfer that have arrived */
  private moved = 0;
  /** id of the request in flight, -1 when none is */
  private pendingRequest = -1;
  /** its length in bytes */
  private pendingLength = 0;
  private readonly buffer = new Uint8Array(EDU_BUFFER.size);

  /** Throws RangeError when dmaMask is not 1 to 64. */
  constructor(
    readonly id: string,
    private readonly context: DeviceContext,
    options: EduOptions,
  ) {
    this.dmaMask = options.dmaMask ?? 28;
    if (!Number.isInteger(this.dmaMask) || this.dmaMask < 1 || this.dmaMask > 64)
      throw new RangeError(`dmaMask of ${id} is ${this.dmaMask}: expected a number of address bits from 1 to 64`);
    this.requester = options.requester;
  }

  reset(): void {
    this.context.clock.cancel('dma-start');
    this.context.clock.cancel('dma-completion');
    this.context.clock.cancel('factorial-done');
    this.liveness = this.factorial = this.status = this.interruptStatus = this.command = this.moved = this.pendingLength = 0;
    this.source = this.destination = this.count = 0n;
    this.pendingRequest = -1;
    this.buffer.fill(0);
    this.context.interrupt.set(false);
  }

  /** The bytes in the DMA buffer, for views and specs. */
  bufferBytes(): Uint8Array {
    return this.buffer.slice();
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    // QEMU's rule: the registers answer 4-byte accesses only, anything else reads all ones
    if (size !== 4) return allOnes(size);
    switch (offset) {
      case EDU_REGISTERS.identification:
        return EDU_IDENTIFICATION;
      case EDU_REGISTERS.liveness:
        return this.liveness;
      case EDU_REGISTERS.factorial:
        return this.factorial;
      case EDU_REGISTERS.status:
        return this.status;
      case EDU_REGISTERS.interruptStatus:
        return this.interruptStatus;
      default:
        return this.readDma(offset);
    }
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size !== 4) return;
    switch (offset) {
      case EDU_REGISTERS.liveness:
        this.liveness = ~value >>> 0;
        break;
      case EDU_REGISTERS.factorial:
        this.startFactorial(value);
        break;
      case EDU_REGISTERS.status:
        this.status = (this.status & ~EDU_STATUS.interruptWhenDone) | (value & EDU_STATUS.interruptWhenDone);
        break;
      case EDU_REGISTERS.interruptRaise:
        this.raise(value);
        break;
      case EDU_REGISTERS.interruptAcknowledge:
        this.interruptStatus = (this.interruptStatus & ~value) >>> 0;
        if (this.interruptStatus === 0) this.context.interrupt.set(false);
        break;
      case EDU_REGISTERS.dmaCommand:
        this.startDma(value);
        break;
      default:
        if (isRegister64(offset)) this.writeDma(offset, value);
    }
  }

  event(tag: EventTag): void {
    switch (tag.kind) {
      case 'dma-start':
        this.beginTransfer();
        break;
      case 'dma-completion':
        if (tag.completion) this.complete(tag.completion);
        break;
      case 'factorial-done':
        this.factorial = factorial(tag.value ?? 0);
        this.status &= ~EDU_STATUS.computing;
        if (this.status & EDU_STATUS.interruptWhenDone) this.raise(EDU_INTERRUPT.factorialDone);
        break;
    }
  }

  save(): Uint8Array {
    return encodeState('edu', STATE_VERSION, {
      liveness: this.liveness,
      factorial: this.factorial,
      status: this.status,
      interruptStatus: this.interruptStatus,
      source: this.source.toString(),
      destination: this.destination.toString(),
      count: this.count.toString(),
      command: this.command,
      moved: this.moved,
      pendingRequest: this.pendingRequest,
      pendingLength: this.pendingLength,
      buffer: this.buffer,
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedEdu>('edu', STATE_VERSION, bytes);
    this.liveness = saved.liveness;
    this.factorial = saved.factorial;
    this.status = saved.status;
    this.interruptStatus = saved.interruptStatus;
    this.source = BigInt(saved.source);
    this.destination = BigInt(saved.destination);
    this.count = BigInt(saved.count);
    this.command = saved.command;
    this.moved = saved.moved;
    this.pendingRequest = saved.pendingRequest;
    this.pendingLength = saved.pendingLength;
    this.buffer.set(fromHex(saved.buffer));
    this.context.interrupt.set(this.interruptStatus !== 0);
  }

  private get running(): boolean {
    return (this.command & EDU_COMMAND.start) !== 0;
  }

  private raise(bits: number): void {
    this.interruptStatus = (this.interruptStatus | bits) >>> 0;
    if (this.interruptStatus !== 0) this.context.interrupt.set(true);
  }

  private startFactorial(value: number): void {
    if (this.status & EDU_STATUS.computing) return;
    this.factorial = value;
    this.status |= EDU_STATUS.computing;
    this.context.clock.schedule(EDU_FACTORIAL_LATENCY, { kind: 'factorial-done', value });
  }

  private readDma(offset: number): number {
    const half = (value: bigint): number => Number(offset & 4 ? (value >> 32n) & 0xffffffffn : value & 0xffffffffn);
    switch (offset & ~4) {
      case EDU_REGISTERS.dmaSource:
        return half(this.source);
      case EDU_REGISTERS.dmaDestination:
        return half(this.destination);
      case EDU_REGISTERS.dmaCount:
        return half(this.count);
      case EDU_REGISTERS.dmaCommand:
        return half(BigInt(this.command));
      default:
        return 0xffffffff;
    }
  }

  private writeDma(offset: number, value: number): void {
    // a running transfer keeps its registers, as in QEMU
    if (this.running) return;
    // a 4-byte write to the lower half clears the upper one (QEMU's zero extension); the upper half is written after it
    const merge = (old: bigint): bigint => (offset & 4 ? (BigInt(value) << 32n) | (old & 0xffffffffn) : BigInt(value));
    switch (offset & ~4) {
      case EDU_REGISTERS.dmaSource:
        this.source = merge(this.source);
        break;
      case EDU_REGISTERS.dmaDestination:
        this.destination = merge(this.destination);
        break;
      case EDU_REGISTERS.dmaCount:
        this.count = merge(this.count);
        break;
    }
  }

  private startDma(value: number): void {
    if (this.running || !(value & EDU_COMMAND.start)) return;
    this.command = value & (EDU_COMMAND.start | EDU_COMMAND.toMemory | EDU_COMMAND.interrupt);
    this.moved = 0;
    this.context.clock.schedule(EDU_DMA_LATENCY, { kind: 'dma-start' });
  }

  private beginTransfer(): void {
    if (!this.running) return;
    const device = this.command & EDU_COMMAND.toMemory ? this.source : this.destination;
    const first = BigInt(EDU_BUFFER.base);
    if (device < first || device + this.count > first + BigInt(EDU_BUFFER.size)) {
      this.context.log.note('dma-outside-buffer', { address: `0x${device.toString(16)}`, count: this.count.toString() });
      this.finish();
      return;
    }
    this.requestNext();
  }

  /** RAM address of the next byte to move, cut to the bits that the device drives. */
  private memoryAddress(): bigint {
    const programmed = (this.command & EDU_COMMAND.toMemory ? this.destination : this.source) + BigInt(this.moved);
    const clamped = programmed & ((1n << BigInt(this.dmaMask)) - 1n);
    if (clamped !== programmed)
      this.context.log.note('dma-address-clamped', {
        address: `0x${programmed.toString(16)}`,
        clamped: `0x${clamped.toString(16)}`,
        bits: this.dmaMask,
      });
    return clamped;
  }

  private requestNext(): void {
    const left = Number(this.count) - this.moved;
    if (left <= 0) {
      this.finish();
      return;
    }
    const wide = this.memoryAddress();
    if (wide > LARGEST_ADDRESS) {
      // no board has that many address bits: nothing on this bus decodes the request
      this.context.log.note('dma-address-too-wide', { address: `0x${wide.toString(16)}` });
      this.finish();
      return;
    }
    const address = Number(wide);
    const length = Math.min(left, PAGE - (address % PAGE));
    const toMemory = (this.command & EDU_COMMAND.toMemory) !== 0;
    this.pendingLength = length;
    const request = { address, length, addressType: 'untranslated', requester: this.requester } as const;
    if (toMemory) {
      const from = this.deviceOffset();
      this.pendingRequest = this.context.dma.issue({ ...request, kind: 'write', data: this.buffer.slice(from, from + length) });
    } else {
      this.pendingRequest = this.context.dma.issue({ ...request, kind: 'read' });
    }
  }

  /** Offset in the buffer of the next byte to move. */
  private deviceOffset(): number {
    const device = this.command & EDU_COMMAND.toMemory ? this.source : this.destination;
    return Number(device) - EDU_BUFFER.base + this.moved;
  }

  private complete(completion: DmaCompletion): void {
    if (!this.running || completion.id !== this.pendingRequest) return;
    this.pendingRequest = -1;
    if (completion.status !== 'success') {
      // an aborted transfer ends here, like any other: the device has no error bit, so a driver sees it only in the data
      this.context.log.note('dma-aborted', { status: completion.status, moved: this.moved });
      this.finish();
      return;
    }
    if (completion.data) this.buffer.set(completion.data.subarray(0, this.pendingLength), this.deviceOffset());
    this.moved += this.pendingLength;
    this.requestNext();
  }

  private finish(): void {
    const interrupt = (this.command & EDU_COMMAND.interrupt) !== 0;
    this.command &= ~EDU_COMMAND.start;
    this.pendingRequest = -1;
    if (interrupt) this.raise(EDU_INTERRUPT.dmaDone);
  }
}

const allOnes = (size: 1 | 2 | 4): number => (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff);
