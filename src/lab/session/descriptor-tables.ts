/**
 * GDT, LDT, IDT (in real mode: the vector table) and TSS as they lie in memory now, decoded (SDM vol. 3, 3.4.5, 6.11, 8.2; 20.1.4 for
 * real mode). Reading observes nothing. What the processor uses until it reloads is in the registers view: the hidden parts.
 */
import type { CpuState } from '../../machine/cpu/cpu-state';
import {
  ATTRIBUTE,
  SYSTEM_TYPE,
  decodeGate,
  decodeSegment,
  descriptorDpl,
  descriptorType,
  isCode,
  isCodeOrData,
  isPresent,
  attributesOf,
} from '../../machine/cpu/segmentation';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { DescriptorKind, DescriptorTableView, DescriptorView, TablesView, TssView } from '../protocol';

/** Bytes at a linear address; `present[i]` is 0 where nothing is mapped. */
export type ReadLinear = (linear: number, length: number) => { bytes: Uint8Array; present: Uint8Array };

/** Descriptors listed of one table; how many more there are is said. */
const MOST_LISTED = 256;
const MAX_GDT_BYTES = 65_536;

const SYSTEM_KINDS: Readonly<Record<number, DescriptorKind>> = {
  [SYSTEM_TYPE.availableTss16]: 'tss-16',
  [SYSTEM_TYPE.busyTss16]: 'tss-16-busy',
  [SYSTEM_TYPE.ldt]: 'ldt',
  [SYSTEM_TYPE.callGate16]: 'call-gate-16',
  [SYSTEM_TYPE.taskGate]: 'task-gate',
  [SYSTEM_TYPE.interruptGate16]: 'interrupt-gate-16',
  [SYSTEM_TYPE.trapGate16]: 'trap-gate-16',
  [SYSTEM_TYPE.availableTss32]: 'tss-32',
  [SYSTEM_TYPE.busyTss32]: 'tss-32-busy',
  [SYSTEM_TYPE.callGate32]: 'call-gate-32',
  [SYSTEM_TYPE.interruptGate32]: 'interrupt-gate-32',
  [SYSTEM_TYPE.trapGate32]: 'trap-gate-32',
};
const GATES: ReadonlySet<DescriptorKind> = new Set([
  'call-gate-16',
  'call-gate-32',
  'task-gate',
  'interrupt-gate-16',
  'interrupt-gate-32',
  'trap-gate-16',
  'trap-gate-32',
]);

const kindOf = (attributes: number): DescriptorKind =>
  isCodeOrData(attributes) ? (isCode(attributes) ? 'code' : 'data') : (SYSTEM_KINDS[descriptorType(attributes)] ?? 'reserved');

/** One descriptor from its eight bytes. */
function descriptorView(index: number, linear: number, bytes: Uint8Array): DescriptorView {
  const words = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const [low, high] = [words.getUint32(0, true), words.getUint32(4, true)];
  const attributes = attributesOf(high);
  const kind = kindOf(attributes);
  const common = {
    index,
    linear: BigInt(linear),
    bytes: bytes.slice(),
    kind,
    dpl: descriptorDpl(attributes),
    present: isPresent(attributes),
  };
  if (GATES.has(kind)) {
    const { selector, offset, parameters } = decodeGate(low, high);
    return { ...common, gate: { selector, offset, parameters: kind.startsWith('call-gate') ? parameters : null } };
  }
  if (kind === 'reserved') return common;
  const { base, limit } = decodeSegment(low, high);
  return { ...common, segment: { base: BigInt(base), limit, attributes } };
}

/** The entries of a table that are not all zero (index 0 of the GDT is null by definition, and listed when something is there). */
function table(read: ReadLinear, base: number, limit: number, entryBytes: number, decode: typeof descriptorView): DescriptorTableView {
  const count = Math.floor((Math.min(limit, MAX_GDT_BYTES - 1) + 1) / entryBytes);
  const { bytes, present } = read(base, count * entryBytes);
  const view: DescriptorTableView = { base: BigInt(base), limit, entries: [], unlisted: 0, unreadable: 0 };
  for (let index = 0; index < count; index++) {
    const from = index * entryBytes;
    const entry = bytes.subarray(from, from + entryBytes);
    if (present.subarray(from, from + entryBytes).includes(0)) view.unreadable++;
    else if (entry.some((byte) => byte !== 0)) {
      if (view.entries.length < MOST_LISTED) view.entries.push(decode(index, (base + from) >>> 0, entry));
      else view.unlisted++;
    }
  }
  return view;
}

/** Real mode: four bytes a vector, offset and segment. */
function vectorView(index: number, linear: number, bytes: Uint8Array): DescriptorView {
  const words = new DataView(bytes.buffer, bytes.byteOffset, 4);
  const gate = { offset: words.getUint16(0, true), selector: words.getUint16(2, true), parameters: null };
  return { index, linear: BigInt(linear), bytes: bytes.slice(), kind: 'real-vector', dpl: 0, present: true, gate };
}

/** Fields of a TSS by offset (SDM vol. 3, figures 8-2 and 8-7). */
const TSS_32: readonly (readonly [string, number, 2 | 4])[] = [
  ['link', 0, 2], ['ESP0', 4, 4], ['SS0', 8, 2], ['ESP1', 12, 4], ['SS1', 16, 2], ['ESP2', 20, 4], ['SS2', 24, 2], ['CR3', 28, 4],
  ['EIP', 32, 4], ['EFLAGS', 36, 4], ['EAX', 40, 4], ['ECX', 44, 4], ['EDX', 48, 4], ['EBX', 52, 4], ['ESP', 56, 4], ['EBP', 60, 4],
  ['ESI', 64, 4], ['EDI', 68, 4], ['ES', 72, 2], ['CS', 76, 2], ['SS', 80, 2], ['DS', 84, 2], ['FS', 88, 2], ['GS', 92, 2],
  ['LDTR', 96, 2], ['T', 100, 2], ['I/O map', 102, 2],
]; // prettier-ignore
const TSS_16: readonly (readonly [string, number, 2 | 4])[] = [
  ['link', 0, 2], ['SP0', 2, 2], ['SS0', 4, 2], ['SP1', 6, 2], ['SS1', 8, 2], ['SP2', 10, 2], ['SS2', 12, 2], ['IP', 14, 2],
  ['FLAGS', 16, 2], ['AX', 18, 2], ['CX', 20, 2], ['DX', 22, 2], ['BX', 24, 2], ['SP', 26, 2], ['BP', 28, 2], ['SI', 30, 2],
  ['DI', 32, 2], ['ES', 34, 2], ['CS', 36, 2], ['SS', 38, 2], ['DS', 40, 2], ['LDTR', 42, 2],
]; // prettier-ignore

function tssView(read: ReadLinear, state: CpuState): TssView | null {
  const attributes = state.segmentAttributes(SEGMENT_INDEX.TR);
  if (attributes & ATTRIBUTE.unusable || (state.selector(SEGMENT_INDEX.TR) & 0xfffc) === 0) return null;
  const base = state.segmentBase(SEGMENT_INDEX.TR);
  const limit = state.segmentLimit(SEGMENT_INDEX.TR);
  const wide = (attributes & 8) !== 0;
  const { bytes, present } = read(base, wide ? 104 : 44);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = (wide ? TSS_32 : TSS_16)
    .filter(([, offset, size]) => offset + size - 1 <= limit && present[offset] === 1 && present[offset + size - 1] === 1)
    .map(([name, offset, size]) => ({
      name,
      offset,
      size,
      value: size === 2 ? words.getUint16(offset, true) : words.getUint32(offset, true),
    }));
  return { selector: state.selector(SEGMENT_INDEX.TR), base: BigInt(base), limit, wide, fields };
}

/** @param read linear memory of the same processor */
export function tablesView(vm: string | null, state: CpuState, read: ReadLinear): TablesView {
  const real = !state.protectedMode;
  const ldtUsable =
    !real &&
    (state.segmentAttributes(SEGMENT_INDEX.LDTR) & ATTRIBUTE.unusable) === 0 &&
    (state.selector(SEGMENT_INDEX.LDTR) & 0xfffc) !== 0;
  return {
    vm,
    real,
    gdt: table(read, state.gdtrBase, state.gdtrLimit, 8, descriptorView),
    ldt: ldtUsable ? table(read, state.segmentBase(SEGMENT_INDEX.LDTR), state.segmentLimit(SEGMENT_INDEX.LDTR), 8, descriptorView) : null,
    idt: table(read, state.idtrBase, Math.min(state.idtrLimit, real ? 1023 : 2047), real ? 4 : 8, real ? vectorView : descriptorView),
    tss: real ? null : tssView(read, state),
  };
}
