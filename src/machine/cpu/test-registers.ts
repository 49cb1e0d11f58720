/**
 * TR6 and TR7 of the 80386: a program's way to write the TLB's entries and to look them up (80386 programmer's reference manual,
 * 10.6). TR6 is the command: linear page, valid, dirty, user and writable with their complements, and whether to write or to look up. TR7
 * is the data: physical page, hit, and the way. They reach the same TLB that translations use; REP has two bits, so the first four ways.
 */
import type { CpuState } from './cpu-state';
import { STATE } from './state-layout';
import type { Tlb } from './tlb';
import { TLB_FLAG } from './tlb-entry';

/** Bits of TR6. Each attribute has a pair: the bit itself, and one below it that says the opposite. */
const COMMAND = { lookUp: 1, writable: 1 << 6, user: 1 << 8, dirty: 1 << 10, valid: 1 << 11, kept: 0xffff_ffe1 } as const;
/** Bits of TR7. */
const DATA = { way: 2, wayMask: 3, hit: 1 << 4, kept: 0xffff_f01c } as const;
const ATTRIBUTES = [
  [COMMAND.writable, TLB_FLAG.writable],
  [COMMAND.user, TLB_FLAG.user],
  [COMMAND.dirty, TLB_FLAG.dirty],
] as const;
/** what the 80386 has no bits for is allowed */
const REST = TLB_FLAG.eptRead | TLB_FLAG.eptWrite | TLB_FLAG.eptExecute;
const WORD = STATE.testRegisters.offset >> 2;

export class TestRegisters {
  constructor(
    private readonly state: CpuState,
    private readonly tlb: Tlb,
  ) {}

  /** `index` is 6 or 7. */
  read(index: number): number {
    return this.state.u32[WORD + index - 6]!;
  }

  /** A write of TR6 carries out what it says, with TR7 as the data. */
  write(index: number, value: number): void {
    this.state.u32[WORD + index - 6] = value & (index === 6 ? COMMAND.kept : DATA.kept);
    if (index !== 6) return;
    if (value & COMMAND.lookUp) this.lookUp(value);
    else this.store(value);
  }

  /** Attributes whose pair says neither 0 nor 1 are undefined; here they become what the bit itself says. */
  private store(command: number): void {
    const data = this.read(7);
    const flags = ATTRIBUTES.reduce((all, [bit, flag]) => (command & bit ? all | flag : all), REST as number);
    const way = data & DATA.hit ? (data >> DATA.way) & DATA.wayMask : -1;
    this.tlb.writeWay(command >>> 12, way, (command & COMMAND.valid) !== 0, flags, data >>> 12);
  }

  private lookUp(command: number): void {
    // 01 matches 0, 10 matches 1, 11 both, 00 neither
    const matches = (flags: number): boolean => ATTRIBUTES.every(([bit, flag]) => (command & (flags & flag ? bit : bit >> 1)) !== 0);
    const found = this.tlb.findWay(command >>> 12, matches);
    const data = found ? ((found.frame << 12) | ((found.way & DATA.wayMask) << DATA.way) | DATA.hit) >>> 0 : this.read(7) & ~DATA.hit;
    this.state.u32[WORD + 1] = data;
  }
}
