/** The IR's calls by number, handed to the system side. */
import type { CpuState } from '../cpu-state';
import { FLAG } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { SYSTEM_CALL } from '../lower/ir';
import type { OperandSize, SegmentIndex, SystemInstructions } from '../runtime';
import { failed } from '../stack';

const CR0_MP = 2;
const CR0_EM = 4;
const CR0_TS = 8;

/**
 * Runs call `id` (SYSTEM_CALL) and returns its result as a 32-bit value, 0 where there is none. A call that cannot complete
 * sets `stop` in the state.
 */
export function callSystem(state: CpuState, system: SystemInstructions, id: number, a: number, b: number, c: number): number {
  switch (id) {
    case SYSTEM_CALL.loadSegment:
      system.loadSegment(a as SegmentIndex, b & 0xffff);
      return 0;
    case SYSTEM_CALL.jumpFar:
      system.jumpFar(a & 0xffff, b >>> 0, c as OperandSize);
      return 0;
    case SYSTEM_CALL.callFar:
      system.callFar(a & 0xffff, b >>> 0, c as OperandSize);
      return 0;
    case SYSTEM_CALL.returnFar:
      system.returnFar(a as OperandSize, b);
      return 0;
    case SYSTEM_CALL.returnFromInterrupt:
      system.returnFromInterrupt(a as OperandSize);
      return 0;
    case SYSTEM_CALL.softwareInterrupt:
      system.softwareInterrupt(a, b >>> 0, c !== 0);
      return 0;
    case SYSTEM_CALL.loadGdtr:
      system.loadDescriptorTable('gdtr', a >>> 0, b & 0xffff);
      return 0;
    case SYSTEM_CALL.loadIdtr:
      system.loadDescriptorTable('idtr', a >>> 0, b & 0xffff);
      return 0;
    case SYSTEM_CALL.loadLdtr:
      system.loadLdtr(a & 0xffff);
      return 0;
    case SYSTEM_CALL.loadTr:
      system.loadTr(a & 0xffff);
      return 0;
    case SYSTEM_CALL.readControl:
      return system.readControl(a);
    case SYSTEM_CALL.writeControl:
      system.writeControl(a, b >>> 0);
      return 0;
    case SYSTEM_CALL.readDebug:
      return system.readDebug(a);
    case SYSTEM_CALL.writeDebug:
      system.writeDebug(a, b >>> 0);
      return 0;
    case SYSTEM_CALL.readTest:
      return system.readTest(a);
    case SYSTEM_CALL.writeTest:
      system.writeTest(a, b >>> 0);
      return 0;
    case SYSTEM_CALL.compareExchange8:
      system.compareExchange8(a as SegmentIndex, b >>> 0);
      return 0;
    case SYSTEM_CALL.popSegment:
      system.popSegment(a as SegmentIndex, b as OperandSize);
      return 0;
    case SYSTEM_CALL.loadFarPointer:
      system.loadFarPointer(a, b >>> 0, c >>> 0);
      return 0;
    case SYSTEM_CALL.adjustReadOnly:
      return system.adjustReadOnly(a as SegmentIndex, b >>> 0, c) ? 1 : 0;
    case SYSTEM_CALL.invalidatePage:
      system.invalidatePage((state.segmentBase(a) + b) >>> 0);
      return 0;
    case SYSTEM_CALL.readMsr:
      system.readMsr();
      return 0;
    case SYSTEM_CALL.writeMsr:
      system.writeMsr();
      return 0;
    case SYSTEM_CALL.cpuid:
      system.cpuid();
      return 0;
    case SYSTEM_CALL.accessRights:
      inspected(state, system.accessRights(a & 0xffff), b, c);
      return 0;
    case SYSTEM_CALL.segmentLimit:
      inspected(state, system.segmentLimit(a & 0xffff), b, c);
      return 0;
    case SYSTEM_CALL.verify:
      verified(state, system.verify(a & 0xffff, b !== 0));
      return 0;
    case SYSTEM_CALL.writeFlags:
      system.writeFlags(a >>> 0, b as OperandSize);
      return 0;
    case SYSTEM_CALL.setInterruptFlag:
      system.setInterruptFlag(a !== 0);
      return 0;
    case SYSTEM_CALL.halt:
      system.halt();
      return 0;
    case SYSTEM_CALL.portIn:
    case SYSTEM_CALL.portOut:
    case SYSTEM_CALL.portInString:
    case SYSTEM_CALL.portOutString:
    case SYSTEM_CALL.checkPort:
    case SYSTEM_CALL.readTimestamp:
    case SYSTEM_CALL.timestampHigh:
      return callDevice(system, id, a, b, c);
    case SYSTEM_CALL.requirePrivilege:
      system.requirePrivilege();
      return 0;
    case SYSTEM_CALL.selector:
      return state.selector(a);
    case SYSTEM_CALL.tableBase:
      return a === 0 ? state.gdtrBase : state.idtrBase;
    case SYSTEM_CALL.tableLimit:
      return a === 0 ? state.gdtrLimit : state.idtrLimit;
    case SYSTEM_CALL.shadow:
      state.interruptShadow |= a;
      return 0;
    case SYSTEM_CALL.checkCoprocessor: {
      const trapping = a === 0 ? (state.cr0 & (CR0_EM | CR0_TS)) !== 0 : (state.cr0 & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS);
      if (trapping) state.raise(EXCEPTION.NM);
      return 0;
    }
    case SYSTEM_CALL.clearTaskSwitched:
      system.writeControl(0, (state.cr0 & ~CR0_TS) >>> 0);
      return 0;
    case SYSTEM_CALL.machineStatus:
      return state.cr0;
    case SYSTEM_CALL.sysenter:
      system.enterSystem();
      return 0;
    case SYSTEM_CALL.sysexit:
      system.exitSystem();
      return 0;
    case SYSTEM_CALL.vmcall:
      system.callHypervisor();
      return 0;
    default:
      throw new RangeError(`there is no system call ${id}`);
  }
}

/** The same for DEVICE_CALLS. */
export function callDevice(system: SystemInstructions, id: number, a: number, b: number, c: number): number {
  const port = a & 0xffff;
  switch (id) {
    case SYSTEM_CALL.portIn:
      return system.portIn(port, b as OperandSize);
    case SYSTEM_CALL.portOut:
      system.portOut(port, b as OperandSize, b === 4 ? c >>> 0 : c & ((1 << (b * 8)) - 1));
      return 0;
    case SYSTEM_CALL.portInString:
      system.portInString(port, b as OperandSize, c >>> 0);
      return 0;
    case SYSTEM_CALL.portOutString:
      system.portOutString(port, (b & 7) as OperandSize, (b >> 3) as SegmentIndex, c >>> 0);
      return 0;
    case SYSTEM_CALL.checkPort:
      system.checkPort(port, b as OperandSize);
      return 0;
    case SYSTEM_CALL.readTimestamp:
      return system.readTimestamp();
    case SYSTEM_CALL.timestampHigh:
      return system.timestampHigh();
    default:
      throw new RangeError(`system call ${id} reaches no device`);
  }
}

/** LAR and LSL say in ZF whether the selector could be looked at; the register has changed then. */
function inspected(state: CpuState, value: number, register: number, size: number): void {
  verified(state, value !== -1);
  if (value === -1 || failed(state)) return;
  if (size === 4) state.setReg32(register, value);
  else state.setReg16(register, value);
}

/** The descriptor may lie in a page that is not there: a fault leaves ZF as it was. */
function verified(state: CpuState, zero: boolean): void {
  if (!failed(state)) state.setFlag(FLAG.ZF, zero);
}
