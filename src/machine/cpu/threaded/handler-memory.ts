/**
 * Loads, stores and probes in a handler. They look into the fast table and go to the pool themselves, or call for what it does not
 * allow; where every access is told of, they tell first.
 */
import { OP, type FunctionBody, type Label } from '../compile/encoder';
import { PAGE_SIZE } from '../../address';
import { SEGMENT, STATE } from '../state-layout';
import { FAST_TLB, OBSERVED_PAGES } from '../tlb-layout';
import { WORD, packAccess } from './layout';
import { IMPORT, LOCAL, TOUCH } from './locals';
import type { Unit } from './unit';

const LOAD_OP = { 1: OP.load8_u, 2: OP.load16_u, 4: OP.load } as const;
const STORE_OP = { 1: OP.store8, 2: OP.store16, 4: OP.store } as const;
const INDEX_MASK = (FAST_TLB.entries - 1) * FAST_TLB.entryBytes;
const ENTRY_SHIFT = 12 - Math.log2(FAST_TLB.entryBytes);
/** attributes of plain data, and of plain writable data (access.ts) */
const PLAIN_READ = [0x1_001c, 0x10] as const;
const PLAIN_WRITE = [0x1_001e, 0x12] as const;

type Size = 1 | 2 | 4;

/** What operations on memory need of the handler that they are in. */
export interface MemoryUser {
  readonly body: FunctionBody;
  readonly ways: { readonly stopped: Label };
  readonly unit: Unit;
  /** pushes a word of the unit */
  word(index: number): void;
  /** pushes a slot's value; pops the value on the stack into a slot */
  push(slot: number): void;
  pop(slot: number): void;
  /** before a call that may want to know where it is, and behind one that may want the loop left */
  slow(): void;
  leaveIfAsked(): void;
}

/** `at` is the operation's place in the IR. */
export interface HandlerMemory {
  /** accesses so far */
  readonly accesses: number;
  load(at: number, size: Size, to: number, address: number): void;
  store(at: number, size: Size, address: number, value: number): void;
  probe(at: number, address: number, size: number): void;
}

export class FastMemory implements HandlerMemory {
  accesses = 0;
  /** operations on memory so far */
  private position = 0;
  /** the access that `probed` is about: address slot, size */
  private probing: { address: number; size: number } | undefined;

  constructor(private readonly user: MemoryUser) {}

  load(at: number, size: Size, to: number, address: number): void {
    const { user } = this;
    const { body } = user;
    const probed = this.isProbed(address, size);
    if (probed) {
      body.if();
      body.get(LOCAL.probed).memory(LOAD_OP[size], 0).set(LOCAL.spare);
      body.else();
    }
    check(user, at, address, size, false);
    body.ifUnlikely();
    this.slowArguments(at, size);
    body.call(isFlat(user, at) ? IMPORT.load : IMPORT.slowLoad).set(LOCAL.spare);
    user.leaveIfAsked();
    body.else();
    poolAddress(body).memory(LOAD_OP[size], 0).set(LOCAL.spare);
    body.end();
    if (probed) body.end();
    body.get(LOCAL.spare);
    user.pop(to);
    this.position++;
    this.accesses++;
  }

  store(at: number, size: Size, address: number, value: number): void {
    const { user } = this;
    const { body } = user;
    // both ways need it in its local
    user.push(value);
    body.op(OP.drop);
    const probed = this.isProbed(address, size);
    if (probed) {
      body.if();
      body.get(LOCAL.probed);
      user.push(value);
      body.memory(STORE_OP[size], 0);
      body.else();
    }
    check(user, at, address, size, true);
    body.ifUnlikely();
    this.slowArguments(at, size);
    user.push(value);
    body.call(isFlat(user, at) ? IMPORT.store : IMPORT.segmentStore);
    user.leaveIfAsked();
    body.else();
    poolAddress(body);
    user.push(value);
    body.memory(STORE_OP[size], 0);
    body.end();
    if (probed) body.end();
    this.position++;
    this.accesses++;
  }

  probe(at: number, address: number, size: number): void {
    const { user } = this;
    const { body } = user;
    // the address must not change until it is used
    user.push(address);
    body.op(OP.drop);
    check(user, at, address, size, true);
    body.ifUnlikely();
    this.slowArguments(at, size);
    body.call(isFlat(user, at) ? IMPORT.probe : IMPORT.segmentProbe);
    user.leaveIfAsked();
    body.i32(0).set(LOCAL.probed);
    body.else();
    poolAddress(body).set(LOCAL.probed).end();
    this.probing = { address, size };
    this.position++;
  }

  private slowArguments(at: number, size: number): void {
    const { user } = this;
    user.slow();
    // what it does may evict the page that was probed
    if (this.probing !== undefined) user.body.i32(0).set(LOCAL.probed);
    user.body
      .get(isFlat(user, at) ? LOCAL.linear : LOCAL.offset)
      .i32(packAccess({ position: this.position, before: this.accesses, size }))
      .get(LOCAL.pc)
      .get(LOCAL.budget);
  }

  /** Does an access to what was probed have its pool address already? Then `probed` is on the stack. */
  private isProbed(address: number, size: number): boolean {
    if (this.probing?.address !== address || this.probing.size !== size) return false;
    this.user.body.get(LOCAL.probed);
    return true;
  }
}

/** Leaves 1 on the stack when the fast table does not allow the access; `linear`, `index` and `offset` are set. */
function check(user: MemoryUser, at: number, address: number, size: number, write: boolean): void {
  const { body } = user;
  const place = user.unit.places.get(at);
  user.push(address);
  if (place === undefined) {
    body.tee(LOCAL.linear);
    compareTag(body, size, write);
    return;
  }
  // the segment's place in the state is in the unit
  const [mask, plain] = write ? PLAIN_WRITE : PLAIN_READ;
  body.tee(LOCAL.offset);
  user.word(place);
  body.tee(LOCAL.spare).memory(OP.load, SEGMENT.base).op(OP.add).tee(LOCAL.linear);
  compareTag(body, size, write);
  body.get(LOCAL.spare).memory(OP.load, SEGMENT.attributes).i32(mask).op(OP.and).i32(plain).op(OP.ne, OP.or);
  body.get(LOCAL.offset).get(LOCAL.spare).memory(OP.load, SEGMENT.limit).op(OP.gt_u, OP.or);
  if (size === 1) return;
  body.get(LOCAL.spare).memory(OP.load, SEGMENT.limit).get(LOCAL.offset).op(OP.sub);
  body.i32(size - 1).op(OP.lt_u, OP.or);
}

/** The linear address is on the stack and in its local. */
function compareTag(body: FunctionBody, size: number, write: boolean): void {
  body.i32(ENTRY_SHIFT).op(OP.shr_u).i32(INDEX_MASK).op(OP.and).get(LOCAL.table).op(OP.add).tee(LOCAL.index);
  body.memory(OP.load, write ? 4 : 0).get(LOCAL.linear);
  if (size > 1) body.i32(size - 1).op(OP.add);
  body.i32(-PAGE_SIZE).op(OP.and).word(STATE.tlbGeneration.offset).op(OP.or, OP.ne);
}

/** After `check`: the address in the pool. */
const poolAddress = (body: FunctionBody): FunctionBody => body.get(LOCAL.linear).get(LOCAL.index).memory(OP.load, 12).op(OP.add);

/** Is the segment of an operation on memory flat? */
const isFlat = (user: MemoryUser, at: number): boolean => !user.unit.places.has(at);

/**
 * Every access is told of: by `touch` (touch-code.ts) where the fast table allows it and that is enough, else by a call that fills
 * the table (observed-fill.ts), or makes the access as the interpreter does. That counts itself, so `accesses` stays 0.
 */
export class ObservedMemory implements HandlerMemory {
  readonly accesses = 0;
  private position = 0;

  constructor(private readonly user: MemoryUser) {}

  load(at: number, size: Size, to: number, address: number): void {
    const { user } = this;
    const { body } = user;
    this.touched(at, address, size, false);
    body.if();
    poolAddress(body).memory(LOAD_OP[size], 0).set(LOCAL.spare);
    body.else();
    this.arguments(at, size);
    body.call(isFlat(user, at) ? IMPORT.load : IMPORT.slowLoad).set(LOCAL.spare);
    user.leaveIfAsked();
    body.end().get(LOCAL.spare);
    user.pop(to);
    this.position++;
  }

  store(at: number, size: Size, address: number, value: number): void {
    const { user } = this;
    const { body } = user;
    // both ways need it in its local
    user.push(value);
    body.op(OP.drop);
    this.touched(at, address, size, true);
    body.if();
    poolAddress(body);
    user.push(value);
    body.memory(STORE_OP[size], 0);
    body.else();
    this.arguments(at, size);
    user.push(value);
    body.call(isFlat(user, at) ? IMPORT.store : IMPORT.slowStore);
    user.leaveIfAsked();
    body.end();
    this.position++;
  }

  probe(at: number, address: number, size: number): void {
    const { user } = this;
    check(user, at, address, size, true);
    user.body.if();
    this.arguments(at, size);
    user.body.call(isFlat(user, at) ? IMPORT.probe : IMPORT.slowProbe);
    user.leaveIfAsked();
    user.body.end();
    this.position++;
  }

  /** Leaves 1 on the stack when the access has been told of and may be made. */
  private touched(at: number, address: number, size: Size, write: boolean): void {
    const { user } = this;
    const { body } = user;
    // what follows is in one way only
    user.push(address);
    body.op(OP.drop);
    check(user, at, address, size, write);
    body.ifValue().i32(0).else();
    body
      .get(LOCAL.index)
      .i32(OBSERVED_PAGES.distance)
      .op(OP.add)
      .get(LOCAL.linear)
      .i32(write ? size + 8 : size);
    // observed blocks end behind the first instruction that makes an access: it is the last one
    body.word(WORD.limit).get(LOCAL.budget).op(OP.sub).i32(1).op(OP.sub).call(TOUCH);
    // TLB statistics, where addresses are translated
    body.tee(LOCAL.probed).get(LOCAL.accesses).op(OP.add).set(LOCAL.accesses).get(LOCAL.probed).end();
  }

  private arguments(at: number, size: number): void {
    const { user } = this;
    user.slow();
    user.body
      .get(isFlat(user, at) ? LOCAL.linear : LOCAL.offset)
      .i32(packAccess({ position: this.position, before: 0, size }))
      .get(LOCAL.pc)
      .get(LOCAL.budget);
  }
}
