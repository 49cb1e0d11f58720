/**
 * From a document to a computer at its first instruction: the board is built, the VMM places the VMs, programs are assembled with what is
 * known by then, and the firmware loads them. What goes wrong comes back as problems; a program that the firmware refuses is no
 * problem of the document: the computer is there, with its boot report, and stands still.
 */
import { BoardError } from '../../machine/board-error';
import { Machine } from '../../machine/machine';
import { hostOf } from '../../vmm/host-of-machine';
import { VmmSetupError } from '../../vmm/text';
import { Vmm } from '../../vmm/vmm';
import { error, hasErrors, text } from '../document/problem';
import type { Define, LabDocument, Program } from '../document/schema';
import { VMM_PART_ALIASES } from '../document/references';
import { validateLab } from '../document/validate';
import type { BootReport, LabFiles, Problem } from '../protocol';
import { bootProgram } from './boot';
import type { PlacedProgram } from './breakpoints';
import type { Computer, Stop } from './computer';
import { LabComputer } from './lab-computer';
import { buildProgram, programsOf } from './programs';

export interface PoweredOn {
  computer: Computer | null;
  problems: Problem[];
}

const failed = (...problems: Problem[]): PoweredOn => ({ computer: null, problems });

/** The board and the VMM, or why they cannot be built. Nothing but what a drawing can cause is caught. */
function build(document: LabDocument): { machine: Machine; vmm: Vmm | null } | Problem {
  try {
    const machine = new Machine(document.board);
    if (!document.vms?.length) return { machine, vmm: null };
    machine.setInitiator('vmm');
    const loader = document.board.firmware?.loader;
    const vms = document.vms.map(({ id, memory, backing, passthrough }) => ({
      id,
      memory,
      backing,
      passthrough,
      ...(loader ? { loader } : {}),
    }));
    const { seed, preoccupied } = document.vmm?.allocation ?? { seed: 1, preoccupied: 0 };
    return {
      machine,
      vmm: new Vmm(hostOf(machine), {
        allocation: { seed, preoccupied },
        iommuEnabled: document.board.iommu?.enabled ?? false,
        vms,
        stopsOnMemoryError: document.vmm?.memoryErrors === 'stop-vm',
      }),
    };
  } catch (thrown) {
    if (thrown instanceof VmmSetupError)
      return error(thrown.code, thrown.text, thrown.remedy, thrown.vm === undefined ? {} : { vm: thrown.vm });
    if (thrown instanceof BoardError) {
      return error(
        'board-not-built',
        text(thrown.message, `${thrown.part}：无法通电`),
        text('Mend the board first: see its problems.', '请先修正主板：参见主板的问题列表。'),
        { part: thrown.part },
      );
    }
    throw thrown;
  }
}

/** A symbol's value once everything has its place, or why it has none. */
function resolveDefine(machine: Machine, vmm: Vmm | null, vmId: string | null, name: string, define: Define): number | Problem {
  if (typeof define === 'number') return define;
  const nothing = (en: string, zh: string): Problem =>
    error(
      'boot-unresolved-define',
      text(`${name}: ${en}`, `${name}：${zh}`),
      text('See "defines" of the program.', '参见程序的 “defines”。'),
      vmId === null ? {} : { vm: vmId },
    );
  if ('frameOf' in define) {
    const target = vmm?.vm(define.frameOf);
    // a page that nobody has touched yet gets its frame now: its address is asked for
    if (target?.isMemory(define.gpa)) target.backFrame(Math.floor(define.gpa / 4096));
    return (
      target?.hostAddress(define.gpa) ??
      nothing(
        `${define.frameOf} has no frame behind 0x${define.gpa.toString(16)}.`,
        `${define.frameOf} 的 0x${define.gpa.toString(16)} 没有对应页帧。`,
      )
    );
  }
  if ('vmmPart' in define) {
    const part = vmm?.part(VMM_PART_ALIASES[define.vmmPart] ?? define.vmmPart, define.vm ?? undefined);
    return (
      part?.base ??
      nothing(
        `the VMM has no ${define.vmmPart}${define.vm ? ` of ${define.vm}` : ''}.`,
        `VMM 没有${define.vm ? ` ${define.vm} 的` : ''} ${define.vmmPart}。`,
      )
    );
  }
  const base = vmId === null ? machine.barOf(define.barOf) : vmm?.vm(vmId)?.bus.barBase(define.barOf);
  return base ?? nothing(`${define.barOf} has no registers in this address space.`, `${define.barOf} 在此地址空间中没有寄存器。`);
}

function resolveDefines(
  machine: Machine,
  vmm: Vmm | null,
  vmId: string | null,
  program: Program,
): { defines: Record<string, number> } | { problem: Problem } {
  const defines: Record<string, number> = {};
  for (const [name, define] of Object.entries('defines' in program ? (program.defines ?? {}) : {})) {
    const value = resolveDefine(machine, vmm, vmId, name, define);
    if (typeof value !== 'number') return { problem: value };
    defines[name] = value;
  }
  return { defines };
}

/** What keeps a computer from running its first instruction. */
function firstStop(document: LabDocument, boots: readonly BootReport[]): Stop | null {
  const refused = boots.find((report) => report.refused)?.refused;
  if (refused) return { kind: 'boot-refused', detail: refused.message };
  return programsOf(document).length > 0 ? null : { kind: 'halted', detail: text('There is no program to run.', '没有可运行的程序。') };
}

/** Powers a lab on. The problems include warnings; `computer` is null when one of them is an error. */
export function powerOn(document: LabDocument, files: LabFiles): PoweredOn {
  const problems = validateLab(document, files);
  if (hasErrors(problems)) return failed(...problems);
  const built = build(document);
  if ('code' in built) return failed(...problems, built);
  const { machine, vmm } = built;
  const boots: BootReport[] = [];
  const programs: PlacedProgram[] = [];
  for (const { vm, program } of programsOf(document)) {
    const result = buildProgram(document, files, vm, program, (owner, described) => resolveDefines(machine, vmm, owner, described));
    problems.push(...result.problems);
    if (!result.built) continue;
    const { report, linearOffset } = bootProgram(result.built, machine, vmm);
    boots.push(report);
    programs.push({ ...result.built, linearOffset });
  }
  if (hasErrors(problems)) return failed(...problems);
  // a VM without a program has nothing to execute
  for (const vm of vmm?.vms ?? []) if (!boots.some((report) => report.vm === vm.id)) vm.state = 'halted';
  return { computer: new LabComputer({ document, machine, vmm, programs }, boots, firstStop(document, boots)), problems };
}
