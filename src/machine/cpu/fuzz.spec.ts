/**
 * Random 15-byte strings, executed in every mode the processor has: nothing throws or hangs, and no memory is touched but the
 * machine's. `npm run test:fuzz` executes a million in each.
 */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { PROCESSORS } from '../board/processors';
import { FrameStore } from '../memory/frame-store';
import { Processor } from './processor';
import { POOL_RESERVED, STATE_SIZE } from './state-layout';
import { PlainMemory } from './system.spec-support';
import { random } from '../random.spec-support';

const STRINGS = Number(process.env['PAGEWALK_FUZZ_STRINGS'] ?? 2000);
const SEED = Number(process.env['PAGEWALK_FUZZ_SEED'] ?? 1);
const CODE = 0x1000;
const CODE_FRAMES = 2;
const GDT = 0x6000;
const IDT = 0x7000;
const TSS = 0x8000;
const PAGES = 0xa000;
/** `jmp $`, over and over */
const WAITING = Uint8Array.from({ length: CODE_FRAMES * 4096 }, (_, at) => (at % 2 === 0 ? 0xeb : 0xfe));
/** 1 MiB of DRAM from 0; a bit of it belongs to a device (PlainMemory), the rest of the address space to nobody */
const DRAM = 2 ** 20;
const DRAM_FRAMES = DRAM / 4096;
/** Instructions executed of a string and of what its faults lead to. */
const FEW = 6;

const MODES = ['real', 'protected-16', 'protected-32', 'protected-32-ring-3', 'paging', 'virtual-8086'] as const;
type Mode = (typeof MODES)[number];

interface Bench {
  processor: Processor;
  memory: PlainMemory;
  frames: FrameStore;
  ports: number;
}

function makeBench(part: (typeof PROCESSORS)[number]): Bench {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: POOL_RESERVED + 8 * 2 ** 20 });
  const memory = new PlainMemory(frames, DRAM);
  const bench: Bench = {
    frames,
    memory,
    ports: 0,
    processor: new Processor({
      frames,
      memory,
      part,
      ports: {
        readPort: (_port, size) => (bench.ports++, size === 4 ? 0x1234_5678 : size === 2 ? 0x1234 : 0x12),
        writePort: () => void bench.ports++,
        interrupts: { pending: () => false, acknowledge: () => 0 },
      },
    }),
  };
  return bench;
}

/** Tables with every kind of descriptor, gates that lead back into the code, an identity map; then the mode. */
function prepare({ processor, memory }: Bench, mode: Mode, next: () => number): void {
  const { state } = processor;
  const words = (address: number, ...values: number[]): void =>
    values.forEach((value, index) => memory.write(hostPhysical(address + index * 4), 4, value >>> 0));
  processor.reset();
  // what is no string jumps to itself: strings are what is to be decoded and translated, not the 64 instructions behind each
  memory.writeBytes(hostPhysical(CODE), WAITING);
  const limits = [0xffff, 0x0fff, 0x8fff];
  for (let index = 1; index < 64; index++) {
    const access = [0x9b, 0x93, 0xfb, 0xf3][index % 4]!;
    words(
      GDT + index * 8,
      limits[next() % 3]! | (next() % 4 === 0 ? 0x1000_0000 : 0),
      ((next() % 3 ? access : next() & 0xff) << 8) | (next() & 0xd0_0000) | (0x80_0000 * (next() % 2)),
    );
  }
  words(GDT + 8, 0xffff, 0x00cf_9b00, 0xffff, 0x00cf_9300, 0xffff, 0x00cf_fb00, 0xffff, 0x00cf_f300, (TSS << 16) | 0x2fff, 0x8b00);
  words(GDT + 48, 0xffff, 0x0000_9b00, 0xffff, 0x0000_9300);
  for (let vector = 0; vector < 256; vector++) {
    const target = CODE + ((next() % (CODE_FRAMES * 4096 - 64)) & ~1);
    if (mode === 'real') words(vector * 4, target);
    else words(IDT + vector * 8, 0x0008_0000 | target, 0x8e00 | ((next() & 3) << 13) | (next() % 8 === 0 ? 0x0100 : 0));
  }
  words(TSS, 0, 0x9f00, 0x10, 0x9e00, 0x10);
  words(TSS + 0x64, 0x0068_0000);
  words(PAGES, PAGES + 0x1007);
  for (let page = 0; page < 1024; page++) words(PAGES + 0x1000 + page * 4, ((page % DRAM_FRAMES) << 12) | (page < 16 ? 7 : next() & 0x1f7));
  state.gdtrBase = GDT;
  state.gdtrLimit = 0x1ff;
  state.idtrBase = mode === 'real' ? 0 : IDT;
  state.idtrLimit = mode === 'real' ? 0x3ff : 0x7ff;
  state.setSegment(7, 0x28, TSS, 0x2fff, 0x8b);
  state.setSegment(6, 0, 0, 0, 0x1_0082);
  const set = (code: [number, number, number], data: [number, number, number]): void => {
    for (let segment = 0; segment < 6; segment++) {
      const [selector, attributes, limit] = segment === 1 ? code : data;
      state.setSegment(segment, selector, 0, limit, attributes);
    }
  };
  state.cr0 = mode === 'real' ? 0x10 : 0x11;
  if (mode === 'real') set([0, 0x9b, 0xffff], [0, 0x93, 0xffff]);
  else if (mode === 'protected-16') set([0x30, 0x9b, 0xffff], [0x38, 0x93, 0xffff]);
  else if (mode === 'protected-32-ring-3') set([0x1b, 0xc0fb, 0xffff_ffff], [0x23, 0xc0f3, 0xffff_ffff]);
  else if (mode === 'virtual-8086') set([0, 0xf3, 0xffff], [0, 0xf3, 0xffff]);
  else set([8, 0xc09b, 0xffff_ffff], [0x10, 0xc093, 0xffff_ffff]);
  if (mode === 'paging') {
    state.cr3 = PAGES;
    state.cr0 = 0x8001_0011;
  }
  state.eflags = 2 | (mode === 'virtual-8086' ? 0x2_0000 | (next() & 0x3000) : next() & 0x3000);
  state.setReg32(4, 0x9000);
  processor.stateReplaced();
}

function fuzz(bench: Bench, mode: Mode, count: number, seed: number): void {
  const { processor, memory, frames } = bench;
  const { state } = processor;
  const next = random(seed);
  const saved = new Uint8Array(STATE_SIZE);
  const bytes = new Uint8Array(15);
  for (let n = 0; n < count; n++) {
    if (n % 500 === 0) {
      prepare(bench, mode, next);
      saved.set(state.u8);
    }
    for (let index = 0; index < 15; index++) bytes[index] = next();
    if (n % 4 === 0) bytes[0] = 0x0f;
    // the second page's border, and the middle
    const at = n % 3 === 0 ? CODE + 4096 - (next() % 15) : CODE + 0x100;
    memory.writeBytes(hostPhysical(at), bytes);
    state.u8.set(saved);
    for (const register of [0, 1, 2, 3, 5, 6, 7]) state.setReg32(register, next() % 3 === 0 ? next() : next() % DRAM);
    state.eip = at;
    if (next() % 64 === 0) state.eflags |= 0x100;
    if (next() % 64 === 0) state.setDr(7, next());
    const where = `seed ${seed}, string ${n}: ${Buffer.from(bytes).toString('hex')}`;
    try {
      processor.stateReplaced();
      const before = state.instructions;
      const { executed } = processor.run(FEW);
      if (executed > FEW || state.instructions - before !== executed) throw new Error(`${executed} instructions counted`);
    } catch (error) {
      throw new Error(where, { cause: error });
    }
    if (frames.touchedFrames > DRAM_FRAMES) throw new Error(`${where}: ${frames.touchedFrames} frames in use`);
  }
}

describe.each(MODES)('%s', (mode) => {
  it(`${STRINGS} random strings`, () => {
    const bench = makeBench(PROCESSORS.find(({ id }) => id === 'p6')!);
    fuzz(bench, mode, STRINGS, SEED * 31 + MODES.indexOf(mode));
    expect(bench.processor.deliveredByVector.size).toBeGreaterThan(0);
  }, 3_600_000);
});

describe.each(['386', '8086'])('%s', (id) => {
  it(`${STRINGS} random strings`, () => {
    const bench = makeBench(PROCESSORS.find((part) => part.id === id)!);
    fuzz(bench, 'real', STRINGS, SEED * 17);
    expect(bench.processor.state.instructions).toBeGreaterThan(0);
    if (id === '8086') expect(bench.processor.deliveredByVector.has(6)).toBe(false);
  }, 3_600_000);
});
