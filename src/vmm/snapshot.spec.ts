/** Snapshots: save, go on, restore, go on again: the same bytes; also into another machine. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine/machine';
import { hostOf } from './host-of-machine';
import { GUEST_PCI_BASE } from './platform/vm-bus';
import { Vmm } from './vmm';
import { setUpLab } from './vmm.spec-support';
import type { Lab } from './vmm.spec-support';

const SOURCE = `
  mov edi, 0x200000
again:
  inc ebx
  mov [edi], ebx
  add edi, 0x1234
  and edi, 0x7fffff
  or edi, 0x200000
  mov al, bl
  mov dx, 0x3f8
  out dx, al
  jmp again`;
const DRIVER =
  'mov ebx, BAR\nagain:\nmov dword [ebx+0x80], 0x40000\nmov dword [ebx+0x88], 0x900000\nmov dword [ebx+0x90], 4\nmov dword [ebx+0x98], 3\ninc ecx\njmp again';

const setUp = (): Lab =>
  setUpLab({ preoccupied: 0.5, vms: [{ id: 'a', backing: 'on-touch', source: SOURCE }, { id: 'b', source: SOURCE }, { id: 'c', memory: 0x90_0000, passthrough: ['dma0'], source: DRIVER }], defines: { BAR: GUEST_PCI_BASE } }); // prettier-ignore

/** Everything there is, as one number. */
function state(machine: Machine, vmm: Vmm): string {
  const hash = createHash('sha256').update(vmm.save());
  for (const chunk of machine.stateChunks()) hash.update(Uint8Array.from(chunk));
  return hash.digest('hex');
}

describe('VMM snapshots', () => {
  it('restore to the byte, and the run goes on as it did', () => {
    const { machine, vmm } = setUp();
    vmm.run(23_333);
    const at = { machine: machine.snapshot(), vmm: vmm.save() };
    const here = state(machine, vmm);
    vmm.run(21_000);
    const there = state(machine, vmm);
    expect(there).not.toEqual(here);
    expect(vmm.faults.length).toBeGreaterThan(0);
    machine.restore(at.machine);
    vmm.load(at.vmm);
    expect(state(machine, vmm)).toEqual(here);
    expect(vmm.audit()).toEqual([]);
    vmm.run(21_000);
    expect(state(machine, vmm)).toEqual(there);
  });

  it('restore into another machine of the same lab', () => {
    const first = setUp();
    first.vmm.run(23_333);
    const saved = { machine: structuredClone(first.machine.snapshot()), vmm: first.vmm.save() };
    const second = setUp();
    second.machine.restore(saved.machine);
    second.vmm.load(saved.vmm);
    expect(state(second.machine, second.vmm)).toEqual(state(first.machine, first.vmm));
    first.vmm.run(9_000);
    second.vmm.run(9_000);
    expect(state(second.machine, second.vmm)).toEqual(state(first.machine, first.vmm));
  });

  it('keep damage that nobody has noticed yet', () => {
    const { machine, vmm, overwrite, vm } = setUp();
    vmm.run(12_345);
    overwrite(vm('b').translation.entryAddress(5), new Uint8Array(8));
    const saved = { machine: machine.snapshot(), vmm: vmm.save() };
    machine.restore(saved.machine);
    vmm.load(saved.vmm);
    expect(vmm.audit()).toMatchObject([{ part: 'ept', vm: 'b' }]);
  });

  it('refuse what is not one', () => {
    const { machine, vmm, vmmOptions } = setUp();
    const other = new Vmm(hostOf(new Machine(machine.board)), { ...vmmOptions, vms: vmmOptions.vms.slice(0, 1) });
    expect(() => other.load(vmm.save())).toThrow(RangeError);
  });
});
