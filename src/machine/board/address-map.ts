/**
 * The physical address map of a board: who answers at each host-physical address. Ranges ascend and cover everything from 0
 * to the end of the address lines exactly once: DRAM, conflicts (several DIMMs at one address), device registers, reserved
 * windows, and holes where nobody answers.
 */
import { formatAddress } from '../address';
import { distanceOf, type Interleave } from './interleave';
import { addressBits, lowMemoryEnd, placements, type Placement } from './placement';
import type { Board } from './schema';
import type { Text } from './parts';
import { IO_APIC_ID, IOMMU_ID, LOCAL_APIC_ID, deviceWindows, type MmioWindow } from './windows';

/** A DIMM that answers in a range, and the byte of it that answers at the range's base; or several DIMMs that take turns. */
export interface Claim {
  slot: string;
  slotIndex: number;
  dimmOffset: number;
  /** the DIMMs that take turns; `slot` is the first of them, and `dimmOffset` says nothing */
  interleave?: Interleave;
}

/** DRAM without regard to devices: disjoint, ascending; more than one claim is a conflict. */
export interface DramRange {
  base: number;
  /** first address behind */
  end: number;
  claims: Claim[];
}

export type RangeKind = 'dram' | 'hole' | 'mmio' | 'reserved' | 'conflict';

export interface AddressRange {
  base: number;
  /** first address behind */
  end: number;
  kind: RangeKind;
  claims: Claim[];
  /** slots that answer here; under `mmio`, those that would if the device did not */
  slots: string[];
  /** `mmio`: whose registers, and where their window begins (before `base` when something else hides its start) */
  device?: string;
  region?: string;
  windowBase?: number;
  /** memory whose turn it was under the devices' window, which begins here: it was moved above 4 GiB */
  movedFrom?: number;
  text: Text;
}

export interface AddressMap {
  physicalAddressBits: number;
  ranges: AddressRange[];
  placements: Placement[];
  dram: DramRange[];
  windows: MmioWindow[];
}

/**
 * At most this many DIMMs are followed at one address; a board with more at one place is beyond any electrical sense, and
 * the rest are left out.
 */
const MOST_CLAIMS = 8;

/** Slots that answer, each once. */
export const slotsOf = (claims: readonly Claim[]): string[] =>
  claims.some(({ interleave }) => interleave !== undefined)
    ? [...new Set(claims.flatMap(({ slot, interleave }) => interleave?.ways.map((way) => way.slot) ?? [slot]))]
    : claims.map(({ slot }) => slot);

/** The claim as it is `bytes` further on. */
const moved = (claim: Claim, bytes: number): Claim =>
  claim.interleave
    ? { ...claim, interleave: { ...claim.interleave, offset: claim.interleave.offset + bytes } }
    : { slot: claim.slot, slotIndex: claim.slotIndex, dimmOffset: claim.dimmOffset + bytes };

/** Does `later` go on, `bytes` further, where `earlier` is? */
const goesOn = (earlier: Claim, later: Claim, bytes: number): boolean =>
  earlier.interleave || later.interleave
    ? earlier.interleave?.ways === later.interleave?.ways && earlier.interleave!.offset + bytes === later.interleave!.offset
    : earlier.dimmOffset + bytes === later.dimmOffset;

/** Where in a range of `bytes` bytes a DIMM's byte lies; undefined when it does not. */
export function distanceIn(claim: Claim, slotIndex: number, dimmOffset: number, bytes: number): number | undefined {
  const distance = claim.interleave
    ? distanceOf(claim.interleave, slotIndex, dimmOffset)
    : claim.slotIndex === slotIndex
      ? dimmOffset - claim.dimmOffset
      : undefined;
  return distance !== undefined && distance >= 0 && distance < bytes ? distance : undefined;
}

export function addressMap(board: Board): AddressMap {
  const physicalAddressBits = addressBits(board);
  const limit = 2 ** physicalAddressBits;
  const placed = placements(board);
  const dram = dramRanges(placed, limit);
  const { windows, pciWindow } = deviceWindows(board);
  const reachable = windows.filter(({ end }) => end <= limit).sort((a, b) => a.base - b.base);
  const kept = board.assignment === 'automatic' && board.memoryHole ? { base: lowMemoryEnd(board), end: 2 ** 32 } : pciWindow;
  const reserved = kept && kept.base < kept.end && kept.end <= limit ? kept : undefined;
  const ranges = composeRanges(dram, reachable, reserved, limit);
  if (board.assignment === 'automatic') markMoved(ranges, lowMemoryEnd(board));
  return { physicalAddressBits, ranges, placements: placed, dram, windows: reachable };
}

/** The memory above 4 GiB that goes on where the memory below the devices' window ended. */
function markMoved(ranges: AddressRange[], lowEnd: number): void {
  const low = ranges.find(({ kind, end }) => kind === 'dram' && end === lowEnd);
  const high = ranges.find(({ kind, base }) => kind === 'dram' && base === 2 ** 32);
  if (!low || !high || lowEnd === 2 ** 32 || !goesOn(low.claims[0]!, high.claims[0]!, low.end - low.base)) return;
  high.movedFrom = lowEnd;
  high.text = {
    en: `${high.text.en}; moved up from ${formatAddress(lowEnd)}, where the devices have their window`,
    'zh-CN': `${high.text['zh-CN']}；原应从 ${formatAddress(lowEnd)} 开始，因该处是设备窗口而移到高处`,
  };
}

/** Sweeps over the placements: disjoint ranges with everyone who claims them, cut off at `limit`. */
export function dramRanges(placed: readonly Placement[], limit: number): DramRange[] {
  const inside = placed.filter(({ base, end }) => base < limit && end > base);
  const starts = [...inside].sort((a, b) => a.base - b.base || a.slotIndex - b.slotIndex);
  const bounds = [...new Set(inside.flatMap(({ base, end }) => [base, Math.min(end, limit)]))].sort((a, b) => a - b);
  const active = new Set<Placement>();
  const ends = [...inside].sort((a, b) => a.end - b.end);
  const ranges: DramRange[] = [];
  let started = 0;
  let ended = 0;
  for (let index = 0; index + 1 < bounds.length; index++) {
    const base = bounds[index]!;
    for (; started < starts.length && starts[started]!.base <= base; started++) active.add(starts[started]!);
    for (; ended < ends.length && ends[ended]!.end <= base; ended++) active.delete(ends[ended]!);
    if (active.size === 0) continue;
    const claims: Claim[] = [];
    for (const { slot, slotIndex, dimmOffset, interleave, base: from } of active) {
      claims.push(
        interleave
          ? moved({ slot, slotIndex, dimmOffset, interleave }, base - from)
          : { slot, slotIndex, dimmOffset: dimmOffset + (base - from) },
      );
      if (claims.length === MOST_CLAIMS) break;
    }
    ranges.push({ base, end: bounds[index + 1]!, claims });
  }
  return ranges;
}

/** Lays windows over DRAM, both ascending and each disjoint, and fills the rest: everything from 0 to `limit` exactly once. */
export function composeRanges(
  dram: readonly DramRange[],
  windows: readonly MmioWindow[],
  reserved: { base: number; end: number } | undefined,
  limit: number,
): AddressRange[] {
  const bounds = new Set([0, limit]);
  for (const { base, end } of [...dram, ...windows, ...(reserved ? [reserved] : [])]) bounds.add(base).add(end);
  const sorted = [...bounds].sort((a, b) => a - b);
  const ranges: AddressRange[] = [];
  let nextDram = 0;
  let nextWindow = 0;
  for (let index = 0; index + 1 < sorted.length; index++) {
    const base = sorted[index]!;
    const end = sorted[index + 1]!;
    while (nextDram < dram.length && dram[nextDram]!.end <= base) nextDram++;
    while (nextWindow < windows.length && windows[nextWindow]!.end <= base) nextWindow++;
    const below = dram[nextDram]?.base !== undefined && dram[nextDram]!.base <= base ? dram[nextDram] : undefined;
    const window = windows[nextWindow] && windows[nextWindow]!.base <= base ? windows[nextWindow] : undefined;
    const kept = reserved !== undefined && base >= reserved.base && base < reserved.end;
    push(ranges, describe(base, end, below, window, kept));
  }
  return ranges;
}

/** Joins a range to the one before where only a bound of something hidden lies between them. */
function push(ranges: AddressRange[], range: AddressRange): void {
  const last = ranges.at(-1);
  const joins =
    last !== undefined &&
    last.kind === range.kind &&
    last.device === range.device &&
    last.region === range.region &&
    last.windowBase === range.windowBase &&
    last.claims.length === range.claims.length &&
    last.slots.length === range.slots.length &&
    last.slots.every((slot, index) => slot === range.slots[index]) &&
    last.claims.every((claim, index) => goesOn(claim, range.claims[index]!, range.base - last.base));
  if (joins) last.end = range.end;
  else ranges.push(range);
}

/** Registers of what is built into a board. */
const BUILT_IN_WINDOWS: Readonly<Record<string, Text>> = {
  [IOMMU_ID]: { en: 'IOMMU registers', 'zh-CN': 'IOMMU 寄存器' },
  [IO_APIC_ID]: { en: 'IOAPIC registers', 'zh-CN': 'IOAPIC 寄存器' },
  [LOCAL_APIC_ID]: { en: "The processor's local APIC", 'zh-CN': '处理器的本地 APIC' },
};

/** A window of the first megabyte, and whose DRAM it hides. */
function legacyText({ device, region }: MmioWindow, slots: readonly string[]): Text | undefined {
  const what = region === 'frame' ? { en: 'VGA memory', zh: 'VGA 显存' } : region === 'rom' ? { en: 'ROM', zh: 'ROM' } : undefined;
  if (!what) return undefined;
  const hides = slots.length > 0;
  return {
    en: `${device}: ${what.en}${hides ? `; hides the DRAM of ${slots.join(', ')} under it` : ''}`,
    'zh-CN': `${device}：${what.zh}${hides ? `；遮住其下 ${slots.join('、')} 的内存` : ''}`,
  };
}

function describe(base: number, end: number, dram: DramRange | undefined, window: MmioWindow | undefined, reserved: boolean): AddressRange {
  const slots = dram ? slotsOf(dram.claims) : [];
  if (window) {
    const { device, region } = window;
    const text = BUILT_IN_WINDOWS[device] ??
      legacyText(window, slots) ?? {
        en: `${device}: registers (${region.toUpperCase()})`,
        'zh-CN': `${device}：寄存器（${region.toUpperCase()}）`,
      };
    return { base, end, kind: 'mmio', claims: [], slots, device, region, windowBase: window.base, text };
  }
  if (dram) {
    const shift = base - dram.base;
    const claims = shift === 0 ? dram.claims : dram.claims.map((claim) => moved(claim, shift));
    const names = slots.join(', ');
    return claims.length === 1
      ? { base, end, kind: 'dram', claims, slots, text: dramText(claims[0]!, slots) }
      : {
          base,
          end,
          kind: 'conflict',
          claims,
          slots,
          text: { en: `Conflict: ${names} all answer`, 'zh-CN': `冲突：${slots.join('、')} 同时应答` },
        };
  }
  if (reserved) {
    return {
      base,
      end,
      kind: 'reserved',
      claims: [],
      slots,
      text: { en: 'Kept for device registers (PCI)', 'zh-CN': '留给设备寄存器（PCI）' },
    };
  }
  return { base, end, kind: 'hole', claims: [], slots, text: { en: 'Nobody answers', 'zh-CN': '无人应答' } };
}

function dramText({ interleave }: Claim, slots: readonly string[]): Text {
  if (!interleave) return { en: `DIMM in ${slots.join(', ')}`, 'zh-CN': `${slots.join('、')} 插槽的内存条` };
  const { granularity, ways } = interleave;
  const block =
    granularity === 1 ? { en: 'byte by byte', 'zh-CN': '逐字节' } : { en: `every ${granularity} bytes`, 'zh-CN': `每 ${granularity} 字节` };
  return {
    en: `${ways.length} DIMMs in turn, ${block.en}: ${slots.join(', ')}`,
    'zh-CN': `${ways.length} 根内存条${block['zh-CN']}轮流：${slots.join('、')}`,
  };
}

/** The range that holds an address, or undefined beyond the address lines. Binary search. */
export function rangeAt<R extends { base: number; end: number }>(ranges: readonly R[], address: number): R | undefined {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (address < range.base) high = middle - 1;
    else if (address >= range.end) low = middle + 1;
    else return range;
  }
  return undefined;
}

/** `0x0000_0000 – 0x0FFF_FFFF`, last byte included, for people. */
export const formatRange = ({ base, end }: { base: number; end: number }): string => `${formatAddress(base)} – ${formatAddress(end - 1)}`;
