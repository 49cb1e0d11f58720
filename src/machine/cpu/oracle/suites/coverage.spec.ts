/**
 * How much of the decode table the suites execute with an outcome that Bochs confirms: row × operand size × register or memory.
 * What is not carried through to the end raises what it is there to raise, or is listed with the spec that has it.
 */
import { describe, expect, it } from 'vitest';
import { addressesOf, DATA } from '../programs/layout.spec-support';
import { readExpected } from './expected.spec-support';
import { allForms, formName, formScenes, NOT_COMPARED } from './forms.spec-support';
import { caseOf } from './scene.spec-support';

/** What raises an exception by its nature, by name of the lowering function. VMCALL is carried out in virtualization.spec.ts. */
const RAISES = new Set(['int', 'int1', 'int3', 'into', 'ud', 'escape', 'vmcall']);
/** A register where the instruction needs an address (#UD). */
const needsAddress = (operands: readonly string[]): boolean => operands.includes('M') || operands.includes('Mp');

describe('forms of the decode table', () => {
  const expected = readExpected('forms');
  const scenes = new Map(formScenes().map((scene) => [scene.name, scene]));
  // to assemble them all takes a while: `npm test` looks at some
  const oneIn = process.env['PAGEWALK_ORACLE_CASES'] === undefined ? 9 : 1;
  const forms = allForms().filter((_, number) => number % oneIn === 0);

  it('are executed to their end, with an outcome that Bochs confirms', () => {
    const left: string[] = [];
    let completed = 0;
    let raised = 0;
    let elsewhere = 0;
    for (const form of forms) {
      if (form.row.name in NOT_COMPARED) {
        elsewhere++;
        continue;
      }
      const carriedOut = ['ring 0', 'ring 3', 'to the end'].some((where) => {
        const name = `${formName(form)}, ${where}`;
        const scene = scenes.get(name);
        if (scene === undefined) return false;
        const test = caseOf('forms', scene);
        const outcome = expected(name, test);
        // SYSENTER and SYSEXIT go on in a segment from 0
        const end = addressesOf(test).at(-1)! + (where === 'to the end' ? DATA : 0);
        return typeof outcome === 'object' && outcome.vector === 6 && outcome.eip === end;
      });
      if (carriedOut) completed++;
      else if (RAISES.has(form.row.name) || (!form.memory && needsAddress(form.row.operands))) raised++;
      else left.push(formName(form));
    }
    process.stdout.write(
      `${forms.length} forms: ${completed} carried out, ${raised} raise what they are there to raise, ${elsewhere} in other specs\n`,
    );
    expect(left).toEqual([]);
  });
});
