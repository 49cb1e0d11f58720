/**
 * From a host-physical address to its bank and row, fast enough for every access. Bank and row are linear functions of the
 * bits of a DIMM's offset (every count is a power of two, and hashing is an XOR), so they are looked up byte by byte of the
 * offset, in tables made from the one mapping that the memory controller explains.
 */
import { PAGE_SIZE, dramAddress } from '../address';
import { rangeAt, type DramRange } from '../board/address-map';
import { wayAt, type Interleave } from '../board/interleave';
import { wiring, type SlotWiring } from '../board/memory-layout';
import { dimmPart, type DimmPart } from '../board/parts';
import type { Board } from '../board/schema';
import { DramMapping, type DimmCell } from '../memory/dram-mapping';

/** Offsets have fewer than 40 bits: five bytes. */
const OFFSET_BYTES = 5;

/** A DIMM in its slot, as the model counts it. */
export interface Module {
  /** its number among all modules */
  readonly index: number;
  readonly slotIndex: number;
  readonly slot: string;
  readonly part: DimmPart;
  readonly channel: number;
  /** number of its first bank among those of all modules; its own follow */
  readonly firstBank: number;
  readonly banks: number;
  readonly mapping: DramMapping;
  /** by byte of the offset and its value: bank within the module, and row */
  readonly bankOf: Int32Array;
  readonly rowOf: Int32Array;
}

/** Number of a cell's bank within its module: subchannel, rank, bank group, bank, most significant first. */
export const bankNumber = (
  { geometry }: DimmPart,
  { subchannel, rank, bankGroup, bank }: Omit<DimmCell, 'row' | 'column' | 'byte'>,
): number => ((subchannel * geometry.ranks + rank) * geometry.bankGroups + bankGroup) * geometry.banks + bank;

/** The inverse. */
export function bankAt({ geometry }: DimmPart, number: number): Pick<DimmCell, 'subchannel' | 'rank' | 'bankGroup' | 'bank'> {
  const { ranks, bankGroups, banks } = geometry;
  const group = Math.floor(number / banks);
  const rank = Math.floor(group / bankGroups);
  return { subchannel: Math.floor(rank / ranks), rank: rank % ranks, bankGroup: group % bankGroups, bank: number % banks };
}

const tables = new WeakMap<DimmPart, Map<string, Pick<Module, 'mapping' | 'bankOf' | 'rowOf'>>>();

function tablesOf(part: DimmPart, { order, rankInterleave, hash }: SlotWiring): Pick<Module, 'mapping' | 'bankOf' | 'rowOf'> {
  const key = `${order} ${rankInterleave ?? ''} ${hash}`;
  let known = tables.get(part);
  if (!known) tables.set(part, (known = new Map()));
  const present = known.get(key);
  if (present) return present;
  const mapping = new DramMapping(part.geometry, { order, rankInterleave, hash });
  const bankOf = new Int32Array(OFFSET_BYTES * 256);
  const rowOf = new Int32Array(OFFSET_BYTES * 256);
  for (let byte = 0; byte < OFFSET_BYTES; byte++) {
    for (let value = 1; value < 256; value++) {
      const offset = value * 2 ** (8 * byte);
      if (offset >= mapping.bytes) break;
      const cell = mapping.locate(dramAddress(offset));
      bankOf[byte * 256 + value] = bankNumber(part, cell);
      rowOf[byte * 256 + value] = cell.row;
    }
  }
  const made = { mapping, bankOf, rowOf };
  known.set(key, made);
  return made;
}

export class DramLocator {
  readonly modules: readonly Module[];
  readonly banks: number;
  /** results of `locate` */
  bank = 0;
  row = 0;
  module!: Module;

  private readonly bySlot: (Module | undefined)[] = [];
  /** the last that was asked for, and its module when there is one and no interleaving: most accesses stay there */
  private range: DramRange | undefined;
  private only: Module | undefined;
  private onlyFrom = 0;

  constructor(
    board: Board,
    private readonly dram: readonly DramRange[],
  ) {
    const wired = wiring(board);
    let firstBank = 0;
    const modules: Module[] = [];
    board.slots.forEach(({ id, dimm }, slotIndex) => {
      const part = dimm === null ? undefined : dimmPart(dimm);
      if (!part) return;
      const { subchannels, ranks, bankGroups, banks: each } = part.geometry;
      const banks = subchannels * ranks * bankGroups * each;
      const { channel } = wired[slotIndex]!;
      const module = { index: modules.length, slotIndex, slot: id, part, channel, firstBank, banks, ...tablesOf(part, wired[slotIndex]!) };
      modules.push(module);
      this.bySlot[slotIndex] = module;
      firstBank += banks;
    });
    this.modules = modules;
    this.banks = firstBank;
  }

  /** How many DIMMs answer at an address: 0 (no DRAM), 1, several in a conflict, or the lanes of a bank of SIMMs. */
  answers(address: number): number {
    let { range } = this;
    if (range === undefined || address < range.base || address >= range.end) {
      range = rangeAt(this.dram, address);
      if (range === undefined) return 0;
      this.range = range;
      const [first, ...others] = range.claims;
      this.only = first && others.length === 0 && first.interleave === undefined ? this.bySlot[first.slotIndex] : undefined;
      if (this.only) this.onlyFrom = range.base - first!.dimmOffset;
    }
    if (this.only !== undefined) return 1;
    const { claims } = range;
    const lanes = claims[0]?.interleave;
    return claims.length === 1 && lanes?.granularity === 1 ? lanes.ways.length : claims.length;
  }

  /** Sets `module`, `bank` (over all modules) and `row` for the DIMM number `answer` of those that `answers` counted last. */
  locate(address: number, answer: number): void {
    if (this.only !== undefined) return this.find(this.only, address - this.onlyFrom);
    const range = this.range!;
    const distance = address - range.base;
    const claim = range.claims[Math.min(answer, range.claims.length - 1)]!;
    const { interleave } = claim;
    if (interleave === undefined) return this.find(this.bySlot[claim.slotIndex]!, claim.dimmOffset + distance);
    // the lanes of a bank are read together: the first byte's row is open in all of them
    const from = interleave.granularity === 1 ? laneStart(interleave, distance) + answer : distance;
    const { way, dimmOffset } = wayAt(interleave, from);
    this.find(this.bySlot[way.slotIndex]!, dimmOffset);
  }

  /** Does one DIMM alone, whose own frames begin where those of the address space do, hold the whole frame of an address? Then `locate` finds it. */
  holdsFrame(address: number): boolean {
    const first = address - (address % PAGE_SIZE);
    if (this.answers(first) !== 1 || first + PAGE_SIZE > this.range!.end) return false;
    if (this.only !== undefined) return this.onlyFrom % PAGE_SIZE === 0;
    const { base, claims } = this.range!;
    const { interleave } = claims[0]!;
    if (interleave === undefined || [base, interleave.granularity, interleave.offset].some((bytes) => bytes % PAGE_SIZE !== 0))
      return false;
    return wayAt(interleave, first - base).dimmOffset % PAGE_SIZE === 0;
  }

  private find(module: Module, offset: number): void {
    this.module = module;
    const { bankOf, rowOf } = module;
    const low = offset >>> 0;
    const high = offset < 0x1_0000_0000 ? 1024 : 1024 + Math.floor(offset / 0x1_0000_0000);
    const a = low & 0xff;
    const b = 256 + ((low >>> 8) & 0xff);
    const c = 512 + ((low >>> 16) & 0xff);
    const d = 768 + (low >>> 24);
    this.bank = module.firstBank + (bankOf[a]! ^ bankOf[b]! ^ bankOf[c]! ^ bankOf[d]! ^ bankOf[high]!);
    this.row = rowOf[a]! ^ rowOf[b]! ^ rowOf[c]! ^ rowOf[d]! ^ rowOf[high]!;
  }
}

const laneStart = ({ ways, offset }: Interleave, distance: number): number => distance - ((offset + distance) % ways.length);
