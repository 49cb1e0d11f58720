/**
 * What functions around an access that the fast table did not allow have in common: parameters (offset, note, RIP or what stands for
 * it, budget, and the value of a store); an attempt to make the access in WebAssembly; and else a call that makes it, with the same
 * parameters.
 */
import { FunctionBody, OP, type Label } from './encoder';

/** Parameters. A load's and a probe's are the first four. */
export const OFFSET = 0;
export const NOTE = 1;
export const RIP = 2;
export const BUDGET = 3;
export const VALUE = 4;

export type AccessKind = 'load' | 'store' | 'probe';

/** What an attempt has to work with: locals of the access's bytes (1, 2 or 4), and of its value (undefined: none is stored). */
export interface Attempt {
  body: FunctionBody;
  /** where to go when it cannot be made here; nothing has happened then */
  otherwise: Label;
  size: number;
  value: number | undefined;
  /** the first local of the attempt's own */
  locals: number;
}

/**
 * A function of an access; the first of its locals is the access's size.
 * @param slow number of the function that makes the access otherwise
 */
export function attempted(kind: AccessKind, slow: number, attempt: (attempt: Attempt) => void): FunctionBody {
  const body = new FunctionBody();
  const parameters = kind === 'store' ? VALUE + 1 : BUDGET + 1;
  const size = parameters;
  const otherwise = body.block();
  body.get(NOTE).i32(3).op(OP.shr_u).i32(7).op(OP.and).set(size);
  attempt({ body, otherwise, size, value: kind === 'store' ? VALUE : undefined, locals: parameters + 1 });
  body.end();
  for (let parameter = 0; parameter < parameters; parameter++) body.get(parameter);
  return body.call(slow);
}

/** Gives up when the access at the address on the stack goes on into another page. */
export function needOnePage({ body, otherwise, size }: Attempt): void {
  body.i32(0xfff).op(OP.and).get(size).op(OP.add).i32(4096).op(OP.gt_u).brIf(otherwise);
}

/** A store of the value, or a load when that is undefined, of `size` bytes at the pool offset in `at`; and returns. */
export function emitSized(body: FunctionBody, size: number, at: number, value: number | undefined): void {
  for (const [bytes, load, store] of [
    [4, OP.load, OP.store],
    [1, OP.load8_u, OP.store8],
    [2, OP.load16_u, OP.store16],
  ] as const) {
    if (bytes !== 2) body.get(size).i32(bytes).op(OP.eq).if();
    body.get(at);
    if (value !== undefined) body.get(value).memory(store, 0);
    else body.memory(load, 0);
    body.op(OP.return);
    if (bytes !== 2) body.end();
  }
}
