/** Whatever a well-formed lab asks for, and whatever bytes its programs are: power-on and running answer, and never throw. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateChecks } from '../checks/evaluate';
import { labSchema, type LabDocument } from '../document/schema';
import { powerOn } from './power-on';

const size = fc.oneof(fc.constantFrom(4096, 1 << 20, 16 << 20, 64 << 20, 2 ** 31, 2 ** 40), fc.nat(1 << 22));
const address = fc.oneof(fc.constantFrom(0, 0x7c00, 0x10_0000, 0xfe00_0000, 0xfed9_0000, 2 ** 32 - 4096, 2 ** 35, 2 ** 52), fc.nat());
const slot = fc.record({
  id: fc.constantFrom('A1', 'A2', 'B1', 'B2'),
  base: address,
  dimm: fc.constantFrom('ddr3-128m', 'ddr3-256m', 'ddr4-64g', null),
});
const program = fc.record(
  {
    file: fc.constantFrom('random.bin', 'loop.asm'),
    format: fc.constantFrom('auto', 'flat', 'elf', 'multiboot', 'boot-sector', 'rom'),
    load: address,
    entry: address,
    mode: fc.constantFrom('real', 'protected'),
  },
  { requiredKeys: ['file'] },
);
const vm = fc.record(
  {
    id: fc.constantFrom('one', 'two', 'three'),
    memory: size,
    backing: fc.constantFrom('eager', 'on-touch'),
    passthrough: fc.constantFrom([], ['dma0'], ['gone']),
    program,
  },
  { requiredKeys: ['id', 'memory'] },
);
const board = fc.record(
  {
    slots: fc.array(slot, { maxLength: 4 }),
    assignment: fc.constantFrom('fixed', 'automatic'),
    physicalAddressBits: fc.constantFrom(20, 32, 36, 40, 99),
    iommu: fc.record({ present: fc.boolean(), enabled: fc.boolean() }),
    firmware: fc.record({ loader: fc.constantFrom('strict', 'force') }),
    devices: fc.constantFrom([], [{ id: 'dma0', kind: 'edu', at: '00:04.0', dmaMask: 64 }], [{ id: 'x', kind: 'nothing' }]),
  },
  { requiredKeys: ['slots'] },
);
const checks = [
  { memory: { at: { space: 'host', address: 0xffff_f000 }, equals: '00' } },
  { located: { address: 2 ** 40, slot: 'A1' } },
  { unanswered: { count: 0 } },
  { stop: 'halted' },
];
const lab = fc.oneof(
  fc.record({ board, machine: fc.record({ program }) }),
  fc.record({
    board,
    vmm: fc.record({
      translation: fc.constant('ept'),
      allocation: fc.record({ seed: fc.nat(9), preoccupied: fc.constantFrom(0, 0.5, 0.95) }),
    }),
    vms: fc.array(vm, { minLength: 1, maxLength: 3 }),
  }),
);

const parse = (data: object): LabDocument => labSchema.parse({ format: 'pagewalk.lab/1', title: 't', checks, ...data });

/** Powers on and runs a little; looks at everything. */
function survive(document: LabDocument, bytes: Uint8Array): void {
  const { computer, problems } = powerOn(document, { 'random.bin': bytes, 'loop.asm': 'l: inc word [bx]\npush ax\njmp l\n' });
  if (!computer) {
    expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
    return;
  }
  computer.run(300);
  computer.step(computer.vmIds[0] ?? null);
  for (const vmId of computer.vmIds.length > 0 ? computer.vmIds : [null]) {
    computer.registers(vmId);
    computer.lastJourney(vmId);
    computer.explain({ vm: vmId, space: 'linear', address: 0xffff_fffcn, size: 4, kind: 'write' });
    computer.readMemory({ space: 'linear', vm: vmId, base: 0xffff_ff00n, length: 512 });
  }
  computer.virtualization();
  computer.isolation(false);
  computer.transactions();
  evaluateChecks(document.checks, computer.checkContext());
  expect(computer.stateHash()).toMatch(/^[0-9a-f]{64}$/);
}

describe('hostile labs', { timeout: 120_000 }, () => {
  it('random boards, VMs and load addresses', () => {
    fc.assert(
      fc.property(lab, fc.uint8Array({ minLength: 1, maxLength: 600 }), (data, bytes) => survive(parse(data), bytes)),
      { numRuns: 40 },
    );
  });

  it('random bytes as programs, real and protected, bare and in a VM', () => {
    const slots = [{ id: 'A1', base: 0, dimm: 'ddr3-128m' }];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 512 }),
        fc.constantFrom('real', 'protected'),
        fc.boolean(),
        (bytes, mode, inVm) => {
          const described = { file: 'random.bin', format: 'flat', mode };
          const machine = { machine: { program: described } };
          const vms = { vmm: {}, vms: [{ id: 'one', memory: 2 << 20, backing: 'on-touch', program: described }] };
          survive(parse({ board: { slots }, ...(inVm ? vms : machine) }), bytes);
        },
      ),
      { numRuns: 40 },
    );
  });
});
