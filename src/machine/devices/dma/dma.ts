/**
 * Two small DMA devices of this lab: `dma-contiguous` writes one run of bytes to one address, `dma-scatter` to the pieces of a
 * descriptor list that it reads from memory. What they write is a pattern that shows where a byte belongs: each 32-bit word is
 * the seed plus its number. A transfer takes time, one request of at most a page after the other, and ends in an interrupt.
 *
 * Registers, 32 bits each, in BAR 0:
 *   00 identification      04 status (1 busy, 2 done, 4 error; ones written to done and error clear them and the interrupt)
 *   08 command (1 start, 2 interrupt when done)           0C entries that a list may have (1 without a list)
 *   10, 14 address of the data, or of the list            18 bytes of data, or entries of the list
 *   1C seed                                               20 bytes written so far
 * A list entry is 16 bytes: address (64 bits), bytes (32), zero (32).
 */
import type { DmaCompletion, RequesterId } from '../../bus/dma-port';
import type { Device, DeviceContext, DeviceRegion, EventTag, PciIdentity } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

export const DMA_REGISTERS = {
  identification: 0x00,
  status: 0x04,
  command: 0x08,
  entries: 0x0c,
  address: 0x10,
  addressHigh: 0x14,
  count: 0x18,
  seed: 0x1c,
  written: 0x20,
} as const;
export const DMA_STATUS = { busy: 1, done: 2, error: 4 } as const;
export const DMA_COMMAND = { start: 1, interrupt: 2 } as const;
/** `DMAC` and `DMAS`, in memory order. */
export const DMA_IDENTIFICATION = { contiguous: 0x434d_4144, scatter: 0x534d_4144 } as const;
export const DEFAULT_ENTRIES = 256;
/** A list lies in one page. */
export const MOST_ENTRIES = 256;
/** ticks from the start bit to the first request */
export const DMA_LATENCY = 100;

const PAGE = 4096;
const ENTRY_BYTES = 16;
const STATE_VERSION = 1;

export interface DmaOptions {
  requester: RequesterId;
  /** number of address bits that the device drives; 32 unless told */
  dmaMask?: number | undefined;
  /** entries that a list may have, 1 to 256; absent: no list, one run */
  entries?: number | undefined;
}

interface SavedDma {
  status: number;
  command: number;
  address: number[];
  count: number;
  seed: number;
  written: number;
  list: number[][];
  piece: number;
  done: number;
  /** the request's id and length */
  pending: number[];
  phase: string;
  buffer: string;
}

type Phase = 'idle' | 'list' | 'data';

/** Byte `index` of the pattern. */
export const patternByte = (seed: number, index: number): number => ((seed + (index >>> 2)) >>> ((index & 3) * 8)) & 0xff;

export class DmaEngine implements Device {
  readonly kind: string;
  readonly regions: readonly DeviceRegion[] = [{ name: 'bar0', kind: 'memory', size: PAGE }];
  readonly pci: PciIdentity;
  private readonly scatter: boolean;
  private readonly entries: number;
  private readonly limit: number;

  private status = 0;
  private command = 0;
  private addressLow = 0;
  private addressHigh = 0;
  private count = 0;
  private seed = 0;
  private written = 0;
  private phase: Phase = 'idle';
  /** address and bytes of each piece of the running transfer */
  private list: { address: number; bytes: number }[] = [];
  private piece = 0;
  /** bytes of the current piece (or of the list) that have moved */
  private done = 0;
  /** id of the request in flight, -1 when none is, and its length */
  private pending = -1;
  private length = 0;
  private listBytes: Uint8Array = new Uint8Array(0);

  /** Throws RangeError when dmaMask or entries are out of range. */
  constructor(
    readonly id: string,
    private readonly context: DeviceContext,
    private readonly options: DmaOptions,
  ) {
    const { dmaMask = 32, entries } = options;
    if (!Number.isInteger(dmaMask) || dmaMask < 1 || dmaMask > 64) throw new RangeError(`dmaMask of ${id} is ${dmaMask}: expected 1 to 64`);
    if (entries !== undefined && (!Number.isInteger(entries) || entries < 1 || entries > MOST_ENTRIES))
      throw new RangeError(`entries of ${id} is ${entries}: expected 1 to ${MOST_ENTRIES}`);
    this.scatter = entries !== undefined;
    this.kind = this.scatter ? 'dma-scatter' : 'dma-contiguous';
    this.entries = entries ?? 1;
    this.limit = Math.min(2 ** dmaMask, Number.MAX_SAFE_INTEGER);
    this.pci = { vendor: 0x1234, device: this.scatter ? 0x11f1 : 0x11f0, classCode: 0x088000, revision: 1, interruptPin: 1 };
  }

  reset(): void {
    this.context.clock.cancel('dma-start');
    this.context.clock.cancel('dma-completion');
    this.status = this.command = this.addressLow = this.addressHigh = this.count = this.seed = this.written = 0;
    this.end();
    this.context.interrupt.set(false);
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    if (size !== 4) return size === 2 ? 0xffff : 0xff;
    switch (offset) {
      case DMA_REGISTERS.identification:
        return this.scatter ? DMA_IDENTIFICATION.scatter : DMA_IDENTIFICATION.contiguous;
      case DMA_REGISTERS.status:
        return this.status;
      case DMA_REGISTERS.command:
        return this.command;
      case DMA_REGISTERS.entries:
        return this.entries;
      case DMA_REGISTERS.address:
        return this.addressLow;
      case DMA_REGISTERS.addressHigh:
        return this.addressHigh;
      case DMA_REGISTERS.count:
        return this.count;
      case DMA_REGISTERS.seed:
        return this.seed;
      case DMA_REGISTERS.written:
        return this.written;
      default:
        return 0xffff_ffff;
    }
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size !== 4) return;
    if (offset === DMA_REGISTERS.status) {
      this.status &= ~(value & (DMA_STATUS.done | DMA_STATUS.error));
      if (!(this.status & (DMA_STATUS.done | DMA_STATUS.error))) this.context.interrupt.set(false);
      return;
    }
    // a running transfer keeps its registers
    if (this.status & DMA_STATUS.busy) return;
    switch (offset) {
      case DMA_REGISTERS.command:
        this.start(value);
        break;
      case DMA_REGISTERS.address:
        this.addressLow = value;
        break;
      case DMA_REGISTERS.addressHigh:
        this.addressHigh = value;
        break;
      case DMA_REGISTERS.count:
        this.count = value;
        break;
      case DMA_REGISTERS.seed:
        this.seed = value;
        break;
    }
  }

  event(tag: EventTag): void {
    if (tag.kind === 'dma-start' && this.status & DMA_STATUS.busy) this.begin();
    else if (tag.kind === 'dma-completion' && tag.completion) this.complete(tag.completion);
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, {
      status: this.status,
      command: this.command,
      address: [this.addressLow, this.addressHigh],
      count: this.count,
      seed: this.seed,
      written: this.written,
      list: this.list.map(({ address, bytes }) => [address, bytes]),
      piece: this.piece,
      done: this.done,
      pending: [this.pending, this.length],
      phase: this.phase,
      buffer: this.listBytes,
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedDma>(this.kind, STATE_VERSION, bytes);
    this.status = saved.status;
    this.command = saved.command;
    [this.addressLow, this.addressHigh] = [saved.address[0]!, saved.address[1]!];
    this.count = saved.count;
    this.seed = saved.seed;
    this.written = saved.written;
    this.list = saved.list.map(([address, length]) => ({ address: address!, bytes: length! }));
    this.piece = saved.piece;
    this.done = saved.done;
    [this.pending, this.length] = [saved.pending[0]!, saved.pending[1]!];
    this.phase = saved.phase as Phase;
    this.listBytes = fromHex(saved.buffer);
    this.context.interrupt.set(this.asserted());
  }

  private asserted(): boolean {
    return (this.command & DMA_COMMAND.interrupt) !== 0 && (this.status & (DMA_STATUS.done | DMA_STATUS.error)) !== 0;
  }

  private start(value: number): void {
    this.command = value & (DMA_COMMAND.start | DMA_COMMAND.interrupt);
    if (!(value & DMA_COMMAND.start)) return;
    this.status = DMA_STATUS.busy;
    this.written = 0;
    this.context.clock.schedule(DMA_LATENCY, { kind: 'dma-start' });
  }

  private begin(): void {
    const address = this.addressHigh * 2 ** 32 + this.addressLow;
    this.piece = this.done = 0;
    if (!this.scatter) {
      this.phase = 'data';
      this.list = [{ address, bytes: this.count }];
      this.next();
      return;
    }
    if (this.count < 1 || this.count > this.entries) {
      this.context.log.note('dma-list-length', { entries: this.count, most: this.entries });
      this.finish(false);
      return;
    }
    this.phase = 'list';
    this.list = [{ address, bytes: this.count * ENTRY_BYTES }];
    this.listBytes = new Uint8Array(this.count * ENTRY_BYTES);
    this.next();
  }

  /** The next request of the list, or of the data; at the end of both, the end. */
  private next(): void {
    while (this.piece < this.list.length && this.done >= this.list[this.piece]!.bytes) {
      this.piece++;
      this.done = 0;
    }
    const current = this.list[this.piece];
    if (!current) {
      if (this.phase === 'list') this.takeList();
      else this.finish(true);
      return;
    }
    const address = current.address + this.done;
    const length = Math.min(current.bytes - this.done, PAGE - (address % PAGE));
    if (!Number.isSafeInteger(address) || address + length > this.limit) {
      this.context.log.note('dma-address-too-wide', { address: `0x${address.toString(16)}` });
      this.finish(false);
      return;
    }
    this.length = length;
    const request = { address, length, addressType: 'untranslated', requester: this.options.requester } as const;
    if (this.phase === 'list') this.pending = this.context.dma.issue({ ...request, kind: 'read' });
    else {
      const data = Uint8Array.from({ length }, (_, index) => patternByte(this.seed, this.written + index));
      this.pending = this.context.dma.issue({ ...request, kind: 'write', data });
    }
  }

  private complete(completion: DmaCompletion): void {
    if (completion.id !== this.pending || !(this.status & DMA_STATUS.busy)) return;
    this.pending = -1;
    if (completion.status !== 'success') {
      this.context.log.note('dma-aborted', { status: completion.status, moved: this.written });
      this.finish(false);
      return;
    }
    if (this.phase === 'list' && completion.data) this.listBytes.set(completion.data.subarray(0, this.length), this.done);
    else this.written += this.length;
    this.done += this.length;
    this.next();
  }

  private takeList(): void {
    const view = new DataView(this.listBytes.buffer, this.listBytes.byteOffset, this.listBytes.byteLength);
    this.list = Array.from({ length: this.count }, (_, index) => ({
      address: view.getUint32(index * ENTRY_BYTES + 4, true) * 2 ** 32 + view.getUint32(index * ENTRY_BYTES, true),
      bytes: view.getUint32(index * ENTRY_BYTES + 8, true),
    }));
    this.phase = 'data';
    this.piece = this.done = 0;
    this.next();
  }

  private finish(success: boolean): void {
    this.end();
    this.command &= ~DMA_COMMAND.start;
    this.status = success ? DMA_STATUS.done : DMA_STATUS.error;
    this.context.interrupt.set(this.asserted());
  }

  private end(): void {
    this.phase = 'idle';
    this.list = [];
    this.piece = this.done = this.length = 0;
    this.pending = -1;
    this.listBytes = new Uint8Array(0);
  }
}
