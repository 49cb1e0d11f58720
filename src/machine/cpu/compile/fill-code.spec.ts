/** A fill in WebAssembly does what the slow path would have done, or nothing: entries, statistics, accessed and dirty flags. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../../address';
import { FrameStore } from '../../memory/frame-store';
import { MemoryAccess } from '../access';
import { CpuState } from '../cpu-state';
import { DebugRegisters } from '../debug';
import { ACCESS } from '../page-rights';
import { CR0, CR4, EFER, type PagingContext } from '../paging-registers';
import { POOL_RESERVED, SEGMENT_INDEX, STATE } from '../state-layout';
import { PlainMemory } from '../system.spec-support';
import { LiveTables } from '../table-memory';
import { Tlb } from '../tlb';
import { TLB_FLAG } from '../tlb-entry';
import { FAST_TLB } from '../tlb-layout';
import { makeFill } from './fill-code';
import { WORD } from './layout';
import { packNote } from './locals';

const EPT = 0x40_0000;
const EPT_POINTER = EPT | 0x1e;
const ROOT = 0x10_0000;
/** three page tables, the last of them where the pages that are accessed can reach it */
const TABLES = [0x10_1000, 0x10_2000, 0x20_3000] as const;
const PAGES = 24;
const MEBIBYTES = 16;

/** one access of four bytes, through DS */
const NOTE = packNote({ segment: SEGMENT_INDEX.DS, size: 4, before: 0, length: 6, uncounted: 1, unfinished: 1 });

type Paging = 'legacy' | 'pae' | 'off';

interface Side {
  state: CpuState;
  memory: PlainMemory;
  tlb: Tlb;
  access: MemoryAccess;
  /** the access in question; what the fill or the slow path made of it */
  touch: (linear: number, bits: number) => void;
  /** INVLPG; MOV to CR3 of what it has */
  invalidate: (linear: number) => void;
  reload: () => void;
  fills: number;
  /** page faults raised without the slow path */
  raised: number;
}

function makeSide(quick: boolean, paging: Paging, withEpt: boolean, geometry: { entries: number; ways: number }): Side {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 64 * 2 ** 20 });
  const memory = new PlainMemory(frames, MEBIBYTES * 2 ** 20);
  const state = new CpuState(frames.memory.buffer);
  const tlb = new Tlb(frames, state, geometry);
  const context: PagingContext = {
    get cr0() {
      return state.cr0;
    },
    get cr3() {
      return state.cr3;
    },
    get cr4() {
      return state.cr4;
    },
    get efer() {
      return state.u32[STATE.efer.offset >> 2]!;
    },
    pdpte: state.u32.subarray(STATE.pdpte.offset >> 2, (STATE.pdpte.offset >> 2) + 8),
    physicalAddressBits: 36,
    eptPointer: withEpt ? EPT_POINTER : -1,
  };
  const exits = {
    takeCompletion: () => -1,
    leaveForEpt: () => void state.requestExit(),
    leaves: 0,
    leavesForPageFault: () => false,
  };
  const debug = new DebugRegisters(state, tlb);
  const access = new MemoryAccess(state, frames, memory, new LiveTables(memory, frames), tlb, context, exits, debug);
  frames.onCodeWatch(() => tlb.dropAllFast());
  state.cr0 = paging === 'off' ? CR0.PE : CR0.PE | CR0.PG;
  state.cr4 = CR4.PSE | (paging === 'pae' ? CR4.PAE : 0);
  state.cr3 = ROOT;
  for (let index = 0; index < 4; index++) state.u32[(STATE.pdpte.offset >> 2) + index * 2] = ROOT + index * 4096 + 1;
  const refused = (): number => 0;
  const names = ['condition', 'carry', 'eflags', 'system', 'device'];
  const slow = Object.fromEntries(names.map((name) => [name, refused]));
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  const words = frames.i32;
  /** The slow path. What a region counts in advance it gives back when nothing was done. */
  const slowly = (linear: number, bits: number): void => {
    access.compiled.refused = 0;
    if (bits & ACCESS.write) access.compiled.store(DS, linear, 4, linear, new Set());
    else access.compiled.load(DS, linear, 4);
    if (access.compiled.refused === 0) access.compiled.countAccesses(1);
  };
  const slowLoad = (linear: number): number => {
    slowly(linear >>> 0, wanted);
    done = 'slowly';
    return 0;
  };
  let wanted = 0;
  let done = '';
  const quickly = makeFill(frames.memory, table, { ...slow, slowLoad, slowStore: slowLoad, slowProbe: slowLoad }, tlb, true);
  // one of the pages that are accessed, and one far away
  const codePages = [linearOf(4, paging) >>> 12, 0x3_ff00];
  let code = codePages[0]!;
  const hold = (): void => {
    if (tlb.holdsCodePage) return;
    code = codePages[code === codePages[0] ? 1 : 0]!;
    tlb.enterCodePage(code, false, 7);
    words[WORD.slot >> 2] = 1;
  };
  const { SS, DS } = SEGMENT_INDEX;
  state.setSegment(DS, 8, 0, 0xffff_ffff, 0xc0f3);
  const side: Side = {
    state,
    memory,
    tlb,
    access,
    fills: 0,
    raised: 0,
    touch: (linear, bits) => {
      state.setSegment(SS, 8, 0, 0xffff_ffff, bits & ACCESS.user ? 0xc0f3 : 0xc093);
      hold();
      if (!quick) return slowly(linear, bits);
      words[WORD.leave >> 2] = 0;
      wanted = bits;
      done = 'filled';
      if (bits & ACCESS.write) quickly.store(linear, NOTE, code << 12, 0, linear);
      else quickly.load(linear, NOTE, code << 12, 0);
      if (words[WORD.leave >> 2] !== 0) done = 'raised';
      if (done === 'filled') side.fills++;
      if (done === 'raised') side.raised++;
      // the access was counted when its block began, and nothing is given back
      if (done !== 'slowly') access.compiled.countAccesses(1 - (done === 'raised' ? words[WORD.leftUncounted >> 2]! : 0));
    },
    invalidate: (linear) => {
      hold();
      if (!quick || quickly.invalidate(linear, code << 12) === 0) tlb.invalidatePage(linear >>> 12);
    },
    reload: () => {
      hold();
      if (!quick || quickly.reload(state.cr3, code << 12) === 0) tlb.flushNonGlobal();
    },
  };
  access.contextChanged();
  tlb.selectContext(withEpt ? 1 : 0, withEpt ? EPT : -1);
  return side;
}

/** A few 4 MiB or 2 MiB regions of few pages, with entries of all kinds. */
function entryFor(kind: number, frame: number, paging: Paging): [low: number, high: number] {
  const rights = [7, 7, 7, 3, 5, 1, 0x27, 0x67, 0x107, 0x67][kind % 10]!;
  const high = paging === 'pae' && kind % 7 === 0 ? 0x8000_0000 : 0;
  return [kind % 11 === 0 ? 0 : ((frame << 12) | rights) >>> 0, kind % 31 === 0 ? 0x40 : high];
}

type Action =
  | { kind: 'touch'; page: number; bits: number; offset: number }
  | { kind: 'entry'; page: number; value: number }
  | { kind: 'upper'; index: number; value: number }
  | { kind: 'ept'; frame: number; value: number; tell: boolean }
  | { kind: 'flush'; how: number; page: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 60, arbitrary: fc.record({ kind: fc.constant('touch' as const), page: fc.nat(PAGES - 1), bits: fc.constantFrom(0, 2, 4, 6), offset: fc.nat(0xffc) }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('entry' as const), page: fc.nat(PAGES - 1), value: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('upper' as const), index: fc.nat(2), value: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ept' as const), frame: fc.nat(0x22f), value: fc.nat(7), tell: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), how: fc.nat(5), page: fc.nat(PAGES - 1) }) },
);

/** Pages spread over three tables; some of them are the tables themselves. */
const linearOf = (page: number, paging: Paging): number => {
  const table = page % 3;
  return table * (paging === 'pae' ? 0x20_0000 : 0x40_0000) + Math.floor(page / 3) * 0x1000;
};

function setEntry({ memory }: Side, paging: Paging, page: number, value: number): void {
  const width = paging === 'pae' ? 8 : 4;
  const frame = value % 13 === 0 ? TABLES[2] >>> 12 : 0x200 + (value % 40);
  const [low, high] = entryFor(value, frame, paging);
  const at = TABLES[page % 3]! + Math.floor(page / 3) * width;
  memory.write(hostPhysical(at), 4, low);
  if (width === 8) memory.write(hostPhysical(at + 4), 4, high);
}

function setUpper({ memory }: Side, paging: Paging, index: number, value: number): void {
  const table = TABLES[index]!;
  const bits = [0x67, 0x67, 0x67, 0x67, 0x27, 0x63, 0x65, 7, 0, 0x67, 0x67][value];
  // large pages too
  const entry = bits === undefined ? (0x80_00e7 + (value === 12 ? 0x2000 : 0)) >>> 0 : bits === 0 ? 0 : table | bits;
  memory.write(hostPhysical(ROOT + index * (paging === 'pae' ? 8 : 4)), 4, entry);
}

function setEpt({ memory }: Side, frame: number, rights: number): void {
  memory.write64(hostPhysical(EPT + 0x3000 + frame * 8), BigInt((frame << 12) | rights | (rights === 0 ? 0 : 0x30)));
}

function prepare(side: Side, paging: Paging, values: readonly number[]): void {
  for (let index = 0; index < 3; index++) setUpper(side, paging, index, 0);
  for (let page = 0; page < PAGES; page++) setEntry(side, paging, page, values[page]!);
  for (const [from, to] of [[EPT, EPT + 0x1000], [EPT + 0x1000, EPT + 0x2000]] as const) side.memory.write64(hostPhysical(from), BigInt(to | 7)); // prettier-ignore
  for (let table = 0; table < 2; table++) side.memory.write64(hostPhysical(EPT + 0x2000 + table * 8), BigInt((EPT + 0x3000 + table * 4096) | 7)); // prettier-ignore
  for (let frame = 0; frame < 0x300; frame++) setEpt(side, frame, 7);
  // the rest in large pages
  for (let table = 2; table < 8; table++) side.memory.write64(hostPhysical(EPT + 0x2000 + table * 8), BigInt((table << 21) | 0xb7));
}

function perform(side: Side, paging: Paging, withEpt: boolean, step: Action): void {
  const { tlb, state } = side;
  switch (step.kind) {
    case 'touch':
      return side.touch(linearOf(step.page, paging) + step.offset, step.bits);
    case 'entry':
      return setEntry(side, paging, step.page, step.value);
    case 'upper':
      return setUpper(side, paging, step.index, step.value);
    case 'ept':
      setEpt(side, step.frame, [7, 7, 0, 1, 3, 5, 7, 6][step.value]!);
      if (withEpt && step.tell) tlb.invalidateEpt(EPT);
      return;
    default:
  }
  switch (step.how) {
    case 0:
      return side.reload();
    case 1:
      return side.invalidate(linearOf(step.page, paging));
    case 2:
      state.cr0 = (state.cr0 ^ CR0.WP) >>> 0;
      return tlb.dropFast();
    case 3:
      state.cr4 ^= CR4.PGE;
      return tlb.flushCurrent();
    case 4:
      state.u32[STATE.efer.offset >> 2]! ^= EFER.NXE;
      return tlb.flushCurrent();
    default:
      return tlb.dropFast();
  }
}

function seen({ state, tlb, memory }: Side): unknown {
  const tables = [ROOT, ...TABLES].map((at) => Buffer.from(memory.readBytes(hostPhysical(at), 4096)).toString('base64'));
  const stop = [state.stop, state.faultVector, state.faultErrorCode, state.cr2];
  return { stop, statistics: tlb.statistics, saved: Buffer.from(tlb.save()).toString('base64'), tables };
}

/** Every valid fast entry names a page that the architectural TLB holds, with its frame. */
function expectSubset({ tlb, memory }: Side): void {
  const words = memory.frames.i32;
  for (let index = 0; index < FAST_TLB.entries * 2; index++) {
    const at = (FAST_TLB.offset >> 2) + index * 4;
    for (const [right, tag] of [words[at]!, words[at + 1]!, words[at + 2]!].entries()) {
      if (tag === 0 || (tag & 0xfff) !== tlb.generation) continue;
      const entry = tlb.lookup(tag >>> 12);
      expect(entry).toBeGreaterThanOrEqual(0);
      expect(((tag & ~0xfff) + words[at + 3]!) >>> 0).toBe(memory.frames.offsetOf(tlb.hostFrame(entry, tag >>> 12)));
      if (right === 1) expect(tlb.flags(entry) & TLB_FLAG.dirty).not.toBe(0);
    }
  }
}

describe('fills of compiled code', () => {
  for (const paging of ['legacy', 'pae', 'off'] as const) {
    for (const withEpt of paging === 'off' ? [true] : [false, true]) {
      it(`do what the slow path does: ${paging}${withEpt ? ', EPT' : ''}`, { timeout: 240_000 }, () => {
        let fills = 0;
        let raised = 0;
        fc.assert(
          fc.property(
            fc.array(fc.nat(1000), { minLength: PAGES, maxLength: PAGES }),
            fc.array(action, { minLength: 200, maxLength: 400 }),
            fc.constantFrom({ entries: 8, ways: 2 }, { entries: 12, ways: 3 }),
            (values, actions, geometry) => {
              const [slow, quick] = [makeSide(false, paging, withEpt, geometry), makeSide(true, paging, withEpt, geometry)];
              for (const side of [slow, quick]) prepare(side, paging, values);
              for (const [number, step] of actions.entries()) {
                for (const side of [slow, quick]) {
                  side.state.clearStop();
                  perform(side, paging, withEpt, step);
                }
                if (number % 16 === 0 || number === actions.length - 1) expect(seen(quick)).toEqual(seen(slow));
              }
              expectSubset(quick);
              fills += quick.fills;
              raised += quick.raised;
            },
          ),
          { numRuns: 6, seed: 20_261_122 },
        );
        // a fill that always declined would agree too
        expect(fills).toBeGreaterThan(60);
        if (paging !== 'off') expect(raised).toBeGreaterThan(60);
      });
    }
  }
});
