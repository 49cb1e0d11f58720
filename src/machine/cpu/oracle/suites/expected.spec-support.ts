/** What Bochs said about each case of a suite, kept compressed beside this file, with the case it was said about. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { FIELDS, type Field, type Outcome, type ProgramCase } from '../programs/layout.spec-support';

const FOLDER = join(import.meta.dirname, 'expected');
const fileOf = (suite: string): string => join(FOLDER, `${suite}.json.gz`);

/** [digest of the case, the fields of its outcome]; without fields it never ended. */
type Entry = readonly [digest: string, ...fields: number[]];

const digest = (test: ProgramCase): string => createHash('sha256').update(JSON.stringify(test)).digest('hex').slice(0, 12);

/** By name of the case. `stale`: the case is not the one that Bochs was asked about. */
export function readExpected(suite: string): (name: string, test: ProgramCase) => Outcome | 'endless' | 'stale' {
  const entries = JSON.parse(gunzipSync(readFileSync(fileOf(suite))).toString()) as Record<string, Entry>;
  return (name, test) => {
    const entry = entries[name];
    if (entry?.[0] !== digest(test)) return 'stale';
    if (entry.length === 1) return 'endless';
    return Object.fromEntries(FIELDS.map((field, index) => [field, entry[index + 1]])) as Record<Field, number>;
  };
}

export function writeExpected(suite: string, cases: readonly { name: string; test: ProgramCase; outcome: Outcome | undefined }[]): void {
  const entries = cases.map(({ name, test, outcome }): [string, Entry] => [
    name,
    [digest(test), ...(outcome ? FIELDS.map((field) => outcome[field]) : [])],
  ]);
  writeFileSync(fileOf(suite), gzipSync(JSON.stringify(Object.fromEntries(entries)), { level: 9 }));
}
