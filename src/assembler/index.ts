/** The assembler's door. */
export { assemble, type AssembledSection, type AssembleOptions, type Assembly } from './assemble';
export type { Diagnostic, Place } from './diagnostics';
export { LineMap, type LineMapEntry } from './line-map';
export { listing } from './listing';
export type { ProgramSymbol } from './passes';
