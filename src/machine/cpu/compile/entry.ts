/** The way from JavaScript into compiled code: a function that loads the registers and enters a region by its handle. */
import { FunctionBody, OP, encodeModule } from './encoder';
import { LEFT, WORD } from './layout';
import { AT, PARAMETERS, REGION_TYPE, TYPES } from './locals';

/** Can this engine jump from function to function without returning? */
export function supportsTailCalls(): boolean {
  const body = new FunctionBody();
  for (let parameter = 0; parameter < PARAMETERS; parameter++) body.get(parameter);
  body.i32(0).op(OP.return_call_indirect, REGION_TYPE, 0);
  return WebAssembly.validate(encodeModule({ types: TYPES, imports: [], functions: [{ name: 'f', type: REGION_TYPE, locals: 0, body }] }));
}

/**
 * `enter(handle)`: runs regions until one leaves, with what it left (LEFT).
 * @param memory the pool
 */
export function makeEntry(memory: WebAssembly.Memory, table: WebAssembly.Table): (handle: number) => number {
  const body = new FunctionBody();
  const CODE = 1;
  const again = body.loop();
  body.get(0).i32(0xff).op(OP.and);
  for (let register = 0; register < 8; register++) body.word(AT.register(register));
  for (const offset of [AT.kind, AT.left, AT.right, AT.result]) body.word(offset);
  body.word(AT.flags).i32(1).op(OP.and);
  body.word(WORD.budget).word(WORD.accesses);
  body.get(0).i32(8).op(OP.shr_u).op(OP.call_indirect, REGION_TYPE, 0).set(CODE);
  body.word(WORD.next).set(0);
  body.get(CODE).i32(LEFT.next).op(OP.eq).brIf(again);
  body.end().get(CODE);
  const types = [...TYPES, { parameters: 1, results: 1 }] as const;
  const bytes = encodeModule({ types, imports: [], functions: [{ name: 'enter', type: types.length - 1, locals: 1, body }] });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, t: table } });
  return instance.exports.enter as (handle: number) => number;
}
