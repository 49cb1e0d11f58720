/** For the specs of the VMM: a board, VMs with a small assembled program each, and everything wired as a lab has it. */
import { assemble } from '../assembler';
import { boardSchema } from '../machine/board/schema';
import { hostPhysical } from '../machine/address';
import { protectedModeStart, realModeStart } from '../machine/firmware/processor-start';
import { Machine } from '../machine/machine';
import { hostOf } from './host-of-machine';
import { Vmm } from './vmm';
import type { VmmOptions } from './options';
import type { VmOptions } from './vm';

export const MIB = 1024 * 1024;
export const LOAD = 0x10_0000;

const DEFAULT_BOARD = {
  slots: [
    { id: 'A1', base: 0x0000_0000, dimm: 'ddr3-256m' },
    { id: 'A2', base: 0x1000_0000, dimm: 'ddr3-256m' },
    { id: 'B1', base: 0x2000_0000, dimm: 'ddr3-256m' },
    { id: 'B2', base: 0x3000_0000, dimm: 'ddr3-256m' },
  ],
  devices: [{ id: 'dma0', kind: 'edu', at: '00:04.0', dmaMask: 64 }],
};

export interface LabVm extends Partial<VmOptions> {
  id: string;
  /** NASM source; `bits 32` and the origin are added. Real-mode programs say so. */
  source?: string;
  mode?: 'real' | 'protected';
}

export interface LabOptions {
  vms: LabVm[];
  iommu?: { present: boolean; enabled: boolean };
  preoccupied?: number;
  board?: object;
  stopsOnMemoryError?: boolean;
  defines?: Record<string, number>;
}

/** Powers a board on, sets up the VMs and loads their programs. `resolve` may compute defines once the VMs are placed. */
export function setUpLab(options: LabOptions, resolve: (vmm: Vmm) => Record<string, number> = () => ({})) {
  const iommu = options.iommu ?? { present: true, enabled: true };
  const machine = new Machine(boardSchema.parse({ ...DEFAULT_BOARD, iommu, ...options.board }));
  const vmmOptions: VmmOptions = {
    allocation: { seed: 1, preoccupied: options.preoccupied ?? 0 },
    iommuEnabled: iommu.enabled,
    stopsOnMemoryError: options.stopsOnMemoryError ?? false,
    vms: options.vms.map(({ id, memory = 16 * MIB, backing = 'eager', passthrough = [] }) => ({ id, memory, backing, passthrough })),
  };
  const vmm = new Vmm(hostOf(machine), vmmOptions);
  const defines = { ...options.defines, ...resolve(vmm) };
  for (const { id, source = 'hlt', mode = 'protected' } of options.vms) load(vmm, id, source, mode, defines);
  return {
    machine,
    vmm,
    vmmOptions,
    vm: (id: string) => vmm.vm(id)!,
    serial: (id: string): string => new TextDecoder().decode(vmm.vm(id)!.bus.uart.output),
    hostBytes: (address: number, length: number): Uint8Array => machine.chipset.peek(hostPhysical(address), length),
    overwrite: (address: number, bytes: Uint8Array): void => machine.chipset.writeBytes(hostPhysical(address), bytes),
  };
}
export type Lab = ReturnType<typeof setUpLab>;

export function load(vmm: Vmm, id: string, source: string, mode: 'real' | 'protected', defines: Record<string, number>): void {
  const origin = mode === 'real' ? 0x7c00 : LOAD;
  const text = `bits ${mode === 'real' ? 16 : 32}\norg ${origin}\n${source}\n`;
  const { bytes, diagnostics } = assemble({ 'program.asm': text }, 'program.asm', { defines });
  if (diagnostics.length > 0) throw new Error(diagnostics.map(({ line, message }) => `${line}: ${message.en}`).join('\n'));
  const vm = vmm.vm(id)!;
  vm.writeGuest(origin, bytes);
  vm.start(mode === 'real' ? realModeStart(origin, 0x7c00, 0x80) : protectedModeStart(origin, { RSP: 0x9_0000 }, null));
}

/** Runs until nothing can run any more, or `limit` instructions. */
export const runToEnd = (vmm: Vmm, limit = 2_000_000) => vmm.run(limit);
