/** Whole numbers as people type them into the inspector. Pure. */

/** A number from `least` to `most`, with or without separators; null for nothing typed; undefined for anything else. */
export function parseCount(text: string, least: number, most: number): number | null | undefined {
  const digits = text.trim().replaceAll(/[,_\s]/g, '');
  if (digits === '') return null;
  const value = /^[0-9]{1,15}$/.test(digits) ? Number(digits) : NaN;
  return value >= least && value <= most ? value : undefined;
}
