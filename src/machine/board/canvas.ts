/**
 * How a board is laid out on the canvas, as it stands in the lab file: where parts were moved to and which form groups. It says
 * nothing about the hardware: a board with and one without it are the same machine. A part is named `slot:A1`, `device:dma0`.
 */
import { z } from 'zod';

/** Places lie this far from the origin at most, in units of the drawing. */
export const FARTHEST = 100_000;
/** More places, groups or members than any drawing has. */
const MOST = 12_000;

const coordinateSchema = z.union([z.number(), z.bigint()]).transform((value, context) => {
  const number = Math.round(Number(value));
  if (Number.isFinite(number) && Math.abs(number) <= FARTHEST) return number;
  context.addIssue({ code: 'custom', message: `expected a coordinate from -${FARTHEST} to ${FARTHEST}` });
  return z.NEVER;
});
const partSchema = z.string().min(1).max(64);
const placeSchema = z.tuple([coordinateSchema, coordinateSchema]);

const groupSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, 'expected a name: a letter, then up to 31 letters, digits, _ or -'),
  name: z.string().max(64).default(''),
  parts: z.array(partSchema).max(MOST).default([]),
  /** drawn as one box that stands for all of them */
  collapsed: z.boolean().optional(),
});

export const canvasSchema = z.strictObject({
  /** left and upper edge of parts that were moved from where the drawing puts them */
  places: z
    .record(partSchema, placeSchema)
    .refine((places) => Object.keys(places).length <= MOST, `expected at most ${MOST} places`)
    .optional(),
  groups: z.array(groupSchema).max(MOST).optional(),
});

export type CanvasLayout = z.output<typeof canvasSchema>;
export type PartGroup = z.output<typeof groupSchema>;

/** The board without its layout: what the machine is built from. */
export function hardwareOf<B extends { canvas?: unknown }>(board: B): Omit<B, 'canvas'> {
  const { canvas: _, ...hardware } = board;
  return hardware;
}
