/**
 * What a VM entry checks before it believes a control block (SDM vol. 3, 27.2 and 27.3.1). The block lies in DRAM, where a
 * bug or an attack may have changed any byte of it, so every field that the processor relies on is looked at.
 */
import { CONTROL, CONTROL_BLOCK_REVISION, CONTROL_MASK, COMPLETION, EVENT_TYPE, MAX_COMPLETIONS } from './control-block';
import type { EntryFields } from './control-block';
import { validCr0, validCr4, validEfer } from './control-values';
import type { CpuState } from './cpu-state';
import { EPT_POINTER_ACCESSED_DIRTY } from './ept';
import { FLAG } from './flags';
import { ATTRIBUTE, VIRTUAL_8086_ATTRIBUTES } from './segmentation';
import { ACTIVITY, SEGMENT_INDEX, STATE } from './state-layout';
import type { FieldName, SegmentName } from './state-layout';

export interface EntryProblem {
  en: string;
  'zh-CN': string;
}

const hex = (value: number | bigint): string => '0x' + value.toString(16);
const RFLAGS_RESERVED = ~0x003f_7fd7;
const ATTRIBUTES_RESERVED = ~0x1_f0ff;

function wrong(what: string, value: number | bigint, expected: string, expectedZh: string): EntryProblem {
  return {
    en: `the control block's ${what} is ${hex(value)}: expected ${expected}`,
    'zh-CN': `控制块的 ${what} 为 ${hex(value)}：应为${expectedZh}`,
  };
}

/** The header. Undefined when it is valid. */
export function checkHeader(header: EntryFields, physicalAddressBits: number): EntryProblem | undefined {
  const { revision, controls, vpid } = header;
  if (revision !== CONTROL_BLOCK_REVISION) {
    return wrong(
      'revision',
      revision,
      `the processor's own, ${hex(CONTROL_BLOCK_REVISION)}`,
      `处理器自己的版本 ${hex(CONTROL_BLOCK_REVISION)}`,
    );
  }
  if (controls & ~CONTROL_MASK) return wrong('controls', controls, 'no undefined bit', '不含未定义的位');
  if (vpid < 1 || vpid > 0xffff) return wrong('VPID', vpid, '1 to 0xffff', ' 1 到 0xffff');
  if (controls & CONTROL.ept) {
    const pointer = header.eptPointer;
    const flags = Number(pointer & 0xfffn) & ~EPT_POINTER_ACCESSED_DIRTY;
    if ((flags !== 0x1e && flags !== 0x18) || pointer >> BigInt(physicalAddressBits) !== 0n) {
      return wrong(
        'EPT pointer',
        pointer,
        'a table address with write-back or uncached memory type and four levels',
        '内存类型为回写或不可缓存、四级的表地址',
      );
    }
  }
  return checkInjection(header.interruption);
}

function checkInjection(information: number): EntryProblem | undefined {
  if (information >>> 31 === 0) return undefined;
  const type = (information >>> 8) & 7;
  const known = (Object.values(EVENT_TYPE) as number[]).includes(type);
  const hardware = type === EVENT_TYPE.hardwareException;
  if (!known || information & 0x7fff_f000 || (information & 0x800 && !hardware) || (hardware && (information & 0xff) > 31)) {
    return wrong('event to inject', information, 'a vector and a type that can be injected', '可以注入的向量和类型');
  }
  return undefined;
}

const low = (state: CpuState, field: FieldName, index = 0): number => state.u32[(STATE[field].offset + index * STATE[field].stride) >> 2]!;
/** Word indexes of fields' upper halves. */
const upper = (field: FieldName): number => (STATE[field].offset >> 2) + 1;
const HIGH = {
  cr0: upper('cr0'),
  cr3: upper('cr3'),
  cr4: upper('cr4'),
  efer: upper('efer'),
  rip: upper('rip'),
  rflags: upper('rflags'),
  gdtrBase: upper('gdtrBase'),
  idtrBase: upper('idtrBase'),
} as const;
const high = (state: CpuState, field: keyof typeof HIGH): number => state.u32[HIGH[field]]!;

/** The guest's registers, as a state loaded from the block. Undefined when they are ones the processor could be in. */
export function checkGuestState(state: CpuState, physicalAddressBits: number): EntryProblem | undefined {
  const cr0 = state.cr0;
  if (high(state, 'cr0') !== 0 || !validCr0(cr0)) return wrong('CR0', cr0, 'PG only with PE, NW only with CD', ' PG 须有 PE，NW 须有 CD');
  if (high(state, 'cr4') !== 0 || !validCr4(state.cr4))
    return wrong('CR4', state.cr4, 'only bits that this processor has', '只含此处理器具有的位');
  if (high(state, 'efer') !== 0 || !validEfer(low(state, 'efer'))) return wrong('EFER', low(state, 'efer'), 'only NXE', '只含 NXE');
  const cr3High = high(state, 'cr3');
  if (cr3High !== 0)
    return wrong('CR3', state.u64[STATE.cr3.offset >> 3]!, `an address of ${physicalAddressBits} bits`, ` ${physicalAddressBits} 位地址`);
  if (high(state, 'rip') !== 0) return wrong('RIP', state.u64[STATE.rip.offset >> 3]!, 'at most 32 bits', '不超过 32 位');
  const flags = low(state, 'rflags');
  if (high(state, 'rflags') !== 0 || flags & RFLAGS_RESERVED || !(flags & 2)) {
    return wrong('RFLAGS', state.u64[STATE.rflags.offset >> 3]!, 'bit 1 set and reserved bits clear', '第 1 位为 1、保留位为 0');
  }
  if (flags & FLAG.VM && !(cr0 & 1)) return wrong('RFLAGS', flags, 'VM only in protected mode', '仅保护模式下可有 VM');
  if (high(state, 'gdtrBase') !== 0 || state.gdtrLimit > 0xffff) return wrongTable('GDTR', state.gdtrLimit);
  if (high(state, 'idtrBase') !== 0 || state.idtrLimit > 0xffff) return wrongTable('IDTR', state.idtrLimit);
  const activity = state.activity;
  if (activity !== ACTIVITY.running && activity !== ACTIVITY.halted)
    return wrong('activity state', activity, 'running or halted', '运行或停机');
  return (
    checkCounter('instructions', state.instructions) ??
    checkCounter('ticks', state.ticks) ??
    checkCompletions(state) ??
    checkSegments(state, (flags & FLAG.VM) !== 0)
  );
}

const wrongTable = (register: string, limit: number): EntryProblem =>
  wrong(register, limit, 'a 32-bit base and a 16-bit limit', ' 32 位基址与 16 位界限');

function checkCounter(counter: string, value: number): EntryProblem | undefined {
  if (Number.isSafeInteger(value) && value >= 0) return undefined;
  return {
    en: `the control block's counter ${counter} is not a count: ${value}`,
    'zh-CN': `控制块的计数器 ${counter} 不是计数值：${value}`,
  };
}

function checkCompletions(state: CpuState): EntryProblem | undefined {
  const count = low(state, 'completionCount');
  if (count > MAX_COMPLETIONS) return wrong('number of completions', count, `at most ${MAX_COMPLETIONS}`, `最多 ${MAX_COMPLETIONS} 个`);
  for (let index = 0; index < count; index++) {
    const kind = low(state, 'completionKind', index);
    if (kind < COMPLETION.portIn || kind > COMPLETION.memoryWrite) return wrong('kind of completion', kind, '1 to 4', ' 1 到 4');
  }
  return undefined;
}

function checkSegments(state: CpuState, virtual8086: boolean): EntryProblem | undefined {
  for (let index = 0; index < SEGMENT_NAMES.length; index++) {
    if (!virtual8086 && index < SEGMENT_INDEX.LDTR && isFlat(state, index)) continue;
    const problem = checkSegment(state, index, virtual8086);
    if (problem) return problem;
  }
  const code = state.segmentAttributes(SEGMENT_INDEX.CS);
  const stackDpl = (state.segmentAttributes(SEGMENT_INDEX.SS) >> 5) & 3;
  const codeDpl = (code >> 5) & 3;
  const conforming = (code & 0x1c) === 0x1c;
  if (!virtual8086 && (conforming ? codeDpl > stackDpl : codeDpl !== stackDpl)) {
    return wrong('CS privilege', codeDpl, `that of SS, ${stackDpl}`, `与 SS 相同的 ${stackDpl}`);
  }
  return undefined;
}

/** In the order of SEGMENT_INDEX. */
const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'] as const satisfies readonly SegmentName[];
/** Word index of the upper half of a segment's base. */
const baseHighOf = (index: number): number => ((STATE.segments.offset + index * STATE.segments.stride) >> 2) + 5;
/** Attributes but for DPL, default size and AVL: present and accessed, in pages; writable data, or readable code. */
const FLAT_MASK = ~(0x60 | ATTRIBUTE.available | ATTRIBUTE.big);
const FLAT_DATA = ATTRIBUTE.granularity | 0x93;
const FLAT_CODE = ATTRIBUTE.granularity | 0x9b;

/** One of what nearly every segment is: nothing has to be looked at but that. */
function isFlat(state: CpuState, index: number): boolean {
  const attributes = state.segmentAttributes(index) & FLAT_MASK;
  const expected = index === SEGMENT_INDEX.CS ? FLAT_CODE : FLAT_DATA;
  return attributes === expected && state.segmentLimit(index) === 0xffff_ffff && state.u32[baseHighOf(index)] === 0;
}

function checkSegment(state: CpuState, index: number, virtual8086: boolean): EntryProblem | undefined {
  const name = SEGMENT_NAMES[index]!;
  const attributes = state.segmentAttributes(index);
  const limit = state.segmentLimit(index);
  const baseHigh = state.u32[baseHighOf(index)]!;
  if (baseHigh !== 0) return wrong(`${name} base`, BigInt(baseHigh) << 32n, 'at most 32 bits', '不超过 32 位');
  if (attributes & ATTRIBUTES_RESERVED) return wrong(`${name} attributes`, attributes, 'reserved bits clear', '保留位为 0');
  const user = name !== 'LDTR' && name !== 'TR';
  if (virtual8086 && user) {
    if (attributes !== VIRTUAL_8086_ATTRIBUTES || limit !== 0xffff || state.segmentBase(index) !== state.selector(index) * 16) {
      return wrong(`${name} attributes`, attributes, 'those of virtual-8086 mode', '虚拟 8086 模式的值');
    }
    return undefined;
  }
  if (attributes & ATTRIBUTE.unusable) {
    return name === 'CS' || name === 'TR' ? wrong(`${name} attributes`, attributes, 'a usable segment', '可用的段') : undefined;
  }
  const pages = (attributes & ATTRIBUTE.granularity) !== 0;
  if (pages ? (limit & 0xfff) !== 0xfff : limit > 0xf_ffff) {
    return wrong(`${name} limit`, limit, 'one that its granularity can say', '与其粒度相符的界限');
  }
  const type = attributes & 0x1f;
  const present = (attributes & ATTRIBUTE.present) !== 0;
  const valid =
    name === 'TR' ? type === 3 || type === 11
    : name === 'LDTR' ? type === 2
    : name === 'CS' ? (type & 0x19) === 0x19 || type === 0x13
    : name === 'SS' ? (type & 0x1b) === 0x13
    : (type & 0x11) === 0x11 && ((type & 8) === 0 || (type & 2) !== 0); // prettier-ignore
  return valid && present
    ? undefined
    : wrong(`${name} attributes`, attributes, `a present segment of a type that ${name} can hold`, `${name} 可容纳的、存在的段类型`);
}
