/**
 * Short random programs on ours and on other emulators: registers, flags, memory, descriptors, page-table entries and the fault that
 * ends them. `npm test` runs a sample of them and every case that was kept; `npm run test:oracle` runs a hundred thousand, shrinks
 * what differs and keeps it in kept/. Without QEMU and Bochs (Debian's qemu-system-x86, bochs and xvfb) only what was kept runs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, confirmed, describeFailure, keep, shrink, type Failure, type Kept, type Panel } from './compare.spec-support';
import { differences } from './differences.spec-support';
import { bochs, program, qemu, runOurs } from './emulators.spec-support';
import { makeCase, MODE_NAMES, MODES, type Mode } from './generate.spec-support';

const CASES = Number(process.env['PAGEWALK_ORACLE_CASES'] ?? 0);
/** number of the first case: several processes can share a run */
const FIRST = Number(process.env['PAGEWALK_ORACLE_FIRST'] ?? 0);
/** `1/2`: the second half of the batches; build/long-tests.mjs has two processes at work */
const [SHARE, SHARES] = (process.env['PAGEWALK_ORACLE_SHARE'] ?? '0/1').split('/').map(Number) as [number, number];
const SEED = Number(process.env['PAGEWALK_ORACLE_SEED'] ?? 20_261_122);
const ONLY = process.env['PAGEWALK_ORACLE_MODES']?.split(',') as Mode[] | undefined;
const SAMPLE = 240;
const BATCH = 1000;
/** Failures that are shrunk and kept in one run; there may be many of one cause. */
const MOST_KEPT = 20;
const KEPT = join(import.meta.dirname, 'kept');

const kept = readdirSync(KEPT)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(join(KEPT, name), 'utf8')) as Kept) }));

describe.each(['interpreter', 'threaded', 'compiled'] as const)('cases that once differed, %s', (engine) => {
  it('end as they must', async () => {
    const { outcomes } = await runOurs(kept.map(({ test }) => test), { engine, seed: 7 }); // prettier-ignore
    const wrong = kept.flatMap(({ name, test, by, expected }, number) => {
      const fields = differences(test, outcomes.get(number), expected, by);
      return fields.length === 0 ? [] : [describeFailure({ test, ours: outcomes.get(number), against: [{ other: by, theirs: expected, fields }] }).replace(/^/, `${name}: `)]; // prettier-ignore
    });
    expect(wrong).toEqual([]);
  });
});

/** How ours runs, batch by batch: what a case is made of is interpreted, or all of it is threaded. */
const OURS = [{ engine: 'threaded', cold: true }, { engine: 'threaded' }] as const;
const panelOf = (ours: Panel['ours'], tiers: Panel['tiers']): Panel => ({ bochs: bochs.available(), qemu: qemu.available(), ours, tiers, seed: SEED }); // prettier-ignore
const anyOther = bochs.available() || qemu.available();

/** A file for one more case: what is kept already stays. */
function freeName(start: string): string {
  for (let number = 1; ; number++) {
    const file = join(KEPT, `${start}-${number}.json`);
    if (!existsSync(file)) return file;
  }
}

/** Runs cases, confirms what differs, shrinks and keeps it when asked to. */
async function judge(first: number, count: number, panel: Panel, keeps: (failure: Failure) => void): Promise<number> {
  // QEMU alone has nothing to say about limits
  const modes = ONLY ?? MODE_NAMES.filter((mode) => panel.bochs || MODES[mode].qemu);
  const made = Array.from({ length: count }, (_, index) => makeCase(SEED, first + index, modes));
  // a breakpoint on code has all of ours decoded anew: those cases come last
  const cases = [...made.filter(({ mode }) => mode !== 'debugged'), ...made.filter(({ mode }) => mode === 'debugged')];
  const failures = await confirmed(await compare(cases, panel), panel);
  for (const failure of failures) keeps(failure);
  return failures.length;
}

describe.runIf(anyOther && CASES === 0)('a sample of random programs', () => {
  // on a busy machine the emulators take their time
  it('ends as on other emulators, in every tier', { timeout: 600_000 }, async () => {
    const wrong: string[] = [];
    await judge(0, SAMPLE, panelOf({ engine: 'auto' }, ['threaded', 'compiled']), (failure) => wrong.push(describeFailure(failure)));
    expect(wrong).toEqual([]);
  });
});

describe.runIf(!anyOther)('random programs', () => {
  it('are NOT compared: neither qemu-system-i386 nor bochs with xvfb-run is installed', () => {
    console.warn('random programs are not compared with other emulators: install qemu-system-x86, or bochs and xvfb');
    expect(program('runner.asm').length).toBeGreaterThan(0);
  });
});

describe.runIf(anyOther && CASES > 0)(`${CASES} random programs of seed ${SEED} from ${FIRST}`, () => {
  it('end as on other emulators', { timeout: 7_200_000 }, async () => {
    mkdirSync(KEPT, { recursive: true });
    const wrong: string[] = [];
    const started = Date.now();
    const batches = Array.from({ length: Math.ceil(CASES / BATCH) }, (_, batch) => batch).filter((batch) => batch % SHARES === SHARE);
    let done = 0;
    let differing = 0;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < batches.length) {
        const turn = next++;
        const batch = batches[turn]!;
        const first = FIRST + batch * BATCH;
        const count = Math.min(BATCH, CASES - batch * BATCH);
        const tiers: Panel['tiers'] = [
          ...(turn % 10 === 4 ? (['threaded'] as const) : []),
          ...(turn % 25 === 2 ? (['compiled'] as const) : []),
        ];
        const panel = panelOf(OURS[turn % OURS.length]!, tiers);
        const found: Failure[] = [];
        const differ = await judge(first, count, panel, (failure) => found.push(failure));
        differing += differ;
        for (const failure of found) {
          if (wrong.length >= MOST_KEPT) break;
          const small = await shrink(failure, panel);
          wrong.push(describeFailure(small));
          const file = keep(small);
          if (file) writeFileSync(freeName(`${SEED}-${first}`), `${JSON.stringify(file)}\n`);
        }
        done += count;
        process.stdout.write(
          `share ${SHARE + 1} of ${SHARES}: ${done} cases, ${differing} differ, ${Math.round((Date.now() - started) / 1000)} s\n`,
        );
      }
    };
    // the emulators of one lane run while the other's cases run on ours
    await Promise.all([lane(), lane()]);
    process.stdout.write(
      `seed ${SEED}: ${done} cases (share ${SHARE + 1} of ${SHARES}) from ${FIRST} on ours, ${bochs.available() ? 'Bochs' : 'no Bochs'} and ${qemu.available() ? 'QEMU' : 'no QEMU'}, ${differing} differ\n`,
    );
    expect(wrong).toEqual([]);
  });
});
