/** Hot-plug through the session: taken where the board says so, logged as input, refused with a reason. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import { LabSession } from './lab-session';

const files = { 'a.asm': 'again: inc eax\njmp again' };
const yaml = (dimm: string, extra = '') => `
format: pagewalk.lab/1
title: t
board:
  slots: [{ id: A1, base: 0, dimm: ddr3-256m }, { id: A2, base: 0x1000_0000, dimm: ${dimm}, hotPlug: true }]
  bridges: [{ id: rp1, kind: root-port, hotPlug: true }]
${extra}
machine: { program: a.asm }
`;
const lab = (text: string) => loadLab(text, files).document!;

async function sessionOf(text: string) {
  const session = new LabSession({ now: () => 0, nextTurn: () => undefined, after: () => () => undefined });
  expect((await session.open(lab(text), files)).ok).toBe(true);
  await session.powerOn();
  return session;
}

describe('hot-plug in a session', () => {
  it('is applied with the power on, and a snapshot of other hardware is refused', async () => {
    const session = await sessionOf(yaml('ddr3-256m'));
    await session.step({ count: 10 });
    const { id } = await session.snapshot();
    expect((await session.locate(0x1000_0000)).cell?.slot).toBe('A2');
    expect(await session.update(lab(yaml('null')), files)).toEqual({ outcome: 'applied' });
    expect((await session.locate(0x1000_0000)).cell).toBeNull();
    await expect(session.restore(id)).rejects.toThrow(/no longer fits/);
    await session.step({ count: 10 });
    expect(await session.update(lab(yaml('null', '  devices: [{ id: dma0, kind: edu, parent: rp1 }]')), files)).toEqual({
      outcome: 'applied',
    });
  });

  it('of anything else needs the power off', async () => {
    const session = await sessionOf(yaml('ddr3-256m'));
    expect(await session.update(lab(yaml('ddr3-256m', '  devices: [{ id: dma0, kind: edu }]')), files)).toEqual({
      outcome: 'needs-power-off',
    });
  });

  it('of a DIMM is refused under a VMM, which counted its frames', async () => {
    const vms = (dimm: string) =>
      yaml(dimm).replace('machine: { program: a.asm }', 'vmm: { translation: ept }\nvms: [{ id: a, memory: 4 MiB, program: a.asm }]');
    const session = await sessionOf(vms('ddr3-256m'));
    const result = await session.update(lab(vms('null')), files);
    expect(result.outcome).toBe('rejected');
    expect(result.outcome === 'rejected' && result.problems[0]!.message.en).toMatch(/A2/);
    expect((await session.locate(0x1000_0000)).cell?.slot).toBe('A2');
  });
});
