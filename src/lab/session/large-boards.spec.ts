/** Boards far larger than this computer, and guests that want more memory than the lab holds. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Machine } from '../../machine/machine';
import { boardSchema } from '../../machine/board/schema';
import { parse } from 'yaml';
import { stopProblems } from './stop-problems';
import { loadLab } from '../document/load';
import { powerOn } from './power-on';

const file = resolve(import.meta.dirname, '../../../resources/boards/server-2-tib.board.yaml');
const { board } = parse(readFileSync(file, 'utf8')) as { board: object };

describe('2 TiB', () => {
  it('costs a few megabytes until it is touched, with memory timing too', () => {
    const before = process.memoryUsage();
    const machine = new Machine(boardSchema.parse({ ...board, memory: { timing: true } }));
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(heapUsed - before.heapUsed + arrayBuffers - before.arrayBuffers).toBeLessThan(150 * 1024 ** 2);
    expect(machine.map.dram.reduce((sum, { base, end }) => sum + end - base, 0)).toBe(2 * 1024 ** 4);
    expect(machine.frames.touchedFrames).toBeLessThan(100);
  });

  it('runs a program under the VMM', () => {
    const files = { 'a.asm': 'org 0x7C00\nmov al, 0x41\nout 0xE9, al\nhlt\n' };
    const yaml = `format: pagewalk.lab/1\ntitle: t\nboard: ${JSON.stringify(board)}\nmachine: { program: a.asm }\n`;
    const { computer, problems } = powerOn(loadLab(yaml, files).document!, files);
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(computer!.run(1000)).toMatchObject({ kind: 'stopped', stop: { kind: 'halted' } });
    expect(computer!.poolBytes).toBeLessThan(4 * 1024 ** 2);
  });
});

describe('a full pool', () => {
  it('ends the run and names who filled it, the largest first', () => {
    const machine = new Machine(boardSchema.parse({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] }), { poolLimit: 40 * 1024 ** 2 });
    const touch = (first: number, count: number): void => {
      for (let frame = first; frame < first + count; frame++) machine.frames.touch(frame);
    };
    touch(0x100, 256);
    touch(0x1000, 512);
    const vm = (id: string, host: number, count: number) => ({ id, map: { pieces: () => [{ guest: 0, host, count }] } });
    const vmm = { vms: [vm('small', 0x100, 2048), vm('large', 0x1000, 2048)] };
    const system = { machine, vmm } as unknown as Parameters<typeof stopProblems>[0];
    const [problem] = stopProblems(system, 'out-of-memory', null);
    expect(problem).toMatchObject({ code: 'run-out-of-memory', vm: 'large' });
    expect(problem!.message.en).toContain('large 2 MiB, small 1 MiB');
    expect(stopProblems({ ...system, vmm: null }, 'out-of-memory', null)[0]!.message.en).toContain('touched by the program');
  });
});
