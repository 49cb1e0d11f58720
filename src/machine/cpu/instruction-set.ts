/**
 * What generations of the processor differ in, as data: which opcodes exist (each row of decode/table.ts says since when), which
 * bits of EFLAGS and the control registers can be set, and what identifies the part. Sources: Intel's 8086 family user's manual,
 * 80386 programmer's reference manual (14.7 compares it to the 8086), SDM vol. 3, ch. 23 (architecture compatibility).
 */
import { FLAG } from './flags';

export type InstructionSet = '8086' | '386' | 'pentium' | 'p6';

/** By age, so that generations compare with `<`. */
export const LEVEL = { i8086: 0, i386: 1, pentium: 2, p6: 3 } as const;
export type Level = (typeof LEVEL)[keyof typeof LEVEL];

export interface Model {
  readonly level: Level;
  /** bits of EFLAGS that a program can change */
  readonly flags: number;
  /** bits of EFLAGS that always read as one */
  readonly fixedFlags: number;
  /** bits of CR0 that a program can change; ET always reads as one */
  readonly cr0: number;
  /** bits of CR4 that exist; 0 when there is no CR4 */
  readonly cr4: number;
  /** family, model and stepping: DX after RESET, and CPUID's leaf 1 */
  readonly signature: number;
  /** CPUID leaf 1, EDX; null where there is no CPUID */
  readonly features: number | null;
}

const FLAGS_8086 = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.IF | FLAG.DF | FLAG.OF;
const FLAGS_386 = FLAGS_8086 | FLAG.IOPL | FLAG.NT | FLAG.RF | FLAG.VM;
const FLAGS_PENTIUM = FLAGS_386 | FLAG.AC | FLAG.VIF | FLAG.VIP | FLAG.ID;

/** PE MP EM TS PG; NE WP AM NW CD came with the 80486. */
const CR0_386 = 0x8000_000e | 1;
const CR0_486 = CR0_386 | 0x6005_0020;
/** TSD DE PSE; then PAE MCE PGE */
const CR4_PENTIUM = 0x1c;
const CR4_P6 = CR4_PENTIUM | 0xe0;

/** CPUID leaf 1, EDX: DE PSE TSC MSR CX8; then PAE MCE SEP PGE MCA CMOV PSE-36. */
const FEATURES_PENTIUM = 0x0000_013c;
const FEATURES_P6 = FEATURES_PENTIUM | 0x0002_e8c0;

const MODELS: Readonly<Record<InstructionSet, Model>> = {
  '8086': { level: LEVEL.i8086, flags: FLAGS_8086, fixedFlags: 0xf002, cr0: 0, cr4: 0, signature: 0, features: null },
  '386': { level: LEVEL.i386, flags: FLAGS_386, fixedFlags: 2, cr0: CR0_386, cr4: 0, signature: 0x0308, features: null },
  pentium: {
    level: LEVEL.pentium,
    flags: FLAGS_PENTIUM,
    fixedFlags: 2,
    cr0: CR0_486,
    cr4: CR4_PENTIUM,
    signature: 0x0525,
    features: FEATURES_PENTIUM,
  },
  p6: { level: LEVEL.p6, flags: FLAGS_PENTIUM, fixedFlags: 2, cr0: CR0_486, cr4: CR4_P6, signature: 0x0633, features: FEATURES_P6 },
};

/** The newest unless told. */
export const modelOf = (set: InstructionSet = 'p6'): Model => MODELS[set];
