/**
 * Every form of the decode table in a loop, in threaded and in compiled code, against the interpreter: the whole state is the same
 * wherever a run ends. `npm run test:oracle` executes all of them, `npm test` some.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../assembler';
import { allForms, formName, type Form } from '../oracle/suites/forms.spec-support';
import { IR } from '../lower/ir';
import { lowerBlock } from '../lower/lower';
import { flatProtected, makeBench, type Bench } from '../test-bench.spec-support';
import { seen } from './same-state.spec-support';
import { random, type Next } from '../../random.spec-support';
import { discoverRegion } from './region';

const CODE = 0x1_0000;
const DATA = 0x6000;
const STACK = 0x5800;
const IDT = 0x7000;
const HANDLER = 0x7800;
/** where every exception goes on: offset, selector */
const GO_ON = 0x7c00;
/** compared: the data, and the stack */
const PAGES = [
  [DATA >> 12, (DATA >> 12) + 1],
  [STACK >> 12, (STACK >> 12) + 1],
] as const;
/** room for the form, in a page of its own */
const SLOT = 0x100;
const SLOT_BYTES = 16;
/** one form in so many */
const EVERY = process.env['PAGEWALK_ORACLE_CASES'] === undefined ? 29 : 1;

const LE = (value: number, size: number): number[] => Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 255);

/** What would take the loop with it: far transfers, tables, modes. Random programs, suites and events.spec.ts have these. */
const ELSEWHERE =
  /^(iret|retFar|jmpFar|callFar|sysenter|sysexit|vmcall|hlt|movToControl|movToDebug|lmsw|lgdt|lidt|lldt|ltr|wrmsr|popf|sti)$/;

/** What compiled code leaves to the interpreter, by name of the lowering function: what has more work behind a store or a call. */
const LEFT_OUT = /^(enter|arpl|escape)$/;

/** Always executed: their lowerings are like no others. */
const ALWAYS = /^(das|aas|aam|aad|cmpxchg8b)$/;

/** Before the form and behind it; the form's bytes go into the slot. */
const SOURCE = `bits 32
      org ${CODE}
      mov esp, ${STACK}
      mov ebp, ${DATA + 0x80}
      mov ebx, ${DATA}
      mov esi, ${DATA + 0x40}
      mov edi, ${DATA + 0x140}
      mov dword [esp], ${CODE + SLOT + SLOT_BYTES}
      times ${SLOT}-($-$$) db 0x90
      times ${SLOT_BYTES} db 0x90
      pushfd
      xor edx, [esp]
behind:
      imul ecx, ecx, 0x19660d
      lea ecx, [ecx+0x3c6ef35f]
      imul eax, eax, 29
      lea eax, [eax+ecx]
      lea edx, [edx*2+eax]
      jmp ${CODE}`;

function assembled(): { program: Uint8Array; behind: number } {
  const made = assemble({ 'a.asm': SOURCE }, 'a.asm');
  if (!made.ok) throw new Error(made.diagnostics.map(({ message }) => message.en).join());
  return { program: made.bytes, behind: Number(made.symbols['behind']!.value) - CODE };
}
const { program: PROGRAM, behind: BEHIND } = assembled();

/** The form's bytes, with operands that let the loop go on. */
function encode({ row, wide, memory }: Form, next: Next): number[] | undefined {
  const bytes = [...(wide ? [] : [0x66]), ...(row.opcode > 0xff ? [0x0f] : []), row.opcode & 0xff];
  const { operands } = row;
  const hasReg =
    row.extension >= 0 || operands.some((operand) => /^[EGMSCDTR]/.test(operand) && !['ES', 'CS', 'SS', 'DS', 'GS'].includes(operand));
  const target = /^(jmp|call)$/.test(row.name) && operands[0] === 'Ev';
  if (row.modrm >= 0) bytes.push(row.modrm);
  else if (hasReg) {
    const segment = operands.includes('Sw');
    const reg = row.extension >= 0 ? row.extension : segment ? [0, 3, 4, 5][next() % 4]! : [0, 1, 2, 3, 6, 7][next() % 6]!;
    if (memory) bytes.push((reg << 3) | 5, ...LE(target ? STACK : DATA + (next() % 0x400) * 2 + (next() % 3 ? 0 : 1), 4));
    else if (target) return undefined;
    else bytes.push(0xc0 | (reg << 3) | [0, 1, 2, 3, 6, 7][next() % 6]!);
  }
  for (const operand of operands) {
    const size = wide ? 4 : 2;
    if (operand === 'Jb') bytes.push(0);
    else if (operand === 'Jv') bytes.push(...LE(0, size));
    else if (operand === 'Ob' || operand === 'Ov') bytes.push(...LE(DATA + (next() % 0x400), 4));
    else if (operand === 'Iw') bytes.push(next() & 31, 0);
    else if (operand === 'Ib' && row.name === 'enter') bytes.push(next() & 3);
    else if (operand === 'Ib' || operand === 'Is') bytes.push(next() & 255);
    else if (operand === 'Iv') bytes.push(...LE(next(), size));
  }
  return bytes;
}

/** Flat protected mode; every exception puts the stack right and goes on behind the form. */
function prepare(bench: Bench): void {
  const descriptor = (access: number): number[] => [0xff, 0xff, 0, 0, 0, access, 0xcf, 0];
  bench.load(0x1000, [...descriptor(0), ...descriptor(0x9b), ...descriptor(0x93)]);
  for (let vector = 0; vector < 256; vector++) bench.load(IDT + vector * 8, [HANDLER & 255, HANDLER >> 8, 8, 0, 0, 0x8e, 0, 0]);
  // mov esp, STACK; jmp [GO_ON]
  bench.load(HANDLER, [0xbc, ...LE(STACK, 4), 0xff, 0x25, ...LE(GO_ON, 4)]);
}

function enter(bench: Bench, page: number, form: readonly number[], seed: number): void {
  const next = random(seed);
  bench.load(DATA, Uint8Array.from({ length: 0x1000 }, next));
  const program = PROGRAM.slice();
  program.set(form, SLOT);
  // the jump back is relative; the addresses within are of the first page
  const view = new DataView(program.buffer);
  for (let at = 0; at < SLOT; at++)
    if (view.getInt32(at, true) === CODE + SLOT + SLOT_BYTES) view.setInt32(at, page + SLOT + SLOT_BYTES, true);
  bench.load(page, program);
  bench.load(GO_ON, LE(page + BEHIND, 4));
  flatProtected(bench, page, STACK);
  const { state } = bench.processor;
  state.gdtrBase = 0x1000;
  state.gdtrLimit = 0x17;
  state.idtrBase = IDT;
  state.idtrLimit = 0x7ff;
  for (const register of [0, 1, 2, 3, 5, 6, 7]) state.setReg32(register, next());
  bench.processor.stateReplaced();
}

const REPEATED = /^(movs|stos|lods|scas|cmps)/;
const MODE = { code32: true, stack32: true, protectedMode: true, codeLimited: false };

/** Is the instruction a part of compiled code, or nothing but a fault? */
function isCompiled(bytes: readonly number[]): boolean {
  const code = new Uint8Array(4096).fill(0x90);
  code.set(bytes);
  const ir = lowerBlock({ bytes: code, start: 0, end: code.length }, MODE, 1);
  if (ir === 'truncated' || ir.ops[0] === IR.raise) return true;
  const pages = new Map([[0, { bytes: code, known: () => true }]]);
  return discoverRegion({ pages, mode: MODE, mostInstructions: 1 }, 0) !== undefined;
}

describe.each(['threaded', 'compiled'] as const)('%s code', (engine) => {
  it('executes every form as the interpreter does', { timeout: 600_000 }, () => {
    const forms = allForms().filter(({ row }) => !ELSEWHERE.test(row.name));
    const benches = [makeBench(8, 'interpreter'), makeBench(8, engine)] as const;
    for (const bench of benches) prepare(bench);
    benches[1].processor.interpreter.blocks.hotAfter = 1;
    const wrong: string[] = [];
    const notCompiled = new Set<string>();
    forms.forEach((form, number) => {
      if (number % EVERY !== 0 && !ALWAYS.test(form.row.name)) return;
      const next = random(number + 1);
      const bytes = encode(form, next);
      if (bytes === undefined) return;
      if (REPEATED.test(form.row.name) && next() % 2) bytes.unshift(0xf3);
      if (!isCompiled(bytes)) notCompiled.add(form.row.name);
      for (const bench of benches) enter(bench, CODE + number * 0x1000, bytes, number + 7);
      for (let run = 0; run < 5; run++) {
        const budget = run === 4 ? 1 + (next() % 20) : 40 + (next() % 200);
        const results = benches.map((bench) => bench.processor.run(budget));
        const states = benches.map((bench) => seen(bench, PAGES));
        if (states[0] === states[1] && results[0]!.executed === results[1]!.executed) continue;
        wrong.push(`${formName(form)} [${Buffer.from(bytes).toString('hex')}] run ${run}\n${states.join('\n')}`);
        break;
      }
    });
    expect(wrong.slice(0, 10)).toEqual([]);
    expect([...notCompiled].filter((name) => !LEFT_OUT.test(name))).toEqual([]);
    const { threaded, compiled } = benches[1].processor.interpreter;
    expect((threaded?.translated ?? 0) + (compiled?.regions.compiled ?? 0)).toBeGreaterThan(forms.length / EVERY);
  });
});
