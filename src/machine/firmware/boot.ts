/**
 * Power-on: recognises the program, checks that there is DRAM where it wants to be, copies and zeroes, writes the tables the
 * processor needs, and says where it starts. The same for a board and for a VM. Everything it does is a step in the report.
 */
import { BootRefusedError, bootText, type BootRefusal, type BootStep } from './boot-report';
import { prepareStart } from './hand-over';
import { memoryText, rangeText } from './memory-ranges';
import { copy, place, type PlacedSegment } from './placement';
import type { Platform } from './platform';
import type { ProcessorStart } from './processor-start';
import type { BootProgram } from './program-image';
import { recognise, refuseMode } from './recognise';

export interface BootResult {
  steps: BootStep[];
  /** null: the processor may start */
  refused: BootRefusal | null;
  start: ProcessorStart | null;
  segments: PlacedSegment[];
}

/** Loads a program. Never throws for what a lab or a file can contain: that is `refused`. */
export function boot(platform: Platform, program: BootProgram): BootResult {
  const steps: BootStep[] = [...(platform.prepare?.() ?? []), assignmentStep(platform)];
  const segments: PlacedSegment[] = [];
  try {
    const image = recognise(program);
    refuseMode(platform, program.file, image);
    steps.push({ kind: 'header', ...image.header, ok: true });
    const shift = place(platform, program.file, image, steps);
    copy(platform, program, image, shift, steps, segments);
    const start = prepareStart(platform, program, image, shift, steps);
    return { steps, refused: null, start, segments };
  } catch (error) {
    if (!(error instanceof BootRefusedError)) throw error;
    return { steps, refused: error.refusal, start: null, segments: [] };
  }
}

function assignmentStep({ kind, name, assignment, memory }: Platform): BootStep {
  const fields: BootStep['fields'] = { assignment: assignment.mode };
  for (const { slot, base, bytes } of assignment.slots) fields[slot] = rangeText(base, bytes);
  if (kind === 'vm') {
    const ranges = memoryText(memory);
    return {
      kind: 'firmware',
      text: bootText(`VM ${name}: guest-physical memory ${ranges}`, `虚拟机 ${name}：客户机物理内存 ${ranges}`),
      fields: { memory: ranges },
      ok: memory.length > 0,
    };
  }
  const placed = assignment.slots.map(({ slot, base, bytes }) => `${slot} ${rangeText(base, bytes)}`).join(', ');
  const text =
    assignment.slots.length === 0
      ? bootText('No DIMM answers: the board has no DRAM', '没有内存条应答：主板上没有 DRAM')
      : assignment.mode === 'fixed'
        ? bootText(`Slots decode where the board wires them: ${placed}`, `各插槽按主板布线译码：${placed}`)
        : bootText(
            `SPD read at power-on, DIMMs placed one behind the other from 0: ${placed}`,
            `上电时读取 SPD，内存条从 0 起依次排列：${placed}`,
          );
  return { kind: 'firmware', text, fields, ok: memory.length > 0 };
}
