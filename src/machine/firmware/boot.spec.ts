/** Booting on boards and VMs made of plain bytes: every format, every refusal, and files made to break the reader. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SEGMENT, SEGMENT_INDEX, STATE, STATE_SIZE } from '../cpu/state-layout';
import { boot, type BootResult } from './boot';
import { findMultibootHeader } from './multiboot';
import type { Platform } from './platform';
import { applyProcessorStart } from './processor-start';
import type { BootProgram } from './program-image';

const MIB = 1024 * 1024;

interface TestPlatform extends Platform {
  /** what was written, by address */
  written: Map<number, number>;
  at(address: number, bytes: number): number[];
}

/** A board whose DRAM is `ranges`; slot names by 256 MiB. Writes where no DRAM is are an error of the firmware. */
function board(ranges: [base: number, bytes: number][], options: Partial<Platform> = {}): TestPlatform {
  const written = new Map<number, number>();
  return {
    kind: 'board',
    name: 'board',
    memory: ranges.map(([base, bytes]) => ({ base, bytes, slots: [] })),
    assignment: { mode: 'fixed', slots: ranges.map(([base, bytes], index) => ({ slot: `S${index}`, base, bytes })) },
    loader: 'strict',
    physicalAddressBits: 36,
    writeBytes(address, bytes) {
      if (!ranges.some(([base, length]) => address >= base && address + bytes.length <= base + length))
        throw new Error(`write outside DRAM at ${address}`);
      bytes.forEach((byte, index) => written.set(address + index, byte));
    },
    slotsOf: (address) => [`S${Math.floor(address / (256 * MIB))}`],
    written,
    at: (address, bytes) => Array.from({ length: bytes }, (_, index) => written.get(address + index) ?? -1),
    ...options,
  };
}

const GIB: [number, number][] = [[0, 1024 * MIB]];
const WITHOUT_A1: [number, number][] = [[256 * MIB, 768 * MIB]];

interface TestSegment {
  address: number;
  virtual?: number;
  data: number[];
  memory?: number;
  type?: number;
}

/** An ELF32 executable with these segments; `change` may break it. */
function elf(entry: number, segments: TestSegment[], change: (view: DataView) => void = () => {}): Uint8Array {
  const start = 52 + 32 * segments.length;
  const total = start + segments.reduce((sum, { data }) => sum + data.length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, entry, true);
  view.setUint32(28, 52, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, segments.length, true);
  let at = start;
  segments.forEach(({ address, virtual, data, memory, type }, index) => {
    const header = 52 + 32 * index;
    [type ?? 1, at, virtual ?? address, address, data.length, memory ?? data.length, 5, 4096].forEach((value, field) =>
      view.setUint32(header + 4 * field, value, true),
    );
    bytes.set(data, at);
    at += data.length;
  });
  change(view);
  return bytes;
}

const kernel = (change?: (view: DataView) => void): Uint8Array =>
  elf(0x10_0001, [{ address: 0x10_0000, data: [1, 2, 3, 4] }, { address: 0x10_1000, data: [5, 6], memory: 10 }], change); // prettier-ignore
const start = (platform: Platform, program: Partial<BootProgram> & { bytes: Uint8Array }): BootResult =>
  boot(platform, { file: 'x.bin', ...program });
const kinds = (result: BootResult): string[] => result.steps.map(({ kind, ok }) => (ok ? kind : `${kind}!`));

describe('ELF', () => {
  it('copies each segment, zeroes the bss, writes a GDT and starts at the entry', () => {
    const platform = board(GIB);
    const result = start(platform, { bytes: kernel() });
    expect(result.refused).toBeNull();
    expect(kinds(result)).toEqual(['firmware', 'header', 'segment', 'segment', 'range-check', 'copy', 'copy', 'zero', 'table', 'jump']);
    expect(platform.at(0x10_0000, 5)).toEqual([1, 2, 3, 4, -1]);
    expect(platform.at(0x10_1000, 11)).toEqual([5, 6, 0, 0, 0, 0, 0, 0, 0, 0, -1]);
    expect(result.start).toMatchObject({ mode: 'protected', instructionPointer: 0x10_0001, gdtr: { base: 0x500, limit: 23 } });
    expect(result.steps[3]!.fields).toMatchObject({ address: 0x10_1000, fileSize: 2, memorySize: 10, copied: 2, zeroed: 8, slots: 'S0' });
    expect(result.segments).toEqual([
      { linked: 0x10_0000, placed: 0x10_0000, bytes: 4 },
      { linked: 0x10_1000, placed: 0x10_1000, bytes: 10 },
    ]);
  });

  it('translates a higher-half entry by its segment', () => {
    const bytes = elf(0xc010_0002, [{ address: 0x10_0000, virtual: 0xc010_0000, data: [1, 2, 3, 4] }]);
    expect(start(board(GIB), { bytes }).start?.instructionPointer).toBe(0x10_0002);
  });

  it('is refused where there is no DRAM, with the range it needs and the ranges there are', () => {
    const platform = board(WITHOUT_A1);
    const result = start(platform, { bytes: kernel() });
    expect(result.refused?.code).toBe('boot-no-memory-at-load-address');
    expect(result.refused?.message.en).toBe('x.bin needs 0x0010_0000–0x0010_1009, but there is DRAM only at: 0x1000_0000–0x3FFF_FFFF');
    expect(result.start).toBeNull();
    expect(kinds(result)).toEqual(['firmware', 'header', 'segment!', 'segment!', 'range-check!']);
    expect(platform.written.size).toBe(0);
  });

  it('is copied to the first DRAM with loader: force, and still entered where it was linked', () => {
    const platform = board(WITHOUT_A1, { loader: 'force' });
    const result = start(platform, { bytes: kernel() });
    expect(result.refused).toBeNull();
    expect(platform.at(0x1000_0000, 4)).toEqual([1, 2, 3, 4]);
    expect(platform.at(0x1000_1000, 10)).toEqual([5, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(result.start?.instructionPointer).toBe(0x10_0001);
    expect(result.segments[1]).toEqual({ linked: 0x10_1000, placed: 0x1000_1000, bytes: 10 });
    expect(kinds(result).at(-1)).toBe('jump!');
  });

  it('cannot be forced where there is no DRAM, or too little', () => {
    expect(start(board([], { loader: 'force' }), { bytes: kernel() }).refused?.code).toBe('boot-no-memory-at-load-address');
    expect(start(board([[0x1000_0000, 4096]], { loader: 'force' }), { bytes: kernel() }).refused?.code).toBe(
      'boot-no-memory-at-load-address',
    );
  });

  const broken: [name: string, bytes: Uint8Array, pattern: RegExp][] = [
    ['cut off in the header', kernel().slice(0, 40), /cut off/],
    ['64-bit', kernel((view) => view.setUint8(4, 2)), /64-bit/],
    ['big-endian', kernel((view) => view.setUint8(5, 2)), /big-endian/],
    ['a library', kernel((view) => view.setUint16(16, 3, true)), /type 3/],
    ['for another machine', kernel((view) => view.setUint16(18, 62, true)), /machine 62/],
    ['without program headers', kernel((view) => view.setUint16(44, 0, true)), /no program headers/],
    ['with far too many', kernel((view) => view.setUint16(44, 60_000, true)), /60000 program headers/],
    ['with program headers beyond its end', kernel((view) => view.setUint32(28, 0xffff_fff0, true)), /beyond the end/],
    ['with short program headers', kernel((view) => view.setUint16(42, 8, true)), /8 bytes long/],
    ['with a segment beyond its end', kernel((view) => view.setUint32(52 + 4, 0xffff_0000, true)), /segment 0 lies beyond/],
    ['larger in the file than in memory', kernel((view) => view.setUint32(52 + 20, 1, true)), /larger in the file/],
    ['beyond 4 GiB', kernel((view) => view.setUint32(52 + 12, 0xffff_fffe, true)), /beyond 4 GiB/],
    ['with a bss of 3 GiB', kernel((view) => view.setUint32(52 + 20, 0xc000_0000, true)), /overlap|more than 256 MiB/],
    ['with overlapping segments', kernel((view) => view.setUint32(84 + 12, 0x10_0002, true)), /overlap/],
    ['with nothing to load', elf(0, [{ address: 0, data: [1], type: 4 }]), /no segment to load/],
  ];
  for (const [name, bytes, pattern] of broken) {
    it(`refuses a file ${name}`, () => {
      const { refused } = start(board(GIB), { bytes, format: 'elf' });
      expect(refused?.code).toBe('boot-bad-elf');
      expect(refused?.message.en).toMatch(pattern);
      expect(refused?.message['zh-CN']).not.toBe('');
      expect(refused?.remedy.en).not.toBe('');
    });
  }
});

describe('multiboot', () => {
  const MAGIC = 0x1bad_b002;
  function image(fields: number[], flags = 1 << 16, size = 256): Uint8Array {
    const bytes = new Uint8Array(size).map((_, index) => index);
    const view = new DataView(bytes.buffer);
    [MAGIC, flags, -(MAGIC + flags) >>> 0, ...fields].forEach((value, index) => view.setUint32(16 + 4 * index, value, true));
    return bytes;
  }

  it('loads an image by its own addresses and hands over the information structure', () => {
    const platform = board(GIB);
    const result = start(platform, { bytes: image([0x10_0010, 0x10_0000, 0, 0x10_0200, 0x10_0004]) });
    expect(result.refused).toBeNull();
    expect(platform.at(0x10_0001, 3)).toEqual([1, 2, 3]);
    expect(platform.at(0x10_0100, 2)).toEqual([0, 0]);
    expect(result.start).toMatchObject({ instructionPointer: 0x10_0004, general: { RAX: 0x2bad_b002, RBX: 0x500 } });
    const info = new DataView(Uint8Array.from(platform.at(0x500, 120)).buffer);
    expect(info.getUint32(4, true)).toBe(640);
    expect(info.getUint32(8, true)).toBe(1023 * 1024);
    expect(info.getUint32(44, true)).toBe(24);
    expect(info.getBigUint64(88 + 12, true)).toBe(BigInt(1024 * MIB));
  });

  it('loads only up to load_end_addr', () => {
    const platform = board(GIB);
    start(platform, { bytes: image([0x10_0010, 0x10_0000, 0x10_0080, 0, 0x10_0004]) });
    expect(platform.at(0x10_007f, 2)).toEqual([0x7f, -1]);
  });

  it('takes an ELF file with a header, too', () => {
    const bytes = elf(0x10_0000, [{ address: 0x10_0000, data: [...image([], 0, 64)] }]);
    // the header must lie on a multiple of 4 in the file
    expect((52 + 32 + 16) % 4).toBe(0);
    const result = start(board(GIB), { bytes });
    expect(result.refused).toBeNull();
    expect(result.start?.general.RAX).toBe(0x2bad_b002);
  });

  const broken: [name: string, bytes: Uint8Array][] = [
    ['without a header', new Uint8Array(100)],
    ['with a wrong checksum', image([]).map((byte, index) => (index === 24 ? byte ^ 1 : byte))],
    ['that requires a video mode', image([0x10_0010, 0x10_0000, 0, 0, 0x10_0000], (1 << 16) | 4)],
    ['without addresses that is no ELF file', image([], 0)],
    ['whose load address lies before the file', image([0x10_0100, 0x10_0000, 0, 0, 0])],
    ['whose load address lies behind its header', image([0x10_0000, 0x10_0010, 0, 0, 0])],
    ['that loads more than the file', image([0x10_0010, 0x10_0000, 0x20_0000, 0, 0])],
    ['whose bss ends early', image([0x10_0010, 0x10_0000, 0, 0x10_0001, 0])],
    ['with a giant bss', image([0x10_0010, 0x10_0000, 0, 0xffff_0000, 0])],
  ];
  it('leaves a stack where there is room for one', () => {
    const header = image([0x10_0000, 0x10_0000, 0, 0, 0x10_0020]);
    expect(start(board(GIB), { bytes: header }).start!.general.RSP).toBe(0x7c00);
    expect(start(board(GIB), { bytes: header, commandLine: 'x'.repeat(0x7000) }).start!.general.RSP).toBe(0);
    expect(start(board(GIB), { bytes: image([0x7000, 0x7000, 0, 0, 0x7020]) }).start!.general.RSP).toBe(0);
  });

  it('says of a file with a wrong checksum that it is taken for something else', () => {
    const header = image([0x10_0000, 0x10_0000, 0, 0, 0x10_0020]);
    expect(start(board(GIB), { bytes: header }).steps[1]!.fields).not.toHaveProperty('brokenMultibootHeader');
    const at = findMultibootHeader(header)!.offset;
    header[at + 8]! ^= 1;
    const { steps } = start(board(GIB), { bytes: header });
    expect(steps[1]!.fields).toMatchObject({ format: 'flat', brokenMultibootHeader: at });
    expect(steps[1]!.text.en).toContain('do not add up');
  });

  for (const [name, bytes] of broken) {
    it(`refuses a file ${name}`, () => expect(start(board(GIB), { bytes, format: 'multiboot' }).refused?.code).toBe('boot-bad-multiboot'));
  }
});

describe('flat images and boot sectors', () => {
  it('go to 0x7C00 in real mode unless told', () => {
    const platform = board(GIB);
    const result = start(platform, { bytes: Uint8Array.of(0xf4) });
    expect(platform.at(0x7c00, 1)).toEqual([0xf4]);
    expect(result.start).toMatchObject({ mode: 'real', instructionPointer: 0x7c00, general: { RSP: 0x7c00 }, cr0: 0x10 });
    expect(result.start?.segments.CS).toMatchObject({ selector: 0, base: 0, limit: 0xffff });
  });

  it('go where the lab says, in the mode it says', () => {
    const platform = board(GIB);
    const result = start(platform, { bytes: Uint8Array.of(1, 2), mode: 'protected', load: 0x20_0000, entry: 0x20_0001 });
    expect(platform.at(0x20_0000, 2)).toEqual([1, 2]);
    expect(result.start).toMatchObject({ mode: 'protected', instructionPointer: 0x20_0001, general: { RSP: 0x20_0000 }, cr0: 0x11 });
  });

  it('above 64 KiB real mode gets a code segment that reaches the entry', () => {
    const { start: state } = start(board(GIB), { bytes: Uint8Array.of(1), load: 0x2_0005 });
    expect(state!.segments.CS.base + state!.instructionPointer).toBe(0x2_0005);
    expect(state!.segments.CS.base).toBe(state!.segments.CS.selector * 16);
  });

  it('refuse an entry real mode cannot reach, an empty file, a ROM, and real mode for an ELF file', () => {
    const byte = Uint8Array.of(1);
    expect(start(board(GIB), { bytes: byte, load: 0x20_0000 }).refused?.code).toBe('boot-entry-out-of-reach');
    expect(start(board(GIB), { bytes: Uint8Array.of(1, 2), load: 2 ** 32 - 1, mode: 'protected' }).refused?.code).toBe('boot-beyond-4g');
    expect(start(board(GIB), { bytes: kernel(), entry: 2 ** 32 }).refused?.code).toBe('boot-entry-out-of-reach');
    expect(start(board(GIB), { bytes: new Uint8Array() }).refused?.code).toBe('boot-empty-program');
    expect(start(board(GIB), { bytes: byte, format: 'rom' }).refused?.code).toBe('boot-unsupported-format');
    expect(start(board(GIB), { bytes: kernel(), mode: 'real' }).refused?.code).toBe('boot-wrong-mode');
    expect(start(board(GIB), { bytes: new Uint8Array(64 * MIB + 1) }).refused?.code).toBe('boot-too-large');
  });

  it('recognise a boot sector by its mark, and leave what follows the sector on the disk', () => {
    const sector = new Uint8Array(512);
    sector.set([0x55, 0xaa], 510);
    const { start: state, steps } = start(board(GIB), { bytes: sector });
    expect(steps[1]!.fields.format).toBe('boot-sector');
    expect(state).toMatchObject({ mode: 'real', instructionPointer: 0x7c00, general: { RDX: 0x80 } });
    const platform = board(GIB);
    start(platform, { bytes: Uint8Array.of(...sector, 1, 2, 3), format: 'boot-sector' });
    expect(platform.written.size).toBe(512);
    expect(start(board(GIB), { bytes: new Uint8Array(512), format: 'boot-sector' }).refused?.code).toBe('boot-no-boot-sector');
  });

  it('keeps the GDT out of the program’s way', () => {
    const platform = board(GIB);
    const { start: state } = start(platform, { bytes: new Uint8Array(0x1000).fill(7), mode: 'protected', load: 0 });
    expect(state!.gdtr.base).toBe(0x1000);
    expect(platform.at(0x500, 1)).toEqual([7]);
    const full = start(board([[0, 0x1000]]), { bytes: new Uint8Array(0x1000), mode: 'protected', load: 0 });
    expect(full.start!.gdtr).toEqual({ base: 0, limit: 0 });
    expect(kinds(full)).toContain('table!');
  });
});

describe('a VM', () => {
  it('boots as a board does, and says what memory it has', () => {
    const platform = board([[0, 2 * MIB]], { kind: 'vm', name: 'alice', slotsOf: () => ['A2', 'B1'] });
    const result = start(platform, { bytes: kernel() });
    expect(result.refused).toBeNull();
    expect(result.steps[0]!.text.en).toContain('VM alice: guest-physical memory 0x0000_0000–0x001F_FFFF');
    expect(result.steps[2]!.fields.slots).toBe('A2 B1');
    expect(start(board([[0, MIB]], { kind: 'vm' }), { bytes: kernel() }).refused?.remedy.en).toContain('Give the VM more memory');
  });
});

it('puts the start into a processor’s state, hidden parts and all', () => {
  const state = new DataView(new ArrayBuffer(STATE_SIZE));
  applyProcessorStart(state, start(board(GIB), { bytes: kernel() }).start!);
  const cs = STATE.segments.offset + SEGMENT_INDEX.CS * SEGMENT.size;
  expect(state.getBigUint64(STATE.rip.offset, true)).toBe(0x10_0001n);
  expect(state.getUint16(cs + SEGMENT.selector, true)).toBe(8);
  expect(state.getUint32(cs + SEGMENT.attributes, true)).toBe(0xc09b);
  expect(state.getUint32(cs + SEGMENT.limit, true)).toBe(0xffff_ffff);
  expect(state.getUint32(STATE.gdtrLimit.offset, true)).toBe(23);
  expect(state.getBigUint64(STATE.cr0.offset, true)).toBe(0x11n);
});

it('never throws and never writes outside DRAM, whatever the file', () => {
  const formats = fc.constantFrom('auto', 'flat', 'elf', 'multiboot', 'boot-sector') as fc.Arbitrary<NonNullable<BootProgram['format']>>;
  const address = fc.option(fc.oneof(fc.nat(0x40_0000), fc.nat(2 ** 31 - 1), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 40)), {
    nil: undefined,
  });
  const mutated = fc
    .array(fc.tuple(fc.nat(140), fc.nat(255)), { maxLength: 6 })
    .map((changes) => kernel((view) => changes.forEach(([at, value]) => view.setUint8(at % view.byteLength, value))));
  const bytes = fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(
      bytes,
      formats,
      address,
      address,
      fc.constantFrom('real', 'protected', undefined) as fc.Arbitrary<'real' | 'protected' | undefined>,
      fc.constantFrom('strict', 'force') as fc.Arbitrary<'strict' | 'force'>,
      (content, format, load, entry, mode, loader) => {
        const result = start(board([[0, 8 * MIB], [64 * MIB, MIB]], { loader }), { bytes: content, format, ...(load === undefined ? {} : { load }), ...(entry === undefined ? {} : { entry }), ...(mode ? { mode } : {}) }); // prettier-ignore
        expect(result.refused === null).toBe(result.start !== null);
      },
    ),
    { numRuns: 500 },
  );
});

describe('a processor with nothing but real mode', () => {
  const platform = (): TestPlatform => board(GIB, { realModeOnly: '8086' });

  it('is not given a program for protected mode, and takes one for real mode', () => {
    const kernel = boot(platform(), { file: 'k', bytes: elf(0x10_0000, [{ address: 0x10_0000, data: [0xf4] }]) });
    expect(kernel.refused).toMatchObject({ code: 'boot-no-protected-mode' });
    expect(kernel.refused!.message['zh-CN']).toContain('8086');
    const real = boot(platform(), { file: 'r', bytes: Uint8Array.of(0xf4), format: 'flat', mode: 'real', load: 0x7c00 });
    expect(real.refused).toBeNull();
    expect(real.start!.mode).toBe('real');
  });
});
