/**
 * The loop that executes threaded code: one WebAssembly function with a jump table over all handlers. It is the same for every
 * processor, so it is compiled once; and once more for machines whose accesses to memory are told of one by one.
 *
 *     stopped: the slow path asked for it
 *     exit:    everything goes back to the shared words
 *       block:   enter `next`, or look `rip` up in the jump cache
 *         step:    jump to the handler of the unit at `pc`
 */
import { FunctionBody, OP, encodeModule, type Label } from '../compile/encoder';
import { PAGE_SIZE } from '../../address';
import { STATE } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import { emitHandler } from './handler-code';
import { HEADER, JUMPS, LEFT, WORD } from './layout';
import { IMPORTS, LOCAL, LOCALS, LOOP_TYPE, TOUCH_TYPE, TYPES } from './locals';
import { sampleHandlers, type SampleHandler } from './samples';
import { TOUCH_LOCALS, touchBody } from './touch-code';
import { sequenceOf } from './unit';

/** Number of the handler that leaves the loop before an instruction without threaded code: its operand is the RIP. */
export const INTERPRET = 0;

const INDEX_MASK = (FAST_TLB.entries - 1) * FAST_TLB.entryBytes;
const ENTRY_SHIFT = 12 - Math.log2(FAST_TLB.entryBytes);

/** The loop's handlers by shape. */
export interface Handlers {
  /** number of the handler of a shape */
  get(shape: string): number | undefined;
  /** `sequenceOf` of every shape there is: of what is not among them no shape needs to be made */
  readonly sequences: ReadonlySet<string>;
}

export interface Loop {
  readonly module: WebAssembly.Module;
  readonly handlers: Handlers;
  readonly bytes: number;
}

const made: { plain?: Loop; observed?: Loop } = {};

/** The loop, made when first asked for. */
export function theLoop(observed = false): Loop {
  const which = observed ? 'observed' : 'plain';
  return (made[which] ??= makeLoop(observed));
}

function makeLoop(observed: boolean): Loop {
  const samples = sampleHandlers();
  const bytes = encodeModule({
    types: TYPES,
    imports: IMPORTS,
    functions: [
      { name: 'loop', type: LOOP_TYPE, locals: LOCALS, body: loopBody(samples, observed) },
      ...(observed ? [{ name: 'touch', type: TOUCH_TYPE, ...TOUCH_LOCALS, body: touchBody() }] : []),
    ],
  });
  const numbers = new Map(samples.map(({ unit }, index) => [unit.shape, index + 1]));
  const sequences = new Set(samples.map(({ ir, range }) => sequenceOf(ir, range)));
  return {
    module: new WebAssembly.Module(bytes),
    handlers: { get: (shape) => numbers.get(shape), sequences },
    bytes: bytes.length,
  };
}

function loopBody(samples: readonly SampleHandler[], observed: boolean): FunctionBody {
  const body = new FunctionBody();
  for (const [local, word] of SHARED) body.word(word).set(local);
  body.word(WORD.header).tee(LOCAL.next).set(LOCAL.header);
  const exit = body.block();
  const stopped = body.block();
  const block = body.loop();
  emitEntry(body, exit);
  const step = body.loop();
  const labels: Label[] = [];
  for (let i = samples.length; i >= 0; i--) labels[i] = body.block();
  body.get(LOCAL.pc).memory(OP.load, 0).brTable(labels);
  body.end();
  body.get(LOCAL.pc).memory(OP.load, 4).set(LOCAL.rip).i32(LEFT.interpret).set(LOCAL.code).br(exit);
  for (const sample of samples) {
    body.end();
    emitHandler(body, { step, block, stopped }, sample, observed);
  }
  body.end().op(OP.unreachable).end().op(OP.unreachable);
  body.end().i32(LEFT.stopped).set(LOCAL.code);
  body.end();
  for (const [local, word] of SHARED) body.i32(0).get(local).memory(OP.store, word);
  body.i32(0).get(LOCAL.header).memory(OP.store, WORD.header);
  body.get(LOCAL.code);
  return body;
}

const SHARED = [
  [LOCAL.budget, WORD.budget],
  [LOCAL.accesses, WORD.accesses],
  [LOCAL.table, WORD.table],
  [LOCAL.rip, WORD.rip],
  [LOCAL.link, WORD.link],
] as const;

/** Enters the block at `next`, or at `rip` when that is 0: takes its instructions from the budget and counts its accesses. */
function emitEntry(body: FunctionBody, exit: Label): void {
  const leave = (code: number): void => void body.i32(code).set(LOCAL.code).br(exit);
  const entered = body.block();
  body.get(LOCAL.next).brIf(entered);
  emitLookup(body);
  body.get(LOCAL.next).brIf(entered);
  leave(LEFT.unknown);
  body.end();

  const header = (field: number): FunctionBody => body.get(LOCAL.next).memory(OP.load, field);
  const back = (code: number): void => {
    header(HEADER.rip).set(LOCAL.rip);
    leave(code);
  };
  body.get(LOCAL.budget);
  header(HEADER.count).op(OP.sub).tee(LOCAL.spare).i32(0).op(OP.lt_s).ifUnlikely();
  body.get(LOCAL.next).set(LOCAL.header);
  back(LEFT.budget);
  body.end();
  body.get(LOCAL.next);
  header(HEADER.heat).i32(1).op(OP.sub).tee(LOCAL.offset).memory(OP.store, HEADER.heat);
  body.get(LOCAL.offset).i32(0).op(OP.le_s).ifUnlikely();
  body.get(LOCAL.next).set(LOCAL.header);
  back(LEFT.hot);
  body.end();
  body.get(LOCAL.spare).set(LOCAL.budget);
  body.get(LOCAL.accesses);
  header(HEADER.accesses).op(OP.add).set(LOCAL.accesses);
  body.get(LOCAL.next).tee(LOCAL.header).i32(HEADER.size).op(OP.add).set(LOCAL.pc);
}

/**
 * Looks `rip` up in the jump cache: `next` is its header or stays 0. A link within the page is set. Going on to another page
 * takes its translation in the fast table, and counts as an access to the TLB.
 */
function emitLookup(body: FunctionBody): void {
  const { offset } = JUMPS;
  const cached = (word: number): FunctionBody => body.get(LOCAL.index).memory(OP.load, offset + word * 4);
  body
    .get(LOCAL.rip)
    .get(LOCAL.rip)
    .i32(10)
    .op(OP.shr_u, OP.xor)
    .i32(4)
    .op(OP.shl)
    .i32((JUMPS.entries - 1) << 4)
    .op(OP.and)
    .tee(LOCAL.index);
  body.memory(OP.load, offset).get(LOCAL.rip).op(OP.eq);
  cached(2).word(WORD.key).op(OP.eq, OP.and).if();
  body.get(LOCAL.rip);
  body.get(LOCAL.header).memory(OP.load, HEADER.pageRip).op(OP.sub).i32(PAGE_SIZE).op(OP.lt_u).if();
  cached(3);
  body.get(LOCAL.header).memory(OP.load, HEADER.addend).op(OP.eq).if();
  body.get(LOCAL.link);
  cached(1).tee(LOCAL.next).memory(OP.store, 0);
  body.end();
  body.else();
  // who has no budget left does not enter the page either
  body.get(LOCAL.budget).i32(0).op(OP.gt_s).word(WORD.flatCode).op(OP.and).if();
  body.get(LOCAL.rip).i32(ENTRY_SHIFT).op(OP.shr_u).i32(INDEX_MASK).op(OP.and).get(LOCAL.table).op(OP.add).tee(LOCAL.linear);
  body.memory(OP.load, 8).get(LOCAL.rip).i32(-PAGE_SIZE).op(OP.and).word(STATE.tlbGeneration.offset).op(OP.or, OP.eq);
  body.get(LOCAL.linear).memory(OP.load, 12);
  cached(3).op(OP.eq, OP.and).if();
  body.get(LOCAL.accesses).i32(1).op(OP.add).set(LOCAL.accesses);
  cached(1).set(LOCAL.next);
  body.end().end().end().end();
}
