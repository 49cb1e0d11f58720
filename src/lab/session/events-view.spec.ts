/** What the window is told of exceptions and interrupts. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';
import type { Computer } from './computer';

async function ran(name: string): Promise<Computer> {
  const yaml = await readFile(`resources/labs/${name}.lab.yaml`, 'utf8');
  const files = { [`${name}.asm`]: await readFile(`resources/labs/${name}.asm`, 'utf8') };
  const { document } = loadLab(yaml, files);
  const { computer } = powerOn(document!, files);
  computer!.run(100_000);
  return computer!;
}

describe('events', () => {
  it('lists page faults, the latest first, with error code, CR2 and when they came', async () => {
    const { total, counts, latest } = (await ran('demand-paging')).events();
    expect([total, counts]).toEqual([5, [{ vector: 14, count: 5 }]]);
    expect(latest.map(({ number, cr2, errorCode }) => [number, cr2, errorCode])).toEqual([
      [5, 0x30_1000, 0],
      [4, 0x30_7000, 2],
      [3, 0x30_f000, 2],
      [2, 0x30_0000, 2],
      [1, 0x30_3000, 2],
    ]);
    expect(latest.every(({ instructions }, at) => at === 0 || instructions < latest[at - 1]!.instructions)).toBe(true);
  });

  it('has no CR2 for other exceptions, and the error code that was pushed', async () => {
    const { latest } = (await ran('rings-and-gates')).events();
    expect(latest.map(({ vector, errorCode, cr2, vm }) => [vector, errorCode, cr2, vm])).toEqual([
      [13, 0x10, null, null],
      [13, 0x08, null, null],
    ]);
  });
});
