/** The processor's registers as RESET leaves them (SDM vol. 3, table 10-1). */
import type { SystemPart } from './control';
import type { CpuState } from './cpu-state';
import { LEVEL, modelOf } from './instruction-set';
import { SEGMENT_INDEX, STATE_SIZE } from './state-layout';

/** Real mode at F000:FFF0, in the last 64 KiB there are, counters at zero. The 8086 begins at FFFF:0000. */
export function resetRegisters(state: CpuState, part: SystemPart): void {
  const { level, cr0, signature } = modelOf(part.instructionSet);
  const is8086 = level === LEVEL.i8086;
  state.u8.fill(0, 0, STATE_SIZE);
  state.eflags = 2;
  state.eip = is8086 ? 0 : 0xfff0;
  state.cr0 = (0x10 | (cr0 & 0x6000_0000)) >>> 0;
  state.setReg32(2, part.signature ?? signature);
  state.setDr(6, 0xffff_0ff0);
  state.setDr(7, 0x400);
  const { CS, LDTR, TR } = SEGMENT_INDEX;
  for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, 0x93);
  state.setSegment(CS, is8086 ? 0xffff : 0xf000, is8086 ? 0xf_fff0 : 0xffff_0000, 0xffff, 0x93);
  state.setSegment(LDTR, 0, 0, 0xffff, 0x82);
  state.setSegment(TR, 0, 0, 0xffff, 0x8b);
  state.gdtrLimit = state.idtrLimit = 0xffff;
}
