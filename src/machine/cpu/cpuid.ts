/** What CPUID tells of a part (SDM vol. 2, CPUID). */
import type { SystemPart } from './control';
import { LEVEL, modelOf } from './instruction-set';

/** leaf 1, EDX */
const CPUID_APIC = 1 << 9;

/** CPUID's answer. Features that are not implemented (x87, MMX, SSE, long mode) are not reported; an APIC where the board has one. */
export function cpuidLeaf(part: SystemPart, leaf: number): { eax: number; ebx: number; ecx: number; edx: number } {
  const model = modelOf(part.instructionSet);
  if (model.level < LEVEL.p6 && leaf >>> 0 > 1) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  switch (leaf >>> 0) {
    case 0: // the vendor string, "Pagewalk CPU", in EBX EDX ECX
      return { eax: 1, ebx: 0x6567_6150, edx: 0x6b6c_6177, ecx: 0x5550_4320 };
    case 1: // never VMX: guests are entered by the VMM, not by an instruction
      return {
        eax: part.signature ?? model.signature,
        ebx: 0,
        ecx: 0,
        edx: (model.features ?? 0) | (part.features.includes('apic') ? CPUID_APIC : 0),
      };
    case 0x8000_0000:
      return { eax: 0x8000_0008, ebx: 0, ecx: 0, edx: 0 };
    case 0x8000_0001: // NX
      return { eax: 0, ebx: 0, ecx: 0, edx: 1 << 20 };
    case 0x8000_0008:
      return { eax: part.physicalAddressBits | (32 << 8), ebx: 0, ecx: 0, edx: 0 };
    default:
      return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  }
}
