/** SYSENTER and SYSEXIT: from ring 3 to ring 0 and back without a table (SDM vol. 2). False: a fault was raised. */
import type { CpuState } from './cpu-state';
import { FLAG } from './flags';
import { FLAT_CODE, FLAT_DATA } from './segmentation';
import { SEGMENT_INDEX, STATE } from './state-layout';
import { VECTOR } from './vectors';

const { CS, SS } = SEGMENT_INDEX;
const DPL_3 = 0x60;

/** SYSENTER: flat segments of ring 0, where the MSRs say (SDM vol. 2). */
export function enterSystem(state: CpuState): boolean {
  const selector = systemSelector(state);
  if (selector < 0) return state.raise(VECTOR.generalProtection, 0);
  state.setFlag(FLAG.VM | FLAG.IF | FLAG.RF, false);
  state.setSegment(CS, selector, 0, 0xffff_ffff, FLAT_CODE);
  state.setSegment(SS, selector + 8, 0, 0xffff_ffff, FLAT_DATA);
  state.setReg32(4, state.u32[STATE.sysenterEsp.offset >> 2]!);
  state.eip = state.u32[STATE.sysenterEip.offset >> 2]!;
  return true;
}

/** SYSEXIT: flat segments of ring 3, EDX:EIP and ECX:ESP (SDM vol. 2). */
export function exitSystem(state: CpuState): boolean {
  const selector = systemSelector(state);
  if (selector < 0 || state.cpl !== 0) return state.raise(VECTOR.generalProtection, 0);
  state.setSegment(CS, (selector + 16) | 3, 0, 0xffff_ffff, FLAT_CODE | DPL_3);
  state.setSegment(SS, (selector + 24) | 3, 0, 0xffff_ffff, FLAT_DATA | DPL_3);
  state.setReg32(4, state.reg32(1));
  state.eip = state.reg32(2);
  return true;
}

/** IA32_SYSENTER_CS as a selector, or -1 when SYSENTER and SYSEXIT must refuse: in real mode, or with a null selector. */
function systemSelector(state: CpuState): number {
  const value = state.u32[STATE.sysenterCs.offset >> 2]! & 0xfffc;
  return state.protectedMode && value !== 0 ? value : -1;
}
