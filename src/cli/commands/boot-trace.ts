/**
 * The trace of a run: one line for each counted instruction (and each iteration of a REP) with its linear address, its bytes, its
 * text and the registers it changed; and one for each interrupt or fault that was delivered between them.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostAddressOf, translationContext } from '../../lab/session/explain-query';
import { explainSource } from '../../lab/session/system';
import { hostPhysical } from '../../machine/address';
import { disassemble } from '../../machine/cpu/disassemble';
import type { CpuState } from '../../machine/cpu/cpu-state';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { Machine } from '../../machine/machine';
import type { MachineRun } from '../../machine/run-machine';

const LONGEST_INSTRUCTION = 15;
const PAGE = 4096;
const ATTRIBUTE_BIG = 1 << 14;
/** Text kept before it is written, in characters. */
const CHUNK = 256 * 1024;
const GENERAL = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'] as const;
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'] as const;

const hex = (value: number, digits: number): string => (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

/** Every register that a line may name, with its value. RIP is not one: the next line begins with it. */
function registers(state: CpuState): [name: string, value: string][] {
  return [
    ...GENERAL.map((name, index): [string, string] => [name, hex(state.reg32(index), 8)]),
    ['EFLAGS', hex(state.eflags, 8)],
    ...SEGMENTS.map((name): [string, string] => [name, hex(state.selector(SEGMENT_INDEX[name]), 4)]),
    ['CR0', hex(state.cr0, 8)],
    ['CR2', hex(state.cr2, 8)],
    ['CR3', hex(state.cr3, 8)],
    ['CR4', hex(state.cr4, 8)],
  ];
}

export class Trace {
  private readonly file: number;
  private pending = '';
  private before: [string, string][];

  /** Opens the file; throws what the file system says. */
  constructor(
    private readonly machine: Machine,
    path: string,
  ) {
    this.file = openSync(path, 'w');
    this.before = registers(machine.processor.state);
  }

  /** One step: an instruction with its line, or a delivery with its own. */
  step(): MachineRun {
    const { machine } = this;
    const delivered = machine.processor.delivered.at(-1);
    const line = this.instructionLine();
    const run = machine.run(1, { passBreakpoint: true, stopAtDelivery: true });
    const after = registers(machine.processor.state);
    const changed = after.filter(([, value], index) => value !== this.before[index]![1]).map(([name, value]) => `${name}=${value}`);
    this.before = after;
    const event = machine.processor.delivered.at(-1);
    if (run.executed > 0) this.write(changed.length > 0 ? `${line} ; ${changed.join(' ')}\n` : `${line}\n`);
    else if (event && event !== delivered) {
      const code = event.errorCode >= 0 ? ` error code ${hex(event.errorCode, 4)}` : '';
      this.write(`-------- vector ${hex(event.vector, 2)} ${event.kind}${code} ; ${changed.join(' ')}\n`);
    }
    return run;
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private instructionLine(): string {
    const { machine } = this;
    const { state } = machine.processor;
    const offset = state.eip;
    const linear = (state.segmentBase(SEGMENT_INDEX.CS) + offset) >>> 0;
    const bits = (state.segmentAttributes(SEGMENT_INDEX.CS) & ATTRIBUTE_BIG) !== 0 ? 32 : 16;
    const [instruction] = disassemble(this.codeBytes(linear), { address: offset, bits, count: 1 });
    const bytes = instruction ? Array.from(instruction.bytes, (byte) => hex(byte, 2)).join('') : '';
    return `${hex(linear, 8)} ${bytes.padEnd(20)} ${instruction?.text ?? '?'}`;
  }

  /** The bytes at a linear address up to the first page that is not mapped. Observes nothing. */
  private codeBytes(linear: number): Uint8Array {
    const source = explainSource({ machine: this.machine, vmm: null });
    const context = translationContext(source, null);
    const bytes = new Uint8Array(LONGEST_INSTRUCTION);
    let done = 0;
    while (done < LONGEST_INSTRUCTION) {
      const at = (linear + done) >>> 0;
      const count = Math.min(LONGEST_INSTRUCTION - done, PAGE - (at % PAGE));
      const host = hostAddressOf(source, context, 'linear', at);
      if (host === null) break;
      bytes.set(this.machine.chipset.peek(hostPhysical(host), count), done);
      done += count;
    }
    return bytes.subarray(0, done);
  }

  private write(text: string): void {
    this.pending += text;
    if (this.pending.length >= CHUNK) this.flush();
  }

  private flush(): void {
    writeSync(this.file, this.pending);
    this.pending = '';
  }
}
