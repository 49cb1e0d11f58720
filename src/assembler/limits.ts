/** Bounds on what one program may ask of the assembler, so that a hostile source ends in an error and not in a frozen window. */

export const LIMITS = {
  /** bytes of all sections together, and of the image with the gaps between them */
  outputBytes: 64 * 1024 * 1024,
  /** macro calls and includes inside each other */
  depth: 64,
  /** lines after macro expansion */
  lines: 250_000,
  /** tokens of one line after expansion */
  lineTokens: 20_000,
  /** tokens of all lines after expansion */
  tokens: 5_000_000,
  /** repetitions of one `times` or `%rep` whose body must be looked at each time */
  repetitions: 1_000_000,
  /** characters of one source file */
  sourceCharacters: 4 * 1024 * 1024,
  /** sections of one program */
  sections: 256,
  /** passes until every address stands still */
  passes: 64,
} as const;
