/**
 * The walk of a fill in WebAssembly: what paging.ts does for a page that a guest's tables (32-bit or PAE) map, read as bytes in the
 * pool. It has no effects. It ends in a translation, in a page fault of the guest's own making, of which it leaves a note, or by
 * giving up, when there is anything that it does not know: reserved bits, a table that is not plain memory, a frame that the frame
 * cache does not have. SDM vol. 3, 4.3, 4.4, 4.7, 4.8.
 */
import { ACCESS, PAGE_FAULT } from '../page-rights';
import { CR0, CR4, EFER } from '../paging-registers';
import { STATE } from '../state-layout';
import { TLB_FLAG } from '../tlb-entry';
import { FRAME_CACHE, FRAME_READS, FRAME_RIGHT, FRAME_WHOLE, TLB_COVERED, TLB_PAGE_SIZE, TLB_WORD } from '../tlb-layout';
import { FunctionBody, OP } from './encoder';

/** What `fill` returns beside pool offsets: nothing has happened, and in the second case the access faults (TLB_WORD.faultCode). */
export const FILL = { nothing: 0, faults: 1 } as const;

/** shifts from CR0.WP, EFER.NXE and so on to bit 0 */
const WP = 16;
const NXE = 11;
const ENTRY = { accessed: 32, dirty: 64, large: 128, global: 256 } as const;
/** Of the entry of a large page: address bits above 32 (PSE-36), and reserved ones. */
const LARGE_REST = { legacy: 0x3f_e000, pae: 0x1f_e000 } as const;
/** Pages of a large one, as powers of two. */
const LARGE = { legacy: 10, pae: 9 } as const;

/** Parameters and locals of `fill`. */
export const LINEAR = 0;
export const WANTED = 1;
export const PAGE = 2;
/** address of the TLB's entry, or 0 */
export const ENTRY_AT = 3;
/** 1 for an access of the user's, and of the supervisor's */
export const USER = 4;
export const SUPER = 5;
/** address of a frame's entry in the frame cache */
export const CACHE = 6;
export const FRAME = 7;
/** the leaf: address, value, and value with its flags set; the address is 0 without paging */
export const LEAF_AT = 8;
export const LEAF = 9;
export const NEW_LEAF = 10;
/** the entry above it whose accessed flag must be set: address or 0, and new value */
export const UPPER_AT = 11;
export const UPPER = 12;
/** TLB_FLAG bits and sizes, FAST_RIGHT bits */
export const FLAGS = 13;
export const RIGHTS = 14;
/** table entries read */
export const READS = 15;
/** the page that the tables map, as a power of two of 4 KiB */
export const SIZE = 16;
const HIGH = 17;
const LOW = 18;
const ABOVE = 19;
const NX = 20;
const MORE = 21;
/** for a few operations */
export const AT = 22;
export const TAG = 23;
export const SPARE = 24;
/** the entry that is filled, its set's word of the next way, that way, and what it covers as a power of two of pages */
export const VICTIM = 25;
export const NEXT_AT = 26;
export const WAY = 27;
export const COVERED = 28;
export const FILL_LOCALS = 27;

/** Beside the ACCESS bits of an access: it belongs to an event, which remembers its pages (PINS). */
export const FOR_EVENT = 32;

export class WalkCode {
  readonly body = new FunctionBody();

  giveUp(): void {
    this.body.i32(FILL.nothing).op(OP.return);
  }
  giveUpIf(condition: () => unknown): void {
    condition();
    this.body.if();
    this.giveUp();
    this.body.end();
  }
  giveUpUnless(condition: () => unknown): void {
    this.giveUpIf(() => {
      condition();
      this.body.op(OP.eqz);
    });
  }

  /** The access faults when the condition holds, with these PAGE_FAULT bits beside its own. Fetches give up. */
  private faultIf(condition: () => unknown, bits: number): void {
    const { body } = this;
    condition();
    body.if();
    this.giveUpIf(() => body.get(WANTED).i32(ACCESS.execute).op(OP.and));
    body.i32(0).get(WANTED).i32(ACCESS.write | ACCESS.user).op(OP.and).i32(bits).op(OP.or).memory(OP.store, TLB_WORD.faultCode); // prettier-ignore
    body.i32(0).get(READS).memory(OP.store, TLB_WORD.faultReads);
    body.i32(FILL.faults).op(OP.return).end();
  }

  // --- rights ----------------------------------------------------------------------------------------------------------

  /** `RIGHTS`, as FAST_RIGHT bits, of `FLAGS` for this privilege (tlbRights in tlb-rights.ts). */
  findRights(): void {
    const { body } = this;
    const flag = (bit: number): FunctionBody => body.get(FLAGS).i32(Math.log2(bit)).op(OP.shr_u);
    const forPrivilege = (): FunctionBody => flag(TLB_FLAG.user).get(SUPER).op(OP.or);
    flag(TLB_FLAG.eptRead);
    forPrivilege().op(OP.and).i32(1).op(OP.and);
    flag(TLB_FLAG.eptWrite);
    flag(TLB_FLAG.dirty).op(OP.and);
    forPrivilege().op(OP.and);
    this.mayWrite();
    body.op(OP.and).i32(1).op(OP.and).i32(1).op(OP.shl, OP.or);
    flag(TLB_FLAG.eptExecute);
    flag(TLB_FLAG.noExecute).i32(-1).op(OP.xor, OP.and);
    forPrivilege().op(OP.and).i32(1).op(OP.and).i32(2).op(OP.shl, OP.or);
    body.set(RIGHTS);
  }

  /** Bit 0: R/W is set, or the supervisor writes with CR0.WP clear. */
  private mayWrite(): void {
    this.body.get(FLAGS).word(STATE.cr0.offset).i32(WP).op(OP.shr_u).i32(-1).op(OP.xor).get(SUPER).op(OP.and, OP.or);
  }

  /** 1 on the stack when `RIGHTS` lacks what the access needs. */
  isRefused(): void {
    const { body } = this;
    // read 1, write 2, execute 4, as FAST_RIGHT has them
    body.get(RIGHTS).i32(4).i32(2).i32(1).get(WANTED).i32(ACCESS.write).op(OP.and, OP.select);
    body.get(WANTED).i32(ACCESS.execute).op(OP.and, OP.select);
    body.op(OP.and, OP.eqz);
  }

  /** The tables must allow the access (pageAllows in paging.ts). */
  private checkRights(): void {
    const { body } = this;
    const bit = (push: () => unknown): void => {
      push();
      body.i32(1).op(OP.and, OP.eqz);
    };
    this.faultIf(() => bit(() => body.get(FLAGS).i32(1).op(OP.shr_u).get(SUPER).op(OP.or)), PAGE_FAULT.present);
    body.get(WANTED).i32(ACCESS.write).op(OP.and).if();
    this.faultIf(() => bit(() => this.mayWrite()), PAGE_FAULT.present);
    body.end();
  }

  // --- frames ----------------------------------------------------------------------------------------------------------

  /** `CACHE`: the entry for `FRAME` in the frame cache; gives up, and says for which, when there is none. */
  findFrame(): void {
    const { body } = this;
    body.get(FRAME).i32(FRAME_CACHE.entries - 1).op(OP.and).i32(4).op(OP.shl).i32(FRAME_CACHE.offset).op(OP.add).tee(CACHE); // prettier-ignore
    body.memory(OP.load, 0).get(FRAME).op(OP.ne);
    body.get(CACHE).memory(OP.load, 4).word(TLB_WORD.frames).op(OP.ne, OP.or).if();
    this.missFrame();
    body.end();
    this.frameFound();
  }
  /** `CACHE` is an entry for `FRAME`; and it is that of a table, from which an entry will be read. */
  protected frameFound(): void {}
  protected tableFound(): void {}
  missFrame(): void {
    this.body.i32(0).get(FRAME).memory(OP.store, TLB_WORD.missed);
    this.giveUp();
  }
  /** Gives up unless the frame found has a right (FRAME_RIGHT). */
  private needFrame(right: number): void {
    this.body.get(CACHE).memory(OP.load, 8).i32(right).op(OP.and, OP.eqz).if();
    this.missFrame();
    this.body.end();
  }
  /** A flag of an entry in the table at `CACHE` must change. */
  private needWritable(): void {
    this.needFrame(FRAME_RIGHT.pool);
    this.needFrame(FRAME_RIGHT.write);
  }
  /** Pool address of the table in `FRAME`, plus what is on the stack. */
  private addTable(): void {
    const { body } = this;
    this.findFrame();
    this.needFrame(FRAME_RIGHT.read);
    this.tableFound();
    this.frameReads().get(READS).op(OP.add).i32(1).op(OP.add).set(READS);
    body.get(CACHE).memory(OP.load, 8).i32(-4096).op(OP.and, OP.add);
  }
  /** EPT entries that a walk to the frame at `CACHE` reads. */
  protected frameReads(): FunctionBody {
    return this.body.get(CACHE).memory(OP.load, 8).i32(FRAME_READS.shift).op(OP.shr_u).i32(FRAME_READS.mask).op(OP.and);
  }
  private countFrameReads(): void {
    this.frameReads().get(READS).op(OP.add).set(READS);
  }

  // --- the walk --------------------------------------------------------------------------------------------------------

  /**
   * `FRAME` and `CACHE`, `FLAGS`, `RIGHTS`, which allow the access; `LEAF`, `LEAF_AT` and `NEW_LEAF`, `UPPER` and `UPPER_AT`;
   * `READS` and `SIZE`.
   */
  walk(): void {
    const { body } = this;
    body.word(STATE.cr0.offset).i32(0).op(OP.lt_s).if();
    body.word(STATE.cr4.offset).i32(CR4.PAE).op(OP.and).if();
    this.walkPae();
    body.else();
    this.walkLegacy();
    body.end();
    this.checkRights();
    body.get(READS).get(MORE).op(OP.add).set(READS);
    body.get(LEAF).i32(ENTRY.accessed).op(OP.or);
    body.get(WANTED).i32(ACCESS.write).op(OP.and).i32(5).op(OP.shl, OP.or).set(NEW_LEAF);
    body.get(FLAGS).get(NEW_LEAF).i32(3).op(OP.shr_u).i32(TLB_FLAG.dirty).op(OP.and, OP.or);
    body.get(LEAF).i32(ENTRY.global).op(OP.and).i32(0).op(OP.ne);
    body.word(STATE.cr4.offset).i32(CR4.PGE).op(OP.and).i32(0).op(OP.ne, OP.and).i32(4).op(OP.shl, OP.or).set(FLAGS);
    // a leaf whose flags change must be in the pool; `CACHE` is that of its table
    body.get(NEW_LEAF).get(LEAF).op(OP.ne).if();
    this.needWritable();
    this.countFrameReads();
    body.end();
    body.else();
    body.get(PAGE).set(AT);
    body.i32(TLB_FLAG.writable | TLB_FLAG.user | TLB_FLAG.dirty).set(FLAGS);
    body.end();
    body.get(AT).set(FRAME);
    this.findFrame();
    this.countFrameReads();
    body.get(FLAGS).get(CACHE).memory(OP.load, 8).i32(14).op(OP.and).i32(4).op(OP.shl, OP.or).set(FLAGS);
    this.addSizes();
    this.findRights();
    // EPT does not allow it
    this.giveUpIf(() => this.isRefused());
    this.maskPoolWrites();
  }

  /** Sizes in `FLAGS` (tlbSizes): a large page is covered whole where what lies behind it is one piece. */
  private addSizes(): void {
    const { body } = this;
    body.get(SIZE).if();
    // of 2 MiB at least for a page of 2 MiB, and so on
    body.get(CACHE).memory(OP.load, 8).i32(FRAME_WHOLE.shift).op(OP.shr_u).i32(FRAME_WHOLE.mask).op(OP.and);
    body
      .get(SIZE)
      .i32(LARGE.pae - 1)
      .op(OP.sub, OP.ge_u)
      .if();
    body.get(FLAGS).get(SIZE).i32(TLB_COVERED.shift).op(OP.shl, OP.or).set(FLAGS).end();
    body.get(FLAGS).get(SIZE).i32(TLB_PAGE_SIZE.shift).op(OP.shl, OP.or).set(FLAGS).end();
  }

  /** Writes go to the pool only where nobody has to be told. */
  maskPoolWrites(): void {
    const { body } = this;
    body.get(CACHE).memory(OP.load, 8).i32(FRAME_RIGHT.pool).op(OP.and, OP.eqz).if();
    body.get(WANTED).i32(ACCESS.write).op(OP.and).if();
    this.missFrame();
    body.end();
    body.get(RIGHTS).i32(~2).op(OP.and).set(RIGHTS).end();
  }

  private needPresent(): void {
    this.faultIf(() => this.body.get(LOW).i32(1).op(OP.and, OP.eqz), 0);
  }
  /** The accessed flag of the table in `LOW` at `LEAF_AT`, which is set if the access turns out to be allowed. */
  private noteAccessed(): void {
    const { body } = this;
    body.get(LOW).i32(ENTRY.accessed).op(OP.and, OP.eqz).if();
    this.needWritable();
    this.frameReads().set(MORE);
    body.get(LEAF_AT).set(UPPER_AT).get(LOW).i32(ENTRY.accessed).op(OP.or).set(UPPER).end();
  }
  /** `LOW` is the leaf: writable and user, of it and of what is above, as TLB_FLAG bits. */
  private takeLeaf(): void {
    const { body } = this;
    body.get(LOW).tee(LEAF).get(ABOVE).op(OP.and).i32(1).op(OP.shr_u).i32(3).op(OP.and).set(FLAGS);
  }

  private walkLegacy(): void {
    const { body } = this;
    body.i32(-1).set(ABOVE);
    body.word(STATE.cr3.offset).i32(12).op(OP.shr_u).set(FRAME);
    body.get(LINEAR).i32(22).op(OP.shr_u).i32(2).op(OP.shl);
    this.addTable();
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW);
    this.needPresent();
    body.get(LOW).i32(ENTRY.large).op(OP.and, OP.eqz);
    body.word(STATE.cr4.offset).i32(CR4.PSE).op(OP.and, OP.eqz, OP.or).if();
    this.noteAccessed();
    body.get(LOW).set(ABOVE).get(LOW).i32(12).op(OP.shr_u).set(FRAME);
    body.get(PAGE).i32(1023).op(OP.and).i32(2).op(OP.shl);
    this.addTable();
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW);
    this.needPresent();
    body.get(LOW).i32(12).op(OP.shr_u).set(AT);
    body.else();
    this.giveUpIf(() => body.get(LOW).i32(LARGE_REST.legacy).op(OP.and));
    body.i32(LARGE.legacy).set(SIZE);
    body.get(LOW).i32(22).op(OP.shr_u).i32(10).op(OP.shl).get(PAGE).i32(1023).op(OP.and, OP.or).set(AT);
    body.end();
    this.takeLeaf();
  }

  private walkPae(): void {
    const { body } = this;
    body.i32(-1).set(ABOVE);
    body.get(LINEAR).i32(30).op(OP.shr_u).i32(3).op(OP.shl).tee(AT);
    body.memory(OP.load, STATE.pdpte.offset).set(LOW);
    this.needPresent();
    body
      .get(AT)
      .memory(OP.load, STATE.pdpte.offset + 4)
      .set(HIGH);
    this.takeFrame();
    body.get(LINEAR).i32(21).op(OP.shr_u).i32(511).op(OP.and).i32(3).op(OP.shl);
    this.addTable();
    this.takeEntry();
    this.takeFrame();
    body.get(LOW).i32(ENTRY.large).op(OP.and, OP.eqz).if();
    this.noteAccessed();
    body.get(LOW).set(ABOVE);
    body.get(PAGE).i32(511).op(OP.and).i32(3).op(OP.shl);
    this.addTable();
    this.takeEntry();
    this.takeFrame();
    body.get(FRAME).set(AT);
    body.else();
    this.giveUpIf(() => body.get(LOW).i32(LARGE_REST.pae).op(OP.and));
    body.i32(LARGE.pae).set(SIZE);
    body.get(FRAME).i32(-512).op(OP.and).get(PAGE).i32(511).op(OP.and, OP.or).set(AT);
    body.end();
    this.takeLeaf();
    body.get(FLAGS).get(NX).i32(2).op(OP.shl, OP.or).set(FLAGS);
  }

  /** A 64-bit entry at the address on the stack, present; `NX` collects. */
  private takeEntry(): void {
    const { body } = this;
    body.tee(LEAF_AT).memory(OP.load, 0).set(LOW).get(LEAF_AT).memory(OP.load, 4).set(HIGH);
    this.needPresent();
    // without EFER.NXE, bit 63 is reserved and makes the address too large
    body.word(STATE.efer.offset).i32(NXE).op(OP.shr_u).i32(1).op(OP.and).if();
    body.get(NX).get(HIGH).i32(31).op(OP.shr_u).op(OP.or).set(NX);
    body.get(HIGH).i32(0x7fff_ffff).op(OP.and).set(HIGH).end();
  }
  /** `FRAME` from `LOW` and `HIGH`; gives up when a bit is reserved. */
  private takeFrame(): void {
    const { body } = this;
    this.giveUpUnless(() => body.get(HIGH).word(TLB_WORD.highLimit).op(OP.lt_u));
    body.get(LOW).i32(12).op(OP.shr_u).get(HIGH).i32(20).op(OP.shl, OP.or).set(FRAME);
  }
}

// the code above shifts by these
if (CR0.WP !== 1 << WP || EFER.NXE !== 1 << NXE) throw new Error('bits have moved');
