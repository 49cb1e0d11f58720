/** Which programs of a lab are assembled, and with which symbols. Pure. */
import type { LabDocument, Program } from '../../lab/document/schema';
import { programFiles } from '../../lab/document/program-files';
import type { AssemblyJob } from './messages';

export interface ProgramUse {
  program: Program;
  /** null: the bare machine */
  vm: string | null;
}

export function programsOf(document: LabDocument): ProgramUse[] {
  const uses: ProgramUse[] = [];
  if (document.machine) uses.push({ program: document.machine.program, vm: null });
  for (const vm of document.vms ?? []) if (vm.program) uses.push({ program: vm.program, vm: vm.id });
  return uses;
}

const isSource = (file: string): boolean => /\.(asm|nasm|s)$/i.test(file);

/** One job for each source that a program begins with; a source that two VMs share is assembled once, with the first one's symbols. */
export function jobsOf(document: LabDocument): AssemblyJob[] {
  const jobs = new Map<string, AssemblyJob>();
  for (const { program } of programsOf(document)) {
    const [main] = programFiles(program);
    if (main === undefined || !isSource(main) || jobs.has(main)) continue;
    const given = 'defines' in program ? (program.defines ?? {}) : {};
    const entries = Object.entries(given);
    const defines = Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
    jobs.set(main, { main, defines, atPowerOn: entries.filter(([, value]) => typeof value !== 'number').map(([name]) => name) });
  }
  return [...jobs.values()];
}
