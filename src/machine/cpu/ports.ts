/** I/O instructions: IOPL and the I/O permission bitmap (SDM vol. 1, 19.5), the exit in a guest, then the port. */
import type { MemoryAccess } from './access';
import { COMPLETION } from './control-block';
import type { ControlExits } from './control';
import type { CpuState } from './cpu-state';
import type { DebugRegisters } from './debug';
import type { PortSpace } from '../memory/physical-memory';
import type { OperandSize, SegmentIndex } from './runtime';
import { isWideSystem } from './segmentation';
import { failed } from './stack';
import { SEGMENT_INDEX } from './state-layout';
import { VECTOR } from './vectors';

export interface PortExits extends ControlExits {
  takeCompletion(kind: number, address: number, size: number): number;
}

const BITMAP_BASE = 0x66;

export class PortAccess {
  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly ports: PortSpace,
    private readonly exits: PortExits,
    private readonly debug: DebugRegisters,
  ) {}

  portIn(port: number, size: OperandSize): number {
    if (!this.allowed(port, size)) return 0;
    if (this.exits.guestRuns) {
      const value = this.exits.takeCompletion(COMPLETION.portIn, port, size);
      if (value >= 0) {
        this.debug.touchedPort(port, size);
        return value;
      }
      this.exits.leave('io-instruction', { qualification: qualification(port, size, true), access: { kind: 'read', size, value: 0 } });
      return 0;
    }
    this.debug.touchedPort(port, size);
    const value = this.ports.readPort(port, size);
    this.access.afterDevice();
    return value;
  }

  portOut(port: number, size: OperandSize, value: number): void {
    if (!this.allowed(port, size)) return;
    const masked = size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
    if (this.exits.guestRuns) {
      if (this.exits.takeCompletion(COMPLETION.portOut, port, size) >= 0) return this.debug.touchedPort(port, size);
      this.exits.leave('io-instruction', {
        qualification: qualification(port, size, false),
        access: { kind: 'write', size, value: masked },
      });
      return;
    }
    this.debug.touchedPort(port, size);
    this.ports.writePort(port, size, masked);
    this.access.afterDevice();
  }

  /** One element of INS, to ES:offset. */
  inString(port: number, size: OperandSize, offset: number): void {
    const { state, access } = this;
    if (!access.prepareStore(SEGMENT_INDEX.ES, offset, size)) return;
    const value = this.portIn(port, size);
    if (!failed(state)) access.store(SEGMENT_INDEX.ES, offset, size, value);
  }

  /** One element of OUTS. */
  outString(port: number, size: OperandSize, segment: SegmentIndex, offset: number): void {
    const value = this.access.load(segment, offset, size);
    if (!failed(this.state)) this.portOut(port, size, value);
  }

  /** IOPL, or the I/O bitmap (SDM vol. 1, 19.5). Raises #GP(0) when neither allows it. */
  allowed(port: number, size: number): boolean {
    const { state, access } = this;
    if (!state.protectedMode || (!state.virtual8086 && state.cpl <= state.iopl)) return true;
    const tr = SEGMENT_INDEX.TR;
    const limit = state.segmentLimit(tr);
    const deny = (): false => state.raise(VECTOR.generalProtection, 0);
    if (!isWideSystem(state.segmentAttributes(tr)) || limit < BITMAP_BASE + 1) return deny();
    const base = state.segmentBase(tr);
    const bitmap = access.loadSystem((base + BITMAP_BASE) >>> 0, 2);
    if (failed(state)) return false;
    const at = bitmap + (port >>> 3);
    if (at + 1 > limit) return deny();
    const bits = access.loadSystem((base + at) >>> 0, 2);
    if (failed(state)) return false;
    return ((bits >>> (port & 7)) & ((1 << size) - 1)) === 0 || deny();
  }
}

/** Exit qualification of an I/O instruction (SDM vol. 3, table 28-5); string forms are executed one access at a time. */
function qualification(port: number, size: number, input: boolean): bigint {
  return BigInt(((port & 0xffff) * 0x1_0000 + ((size - 1) | (input ? 8 : 0))) >>> 0);
}

/** The fields of an I/O exit's qualification. */
export function decodeIoQualification(value: bigint): { port: number; size: 1 | 2 | 4; input: boolean } {
  const bits = Number(value & 0xffff_ffffn);
  const size = (bits & 7) + 1;
  return { port: bits >>> 16, size: size === 1 || size === 2 ? size : 4, input: (bits & 8) !== 0 };
}
