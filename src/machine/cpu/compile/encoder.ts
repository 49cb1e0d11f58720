/** WebAssembly's binary format, as much of it as compiled regions need: function bodies, then whole modules (core specification, chapter 5). */

/** Opcodes by their text names, dots and all. */
export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, br_if: 0x0d, br_table: 0x0e, return: 0x0f,
  call: 0x10, call_indirect: 0x11, return_call_indirect: 0x13, drop: 0x1a, select: 0x1b, get: 0x20, set: 0x21, tee: 0x22,
  load: 0x28, load8_s: 0x2c, load8_u: 0x2d, load16_s: 0x2e, load16_u: 0x2f, store: 0x36, store8: 0x3a, store16: 0x3b, const: 0x41,
  const64: 0x42, eqz: 0x45, eq: 0x46, ne: 0x47, lt_s: 0x48, lt_u: 0x49, gt_s: 0x4a, gt_u: 0x4b, le_s: 0x4c, le_u: 0x4d, ge_s: 0x4e, ge_u: 0x4f,
  eq64: 0x51, ne64: 0x52, gt64_u: 0x56, clz: 0x67, ctz: 0x68, add: 0x6a, sub: 0x6b, mul: 0x6c, div_s: 0x6d, div_u: 0x6e, rem_s: 0x6f, rem_u: 0x70,
  and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shr_s: 0x75, shr_u: 0x76, rotl: 0x77, rotr: 0x78, sub64: 0x7d, mul64: 0x7e, div64_s: 0x7f, div64_u: 0x80, or64: 0x84, shl64: 0x86, shr64_u: 0x88,
  load_f64: 0x2b, store_f64: 0x39, const_f64: 0x44, eq_f64: 0x61, gt_f64: 0x64, ge_f64: 0x66, ceil_f64: 0x9b, floor_f64: 0x9c, add_f64: 0xa0, sub_f64: 0xa1,
  mul_f64: 0xa2, div_f64: 0xa3, max_f64: 0xa5, convert_f64: 0xb8, prefix_fc: 0xfc,
  wrap: 0xa7, extend_s: 0xac, extend_u: 0xad, extend8_s: 0xc0, extend16_s: 0xc1,
} as const; // prettier-ignore

const I32 = 0x7f;
const I64 = 0x7e;
const F64 = 0x7c;
const VOID = 0x40;

export function unsigned(into: number[], value: number): void {
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    into.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
}

export function signed(into: number[], value: number): void {
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      into.push(byte);
      return;
    }
    into.push(byte | 0x80);
  }
}

function signed64(into: number[], value: number): void {
  let rest = value;
  for (;;) {
    const byte = ((rest % 128) + 128) % 128;
    rest = (rest - byte) / 128;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      into.push(byte);
      return;
    }
    into.push(byte | 0x80);
  }
}

/** A place that branches go to. Made by `block` and `loop`, void from its `end` on. */
export interface Label {
  readonly depth: number;
}

/** The instructions of one function. Labels are counted here, so that branches name their target instead of a depth. */
export class FunctionBody {
  readonly bytes: number[] = [];
  /** offsets in `bytes` of the branches that are hardly ever taken, in order */
  readonly unlikely: number[] = [];
  /** offsets in `bytes` of the numbers of called functions, of which there are fewer than 128 */
  readonly calls: number[] = [];
  private depth = 0;

  op(...opcodes: number[]): this {
    this.bytes.push(...opcodes);
    return this;
  }
  get(local: number): this {
    this.bytes.push(OP.get);
    unsigned(this.bytes, local);
    return this;
  }
  set(local: number): this {
    this.bytes.push(OP.set);
    unsigned(this.bytes, local);
    return this;
  }
  tee(local: number): this {
    this.bytes.push(OP.tee);
    unsigned(this.bytes, local);
    return this;
  }
  i32(value: number): this {
    this.bytes.push(OP.const);
    signed(this.bytes, value);
    return this;
  }
  /** A 64-bit constant that a double holds exactly. */
  i64(value: number): this {
    this.bytes.push(OP.const64);
    signed64(this.bytes, value);
    return this;
  }
  f64(value: number): this {
    this.bytes.push(OP.const_f64, ...new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }
  /** A load or store at the address on the stack plus `offset`. No alignment is promised. */
  memory(opcode: number, offset: number): this {
    this.bytes.push(opcode, 0);
    unsigned(this.bytes, offset);
    return this;
  }
  /** The word at a fixed address. */
  word(offset: number): this {
    return this.i32(0).memory(OP.load, offset);
  }
  call(functionIndex: number): this {
    this.calls.push(this.bytes.length + 1);
    return this.op(OP.call, functionIndex);
  }
  block(): Label {
    this.bytes.push(OP.block, VOID);
    return { depth: ++this.depth };
  }
  loop(): Label {
    this.bytes.push(OP.loop, VOID);
    return { depth: ++this.depth };
  }
  if(): this {
    this.depth++;
    return this.op(OP.if, VOID);
  }
  /** An `if` whose condition hardly ever holds: engines that know branch hints put it out of the way. */
  ifUnlikely(): this {
    this.unlikely.push(this.bytes.length);
    return this.if();
  }
  /** As `if`, with an i32 for a result. */
  ifValue(): this {
    this.depth++;
    return this.op(OP.if, I32);
  }
  else(): this {
    return this.op(OP.else);
  }
  end(): this {
    this.depth--;
    return this.op(OP.end);
  }
  br(label: Label): this {
    this.bytes.push(OP.br);
    unsigned(this.bytes, this.depth - label.depth);
    return this;
  }
  brIf(label: Label): this {
    this.bytes.push(OP.br_if);
    unsigned(this.bytes, this.depth - label.depth);
    return this;
  }
  /** Branches by the value on the stack; beyond the table, to its last label. */
  brTable(labels: readonly Label[]): this {
    this.bytes.push(OP.br_table);
    unsigned(this.bytes, labels.length - 1);
    for (const label of labels) unsigned(this.bytes, this.depth - label.depth);
    return this;
  }
}

export interface FunctionType {
  parameters: number;
  results: 0 | 1;
}

export interface ModuleParts {
  /** all of them functions on i32 */
  types: readonly FunctionType[];
  /** functions that can be imported, from module `e`, in order: name and type */
  imports: readonly (readonly [name: string, type: number])[];
  /** functions, exported if they have a name, each with its count of i32 locals beyond the parameters, and of i64 and then f64 locals behind them */
  functions: readonly { name?: string; type: number; locals: number; locals64?: number; doubles?: number; body: FunctionBody }[];
  /** places in the table that the first function is put into when the module is instantiated: cheaper than through JavaScript */
  places?: readonly number[];
}

function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  const out: number[] = [];
  unsigned(out, bytes.length);
  return [...out, ...bytes];
}

function section(into: number[], id: number, items: readonly (readonly number[])[]): void {
  const body: number[] = [];
  unsigned(body, items.length);
  for (const item of items) for (const byte of item) body.push(byte);
  into.push(id);
  unsigned(into, body.length);
  for (const byte of body) into.push(byte);
}

const VERSION = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const LARGEST_MEMORY = 65_536;

/**
 * The custom section `metadata.code.branch_hint` (branch hinting proposal): functions, and of each its branches by their offset
 * behind the function's size, with a byte that is 0 for those hardly ever taken. Engines that do not know it skip it.
 */
function branchHints(out: number[], imports: number, functions: readonly { head: readonly number[]; body: FunctionBody }[]): void {
  const content = text('metadata.code.branch_hint');
  unsigned(content, functions.length);
  functions.forEach(({ head, body }, index) => {
    unsigned(content, imports + index);
    unsigned(content, body.unlikely.length);
    for (const at of body.unlikely) {
      unsigned(content, head.length + at);
      content.push(1, 0);
    }
  });
  out.push(0);
  unsigned(out, content.length);
  for (const byte of content) out.push(byte);
}

/** The vector of a function's locals. */
function localsOf(locals: number, locals64: number, doubles: number): number[] {
  const groups = [
    [locals, I32],
    [locals64, I64],
    [doubles, F64],
  ].filter(([count]) => count !== 0) as [number, number][];
  const head = [groups.length];
  for (const [count, type] of groups) {
    unsigned(head, count);
    head.push(type);
  }
  return head;
}

/** Leaves the imports out that nobody calls, and numbers the functions anew in the bodies. */
function dropUnusedImports(imports: ModuleParts['imports'], functions: ModuleParts['functions']): ModuleParts['imports'] {
  const called = new Set(functions.flatMap(({ body }) => body.calls.map((at) => body.bytes[at]!)));
  const used = imports.filter((_, index) => called.has(index));
  for (const { body } of functions) {
    for (const at of body.calls) {
      const index = body.bytes[at]!;
      body.bytes[at] = index < imports.length ? used.indexOf(imports[index]!) : index - imports.length + used.length;
    }
  }
  return used;
}

/** A module that imports the pool as `e.m` (shared), a function table as `e.t`, and of the functions those that it calls. Once for each body. */
export function encodeModule({ types, imports: offered, functions, places = [] }: ModuleParts): Uint8Array<ArrayBuffer> {
  const imports = dropUnusedImports(offered, functions);
  const out = [...VERSION];
  const i32s = (count: number): number[] => new Array<number>(count).fill(I32);
  section(
    out,
    1,
    types.map(({ parameters, results }) => [0x60, parameters, ...i32s(parameters), results, ...i32s(results)]),
  );
  const memory = [...text('e'), ...text('m'), 2, 3, 1];
  unsigned(memory, LARGEST_MEMORY);
  section(out, 2, [
    memory,
    [...text('e'), ...text('t'), 1, 0x70, 0, 0],
    ...imports.map(([name, type]) => [...text('e'), ...text(name), 0, type]),
  ]);
  section(
    out,
    3,
    functions.map(({ type }) => [type]),
  );
  section(
    out,
    7,
    functions.flatMap(({ name }, index) => {
      if (name === undefined) return [];
      const item = [...text(name), 0];
      unsigned(item, imports.length + index);
      return [item];
    }),
  );
  if (places.length > 0) {
    section(
      out,
      9,
      places.map((place) => {
        const item: number[] = [0, OP.const];
        signed(item, place);
        item.push(OP.end, 1);
        unsigned(item, imports.length);
        return item;
      }),
    );
  }
  const bodies = functions.map(({ locals, locals64 = 0, doubles = 0, body }) => ({ head: localsOf(locals, locals64, doubles), body }));
  branchHints(out, imports.length, bodies);
  section(
    out,
    10,
    bodies.map(({ head, body }) => {
      const item: number[] = [];
      unsigned(item, head.length + body.bytes.length + 1);
      return [...item, ...head, ...body.bytes, OP.end];
    }),
  );
  return Uint8Array.from(out);
}
