/**
 * Compiled regions tell the engine which of their branches are hardly ever taken (cpu/compile/encoder.ts). V8 has listened to
 * that for long, but behind an option in the versions that Node 20 and 22 and Electron 33 have. It changes speed, nothing else.
 */
import { setFlagsFromString } from 'node:v8';

/** V8 versions that have the option: an engine that does not know it would complain on the standard error stream. */
const FIRST = 11;
const LAST = 13.0;

/** Is the option one of this V8's? `version` as in process.versions. */
export function hasHintsOption(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major + minor / 100 >= FIRST && major + minor / 100 <= LAST;
}

/** For what is compiled from now on, in this process. */
export function useBranchHints(): void {
  if (hasHintsOption(process.versions.v8)) setFlagsFromString('--experimental-wasm-branch-hinting');
}
