/**
 * Random cases, by mode of the processor: real mode, protected mode with odd segments, flat and segmented code under odd page
 * tables, virtual-8086 mode. A case keeps to its own memory: where emulators check limits, by its segments, elsewhere by paging.
 */
import { FLAG } from '../../flags';
import { chance, pick, Program, value, type Context, type Next } from './instructions.spec-support';
import { CODE, CODE_WINDOW, CODE_WINDOW_BYTES, DATA, DATA_BYTES, DESCRIPTORS, KIND, LDT, SECOND_WINDOW, WINDOW, WINDOW_TABLE, codeOf, entryPoint, type ProgramCase } from './layout.spec-support'; // prettier-ignore
import { random } from '../../../random.spec-support';

/** `qemu`: its word counts here; it checks neither limits nor types at an access, nor alignment, so that Bochs decides elsewhere. */
export const MODES = {
  real: { qemu: true },
  'real-wrapping': { qemu: false },
  'flat-paged-ring-0': { qemu: true },
  'flat-paged-ring-3': { qemu: true },
  'virtual-8086': { qemu: true },
  'virtual-8086-paged': { qemu: true },
  segmented: { qemu: false },
  'segmented-paged': { qemu: false },
  aligned: { qemu: false },
  debugged: { qemu: false },
} as const;
export type Mode = keyof typeof MODES;
export const MODE_NAMES = Object.keys(MODES) as Mode[];

const STATUS = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF;
const CR0 = { PE: 1, MP: 2, EM: 4, TS: 8, NE: 0x30, WP: 0x1_0000, AM: 0x4_0000, PG: 0x8000_0000 };
const CR4 = { TSD: 4, DE: 8, PSE: 0x10, PGE: 0x80 };
const SELECTOR = { code: 0x28, stack: 0x30, data: 0x38, extra: 0x58 };
const NOTHING: [number, number] = [0, 0];

function descriptor(base: number, limit: number, access: number, flags: number): [number, number] {
  return [
    (((base & 0xffff) << 16) | (limit & 0xffff)) >>> 0,
    ((base & 0xff00_0000) | (flags << 20) | (limit & 0xf_0000) | (access << 8) | ((base >>> 16) & 0xff)) >>> 0,
  ];
}
const FLAT = { limit: 0xf_ffff, flags: 0xc };

/** An offset within some bytes: often at their ends and at the border of two pages. */
function near(next: Next, bytes: number): number {
  switch (next() % 5) {
    case 0:
      return next() % 24;
    case 1:
      return bytes - 1 - (next() % 24);
    case 2:
      return 0x1000 - 12 + (next() % 24);
    default:
      return next() % bytes;
  }
}

const REGISTERS_OF_POINTERS = [3, 4, 5, 6];

/** EAX ECX EDX: values; EBX EBP ESI EDI: offsets of data, most of the time. */
function registers(next: Next, offset: () => number): number[] {
  return [0, 1, 2, 3, 4, 5, 6].map((index) => {
    if (REGISTERS_OF_POINTERS.includes(index)) return chance(next, 90) ? offset() >>> 0 : value(next);
    return index === 1 && chance(next, 50) ? next() % 40 : value(next);
  });
}

type Frame = Omit<ProgramCase, 'instructions' | 'registers'>;

/** Fills a case's memory-independent parts with what most modes have. */
function frame(next: Next, mode: Mode): Frame {
  return {
    mode,
    kind: KIND.real,
    cr0: CR0.NE,
    cr4: 0,
    cs: 0,
    codeBase: CODE,
    // before the border of the two frames, or across it
    codeOffset: chance(next, 25) ? 0x80 - (next() % 24) : next() % 0x50,
    eflags: (next() & STATUS) | 2 | (chance(next, 15) ? FLAG.DF : 0),
    esp: 0,
    ss: 0,
    ds: 0,
    es: 0,
    fs: 0,
    gs: 0,
    pool: (next() % DATA_BYTES) & ~3,
    entries: new Array<number>(8).fill(0),
    directory: [0, 0],
    descriptors: Array.from({ length: DESCRIPTORS }, () => NOTHING),
    ldt: LDT,
    dr: [0, 0, 0, 0, 0x400],
  };
}

function finish(next: Next, made: Frame, c: Context): ProgramCase {
  const program = new Program(c);
  const steps = 1 + (next() % 6);
  const test: ProgramCase = { ...made, registers: registers(next, c.offset), instructions: program.instructions };
  for (let step = 0; step < steps; step++) {
    program.step();
    // the window's end is INT3 all the same
    if (made.codeOffset + codeOf(test).length > CODE_WINDOW_BYTES - 16) {
      program.instructions.pop();
      break;
    }
  }
  return test;
}

// --- real and virtual-8086 mode -----------------------------------------------------------------------------------------

/** Segments over the data: offsets from 0, and offsets that end at FFFF. */
const REAL_SEGMENTS = [DATA >> 4, (DATA + 0x1000 - 0x1_0000) >> 4, (DATA >> 4) + 0x10];

function realFrame(next: Next, mode: Mode): { made: Frame; offset: () => number; selector: () => number } {
  const made = frame(next, mode);
  const wrapping = mode === 'real-wrapping';
  const high = chance(next, wrapping ? 80 : 10);
  made.codeBase = wrapping ? CODE + 0x1000 - 0x1_0000 : CODE;
  made.cs = made.codeBase >> 4;
  if (wrapping) made.codeOffset = 0x80 - (next() % 60);
  for (const segment of ['ds', 'es', 'fs', 'gs'] as const) made[segment] = REAL_SEGMENTS[high ? 1 : next() % 3 === 2 ? 2 : 0]!;
  made.ss = REAL_SEGMENTS[high ? 1 : 0]!;
  made.esp = high
    ? chance(next, 20)
      ? 0
      : 0xff00 - (next() % 64) * 2
    : chance(next, 20)
      ? 0x1000 + (next() % 8) * 2
      : 0x1c00 + (next() % 64);
  const offset = (): number =>
    high ? (chance(next, 40) ? 0x1_0000 - 1 - (next() % 12) : 0xf000 + (next() % 0x1000)) : near(next, DATA_BYTES);
  return { made, offset, selector: () => pick(next, REAL_SEGMENTS) };
}

function real(next: Next, mode: Mode): ProgramCase {
  const { made, offset, selector } = realFrame(next, mode);
  if (chance(next, 10)) made.cr0 |= CR0.EM;
  if (chance(next, 5)) made.cr0 |= CR0.MP | CR0.TS;
  return finish(next, made, {
    next, code32: false, privileged: true, segmented8086: true, ioAllowed: true, emulated: (made.cr0 & CR0.EM) !== 0, timeHidden: false, offset, selector, codeSelector: made.cs, limitsChecked: false,
  }); // prettier-ignore
}

function virtual8086(next: Next, mode: Mode): ProgramCase {
  const paged = mode === 'virtual-8086-paged';
  const { made, offset, selector } = realFrame(next, mode);
  made.kind = KIND.virtual8086;
  made.cr0 |= CR0.PE | (chance(next, 10) ? CR0.EM : 0) | (chance(next, 50) ? CR0.WP : 0);
  // linear 0 to 4 MiB is mapped to itself for everybody
  if (paged) made.cr0 = (made.cr0 | CR0.PG) >>> 0;
  made.cr4 = chance(next, 50) ? CR4.TSD : 0;
  made.eflags |= FLAG.VM | pick(next, [0, 0x1000, 0x3000, 0x3000]);
  return finish(next, made, {
    next, code32: false, privileged: false, segmented8086: true, ioAllowed: false, emulated: (made.cr0 & CR0.EM) !== 0, timeHidden: made.cr4 !== 0, offset, selector, codeSelector: made.cs, limitsChecked: false,
  }); // prettier-ignore
}

// --- paging -------------------------------------------------------------------------------------------------------------

const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const ACCESSED = 0x20;
const DIRTY = 0x40;
const GLOBAL = 0x100;
const LARGE = 0x80;

/** Attributes of an entry: all that is allowed, most of the time. */
const attributes = (next: Next, odd: number): number =>
  chance(next, odd)
    ? next() & (PRESENT | WRITABLE | USER | ACCESSED | DIRTY)
    : PRESENT | WRITABLE | USER | (next() & (ACCESSED | DIRTY | GLOBAL));

function pageTables(next: Next, made: Frame): void {
  made.cr0 = (made.cr0 | CR0.PG | (chance(next, 50) ? CR0.WP : 0)) >>> 0;
  made.cr4 |= (chance(next, 60) ? CR4.PSE : 0) | (chance(next, 30) ? CR4.PGE : 0) | (chance(next, 50) ? CR4.TSD : 0);
  // data, data, data again the other way round, stack, code
  const frames = [DATA, DATA + 0x1000, DATA + 0x1000, DATA, DATA, DATA + 0x1000, CODE, CODE + 0x1000];
  made.entries = frames.map((physical, page) => physical | attributes(next, page < 4 ? 30 : page === 7 ? 10 : 3));
  made.directory = [WINDOW_TABLE | attributes(next, 6), WINDOW_TABLE | attributes(next, 20)];
  // 4 MiB from physical 0; with bits that are reserved now and then
  if (chance(next, 50)) made.directory[1] = (attributes(next, 20) | LARGE | (chance(next, 8) ? 1 << 21 : 0)) >>> 0;
}

function pagedOffset(next: Next, made: Frame): () => number {
  return () => {
    if (chance(next, 25)) {
      const large = (made.directory[1] & LARGE) !== 0 && (made.cr4 & CR4.PSE) !== 0;
      return SECOND_WINDOW + (large ? DATA + near(next, DATA_BYTES) : near(next, 0x4000));
    }
    const page = next() % 4;
    return WINDOW + page * 0x1000 + (chance(next, 40) ? 0xff0 + (next() % 16) : next() % 0x1000);
  };
}

const EXTRA_SELECTORS = Array.from({ length: 5 }, (_, index) => SELECTOR.extra + index * 8);
const anySelector = (next: Next, cpl: number): number => {
  const table = chance(next, 15) ? 4 : 0;
  const rpl = chance(next, 70) ? cpl : next() & 3;
  if (chance(next, 6)) return next() & 3;
  if (chance(next, 3)) return (0x98 + (next() % 4) * 8) | table | rpl;
  const index = chance(next, 50) ? pick(next, EXTRA_SELECTORS) : SELECTOR.code + (next() % 6) * 8;
  return index | table | rpl;
};

/** Offsets from the entry that call gates lead to. */
const GATE_TARGETS = 24;

/** Descriptors that nothing is loaded with at first: any kind, gates among them. */
function extraDescriptors(next: Next, made: Frame, cpl: number, base: number, limit: number, flags: number): void {
  for (let index = 6; index < DESCRIPTORS; index++) {
    const present = chance(next, 88) ? 0x80 : 0;
    const privilege = (chance(next, 60) ? cpl : next() & 3) << 5;
    if (chance(next, 25)) {
      // a call gate to the code that runs, or to whatever
      const selector = chance(next, 70) ? SELECTOR.code | (next() & 3) : anySelector(next, cpl);
      const target = (CODE_WINDOW - made.codeBase + made.codeOffset + (next() % GATE_TARGETS)) >>> 0;
      made.descriptors[index] = [
        ((selector << 16) | (target & 0xffff)) >>> 0,
        ((target & 0xffff_0000) | ((present | privilege | pick(next, [4, 12, 12])) << 8) | (next() % 4)) >>> 0,
      ];
    } else if (chance(next, 20))
      made.descriptors[index] = descriptor(base, limit, present | privilege | pick(next, [0, 2, 8, 10, 13]), flags);
    else made.descriptors[index] = descriptor(base, limit, present | privilege | 0x10 | (next() & 15), flags);
  }
}

function flatPaged(next: Next, mode: Mode): ProgramCase {
  const made = frame(next, mode);
  const ring = mode === 'flat-paged-ring-0' ? 0 : 3;
  made.kind = ring === 0 ? KIND.ring0 : KIND.outerRing;
  made.cr0 |= CR0.PE | (chance(next, 8) ? CR0.EM : 0) | (chance(next, 5) ? CR0.MP | CR0.TS : 0);
  pageTables(next, made);
  const code32 = chance(next, 70);
  // 16-bit code reaches the window through a base
  const base = code32 ? 0 : WINDOW;
  const codeLinear = WINDOW + 6 * 0x1000;
  made.codeBase = (CODE - codeLinear + base) | 0;
  const privilege = ring << 5;
  const size = code32 ? 0xc : 0x8;
  made.descriptors[0] = descriptor(base, FLAT.limit, 0x9b | privilege, size);
  made.descriptors[1] = descriptor(base, FLAT.limit, 0x93 | privilege, code32 || chance(next, 30) ? 0xc : 0x8);
  for (let index = 2; index < 6; index++) made.descriptors[index] = descriptor(base, FLAT.limit, 0x93 | privilege, 0xc);
  extraDescriptors(next, made, ring, base, FLAT.limit, size);
  made.cs = SELECTOR.code | ring;
  made.ss = SELECTOR.stack | ring;
  (['ds', 'es', 'fs', 'gs'] as const).forEach((segment, index) => (made[segment] = (SELECTOR.data + index * 8) | ring));
  const top = WINDOW + 4 * 0x1000 - base;
  made.esp = top + (chance(next, 30) ? 0x1000 + (next() % 10) * 2 : chance(next, 10) ? next() % 0x2000 : 0x1c00 + (next() % 16) * 4);
  if (ring === 3) made.eflags |= pick(next, [0, 0, 0x3000]);
  const linear = pagedOffset(next, made);
  return finish(next, made, {
    next, code32, privileged: ring === 0, segmented8086: false, ioAllowed: ring === 0 || (made.eflags & 0x3000) !== 0, emulated: (made.cr0 & CR0.EM) !== 0,
    timeHidden: (made.cr4 & CR4.TSD) !== 0, offset: () => (linear() - base) >>> 0, selector: () => anySelector(next, ring), codeSelector: made.cs, limitsChecked: false,
  }); // prettier-ignore
}

// --- segments -----------------------------------------------------------------------------------------------------------

interface Segment {
  descriptor: [number, number];
  offset: () => number;
}

/** A segment over the data that some accesses leave: byte or page limits, expand-up or expand-down, big or not. */
function dataSegment(next: Next, linear: number, access: number, big: boolean): Segment {
  const expandDown = (access & 0x1c) === 0x14;
  if (!expandDown) {
    const limit = pick(next, [DATA_BYTES - 1, 0xfff, 0xffe, 0x1000, 0x7ff + (next() % 0x1800)]);
    const paged = chance(next, 20);
    const end = paged ? 0xfff + (next() % 2) * 0x1000 : limit;
    return {
      descriptor: descriptor(linear, paged ? end >>> 12 : end, access, (big ? 4 : 0) | (paged ? 8 : 0)),
      offset: () => (chance(next, 45) ? end - 8 + (next() % 12) : near(next, end + 1)),
    };
  }
  const bytes = DATA_BYTES - pick(next, [0, 0, 0x1000]);
  const lowest = (big ? 0x1_0000_0000 : 0x1_0000) - bytes;
  const base = big ? linear + DATA_BYTES : linear + DATA_BYTES - 0x1_0000;
  return {
    descriptor: descriptor(base, big ? (lowest - 1) / 4096 : lowest - 1, access, big ? 0xc : 0),
    offset: () =>
      chance(next, 45) ? lowest - 6 + (next() % 12) : chance(next, 30) ? lowest + bytes - 1 - (next() % 8) : lowest + near(next, bytes),
  };
}

/**
 * INT3 where a transfer to a code segment that lies over the data lands: random data as a program would be MMX or SSE to the one
 * processor and undefined to the other, and push undefined flags.
 */
function landing(test: ProgramCase): { at: number; bytes: number[] } {
  const offset = entryPoint(test);
  const length = Math.min(codeOf(test).length + GATE_TARGETS, DATA_BYTES - offset);
  return { at: DATA + offset, bytes: new Array<number>(length).fill(0xcc) };
}

function segmented(next: Next, mode: Mode): ProgramCase {
  const made = frame(next, mode);
  const paged = mode === 'segmented-paged';
  const ring = pick(next, mode === 'aligned' ? [3, 3, 3, 1, 0] : [0, 0, 0, 3, 3, 3, 1, 2]);
  made.kind = ring === 0 ? KIND.ring0 : KIND.outerRing;
  made.cr0 |= CR0.PE | (chance(next, 5) ? CR0.EM : 0);
  if (mode === 'aligned') {
    made.cr0 |= chance(next, 90) ? CR0.AM : 0;
    made.eflags |= chance(next, 90) ? FLAG.AC : 0;
  }
  if (paged) pageTables(next, made);
  const data = paged ? WINDOW : DATA;
  const code = paged ? WINDOW + 6 * 0x1000 : CODE;
  const code32 = chance(next, 60);
  const privilege = ring << 5;
  // code: now and then its limit lies within it, or it conforms, or cannot be read
  const start = pick(next, [0, 0, 0x800, 0xf00]);
  made.codeBase = CODE + start;
  const codeLimit = chance(next, 15) ? 0xf80 - start + made.codeOffset + (next() % 24) : 0x1fff - start;
  const conforming = chance(next, 15) ? 4 : 0;
  const codePrivilege = conforming !== 0 ? (next() % (ring + 1)) << 5 : privilege;
  const readable = chance(next, 80) ? 2 : 0;
  made.descriptors[0] = descriptor(code + start, codeLimit, 0x99 | conforming | readable | codePrivilege, code32 ? 4 : 0);
  const stackBig = chance(next, code32 ? 75 : 30);
  const stack = dataSegment(next, paged ? WINDOW + 0x4000 : data, 0x93 | privilege | (chance(next, 20) ? 4 : 0), stackBig);
  made.descriptors[1] = stack.descriptor;
  const segments: Segment[] = [];
  for (let index = 2; index < 6; index++) {
    const type = pick(next, [3, 3, 3, 2, 1, 7, 7, 5, 0xb, 0xf]);
    const dpl = (chance(next, 80) ? ring : ring + (next() % (4 - ring))) << 5;
    const segment = dataSegment(next, data, 0x90 | type | dpl, chance(next, 60));
    made.descriptors[index] = segment.descriptor;
    segments.push(segment);
  }
  extraDescriptors(next, made, ring, chance(next, 50) ? code + start : data, 0x1fff, code32 ? 4 : 0);
  made.cs = SELECTOR.code | ring;
  made.ss = SELECTOR.stack | ring;
  (['ds', 'es', 'fs', 'gs'] as const).forEach(
    (segment, index) => (made[segment] = chance(next, 5) ? next() & 3 : (SELECTOR.data + index * 8) | ring | (chance(next, 10) ? 4 : 0)),
  );
  made.esp = (chance(next, 30) ? stack.offset() : stack.offset() & ~3) >>> 0;
  // room for what enters and for what is raised, most of the time
  if (chance(next, 85)) {
    const [low, high] = made.descriptors[1];
    const limit = (low & 0xffff) | (high & 0xf_0000);
    const end = (high & 0x80_0000) !== 0 ? limit * 4096 + 0xfff : limit;
    made.esp = ((high & 0x400) !== 0 ? end + 1 + 0x800 : Math.min(end, 0x1fff) - 0x60 - (next() % 16) * 4) >>> 0;
    if (!chance(next, 15)) made.esp = (made.esp & ~3) >>> 0;
  }
  if (ring !== 0) made.eflags |= pick(next, [0, 0x1000, 0x2000, 0x3000]) & ~0;
  const ioAllowed = ring <= ((made.eflags >> 12) & 3);
  const test = finish(next, made, {
    next, code32, privileged: ring === 0, segmented8086: false, ioAllowed, emulated: (made.cr0 & CR0.EM) !== 0, timeHidden: (made.cr4 & CR4.TSD) !== 0,
    offset: () => pick(next, segments).offset() >>> 0, selector: () => anySelector(next, ring), codeSelector: made.cs, limitsChecked: true,
  }); // prettier-ignore
  return { ...test, patches: [landing(test)] };
}

// --- debugging ----------------------------------------------------------------------------------------------------------

/** A case of another mode, with single steps or breakpoints on its code, its data or its stack. */
function debugged(next: Next): ProgramCase {
  const test = pick(next, [() => segmented(next, 'segmented'), () => flatPaged(next, pick(next, ['flat-paged-ring-0', 'flat-paged-ring-3'])), () => real(next, 'real'), () => virtual8086(next, 'virtual-8086')])(); // prettier-ignore
  test.mode = 'debugged';
  if (chance(next, 25)) test.eflags |= FLAG.TF;
  const paged = test.cr0 >= CR0.PG && test.kind !== KIND.virtual8086;
  let control = 0x400;
  for (let index = 0; index < 4; index++) {
    if (chance(next, 40)) continue;
    const kind = pick(next, [0, 1, 1, 3, 3]);
    const size = kind === 0 ? 0 : pick(next, [0, 1, 3]);
    const code = (paged ? WINDOW + 6 * 0x1000 : CODE) + (CODE_WINDOW - CODE) + test.codeOffset;
    const data = paged ? WINDOW + (next() % 6) * 0x1000 : DATA + (next() % 2) * 0x1000;
    test.dr[index] = kind === 0 ? code + (next() % 16) : data + (next() % 0x1000);
    control |= ((kind | (size << 2)) << (16 + index * 4)) | (pick(next, [1, 2, 3, 0]) << (index * 2));
  }
  test.dr[4] = control >>> 0;
  return test;
}

/** The case of a number, of the modes that are wanted in turn. */
export function makeCase(seed: number, number: number, modes: readonly Mode[] = MODE_NAMES): ProgramCase {
  const next = random(Math.imul(seed, 0x9e37_79b1) ^ Math.imul(number + 1, 0x85eb_ca6b));
  for (let warm = 0; warm < 3; warm++) next();
  const mode = modes[number % modes.length]!;
  switch (mode) {
    case 'real':
    case 'real-wrapping':
      return real(next, mode);
    case 'virtual-8086':
    case 'virtual-8086-paged':
      return virtual8086(next, mode);
    case 'flat-paged-ring-0':
    case 'flat-paged-ring-3':
      return flatPaged(next, mode);
    case 'debugged':
      return debugged(next);
    default:
      return segmented(next, mode);
  }
}
