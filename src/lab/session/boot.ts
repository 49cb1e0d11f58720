/** Hands one program to the firmware of its platform: the board's, or a VM's. */
import { boot, type BootResult } from '../../machine/firmware/boot';
import { applyProcessorStart } from '../../machine/firmware/processor-start';
import type { Machine } from '../../machine/machine';
import type { Vmm } from '../../vmm/vmm';
import { error } from '../document/problem';
import type { BootReport } from '../protocol';
import type { Program } from '../document/schema';
import type { BuiltProgram } from './programs';

/** The long form of a program; the short one has only its file. */
type FullProgram = Partial<Extract<Program, { format?: unknown }>>;

/**
 * What must be added to an address as the assembler counts to get the linear one. A flat image counts from its `org` and lies where it was
 * loaded; formats with addresses of their own are assembled for them, and moved only when the loader was forced to.
 */
function offsetOf({ assembly, program }: BuiltProgram, { segments }: BootResult): number {
  const first = segments[0];
  if (!first || !assembly) return 0;
  const format = 'format' in program ? program.format : undefined;
  return format === 'elf' || format === 'multiboot' ? first.placed - first.linked : first.placed - assembly.origin;
}

/** Loads a built program and starts its processor, unless the firmware refuses; the report says which. */
export function bootProgram(built: BuiltProgram, machine: Machine, vmm: Vmm | null): { report: BootReport; linearOffset: number } {
  const { vm: vmId, program, file, bytes, assembly } = built;
  const vm = vmId === null ? undefined : vmm?.vm(vmId);
  const platform = vm ? vm.platform : machine.platform;
  const options: FullProgram = program;
  const { format, load, entry, mode } = options;
  const result = boot(platform, {
    file,
    bytes,
    format: format ?? (assembly ? 'flat' : 'auto'),
    ...(load !== undefined ? { load } : {}),
    ...(entry !== undefined ? { entry } : {}),
    ...(mode !== undefined ? { mode } : {}),
  });
  if (result.start) {
    if (vm) vm.start(result.start);
    else {
      const { state } = machine.processor;
      applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.byteLength), result.start);
      machine.processor.stateReplaced();
    }
  }
  const { refused, steps } = result;
  const problem = refused && error(refused.code, refused.message, refused.remedy, { file, ...(vmId === null ? {} : { vm: vmId }) });
  return { report: { vm: vmId, steps, refused: problem }, linearOffset: offsetOf(built, result) };
}
