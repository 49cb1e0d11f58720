/**
 * The processors of the parts catalogue. Pure data. Address lines: 8086 data sheet (20), 386 SX and 386 DX data sheets (24, 32;
 * the 386 DX's TLB has 32 entries in 4 ways), Pentium (32; data TLB 64 entries in 4 ways), P6 with PSE-36 and PAE (36; data TLB
 * 64 entries in 4 ways); a server part drives 46 (as the Xeon E5), and one all that
 * an entry of PAE or EPT can name (52, as the EPYC 9004). The
 * parts with virtualization have the second-level TLB of the first processors with unrestricted guests: shared by code and data,
 * 512 entries in 4 ways (SDM vol. 2, CPUID leaf 2, descriptor CAH). The model has one level, so their 64 entries in front are not there.
 */
import type { InstructionSet } from '../cpu/instruction-set';

export interface ProcessorPart {
  readonly id: string;
  readonly name: { readonly en: string; readonly 'zh-CN': string };
  readonly instructionSet: InstructionSet;
  /** data lines to memory */
  readonly dataBits: 16 | 32 | 64;
  /** width of a physical address: the processor drives this many address lines */
  readonly physicalAddressBits: number;
  readonly linearAddressBits: number;
  /** DX after RESET where it is not the instruction set's own: component and revision */
  readonly signature?: number;
  /** what it can do beyond its instruction set: `virtualization` is VMX with EPT, VPID and unrestricted guests */
  readonly features: readonly string[];
  /** one TLB for code and data, replaced first in, first out within a set; unused by a part without paging */
  readonly tlb: { readonly entries: number; readonly ways: number };
}

export const PROCESSORS: readonly ProcessorPart[] = [
  {
    id: 'p6-virtualization',
    name: { en: 'P6-class processor with virtualization', 'zh-CN': '支持虚拟化的 P6 级处理器' },
    instructionSet: 'p6',
    dataBits: 64,
    physicalAddressBits: 36,
    linearAddressBits: 32,
    features: ['virtualization'],
    tlb: { entries: 512, ways: 4 },
  },
  {
    id: 'p6-server',
    name: { en: 'P6-class server processor: 46 address lines', 'zh-CN': 'P6 级服务器处理器：46 根地址线' },
    instructionSet: 'p6',
    dataBits: 64,
    physicalAddressBits: 46,
    linearAddressBits: 32,
    features: ['virtualization'],
    tlb: { entries: 512, ways: 4 },
  },
  {
    id: 'p6-widest',
    name: { en: 'P6-class processor: 52 address lines', 'zh-CN': 'P6 级处理器：52 根地址线' },
    instructionSet: 'p6',
    dataBits: 64,
    physicalAddressBits: 52,
    linearAddressBits: 32,
    features: ['virtualization'],
    tlb: { entries: 512, ways: 4 },
  },
  {
    id: 'p6',
    name: { en: 'P6-class processor', 'zh-CN': 'P6 级处理器' },
    instructionSet: 'p6',
    dataBits: 64,
    physicalAddressBits: 36,
    linearAddressBits: 32,
    features: [],
    tlb: { entries: 64, ways: 4 },
  },
  {
    id: 'pentium',
    name: { en: 'Pentium', 'zh-CN': '奔腾（Pentium）' },
    instructionSet: 'pentium',
    dataBits: 64,
    physicalAddressBits: 32,
    linearAddressBits: 32,
    features: [],
    tlb: { entries: 64, ways: 4 },
  },
  {
    id: '386',
    name: { en: '80386', 'zh-CN': '80386' },
    instructionSet: '386',
    dataBits: 32,
    physicalAddressBits: 32,
    linearAddressBits: 32,
    features: [],
    tlb: { entries: 32, ways: 4 },
  },
  {
    id: '386sx',
    name: { en: '80386SX: 16 data lines, 24 address lines', 'zh-CN': '80386SX：16 根数据线，24 根地址线' },
    instructionSet: '386',
    dataBits: 16,
    physicalAddressBits: 24,
    linearAddressBits: 32,
    signature: 0x2308,
    features: [],
    tlb: { entries: 32, ways: 4 },
  },
  {
    id: '8086',
    name: { en: '8086: real mode only, 20 address lines', 'zh-CN': '8086：仅实模式，20 根地址线' },
    instructionSet: '8086',
    dataBits: 16,
    physicalAddressBits: 20,
    linearAddressBits: 20,
    features: [],
    tlb: { entries: 32, ways: 4 },
  },
];

/** What a TLB may have: the number of sets, entries / ways, must also be a power of two. */
export const TLB_LIMITS = { entries: 1024, ways: 64 } as const;

/** Entries and ways of a processor's TLB: the part's own, or what the board says. Not checked. */
export function tlbGeometry(
  part: Pick<ProcessorPart, 'tlb'>,
  wanted?: { entries: number; ways?: number | undefined },
): { entries: number; ways: number } {
  if (wanted === undefined) return part.tlb;
  return { entries: wanted.entries, ways: wanted.ways ?? Math.min(part.tlb.ways, wanted.entries) };
}

/** Can a TLB be built like this? */
export function validTlb({ entries, ways }: { entries: number; ways: number }): boolean {
  const sets = entries / ways;
  return (
    entries >= 1 && entries <= TLB_LIMITS.entries && ways >= 1 && ways <= TLB_LIMITS.ways && Number.isInteger(Math.log2(sets)) && sets >= 1
  );
}

const byId: ReadonlyMap<string, ProcessorPart> = new Map(PROCESSORS.map((part) => [part.id, part]));

/** The part, or undefined when the catalogue has none of that name. */
export const processorPart = (id: string): ProcessorPart | undefined => byId.get(id);
