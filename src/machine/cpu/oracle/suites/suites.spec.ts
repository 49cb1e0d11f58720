/**
 * Systematic suites (not random): each case ends as Bochs said it does, in every tier. What Bochs said is kept in expected/;
 * `npm run test:oracle -- --record SUITE` asks it again (and QEMU about what differs) and writes that down.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeFailure } from '../programs/compare.spec-support';
import { differences } from '../programs/differences.spec-support';
import { bochs, qemu, runOurs } from '../programs/emulators.spec-support';
import type { Outcome, ProgramCase } from '../programs/layout.spec-support';
import { readExpected, writeExpected } from './expected.spec-support';
import { caseOf, type Scene } from './scene.spec-support';
import { callGateScenes } from './call-gates.spec-support';
import { formScenes, lockScenes } from './forms.spec-support';
import { alignmentScenes, debugScenes, lengthScenes, pageScenes, portScenes, stackScenes } from './order.spec-support';
import { taskScenes } from './tasks.spec-support';

const RECORD = process.env['PAGEWALK_ORACLE_RECORD'];
const SUITES: Readonly<Record<string, () => Scene[]>> = {
  tasks: taskScenes,
  'call-gates': callGateScenes,
  forms: formScenes,
  lock: lockScenes,
  length: lengthScenes,
  debug: debugScenes,
  alignment: alignmentScenes,
  pages: pageScenes,
  stacks: stackScenes,
  ports: portScenes,
};
const BATCH = 100;
/** `npm run test:oracle` runs them all; `npm test` one in so many, another one in each tier. */
const ALL = process.env['PAGEWALK_ORACLE_CASES'] !== undefined;
const TIERS = [
  { engine: 'auto', oneIn: ALL ? 1 : 11 },
  { engine: 'interpreter', oneIn: ALL ? 13 : 61 },
  { engine: 'threaded', oneIn: ALL ? 7 : 53 },
  { engine: 'compiled', oneIn: ALL ? 5 : 43 },
] as const;

const chunks = <T>(list: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(list.length / BATCH) }, (_, index) => list.slice(index * BATCH, (index + 1) * BATCH));

describe.each(Object.keys(SUITES).filter((name) => RECORD === undefined || RECORD === 'all' || RECORD.split(',').includes(name)))(
  '%s',
  (suite) => {
    const scenes = SUITES[suite]!();
    const made = (some: readonly Scene[]): { name: string; test: ProgramCase }[] =>
      some.map((scene) => ({ name: scene.name, test: caseOf(suite, scene) }));

    it('names each case once', () => {
      expect(new Set(scenes.map(({ name }) => name)).size).toBe(scenes.length);
    });

    it.runIf(RECORD !== undefined)('is put to Bochs', { timeout: 3_600_000 }, async () => {
      mkdirSync(join(import.meta.dirname, 'expected'), { recursive: true });
      const cases = made(scenes);
      const said: { name: string; test: ProgramCase; outcome: Outcome | undefined }[] = [];
      for (const part of chunks(cases)) {
        const { outcomes } = await bochs.run(part.map(({ test }) => test));
        part.forEach((one, index) => said.push({ ...one, outcome: outcomes.get(index) }));
      }
      writeExpected(suite, said);
      const { outcomes: ours } = await runOurs(cases.map(({ test }) => test), { engine: 'auto' }); // prettier-ignore
      const differing = said.flatMap((one, number) => {
        const fields = differences(one.test, ours.get(number), one.outcome, 'bochs');
        return fields.length === 0 ? [] : [{ ...one, number, fields }];
      });
      const second = await qemu.run(differing.map(({ test }) => test));
      differing.forEach(({ name, test, outcome, number, fields }, index) => {
        const also = second.outcomes.get(index);
        const against = [
          { other: 'bochs' as const, theirs: outcome, fields },
          { other: 'qemu' as const, theirs: also, fields: differences(test, ours.get(number), also, 'qemu') },
        ];
        process.stdout.write(`${name}: ${describeFailure({ test, ours: ours.get(number), against })}\n`);
      });
      process.stdout.write(`${suite}: ${cases.length} cases, ${differing.length} differ\n`);
    });

    it.runIf(RECORD === undefined).each(TIERS)('ends as on Bochs, $engine', async ({ engine, oneIn }) => {
      const expected = readExpected(suite);
      const some = made(scenes.filter((_, number) => number % oneIn === 0));
      const { outcomes } = await runOurs(some.map(({ test }) => test), { engine, seed: 7 }); // prettier-ignore
      const wrong = some.flatMap(({ name, test }, number) => {
        const theirs = expected(name, test);
        if (theirs === 'stale') return [`${name}: has changed since Bochs was asked; run npm run test:oracle -- --record ${suite}`];
        const outcome = theirs === 'endless' ? undefined : theirs;
        const fields = differences(test, outcomes.get(number), outcome, 'bochs');
        return fields.length === 0 ? [] : [`${name}: ${describeFailure({ test, ours: outcomes.get(number), against: [{ other: 'bochs', theirs: outcome, fields }] })}`]; // prettier-ignore
      });
      expect(wrong).toEqual([]);
    });
  },
);
