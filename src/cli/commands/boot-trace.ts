/**
 * The trace of a run: one line for each counted instruction (and each iteration of a REP) with its linear address, its bytes, its
 * text and the registers it changed; and one for each interrupt or fault that was delivered between them.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostAddressOf, translationContext } from '../../lab/session/explain-query';
import { explainSource } from '../../lab/session/system';
import { hostPhysical } from '../../machine/address';
import { disassemble } from '../../machine/cpu/disassemble';
import { wordOf } from '../../machine/cpu/cpu-state';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { Machine } from '../../machine/machine';
import type { MachineRun } from '../../machine/run-machine';
import { hex, readRegisters, REGISTERS } from './boot-registers';

const LONGEST_INSTRUCTION = 15;
const PAGE = 4096;
const ATTRIBUTE_BIG = 1 << 14;
const PAGING = 1 << 31;
const A20_MASKED = wordOf('a20Masked');
/** Text kept before it is written, in characters. */
const CHUNK = 256 * 1024;
/** An instruction that has been written out once. */
interface Known {
  bytes: Uint8Array;
  line: string;
}
/** So many of them; then all are forgotten. */
const MOST_KNOWN = 1 << 16;

export class Trace {
  private readonly file: number;
  private pending = '';
  private before = new Uint32Array(REGISTERS.length);
  private after = new Uint32Array(REGISTERS.length);
  /** by size of the code, offset and linear address */
  private readonly known = new Map<string, Known>();

  /**
   * Opens the file.
   * @param writing does what may fail with the file; what the file system says comes back from it
   */
  constructor(
    private readonly machine: Machine,
    path: string,
    private readonly writing: <T>(work: () => T) => T,
  ) {
    this.file = writing(() => openSync(path, 'w'));
    readRegisters(machine.processor.state, this.before);
  }

  /** Steps until `budget` instructions are counted, or something else ends it. */
  steps(budget: number): MachineRun['reason'] {
    const end = this.machine.instructions + budget;
    while (this.machine.instructions < end) {
      const { reason } = this.step();
      if (reason !== 'budget') return reason;
    }
    return 'budget';
  }

  /** One step: an instruction with its line, or a delivery with its own. */
  private step(): MachineRun {
    const { machine } = this;
    const delivered = machine.processor.delivered.at(-1);
    const line = this.instructionLine();
    const run = machine.run(1, { passBreakpoint: true, stopAtDelivery: true });
    const changed = this.changes();
    const event = machine.processor.delivered.at(-1);
    if (run.executed > 0) this.write(changed === '' ? `${line}\n` : `${line} ;${changed}\n`);
    else if (event && event !== delivered) {
      const code = event.errorCode >= 0 ? ` error code ${hex(event.errorCode, 4)}` : '';
      this.write(`-------- vector ${hex(event.vector, 2)} ${event.kind}${code} ;${changed}\n`);
    }
    return run;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.file);
    }
  }

  /** ` NAME=VALUE` for each register that is not what it was. */
  private changes(): string {
    const { before, after } = this;
    readRegisters(this.machine.processor.state, after);
    let text = '';
    for (let index = 0; index < after.length; index++) {
      if (after[index] === before[index]) continue;
      const [name, digits] = REGISTERS[index]!;
      text += ` ${name}=${hex(after[index]!, digits)}`;
    }
    this.before = after;
    this.after = before;
    return text;
  }

  private instructionLine(): string {
    const { state, system } = this.machine.processor;
    const { instructionSet } = system.part;
    const offset = state.eip;
    const linear = (state.segmentBase(SEGMENT_INDEX.CS) + offset) >>> 0;
    const bits = (state.segmentAttributes(SEGMENT_INDEX.CS) & ATTRIBUTE_BIG) !== 0 ? 32 : 16;
    const key = `${bits} ${offset} ${linear}`;
    const known = this.known.get(key);
    // the page that it is on may be another, and code changes itself
    if (known !== undefined && this.holds(linear, known.bytes)) return known.line;
    const [instruction] = disassemble(this.codeBytes(linear), { address: offset, bits, instructionSet, count: 1 });
    const bytes = instruction?.bytes ?? new Uint8Array(0);
    const digits = Array.from(bytes, (byte) => hex(byte, 2)).join('');
    const line = `${hex(linear, 8)} ${digits.padEnd(20)} ${instruction?.text ?? '?'}`;
    if (this.known.size === MOST_KNOWN) this.known.clear();
    this.known.set(key, { bytes, line });
    return line;
  }

  /** Are these the bytes at a linear address, in one page of DRAM? */
  private holds(linear: number, bytes: Uint8Array): boolean {
    if (bytes.length === 0 || (linear % PAGE) + bytes.length > PAGE) return false;
    const host = this.hostOf(linear);
    if (host === null) return false;
    const { frames, chipset } = this.machine;
    const pool = chipset.readableFrame(Math.floor(host / PAGE));
    if (pool < 0) return false;
    const { u8 } = frames;
    const first = pool + (host % PAGE);
    for (let index = 0; index < bytes.length; index++) if (u8[first + index] !== bytes[index]) return false;
    return true;
  }

  /** The bytes at a linear address up to the first page that is not mapped. Observes nothing. */
  private codeBytes(linear: number): Uint8Array {
    const bytes = new Uint8Array(LONGEST_INSTRUCTION);
    let done = 0;
    while (done < LONGEST_INSTRUCTION) {
      const at = (linear + done) >>> 0;
      const count = Math.min(LONGEST_INSTRUCTION - done, PAGE - (at % PAGE));
      const host = this.hostOf(at);
      if (host === null) break;
      bytes.set(this.machine.chipset.peek(hostPhysical(host), count), done);
      done += count;
    }
    return bytes.subarray(0, done);
  }

  /** Host address behind a linear one: as the processor fetches, through its TLB, else as the tables stand. Observes nothing. */
  private hostOf(linear: number): number | null {
    const { machine } = this;
    const { state, tlb } = machine.processor;
    if ((state.cr0 & PAGING) !== 0) {
      const page = linear >>> 12;
      const entry = tlb.lookup(page);
      if (entry >= 0) return tlb.hostFrame(entry, page) * PAGE + (linear % PAGE);
    }
    const source = explainSource({ machine, vmm: null });
    if ((state.cr0 & PAGING) !== 0 || state.u32[A20_MASKED] !== 0 || machine.map.physicalAddressBits < 32)
      return hostAddressOf(source, translationContext(source, null), 'linear', linear);
    return linear;
  }

  private write(text: string): void {
    this.pending += text;
    if (this.pending.length >= CHUNK) this.flush();
  }

  /** All of it, however little the file takes at a time. What has not been written is lost when that fails. */
  private flush(): void {
    const bytes = Buffer.from(this.pending);
    this.pending = '';
    this.writing(() => {
      for (let done = 0; done < bytes.length;) done += writeSync(this.file, bytes, done);
    });
  }
}
