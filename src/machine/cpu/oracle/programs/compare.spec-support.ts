/** Ours against the others: which cases end differently, whether they still do alone, and the shortest program that does. */
import { differences, type Judge, type Other } from './differences.spec-support';
import { bochs, qemu, runOurs, type Emulator, type OurOptions } from './emulators.spec-support';
import { MODES, type Mode } from './generate.spec-support';
import {
  addressesOf,
  undefinedFlags,
  type CaseInstruction,
  type Field,
  type Outcome,
  type ProgramCase,
  type Report,
} from './layout.spec-support';

export interface Failure {
  test: ProgramCase;
  ours: Outcome | undefined;
  /** what the other says, and where ours differs */
  against: { other: Judge; theirs: Outcome | undefined; fields: string[] }[];
}

export interface Panel {
  bochs: boolean;
  qemu: boolean;
  /** how ours runs every case; `auto` when left out */
  ours?: Pick<OurOptions, 'engine' | 'cold'>;
  /** tiers that run every case as well, besides that */
  tiers: readonly ('threaded' | 'compiled')[];
  seed: number;
}

const EMULATORS: Readonly<Record<Other, Emulator>> = { bochs, qemu };

/** Runs the cases an emulator has a say in; outcomes by number of the case. */
async function ask(other: Other, cases: readonly ProgramCase[]): Promise<Report['outcomes']> {
  const asked = cases.map((test, number) => ({ test, number })).filter(({ test }) => other === 'bochs' || MODES[test.mode as Mode].qemu);
  if (asked.length === 0) return new Map();
  const { outcomes } = await EMULATORS[other].run(asked.map(({ test }) => test));
  // a case gone wild on an emulator may have overwritten the number that the runner counts with
  const known = [...outcomes].filter(([index]) => index < asked.length);
  return new Map(known.map(([index, outcome]) => [asked[index]!.number, outcome]));
}

/** Runs the cases everywhere and says which differ. */
export async function compare(cases: readonly ProgramCase[], panel: Panel): Promise<Failure[]> {
  const others = (['bochs', 'qemu'] as const).filter((other) => panel[other]);
  const asked = others.map((other) => ask(other, cases));
  const run = (options: Pick<OurOptions, 'engine' | 'cold'>): Promise<Report> => runOurs(cases, { ...options, seed: panel.seed });
  const { outcomes: ours, strayed } = await run(panel.ours ?? { engine: 'auto' });
  const tiers = new Map<'threaded' | 'compiled', Report['outcomes']>();
  for (const tier of panel.tiers) tiers.set(tier, (await run({ engine: tier })).outcomes);
  const answers = await Promise.all(asked);
  return cases.flatMap((test, number): Failure[] => {
    const mine = ours.get(number);
    const against: Failure['against'] = [];
    others.forEach((other, index) => {
      if (strayed?.has(number)) return;
      if (other === 'qemu' && !MODES[test.mode as Mode].qemu) return;
      const theirs = answers[index]!.get(number);
      const fields = differences(test, mine, theirs, other);
      if (fields.length > 0) against.push({ other, theirs, fields });
    });
    for (const [tier, outcomes] of tiers) {
      const fields = differences(test, mine, outcomes.get(number), tier);
      if (fields.length > 0) against.push({ other: tier, theirs: outcomes.get(number), fields });
    }
    return against.length > 0 ? [{ test, ours: mine, against }] : [];
  });
}

/**
 * Those of the failures that still fail when they are run with nothing but each other, and then alone: what an earlier case left
 * in memory that no case owns is no difference.
 */
export async function confirmed(failures: readonly Failure[], panel: Panel, most = 40): Promise<Failure[]> {
  let left = failures;
  for (let round = 0; round < 2 && left.length > 0; round++) left = await compare(left.map(({ test }) => test), panel); // prettier-ignore
  const alone: Failure[] = [];
  for (const { test } of left.slice(0, most)) alone.push(...(await compare([test], panel)));
  return alone;
}

const readsUndefined = (instructions: readonly CaseInstruction[]): boolean => {
  const flags = undefinedFlags(instructions);
  return instructions.some(({ reads }, index) => (reads & flags[index]!) !== 0);
};

/** Without what prepared it, an instruction may lead anywhere. */
function staysInside({ test, ours, against }: Failure): boolean {
  const addresses = addressesOf(test);
  return [ours, against[0]!.theirs].some((outcome) => outcome !== undefined && addresses.includes(outcome.eip));
}

/** Leaves out instructions, each with what prepares it, while the case still differs in the same way. */
export async function shrink(failure: Failure, panel: Panel): Promise<Failure> {
  let best = failure;
  let end = best.test.instructions.length;
  for (let index = end - 1; index >= 0; index--) {
    if (best.test.instructions[index]!.joined) continue;
    const instructions = best.test.instructions.filter((_, at) => at < index || at >= end);
    end = index;
    if (instructions.length === 0 || readsUndefined(instructions)) continue;
    const [smaller] = await compare([{ ...best.test, instructions }], panel);
    if (smaller !== undefined && smaller.against[0]!.other === best.against[0]!.other && staysInside(smaller)) best = smaller;
  }
  return best;
}

const hex = (value: number | string): string => (typeof value === 'number' ? value.toString(16) : value);

/** A failure in words, for the log. */
export function describeFailure({ test, ours, against }: Failure): string {
  const program = test.instructions.map(({ form, bytes }) => `${form} [${Buffer.from(bytes).toString('hex')}]`).join('; ');
  const fields = ['vector', 'error', 'eip', ...against.flatMap((one) => one.fields)];
  const show = (outcome: Outcome | undefined): string =>
    outcome === undefined ? 'never ends' : [...new Set(fields)].filter((field) => field in outcome).map((field) => `${field} ${hex(outcome[field as Field])}`).join(', '); // prettier-ignore
  return [`${test.mode}: ${program}`, `  ours: ${show(ours)}`, ...against.map(({ other, theirs, fields: differing }) => `  ${other}: ${show(theirs)} (${differing.join(', ')})`)].join('\n'); // prettier-ignore
}

/** A case that once differed, with how it has to end. */
export interface Kept {
  test: ProgramCase;
  /** who says so */
  by: Judge;
  expected: Outcome;
}

/** What is kept of a failure; nothing when the other never ended. */
export function keep({ test, against }: Failure): Kept | undefined {
  const [first] = against;
  return first?.theirs === undefined ? undefined : { test, by: first.other, expected: first.theirs };
}
