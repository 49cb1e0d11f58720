/** For specs of the session: a shipped lab, switched on and run. */
import { readdirSync, readFileSync } from 'node:fs';
import { loadLab } from '../document/load';
import { applySetting } from '../document/set-path';
import type { Computer } from './computer';
import { powerOn } from './power-on';

const FOLDER = new URL('../../../resources/labs/', import.meta.url);
/** what programs are made of; a lab reads what it names */
const FILES = Object.fromEntries(
  readdirSync(FOLDER)
    .filter((name) => /\.(asm|inc)$/.test(name))
    .map((name) => [name, readFileSync(new URL(name, FOLDER), 'utf8')]),
);

/** @param settings as `--set` of the command line takes them */
export function started(name: string, ...settings: string[]): Computer {
  let yaml = readFileSync(new URL(`${name}.lab.yaml`, FOLDER), 'utf8');
  for (const setting of settings) {
    const outcome = applySetting(yaml, setting);
    if (!outcome.ok) throw new Error(outcome.problems[0]!.message.en);
    ({ yaml } = outcome);
  }
  const { computer, problems } = powerOn(loadLab(yaml, FILES).document!, FILES);
  if (!computer) throw new Error(problems[0]!.message.en);
  return computer;
}

export function ran(name: string, instructions = 100_000): Computer {
  const computer = started(name);
  computer.run(instructions);
  return computer;
}
