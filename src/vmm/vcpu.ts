/**
 * One virtual processor: its control block in host memory, and what the VMM remembers of it. While the VM does not run nobody
 * has business in the block, so the VMM keeps a copy and compares before it enters again; it enters all the same, because
 * what the bytes say is what the processor will do.
 */
import { hostPhysical, PAGE_SIZE } from '../machine/address';
import { CONTROL, ControlBlock, GUEST_STATE_OFFSET, HEADER_OFFSET } from '../machine/cpu/control-block';
import { REGISTER_INDEX, SEGMENT, SEGMENT_INDEX, STATE, STATE_SIZE } from '../machine/cpu/state-layout';
import type { PhysicalMemory } from '../machine/memory/physical-memory';
import { sameBytes } from './translation/page-tables';
import { fromHex } from '../machine/devices/device-state';

/** Bytes of the block that mean something. */
const USED_BYTES = GUEST_STATE_OFFSET + STATE_SIZE;

/** A field of the control block that is not as the VMM left it. */
export interface TamperedField {
  name: string;
  /** host-physical address of its first byte */
  address: number;
}

export class Vcpu {
  readonly block: ControlBlock;
  private sealed: Uint8Array | null = null;
  /** what `tampered` looked at last, and the next seal: entries are many */
  private readonly buffers = [new Uint8Array(USED_BYTES), new Uint8Array(USED_BYTES)] as const;

  constructor(
    private readonly memory: PhysicalMemory,
    readonly frame: number,
    readonly vpid: number,
  ) {
    this.block = new ControlBlock(memory, hostPhysical(frame * PAGE_SIZE));
  }

  initialise(eptPointer: number): void {
    this.block.initialise({ eptPointer, vpid: this.vpid, controls: CONTROL.ept });
    this.seal();
  }

  /** The VMM is done with the block for now: remembers its bytes. */
  seal(): void {
    this.sealed = this.bytes(this.buffers[0]);
  }

  /** Fields that somebody else has written since `seal`, in the order of the block. */
  tampered(): TamperedField[] {
    const now = this.bytes(this.buffers[1]);
    const fields: TamperedField[] = [];
    if (!this.sealed || sameBytes(now, this.sealed)) return fields;
    for (let offset = 0; offset < USED_BYTES; offset++) {
      if (now[offset] === this.sealed[offset]) continue;
      const field = fieldAt(offset);
      if (fields.at(-1)?.name !== field.name) fields.push({ name: field.name, address: this.block.address + field.offset });
    }
    return fields;
  }

  /** The copy, for a snapshot: what the VMM expects is part of its state. */
  saveSealed(): string {
    return Array.from(this.sealed ?? [], (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  loadSealed(hex: string): void {
    this.sealed = hex === '' ? null : fromHex(hex);
  }

  private bytes(into: Uint8Array): Uint8Array {
    return this.memory.peek(this.block.address, USED_BYTES, into);
  }
}

interface NamedField {
  name: string;
  /** bytes from the start of the block */
  offset: number;
}

/** Every field of a control block by its offset, ascending. */
const FIELDS: readonly NamedField[] = namedFields();

function namedFields(): NamedField[] {
  const fields: NamedField[] = Object.entries(HEADER_OFFSET).map(([name, offset]) => ({ name, offset }));
  const elementName = (name: string, index: number): string => {
    if (name === 'gpr') return Object.entries(REGISTER_INDEX).find(([, value]) => value === index)![0];
    if (name === 'segments') return Object.entries(SEGMENT_INDEX).find(([, value]) => value === index)![0];
    return name;
  };
  for (const [name, field] of Object.entries(STATE)) {
    const named = name === 'gpr' || name === 'segments';
    for (let index = 0; index < (named ? field.count : 1); index++)
      fields.push({
        name: elementName(name, index),
        offset: GUEST_STATE_OFFSET + field.offset + index * (name === 'segments' ? SEGMENT.size : field.stride),
      });
  }
  return fields.sort((a, b) => a.offset - b.offset);
}

function fieldAt(offset: number): NamedField {
  let found = FIELDS[0]!;
  for (const field of FIELDS) {
    if (field.offset > offset) break;
    found = field;
  }
  return found;
}
