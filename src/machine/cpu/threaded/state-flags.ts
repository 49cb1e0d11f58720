/**
 * The flags that the loop does not know the making of: what is asked of the state, in WebAssembly, by the functions that compiled
 * code has for it (compile/flag-functions.ts).
 */
import { FunctionBody, OP, encodeModule } from '../compile/encoder';
import { makeFlagFunctions } from '../compile/flag-functions';
import { FLAG } from '../flags';
import { STATE } from '../state-layout';
import type { ImportName } from './locals';

const FLAGS = STATE.rflags.offset;
/** parameters and results of the functions that are imported, and of those that are made */
const [SIX, FIVE, ONE, NONE, EFFECT] = [0, 1, 2, 3, 4];
const TYPES = [
  { parameters: 6, results: 1 },
  { parameters: 5, results: 1 },
  { parameters: 1, results: 1 },
  { parameters: 0, results: 1 },
  { parameters: 0, results: 0 },
] as const;
const [CONDITION, CARRY, EFLAGS] = [0, 1, 2];

export type StateFlags = Pick<Record<ImportName, (code: number) => number>, 'condition' | 'carry' | 'eflags'> & { keepCarry: () => void };

export function makeStateFlags(memory: WebAssembly.Memory, table: WebAssembly.Table): StateFlags {
  const words = (body: FunctionBody): FunctionBody => {
    for (const field of ['lazyKind', 'lazyLeft', 'lazyRight', 'lazyResult', 'rflags'] as const) body.word(STATE[field].offset);
    return body;
  };
  const keepCarry = new FunctionBody().i32(0).word(FLAGS).i32(~FLAG.CF).op(OP.and);
  words(keepCarry).call(CARRY).op(OP.or).memory(OP.store, FLAGS);
  const bytes = encodeModule({
    types: TYPES,
    imports: [
      ['condition', SIX],
      ['carry', FIVE],
      ['eflags', FIVE],
    ],
    functions: [
      { name: 'condition', type: ONE, locals: 0, body: words(new FunctionBody().get(0)).call(CONDITION) },
      { name: 'carry', type: NONE, locals: 0, body: words(new FunctionBody()).call(CARRY) },
      { name: 'eflags', type: NONE, locals: 0, body: words(new FunctionBody()).call(EFLAGS) },
      { name: 'keepCarry', type: EFFECT, locals: 0, body: keepCarry },
    ],
  });
  const imports = { ...makeFlagFunctions(memory, table), m: memory, t: table };
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: imports }).exports as unknown as StateFlags;
}
