/** Memory beyond 64 GiB: processors with 46 and 52 address lines reach it through PAE's 64-bit entries; the board costs what is touched. */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from './address';
import { boardSchema } from './board/schema';
import { checkBoard } from './board/rules';
import { applyProcessorStart, protectedModeStart } from './firmware/processor-start';
import { Machine } from './machine';

const GIB = 1024 ** 3;
const CODE = 0x10_0000;
const PDPT = 0x2_0000;
const PD = 0x2_1000;
const le32 = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];

/** 2 TiB in 32 slots, from 0 without a hole: no device is there that would need one. */
const twoTiB = boardSchema.parse({
  processor: 'p6-server',
  assignment: 'automatic',
  slots: Array.from({ length: 32 }, (_, index) => ({ id: `S${index}`, dimm: 'ddr5-64g-2rx4' })),
});
/** One small DIMM at 0 and one at the very end of the address lines. */
const farAway = (processor: string, bits: number) =>
  boardSchema.parse({
    processor,
    slots: [
      { id: 'A1', base: 0, dimm: 'ddr3-256m' },
      { id: 'Z9', base: 2 ** bits - 256 * 1024 ** 2, dimm: 'ddr3-256m' },
    ],
  });

/** Maps 2 MiB at linear 0x4000_0000 to `host` by PAE, the first 2 MiB to themselves, and runs `program` there. */
function run(machine: Machine, host: number, program: number[]): void {
  const entry = (value: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return bytes;
  };
  const { chipset } = machine;
  chipset.writeBytes(hostPhysical(PDPT), entry(PD + 1));
  chipset.writeBytes(hostPhysical(PDPT + 8), entry(PD + 0x1000 + 1));
  chipset.writeBytes(hostPhysical(PD), entry(0x83));
  chipset.writeBytes(hostPhysical(PD + 0x1000), entry(host + 0x83));
  const code = [
    ...[0x0f, 0x20, 0xe0, 0x0c, 0x20, 0x0f, 0x22, 0xe0], // mov eax, cr4; or al, 20h (PAE); mov cr4, eax
    ...[0xb8, ...le32(PDPT), 0x0f, 0x22, 0xd8], // mov eax, PDPT; mov cr3, eax
    ...[0x0f, 0x20, 0xc0, 0x0d, ...le32(0x8000_0000), 0x0f, 0x22, 0xc0], // mov eax, cr0; or eax, PG; mov cr0, eax
    ...program,
    0xf4,
  ];
  chipset.writeBytes(hostPhysical(CODE), Uint8Array.from(code));
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), protectedModeStart(CODE, { RSP: 0x8000 }, null));
  machine.processor.stateReplaced();
  expect(machine.run(200_000).reason).toBe('halted');
}

/** Writes 1 to 1000 to the dwords from linear 0x4010_0000 on, then adds them up again into [0x3000]. */
const sum = [
  ...[0xbf, ...le32(0x4010_0000), 0xb9, ...le32(1000)], // mov edi, 40100000h; mov ecx, 1000
  ...[0x89, 0x0f, 0x83, 0xc7, 0x04, 0x49, 0x75, 0xf8], // l: mov [edi], ecx; add edi, 4; dec ecx; jnz l
  ...[0xbf, ...le32(0x4010_0000), 0xb9, ...le32(1000), 0x31, 0xc0], // again; xor eax, eax
  ...[0x03, 0x07, 0x83, 0xc7, 0x04, 0x49, 0x75, 0xf8], // l: add eax, [edi]; add edi, 4; dec ecx; jnz l
  ...[0xa3, ...le32(0x3000)], // mov [3000h], eax
];

describe('46 and 52 address lines', () => {
  it.each([
    ['2 TiB', twoTiB, 2048 * GIB - 2 * 1024 ** 2, 'S31'],
    ['over 64 GiB', twoTiB, 100 * GIB, 'S1'],
    ['the last bytes there are', farAway('p6-server', 46), 2 ** 46 - 2 * 1024 ** 2, 'Z9'],
    ['the last bytes that an entry can name', farAway('p6-widest', 52), 2 ** 52 - 2 * 1024 ** 2, 'Z9'],
  ] as const)('%s: read, written, counted and located', (_name, board, host, slot) => {
    expect(checkBoard(board)).toEqual([]);
    for (const engine of ['interpreter', 'compiled'] as const) {
      const machine = new Machine(board, { poolLimit: 64 * 1024 ** 2, engine });
      run(machine, host, sum);
      expect(machine.chipset.read(hostPhysical(0x3000), 4)).toBe(500_500);
      expect(machine.chipset.read(hostPhysical(host + 0x10_0000), 4)).toBe(1000);
      expect(machine.chipset.counters.unansweredMemory).toBe(0);
      expect(machine.controller.locate(hostPhysical(host))?.cell.slot).toBe(slot);
      const snapshot = machine.snapshot();
      const other = new Machine(board, { poolLimit: 64 * 1024 ** 2, engine });
      other.restore(snapshot);
      expect(other.chipset.read(hostPhysical(host + 0x10_0000), 4)).toBe(1000);
    }
  });

  it('the table of 2 TiB covers 46 bits once, and only touched frames cost anything', () => {
    const machine = new Machine(twoTiB, { poolLimit: 64 * 1024 ** 2 });
    const ranges = machine.chipset.ranges();
    expect([ranges[0]!.base, ranges.at(-1)!.end]).toEqual([0, 2 ** 46]);
    ranges.forEach(({ base }, index) => expect(base).toBe(index === 0 ? 0 : ranges[index - 1]!.end));
    expect(ranges.filter(({ kind }) => kind === 'dram').reduce((total, { base, end }) => total + end - base, 0)).toBe(2048 * GIB);
    expect(machine.frames.bytesUsed).toBeLessThan(16 * 1024 ** 2);
  });
});
