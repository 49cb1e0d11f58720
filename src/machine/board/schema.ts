/**
 * The drawing of a board as it stands in a lab file: zod schemas and the types they give. Structure only; what is
 * electrically or logically wrong with a well-formed drawing is for the placement rules.
 */
import { z } from 'zod';
import { canvasSchema } from './canvas';
import { DEFAULT_MAPPING, MAPPING_ORDERS } from './mapping-orders';

const SIZE_UNITS: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** `0x10_0000`, `1048576`, 1048576n → number. Undefined when it is none of these or not below 2^53. */
export function parseAddress(value: unknown): number | undefined {
  if (typeof value === 'bigint') return value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().replaceAll('_', '');
  if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** `64 MiB`, `4096`, 4096n → bytes. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const match = /^([0-9][0-9_]*)\s*(B|KiB|MiB|GiB|TiB)$/.exec(value.trim());
    if (match) {
      const bytes = Number(match[1]!.replaceAll('_', '')) * SIZE_UNITS[match[2]!]!;
      return Number.isSafeInteger(bytes) ? bytes : undefined;
    }
  }
  return parseAddress(value);
}

export const addressSchema = z.union([z.number(), z.bigint(), z.string()]).transform((value, context) => {
  const address = parseAddress(value);
  if (address === undefined) {
    context.addIssue({ code: 'custom', message: 'expected an address from 0 to 2^53 - 1, as 0x10_0000 or 1048576' });
    return z.NEVER;
  }
  return address;
});

export const sizeSchema = z.union([z.number(), z.bigint(), z.string()]).transform((value, context) => {
  const bytes = parseSize(value);
  if (bytes === undefined) {
    context.addIssue({ code: 'custom', message: 'expected a size, as 64 MiB or 67108864' });
    return z.NEVER;
  }
  return bytes;
});

/** A count: a number (YAML gives bigint, intAsBigInt), or the same with `_` between digits, which YAML reads as a text. */
export const countSchema = z.union([z.number(), z.bigint(), z.string()]).transform((value, context) => {
  const count = parseAddress(value);
  if (count === undefined) {
    context.addIssue({ code: 'custom', message: 'expected a whole number from 0' });
    return z.NEVER;
  }
  return count;
});

export const identifierSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, 'expected a name: a letter, then up to 31 letters, digits, _ or -');
/** A port that something is plugged into: `rp1`, or `sw1.0` for a switch's downstream port 0. */
const portSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}(\.[0-9]{1,2})?$/, 'expected a port: rp1, or sw1.0 for downstream port 0 of a switch');
const requesterSchema = z.string().regex(/^([0-9a-fA-F]{2}:)?[01][0-9a-fA-F]\.[0-7]$/, 'expected a PCI address, as 00:04.0');

const slotSchema = z.strictObject({
  id: identifierSchema,
  /** fixed assignment: where the board decodes this slot */
  base: addressSchema.optional(),
  /** fixed assignment: how much of the space is wired to this slot; the DIMM's size unless told */
  window: sizeSchema.optional(),
  /** a part of the catalogue, or null for an empty slot */
  dimm: z.string().nullable().default(null),
  /** its DIMM may be plugged and unplugged while the power is on */
  hotPlug: z.boolean().optional(),
  /** check bits: one wrong bit of a 64-bit word is corrected, two are reported (SECDED) */
  ecc: z.boolean().optional(),
  /** target row refresh: rows that the module counts in each bank; none unless told */
  trr: countSchema.optional(),
  /** activations of a row's neighbours within a refresh window that flip its weakest cell; its generation's unless told */
  rowThreshold: countSchema.optional(),
});

/**
 * What spreads PCI over the board: a PCI Express root port, a switch (an upstream port and `ports` downstream ports), or a bridge to
 * a legacy PCI bus. Bus numbers are not drawn: the firmware gives them at power-on.
 */
const bridgeSchema = z.strictObject({
  id: identifierSchema,
  kind: z.enum(['root-port', 'switch', 'pci-bridge']),
  /** the port it is plugged into; a root port has none, and a bridge without one sits on the root complex */
  parent: portSchema.optional(),
  /** device and function on its bus, as 1c.0; chosen unless told */
  at: requesterSchema.optional(),
  /** switch: its downstream ports, 1 to 32; 2 unless told */
  ports: countSchema.optional(),
  /** devices may be plugged and unplugged at its ports while the power is on */
  hotPlug: z.boolean().optional(),
});

const deviceSchema = z.strictObject({
  id: identifierSchema,
  kind: z.string(),
  /** its place: `00:04.0` on the root complex; behind a legacy bridge only device and function, as 03.0 */
  at: requesterSchema.optional(),
  /** the port or bridge it is plugged into; the root complex unless told */
  parent: portSchema.optional(),
  /** number of address bits the device can drive */
  dmaMask: countSchema.optional(),
  /** dma-scatter: entries that its list may have, 1 to 256 */
  entries: countSchema.optional(),
  /** rom: where it answers, how many bytes, and what it holds from its first byte on, as hexadecimal digits (the rest is all ones) */
  base: addressSchema.optional(),
  size: sizeSchema.optional(),
  contents: z
    .string()
    .max(600_000)
    .regex(/^[0-9a-fA-F\s]*$/, 'expected hexadecimal digits, two a byte')
    .optional(),
});

const iommuSchema = z.strictObject({
  present: z.boolean().default(false),
  enabled: z.boolean().default(false),
});

/** A memory controller: which slots are on its channels, and how it spreads addresses over them. */
const controllerSchema = z.strictObject({
  id: identifierSchema,
  /** the slots of each channel, nearest first */
  channels: z.array(z.array(identifierSchema).min(1).max(4)).max(8).default([]),
  /** narrow modules side by side on one bus: the slots of each bank, lowest byte lane first */
  banks: z.array(z.array(identifierSchema).min(1).max(8)).max(16).default([]),
  order: z.enum(MAPPING_ORDERS).default(DEFAULT_MAPPING),
  /** bytes on one channel before the next has its turn */
  channelInterleave: sizeSchema.optional(),
  /** bytes in one rank before the next has its turn; where the order puts the rank unless told */
  rankInterleave: sizeSchema.optional(),
  /** `xor`: bank numbers are XORed with row bits, channel numbers with the address bits above */
  hash: z.enum(['none', 'xor']).default('none'),
});

/** A part's id. YAML reads an unquoted 386 as a number. */
const processorSchema = z.union([z.string(), z.number(), z.bigint()]).transform(String);

/** The processor's TLB where it is not the part's own; fewer ways than the part's when it has fewer entries, unless told. */
const tlbSchema = z.strictObject({ entries: countSchema, ways: countSchema.optional() });

/** How far the memory is modelled in time, and what rows do to each other. All of it is off unless told. */
const memorySchema = z.strictObject({
  /** row hits, misses and conflicts, refresh and the channels' queues cost machine time */
  timing: z.boolean().default(false),
  /** accesses that the processor may have outstanding on a channel before it waits for the oldest, 1 to 64 */
  inFlight: countSchema.optional(),
  /** rows that are activated too often flip bits in their neighbours */
  disturbance: z.boolean().default(false),
  /** how far a row disturbs: 1 or 2 rows */
  reach: countSchema.optional(),
  /** decides which cells are weak */
  seed: countSchema.optional(),
});

export const boardSchema = z.strictObject({
  processor: processorSchema.default('p6-virtualization'),
  tlb: tlbSchema.optional(),
  physicalAddressBits: countSchema.optional(),
  assignment: z.enum(['fixed', 'automatic']).default('fixed'),
  controllers: z.array(controllerSchema).max(64).optional(),
  /** 64 controllers of 8 channels with 4 slots each */
  slots: z.array(slotSchema).max(2_048).default([]),
  /** addresses from `base` to 4 GiB belong to devices; `remap` moves the memory under them above 4 GiB (automatic assignment) */
  memoryHole: z.strictObject({ base: addressSchema, remap: z.boolean().default(true) }).optional(),
  /** two DIMMs at one address: refuse to start, or start and let both answer */
  overlaps: z.enum(['refuse', 'allow']).optional(),
  /** root ports, switches and legacy bridges */
  bridges: z.array(bridgeSchema).max(256).optional(),
  devices: z.array(deviceSchema).max(1_000).default([]),
  iommu: iommuSchema.optional(),
  /** a local APIC in the processor and an IOAPIC, beside the 8259 pair that every board has */
  apic: z.strictObject({ present: z.boolean().default(false) }).optional(),
  memory: memorySchema.optional(),
  firmware: z.strictObject({ loader: z.enum(['strict', 'force']).default('strict') }).optional(),
  /** how it is drawn; nothing of the machine */
  canvas: canvasSchema.optional(),
});

export type Board = z.output<typeof boardSchema>;
export type Controller = z.output<typeof controllerSchema>;
export type Slot = z.output<typeof slotSchema>;
export type BoardDevice = z.output<typeof deviceSchema>;
export type BoardBridge = z.output<typeof bridgeSchema>;
