import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JourneyStep } from '../journey/journey';
import { EPT_POINTER_ACCESSED_DIRTY, EPT_POINTER_FLAGS, EptWalk, walkEpt } from './ept';
import { ACCESS } from './page-rights';
import { PageWalk, WALK, walkPaging } from './paging';
import { CR0, CR4, EFER, type PagingContext } from './paging-registers';
import type { TableMemory } from './table-memory';

/** A few words of memory; every write is counted. */
class WordMemory implements TableMemory {
  readonly words = new Map<number, number>();
  writes = 0;
  read32(address: number): number {
    return this.words.get(address) ?? 0;
  }
  write32(address: number, value: number): void {
    this.writes++;
    this.words.set(address, value >>> 0);
  }
  set64(address: number, value: bigint): void {
    this.words.set(address, Number(value & 0xffff_ffffn));
    this.words.set(address + 4, Number(value >> 32n));
  }
}

const context = (changes: Partial<PagingContext> = {}): PagingContext => ({
  cr0: (CR0.PE | CR0.PG | CR0.WP) >>> 0,
  cr3: 0x1000,
  cr4: 0,
  efer: 0,
  pdpte: new Uint32Array(8),
  physicalAddressBits: 36,
  eptPointer: -1,
  ...changes,
});

interface Reference {
  ok: boolean;
  errorCode: number;
  physical: number;
}

/** 32-bit paging as the manual's text says it, written without looking at the walker (bigint, no shared helpers). */
function referenceLegacy(memory: WordMemory, c: PagingContext, linear: number, access: number): Reference {
  const write = (access & 2) !== 0;
  const user = (access & 4) !== 0;
  const error = (bits: number): Reference => ({ ok: false, errorCode: bits + (write ? 2 : 0) + (user ? 4 : 0), physical: 0 });
  const pde = BigInt(memory.read32(0x1000 + Math.floor(linear / 4194304) * 4));
  if (pde % 2n === 0n) return error(0);
  const bit = (value: bigint, n: number): boolean => (value >> BigInt(n)) % 2n === 1n;
  let rights = [pde];
  let physical: bigint;
  if (bit(pde, 7) && (c.cr4 & 16) !== 0) {
    if (bit(pde, 21) || (pde >> 13n) % 256n >= 16n) return error(1 + 8);
    physical = ((pde >> 13n) % 256n) * 4294967296n + (pde / 4194304n) * 4194304n + BigInt(linear % 4194304);
  } else {
    const pte = BigInt(memory.read32(Number((pde / 4096n) * 4096n) + (Math.floor(linear / 4096) % 1024) * 4));
    if (pte % 2n === 0n) return error(0);
    rights = [pde, pte];
    physical = (pte / 4096n) * 4096n + BigInt(linear % 4096);
  }
  if (user && !rights.every((entry) => bit(entry, 2))) return error(1);
  if (write && !rights.every((entry) => bit(entry, 1)) && (user || (c.cr0 & 0x1_0000) !== 0)) return error(1);
  return { ok: true, errorCode: 0, physical: Number(physical) };
}

const entryBits = fc
  .tuple(fc.nat(0xff), fc.constantFrom(0x2000, 0x3000, 0x4000, 0x40_2000, 0x20_0000, 0x1e_2000))
  .map(([bits, base]) => base | bits);

describe('32-bit paging', () => {
  it('agrees with an independent reference on random tables', () => {
    fc.assert(
      fc.property(
        fc.array(entryBits, { minLength: 4, maxLength: 4 }),
        fc.array(entryBits, { minLength: 12, maxLength: 12 }),
        fc.nat(3),
        fc.nat(3),
        fc.nat(4095),
        fc.constantFrom(0, 2, 4, 6),
        fc.boolean(),
        fc.boolean(),
        (pdes, ptes, pdeIndex, pteIndex, offset, access, wp, pse) => {
          const memory = new WordMemory();
          pdes.forEach((pde, index) => memory.words.set(0x1000 + index * 4, pde | (index === 3 ? 1 : 0)));
          ptes.forEach((pte, index) => memory.words.set(0x2000 + Math.floor(index / 4) * 0x1000 + (index % 4) * 4, pte));
          const c = context({ cr0: wp ? context().cr0 : (CR0.PE | CR0.PG) >>> 0, cr4: pse ? CR4.PSE : 0 });
          const linear = ((pdeIndex << 22) | (pteIndex << 12) | offset) >>> 0;
          const expected = referenceLegacy(memory, c, linear, access);
          const walk = new PageWalk();
          const ok = walkPaging(c, linear, access, memory, false, walk);
          expect(ok).toBe(expected.ok);
          if (ok) expect(walk.hostPhysical).toBe(expected.physical);
          else expect([walk.outcome, walk.errorCode]).toEqual([WALK.pageFault, expected.errorCode]);
          expect(memory.writes).toBe(0);
        },
      ),
      { numRuns: 2000, seed: 4 },
    );
  });

  it('decides every combination of U/S, R/W, WP and access', () => {
    for (let combination = 0; combination < 64; combination++) {
      const [pdeW, pdeU, pteW, pteU, wp, write] = Array.from({ length: 6 }, (_, bit) => (combination >> bit) & 1) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      for (const user of [0, 1]) {
        const memory = new WordMemory();
        memory.words.set(0x1000, 0x2001 | (pdeW << 1) | (pdeU << 2));
        memory.words.set(0x2000, 0x5001 | (pteW << 1) | (pteU << 2));
        const c = context({ cr0: (CR0.PE | CR0.PG | (wp ? CR0.WP : 0)) >>> 0 });
        const walk = new PageWalk();
        const ok = walkPaging(c, 0x123, (write ? ACCESS.write : 0) | (user ? ACCESS.user : 0), memory, true, walk);
        const userPage = pdeU && pteU;
        const writable = pdeW && pteW;
        const allowed = user ? userPage && (!write || writable) : !write || writable || !wp;
        expect(ok).toBe(Boolean(allowed));
        if (!ok) expect(walk.errorCode).toBe(1 | (write << 1) | (user << 2));
        // accessed and dirty only when the access goes on
        expect([memory.read32(0x1000) & 0x20, memory.read32(0x2000) & 0x60]).toEqual(ok ? [0x20, write ? 0x60 : 0x20] : [0, 0]);
      }
    }
  });

  it('writes no flag that is set already', () => {
    const memory = new WordMemory();
    memory.words.set(0x1000, 0x2027);
    memory.words.set(0x2000, 0x5067);
    walkPaging(context(), 0, ACCESS.write, memory, true, new PageWalk());
    expect(memory.writes).toBe(0);
  });

  it('off, is the identity, and says so', () => {
    const steps: JourneyStep[] = [];
    const walk = new PageWalk();
    walkPaging(context({ cr0: 1 }), 0x1234, 0, new WordMemory(), false, walk, { step: (step) => steps.push(step) });
    expect(walk.hostPhysical).toBe(0x1234);
    expect(steps.map((step) => [step.room, step.structure, step.to?.address])).toEqual([
      ['paging', 'identity', 0x1234n],
      ['vmm-map', 'identity', 0x1234n],
    ]);
  });

  it('records each entry with its address and bytes', () => {
    const memory = new WordMemory();
    memory.words.set(0x1000 + 3 * 4, 0x2027);
    memory.words.set(0x2000 + 5 * 4, 0x9_0021);
    const steps: JourneyStep[] = [];
    const walk = new PageWalk();
    const ok = walkPaging(context(), 0x00c0_5678, ACCESS.write, memory, false, walk, { step: (step) => steps.push(step) });
    expect(ok).toBe(false);
    expect(steps.map((step) => [step.structure, step.index, step.entryHostAddress])).toEqual([
      ['pde', 3, 0x100cn],
      ['pte', 5, 0x2014n],
    ]);
    expect([...steps[1]!.entryBytes!]).toEqual([0x21, 0, 9, 0]);
    expect(steps[1]!.to).toBeUndefined();
    expect(steps[1]!.checks.find((check) => check.rule === 'writable')?.passed).toBe(false);
  });
});

describe('PAE', () => {
  const pae = (changes: Partial<PagingContext> = {}): PagingContext =>
    context({ cr4: CR4.PAE, efer: EFER.NXE, pdpte: Uint32Array.from([0x2001, 0, 0, 0, 0, 0, 0, 0]), ...changes });

  it('walks 4 KiB and 2 MiB pages above 4 GiB', () => {
    const memory = new WordMemory();
    memory.set64(0x2000, 0x3007n);
    memory.set64(0x2008, 0x2_4020_00e7n);
    memory.set64(0x3000 + 8, 0x3_0000_5007n);
    const walk = new PageWalk();
    expect(walkPaging(pae(), 0x1abc, ACCESS.write, memory, true, walk)).toBe(true);
    expect(walk.hostPhysical).toBe(0x3_0000_5abc);
    expect(memory.read32(0x3008)).toBe(0x5067);
    expect(walkPaging(pae(), 0x3f_ffff, 0, memory, true, walk)).toBe(true);
    expect(walk.hostPhysical).toBe(0x2_403f_ffff);
  });

  it('knows NX with its fetch bit, reserved bits before rights, and absent pointers', () => {
    const memory = new WordMemory();
    memory.set64(0x2000, 0x3007n);
    memory.set64(0x3000, 0x8000_0000_0000_5007n);
    memory.set64(0x3008, 0x0010_0000_0000_5001n);
    const walk = new PageWalk();
    const errorOf = (linear: number, access: number, changes: Partial<PagingContext> = {}): number => {
      expect(walkPaging(pae(changes), linear, access, memory, false, walk)).toBe(false);
      return walk.errorCode;
    };
    expect(errorOf(0, ACCESS.execute | ACCESS.user)).toBe(0x15);
    expect(walkPaging(pae(), 0, ACCESS.user, memory, false, walk)).toBe(true);
    expect(errorOf(0, 0, { efer: 0 })).toBe(9);
    expect(errorOf(0x1000, ACCESS.write | ACCESS.user)).toBe(0xf);
    expect(errorOf(0x4000_0000, ACCESS.execute)).toBe(0x10);
  });
});

describe('EPT', () => {
  const POINTER = 0x1_0000 | EPT_POINTER_FLAGS;
  function tables(leaf: bigint, level = 3): WordMemory {
    const memory = new WordMemory();
    for (let depth = 0; depth < level; depth++) memory.set64(0x1_0000 + depth * 0x1000, BigInt(0x1_1000 + depth * 0x1000) | 7n);
    memory.set64(0x1_0000 + level * 0x1000, leaf);
    return memory;
  }

  it('decides every leaf permission for every access, with the qualification', () => {
    for (let permissions = 0; permissions < 8; permissions++) {
      for (const access of [1, 2, 3, 4]) {
        const walk = new EptWalk();
        const ok = walkEpt(tables(0x9_0000n | BigInt(permissions)), POINTER, 0x123, access, 36, false, walk);
        if ((permissions & 3) === 2) expect(walk.outcome).toBe(2);
        else {
          expect(ok).toBe((permissions & access) === access);
          if (ok) expect(walk.hostPhysical).toBe(0x9_0123);
          else expect([walk.outcome, walk.qualification]).toEqual([1, access | (permissions << 3)]);
        }
      }
    }
  });

  it('takes the intersection of all levels', () => {
    const memory = tables(0x9_0007n);
    memory.set64(0x1_1000, 0x1_2005n);
    const walk = new EptWalk();
    expect(walkEpt(memory, POINTER, 0, 2, 36, false, walk)).toBe(false);
    expect(walk.qualification).toBe(2 | (5 << 3));
    expect(walkEpt(memory, POINTER, 0, 1, 36, false, walk)).toBe(true);
    expect(walk.permissions).toBe(5);
  });

  it('finds misconfigured entries: reserved bits, memory types, addresses beyond the width', () => {
    const cases: [leaf: bigint, level: number][] = [
      [0x9_0017n, 3], // memory type 2
      [0x9_003fn, 3], // memory type 7
      [0x10_0009_0007n, 3], // bit 36 of a 36-bit processor
      [0x1_2087n, 2], // 2 MiB page at an address that is none
      [0x1_1087n, 0], // page size in a PML4E
      [0x1_100fn, 0], // reserved bit 3
    ];
    for (const [leaf, level] of cases) {
      const walk = new EptWalk();
      expect(walkEpt(tables(leaf, level), POINTER, 0, 1, 36, false, walk)).toBe(false);
      expect(walk.outcome).toBe(2);
    }
  });

  it('maps 2 MiB and 1 GiB pages, and nothing above 48 bits', () => {
    const walk = new EptWalk();
    expect(walkEpt(tables(0x4020_0087n, 2), POINTER, 0x1f_fff0, 1, 36, false, walk)).toBe(true);
    expect([walk.hostPhysical, walk.pageSize]).toEqual([0x403f_fff0, 2 ** 21]);
    expect(walkEpt(tables(0x4000_0087n, 1), POINTER, 0x3fff_fff0, 1, 36, false, walk)).toBe(true);
    expect([walk.hostPhysical, walk.pageSize]).toEqual([0x7fff_fff0, 2 ** 30]);
    expect(walkEpt(tables(0x9_0007n), POINTER, 2 ** 48, 1, 36, false, walk)).toBe(false);
  });

  it('sets accessed and dirty only when the pointer asks for it', () => {
    const memory = tables(0x9_0007n);
    walkEpt(memory, POINTER, 0, 2, 36, true, new EptWalk());
    expect(memory.writes).toBe(0);
    walkEpt(memory, POINTER | EPT_POINTER_ACCESSED_DIRTY, 0, 2, 36, true, new EptWalk());
    expect([0, 1, 2, 3].map((depth) => memory.read32(0x1_0000 + depth * 0x1000) & 0x300)).toEqual([0x100, 0x100, 0x100, 0x300]);
  });
});
