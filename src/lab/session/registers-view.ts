/** A processor's state (running, or as it lies in a control block) as the registers view. */
import { CpuState } from '../../machine/cpu/cpu-state';
import { ACTIVITY, SEGMENT, SEGMENT_INDEX, STATE } from '../../machine/cpu/state-layout';
import type { RegistersView, SegmentView } from '../protocol';

const PE = 1n;
const PG = 1n << 31n;
const VM_FLAG = 1 << 17;
const LMA = 1n << 10n;

/** A copy of a state's bytes with the lazy flags evaluated, so that reading it changes nothing. */
export function stateCopy(bytes: Uint8Array): CpuState {
  const copy = new CpuState(new Uint8Array(bytes).buffer);
  copy.materialiseFlags();
  return copy;
}

/** `next` is for the caller to fill in: it needs memory. */
export function registersView(vm: string | null, state: CpuState): Omit<RegistersView, 'changed'> {
  const view = new DataView(state.u8.buffer, state.u8.byteOffset);
  const word = (name: keyof typeof STATE, index = 0): bigint => view.getBigUint64(STATE[name].offset + index * STATE[name].stride, true);
  const narrow = (name: keyof typeof STATE): number => view.getUint32(STATE[name].offset, true);
  const segments = (Object.entries(SEGMENT_INDEX) as [SegmentView['name'], number][]).map(([name, index]) => {
    const at = STATE.segments.offset + index * SEGMENT.size;
    return {
      name,
      selector: view.getUint16(at + SEGMENT.selector, true),
      base: view.getBigUint64(at + SEGMENT.base, true),
      limit: view.getUint32(at + SEGMENT.limit, true),
      attributes: view.getUint32(at + SEGMENT.attributes, true),
    };
  });
  const cr0 = word('cr0');
  const flags = Number(word('rflags') & 0xffff_ffffn);
  const protectedMode = (cr0 & PE) !== 0n;
  const mode = (word('efer') & LMA) !== 0n ? 'long' : !protectedMode ? 'real' : (flags & VM_FLAG) !== 0 ? 'virtual-8086' : 'protected';
  const activity = narrow('activity');
  return {
    vm,
    general: Array.from({ length: STATE.gpr.count }, (_, index) => word('gpr', index)),
    rip: word('rip'),
    flags,
    segments,
    gdtr: { base: word('gdtrBase'), limit: narrow('gdtrLimit') },
    idtr: { base: word('idtrBase'), limit: narrow('idtrLimit') },
    cr0,
    cr2: word('cr2'),
    cr3: word('cr3'),
    cr4: word('cr4'),
    efer: word('efer'),
    debug: Array.from({ length: STATE.dr.count }, (_, index) => word('dr', index)),
    cpl: state.cpl,
    mode,
    paging: protectedMode && (cr0 & PG) !== 0n,
    activity: activity === ACTIVITY.halted ? 'halted' : activity === ACTIVITY.shutdown ? 'shutdown' : 'running',
    next: null,
  };
}
