/** Text in columns, and sizes in them, aligned in a terminal: Chinese characters are two cells wide. */

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/;

/** Cells that a text takes in a terminal. */
export function cellWidth(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/**
 * `256 MiB`, `63.75 GiB`: in the largest unit of which there is one, at most two decimals; the range beside it is exact. What would be
 * rounded there and is whole in the unit below, in at most four digits, is told in that: 2045 GiB are not 2 TiB.
 */
export function sizeText(bytes: number): string {
  let power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const below = bytes / 1024 ** (power - 1);
  if (power > 0 && Number.isInteger(below) && below < 10_000 && !Number.isInteger((bytes / 1024 ** power) * 100)) power--;
  return `${Math.round((bytes / 1024 ** power) * 100) / 100} ${UNITS[power]!}`;
}

const padCells = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - cellWidth(text)));

/** Rows as lines, every column as wide as its widest cell, two spaces apart; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cellWidth(cell))));
  return rows
    .map(
      (row) =>
        (indent + row.map((cell, index) => (index === row.length - 1 ? cell : padCells(cell, widths[index]!))).join('  ')).trimEnd() + '\n',
    )
    .join('');
}
