/** The lab file as data: zod schemas for `pagewalk.lab/1`, and the types they give. Cross-references are checked by the validator, not here. */
import { z } from 'zod';
import { addressSchema, boardSchema, countSchema, identifierSchema, sizeSchema } from '../../machine/board/schema';

export const LAB_FORMAT = 'pagewalk.lab/1';
export const DEFAULT_INSTRUCTION_LIMIT = 50_000_000;

const localizedSchema = z.union([z.string(), z.strictObject({ en: z.string(), 'zh-CN': z.string().optional() })]);

/** A path inside the lab: relative, forward slashes, no way out. */
export const pathSchema = z
  .string()
  .min(1)
  .refine(
    (path) => !/^[/\\]|^[A-Za-z]:|\\|(^|\/)\.\.?(\/|$)|\0/.test(path),
    'expected a path inside the lab folder: no leading /, no .. and no \\',
  );

/** A number, or a value resolved at power-on: the host-physical address behind a VM's guest-physical one. */
const defineSchema = z.union([
  addressSchema,
  z.strictObject({ frameOf: identifierSchema, gpa: addressSchema }),
  /** host-physical base of a part of the VMM's own state: `ept`, `control-block`, `iommu`, `secret`, of a VM where it has one */
  z.strictObject({ vmmPart: z.string(), vm: identifierSchema.optional() }),
  /** guest-physical base of a passed-through device's BAR0 (in a VM), or its host-physical base (bare machine) */
  z.strictObject({ barOf: identifierSchema }),
]);

const programSchema = z.union([
  pathSchema.transform((file) => ({ file })),
  z.strictObject({
    file: pathSchema.optional(),
    files: z.array(pathSchema).min(1).max(64).optional(),
    format: z.enum(['auto', 'flat', 'elf', 'multiboot', 'boot-sector', 'rom']).optional(),
    load: addressSchema.optional(),
    entry: addressSchema.optional(),
    mode: z.enum(['real', 'protected']).optional(),
    defines: z.record(z.string(), defineSchema).optional(),
  }),
]);

const vmSchema = z.strictObject({
  id: identifierSchema,
  memory: sizeSchema,
  backing: z.enum(['eager', 'on-touch']).default('eager'),
  program: programSchema.optional(),
  passthrough: z.array(identifierSchema).default([]),
});

const vmmSchema = z.strictObject({
  translation: z.enum(['ept']).default('ept'),
  allocation: z
    .strictObject({
      policy: z.enum(['first-fit']).default('first-fit'),
      seed: countSchema.default(1),
      /** part of host memory already taken before the first VM, 0 to 0.95, scattered by the seed */
      preoccupied: z
        .union([z.number().min(0).max(0.95), z.bigint().refine((value) => value === 0n, 'expected a fraction from 0 to 0.95')]) // YAML gives a plain 0 as bigint
        .transform(Number)
        .default(0),
    })
    .default({ policy: 'first-fit', seed: 1, preoccupied: 0 }),
  /** a word that ECC cannot correct: write it to the log, or also end the VM whose memory it is; `report` unless told */
  memoryErrors: z.enum(['report', 'stop-vm']).optional(),
});

/** Where a check looks. `host` needs no VM; `guest` and `linear` do, unless the lab runs on the bare machine. */
const placeSchema = z.strictObject({ space: z.enum(['linear', 'guest', 'host']), vm: identifierSchema.optional(), address: addressSchema });
const rangeSchema = z.strictObject({
  vm: identifierSchema.optional(),
  /** a part of the VMM's own state instead of a VM's memory */
  vmmPart: z.string().optional(),
  from: addressSchema.default(0),
  bytes: sizeSchema,
});
const bytesSchema = z.union([z.string(), z.array(countSchema)]);

/** What a `dram` check may ask for. `activations`: the most that one row had within one refresh window. */
export const DRAM_COUNTS = [
  'accesses',
  'hits',
  'misses',
  'conflicts',
  'writes',
  'activations',
  'flips',
  'corrected',
  'uncorrectable',
  'miscorrected',
  'refreshed',
] as const;
export type DramCount = (typeof DRAM_COUNTS)[number];

const checkSchema = z.union([
  z.strictObject({
    memory: z.strictObject({
      at: placeSchema,
      equals: bytesSchema.optional(),
      sha256: z.string().optional(),
      /** how many bytes the hash covers; to the end of the page unless told */
      bytes: sizeSchema.optional(),
    }),
  }),
  z.strictObject({ unchanged: z.strictObject({ range: rangeSchema }) }),
  z.strictObject({
    located: z.strictObject({
      address: addressSchema,
      slot: z.string(),
      rank: countSchema.optional(),
      bank: countSchema.optional(),
      row: countSchema.optional(),
      column: countSchema.optional(),
    }),
  }),
  z.strictObject({ unanswered: z.strictObject({ count: countSchema, address: addressSchema.optional() }) }),
  z.strictObject({ differs: z.strictObject({ frames: z.array(z.strictObject({ vm: identifierSchema, gpa: addressSchema })).min(2) }) }),
  z.strictObject({
    /** one piece of host memory, one piece as the guest sees it, or all of it in one slot */
    contiguous: z.strictObject({ range: rangeSchema, in: z.enum(['host', 'guest', 'slot']), expect: z.boolean().default(true) }),
  }),
  z.strictObject({
    serial: z.strictObject({ vm: identifierSchema.optional(), contains: z.string().optional(), equals: z.string().optional() }),
  }),
  z.strictObject({
    exits: z.strictObject({ vm: identifierSchema, reason: z.string(), min: countSchema.optional(), max: countSchema.optional() }),
  }),
  z.strictObject({
    exception: z.strictObject({
      vm: identifierSchema.optional(),
      vector: countSchema,
      errorCode: countSchema.optional(),
      cr2: addressSchema.optional(),
    }),
  }),
  /** what the processor's TLB has counted since power-on */
  z.strictObject({
    tlb: z.strictObject({
      count: z.enum(['accesses', 'misses', 'evictions', 'tableReads']),
      min: countSchema.optional(),
      max: countSchema.optional(),
    }),
  }),
  z.strictObject({ faults: z.strictObject({ requester: z.string(), reason: countSchema.optional(), count: countSchema }) }),
  z.strictObject({
    /** what the DRAM model counted: on the whole board, in one slot, or in one of its banks (subchannel, rank, group and bank as one number) */
    dram: z.strictObject({
      count: z.enum(DRAM_COUNTS),
      slot: z.string().optional(),
      bank: countSchema.optional(),
      min: countSchema.optional(),
      max: countSchema.optional(),
    }),
  }),
  /** instructions completed: on the machine, or in a VM */
  z.strictObject({
    instructions: z.strictObject({ vm: identifierSchema.optional(), min: countSchema.optional(), max: countSchema.optional() }),
  }),
  z.strictObject({ stop: z.string() }),
]);

/**
 * A diagram of what a program has measured: records of 32-bit little-endian numbers, the x value first, then one for each
 * series. A record whose x is 0 has not been measured yet.
 */
const plotSchema = z.strictObject({
  title: localizedSchema,
  from: placeSchema,
  points: countSchema,
  x: z.strictObject({ label: localizedSchema, scale: z.enum(['linear', 'log']).default('linear') }),
  y: z.strictObject({ label: localizedSchema, scale: z.enum(['linear', 'log']).default('linear') }),
  series: z.array(localizedSchema).min(1).max(8),
});
/** Points of one plot. */
export const MOST_POINTS = 4096;

export const labSchema = z.strictObject({
  format: z.literal(LAB_FORMAT),
  title: localizedSchema,
  text: localizedSchema.optional(),
  board: boardSchema,
  machine: z.strictObject({ program: programSchema }).optional(),
  vmm: vmmSchema.optional(),
  vms: z.array(vmSchema).max(64).optional(),
  limits: z.strictObject({ instructions: countSchema.default(DEFAULT_INSTRUCTION_LIMIT) }).optional(),
  expect: z.strictObject({ stop: z.string() }).optional(),
  checks: z.array(checkSchema).max(1_000).default([]),
  plots: z.array(plotSchema).max(8).optional(),
  /** small labs may carry their programs with them */
  files: z.record(pathSchema, z.string()).optional(),
});

export const BOARD_FORMAT = 'pagewalk.board/1';

/** A board alone, to be shared between labs. */
export const boardFileSchema = z.strictObject({ format: z.literal(BOARD_FORMAT), title: localizedSchema.optional(), board: boardSchema });

export type BoardFile = z.output<typeof boardFileSchema>;
export type LabDocument = z.output<typeof labSchema>;
export type Localized = z.output<typeof localizedSchema>;
export type Program = z.output<typeof programSchema>;
export type Define = z.output<typeof defineSchema>;
export type Vm = z.output<typeof vmSchema>;
export type Vmm = z.output<typeof vmmSchema>;
export type Plot = z.output<typeof plotSchema>;
export type Check = z.output<typeof checkSchema>;
