/** The benchmark's arithmetic, and its reading of what guests print. */
import { expect, it } from 'vitest';
import { Markers } from './markers.mjs';
import { geometricMean, median, summarise } from './summary.mjs';

it('medians and geometric means', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), geometricMean([2, 8])]).toEqual([2, 2.5, 4]);
});

it('MIPS from counts, ratios over the compared phases only, null where nothing ran', () => {
  const samples = {
    interpreter: { 'alu.A': [1, 2, 4], 'smc.A': [1] },
    compiled: { 'alu.A': [0.5], 'mem.A': [1], 'smc.A': [1] },
    v86: { 'alu.A': [1], 'mem.A': [2], 'smc.A': [100] },
  };
  const counts = { 'alu.A': 2e6, 'mem.A': 4e6, 'smc.A': 1e6 };
  const { phases, geomean, coldGeomean, eptCost } = summarise(samples, counts, [
    'interpreter',
    'compiled',
    'v86',
    'qemu',
    'qemuIcount',
    'bochs',
  ]);
  expect(phases[0]).toMatchObject({
    phase: 'alu.A',
    mips: { interpreter: 1, compiled: 4, v86: 2, bochs: null },
    spread: { interpreter: 1.5 },
  });
  expect(geomean).toEqual({ v86: 2, qemu: null, qemuIcount: null, bochs: null });
  expect(coldGeomean).toEqual({ interpreter: 1, threaded: null });
  expect(eptCost).toBeUndefined();
});

it('what EPT costs: how much longer the VM takes, by phase and by guest', () => {
  const samples = {
    compiled: { 'alu.A': [1], 'mem.A': [1], 'mem.B': [1], 'ptc.A': [1] },
    vm: { 'alu.A': [1.05], 'mem.A': [1.1], 'mem.B': [1.4], 'ptc.A': [9] },
  };
  const counts = { 'alu.A': 1e6, 'mem.A': 1e6, 'mem.B': 1e6, 'ptc.A': 1e6 };
  const { eptCost } = summarise(samples, counts, ['compiled', 'vm']);
  expect(Object.keys(eptCost.phases)).toEqual(['alu.A', 'mem.A', 'mem.B']);
  expect(eptCost.phases['mem.B']).toBeCloseTo(0.4, 2);
  expect(eptCost.geomean.mem).toBeCloseTo(Math.sqrt(1.1 * 1.4) - 1, 2);
});

it('phases by the arrival of their letters, checksums between them', () => {
  let now = 0;
  const markers = new Markers(() => now);
  for (const [at, text] of [
    [0, 'Booting AB@@S'],
    [1000, 'A'],
    [3000, '0035c7e2B'],
    [4000, '3c55cafdZ'],
  ]) {
    now = at;
    markers.push(text);
  }
  expect(markers.phases()).toEqual([
    { phase: 'A', seconds: 2, checksum: '0035c7e2' },
    { phase: 'B', seconds: 1, checksum: '3c55cafd' },
  ]);
});
