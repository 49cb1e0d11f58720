/** Instructions as text, from where memory has them now, with the source line they were assembled from. Observes nothing. */
import { hostPhysical } from '../../machine/address';
import { disassemble } from '../../machine/cpu/disassemble';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { DisassemblyLine } from '../protocol';
import { sourceLine } from './breakpoints';
import { hostAddressOf, translationContext } from './explain-query';
import { eachPage } from './memory-view';
import { stateCopy } from './registers-view';
import { explainSource, memorySource, vmOf, type System } from './system';

const LONGEST_INSTRUCTION = 15;
/** D/B in a code segment's attributes: 32-bit code */
const ATTRIBUTE_BIG = 1 << 14;

/** Bytes from a linear address up to the first page that is not mapped to memory; fewer than asked for there. */
function codeBytes(system: System, vm: string | null, linear: number, length: number): Uint8Array {
  const source = explainSource(system);
  const memory = memorySource(system);
  const context = translationContext(source, vm);
  const bytes = new Uint8Array(length);
  let valid = 0;
  eachPage(linear, Math.min(length, 2 ** 32 - linear), (address, count, offset) => {
    if (valid < offset) return;
    const host = hostAddressOf(source, context, 'linear', address);
    if (host === null || !memory.isMemory(host)) return;
    bytes.set(system.machine.chipset.peek(hostPhysical(host), count), offset);
    valid = offset + count;
  });
  return bytes.subarray(0, valid);
}

/** At most `count` instructions from a linear address, in the code size of the CS in `stateBytes`. Empty where nothing is mapped. */
export function disassembly(system: System, vm: string | null, stateBytes: Uint8Array, linear: bigint, count: number): DisassemblyLine[] {
  if (linear < 0n || linear >= 1n << 32n || count === 0) return [];
  const state = stateCopy(stateBytes);
  const base = state.segmentBase(SEGMENT_INDEX.CS);
  const start = Number(linear);
  const bytes = codeBytes(system, vm, start, count * LONGEST_INSTRUCTION);
  const bits = (state.segmentAttributes(SEGMENT_INDEX.CS) & ATTRIBUTE_BIG) !== 0 ? 32 : 16;
  const offset = (start - base) >>> 0;
  const { instructionSet } = system.machine.processor.system.part;
  return disassemble(bytes, { address: offset, bits, instructionSet, count }).map((instruction) => {
    const at = (start + (instruction.address - offset)) >>> 0;
    return { linear: BigInt(at), bytes: instruction.bytes, text: instruction.text, ...(sourceLine(system.programs, vm, at) ?? {}) };
  });
}

/**
 * At most `count` instructions that end where `linear` begins. Machine code has no marks to find them by, so they are taken from the line
 * map of the program there: code that lies without a gap in front of it. Empty where memory no longer holds what was assembled in step
 * with it, or where no program of the lab lies.
 */
export function linesBefore(system: System, vm: string | null, stateBytes: Uint8Array, linear: number, count: number): DisassemblyLine[] {
  for (const program of system.programs) {
    if (program.vm !== vm || !program.assembly) continue;
    const { entries } = program.assembly.lineMap;
    const offset = linear - program.linearOffset;
    // the code that ends here, or that here is inside of
    let first = entries.findIndex(({ kind, address, length }) => kind === 'code' && address < offset && offset <= address + length);
    if (first < 0) continue;
    for (let listed = 1; first > 0 && listed < count; listed++) {
      const before = entries[first - 1]!;
      if (before.kind !== 'code' || before.address + before.length !== entries[first]!.address) break;
      first--;
    }
    const start = entries[first]!.address + program.linearOffset;
    const lines = disassembly(system, vm, stateBytes, BigInt(start), linear - start).filter((line) => line.linear < BigInt(linear));
    const last = lines.at(-1);
    return last && last.linear + BigInt(last.bytes.length) === BigInt(linear) ? lines.slice(-count) : [];
  }
  return [];
}

/** The one instruction at a linear address as memory has it now; empty where there is none. */
export function instructionText(system: System, vm: string | null, linear: number): string {
  const state = vm === null ? system.machine.processor.state.u8 : vmOf(system, vm).vcpu.block.peekState();
  return disassembly(system, vm, state, BigInt(linear), 1)[0]?.text ?? '';
}
