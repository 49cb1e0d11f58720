/** The VMM's own memory, overwritten from outside: the true effect on whoever depends on it, and a report that says so. */
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../machine/address';
import { HEADER_OFFSET } from '../machine/cpu/control-block';
import { REGISTER_INDEX } from '../machine/cpu/state-layout';
import { runToEnd, setUpLab } from './vmm.spec-support';
import type { Lab } from './vmm.spec-support';

const COUNTING = 'xor ebx, ebx\nagain:\ninc ebx\nmov [0x5000], ebx\njmp again';
const word = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
};

/** Two VMs that count forever, a while into their run. */
function running(): Lab {
  const lab = setUpLab({ vms: [{ id: 'a', source: COUNTING }, { id: 'b', source: COUNTING }] }); // prettier-ignore
  lab.vmm.run(40_000);
  expect(lab.vmm.audit()).toEqual([]);
  return lab;
}
const goOn = (lab: Lab): void => {
  const before = lab.vm('b').instructions;
  lab.vmm.run(60_000);
  expect(lab.vm('b').state).toBe('ready');
  expect(lab.vm('b').instructions).toBeGreaterThan(before);
};
/** What memory says must be read again: a running guest may go on for long by its TLB. */
const forgetTranslations = (lab: Lab): void => lab.machine.processor.tlb.flushAll();

describe('an overwritten control block', () => {
  it('with a wrong revision is refused at entry; the other VM goes on', () => {
    const lab = running();
    lab.overwrite(lab.vmm.part('control-block', 'a')!.base, word(0xdead_beefn));
    goOn(lab);
    expect(lab.vm('a').state).toBe('crashed');
    expect(lab.vm('a').detail?.en).toMatch(/refused to enter it: the control block's revision is 0xdeadbeef/);
    expect(lab.vm('a').exits['entry-failure-guest-state']).toBe(1);
    expect(lab.vmm.damage[0]).toMatchObject({ part: 'control-block', vm: 'a' });
    expect(lab.vmm.damage[0]!.text.en).toMatch(/revision/);
  });

  it('with a changed register changes the guest, and the VMM names the register', () => {
    const lab = running();
    const { block } = lab.vm('a').vcpu;
    lab.overwrite(block.addressOfField('gpr', REGISTER_INDEX.RBX), word(0x4000_0000n));
    goOn(lab);
    expect(lab.vm('a').state).toBe('ready');
    expect(block.reg32(REGISTER_INDEX.RBX)).toBeGreaterThan(0x4000_0000);
    expect(lab.vmm.damage).toHaveLength(1);
    expect(lab.vmm.damage[0]!.text.en).toMatch(/control block of a was overwritten .*: RBX\./);
  });

  it('with another VM’s EPT pointer lets the guest into that VM’s memory, and the reach audit cannot be fooled about the tables', () => {
    const lab = running();
    const { block } = lab.vm('a').vcpu;
    lab.overwrite(block.address + HEADER_OFFSET.eptPointer, word(BigInt(lab.vm('b').translation.pointer)));
    lab.vmm.run(60_000);
    // both guests now count in b's memory
    expect(lab.vm('a').readGuest(0x5000, 4)).not.toEqual(lab.vm('b').readGuest(0x5000, 4));
    expect(lab.vmm.damage.map(({ text }) => text.en).join()).toMatch(/eptPointer/);
  });

  it('full of garbage never ends the VMM', () => {
    for (let seed = 0; seed < 40; seed++) {
      const lab = setUpLab({ vms: [{ id: 'a', source: COUNTING }, { id: 'b', source: COUNTING }] }); // prettier-ignore
      lab.vmm.run(5_000);
      const bytes = Uint8Array.from({ length: 64 }, (_, i) => (seed * 167 + i * 59 + seed * i * 13) & 0xff);
      lab.overwrite(lab.vmm.part('control-block', 'a')!.base + ((seed * 40) % 1400), bytes);
      lab.vmm.run(30_000);
      expect(lab.vm('b').state).toBe('ready');
      expect(lab.vmm.damage.length).toBeGreaterThan(0);
    }
  });
});

describe('an overwritten EPT entry', () => {
  it('that is no longer present: the guest leaves with a violation in its own memory', () => {
    const lab = running();
    lab.overwrite(lab.vm('a').translation.entryAddress(5), word(0n));
    forgetTranslations(lab);
    goOn(lab);
    expect(lab.vm('a').state).toBe('crashed');
    expect(lab.vm('a').detail?.en).toMatch(
      /EPT violation at guest-physical 0x0000_5000, which is its own memory\. The PTE .* is no longer mapped/,
    );
  });

  it('that is malformed: misconfiguration', () => {
    const lab = running();
    lab.overwrite(lab.vm('a').translation.entryAddress(5), word(2n));
    forgetTranslations(lab);
    goOn(lab);
    expect(lab.vm('a').exits['ept-misconfiguration']).toBe(1);
  });

  it('that leads to another VM: the guest writes there, and the audit proves it from the bytes', () => {
    const lab = running();
    const target = lab.vm('b').hostAddress(0x5000)!;
    lab.overwrite(lab.vm('a').translation.entryAddress(5), word(BigInt(target) | 0x37n));
    forgetTranslations(lab);
    expect(lab.vmm.reachViolations()).toMatchObject([{ vm: 'a', frame: target / PAGE_SIZE }]);
    expect(lab.vmm.reachViolations()[0]!.text.en).toMatch(/a reaches .*, memory of b, at guest-physical 0x0000_5000/);
    const before = lab.vm('a').readGuest(0x5000, 4);
    lab.vmm.run(10_000);
    expect(lab.vm('a').readGuest(0x5000, 4)).toEqual(before);
    lab.vmm.audit();
    expect(lab.vmm.damage).toMatchObject([{ part: 'ept', vm: 'a' }]);
  });

  it('at the top, full of wild pointers, is looked at in bounded time', () => {
    const lab = running();
    const garbage = Uint8Array.from({ length: 4096 }, (_, i) => (i % 8 < 5 ? (i * 31) & 0xff : 0) | (i % 8 === 0 ? 7 : 0));
    lab.overwrite(lab.vmm.part('ept', 'a')!.base, garbage);
    lab.vmm.reachViolations();
    lab.vmm.audit();
    goOn(lab);
  });
});

describe('the rest of the VMM’s memory', () => {
  it.each(['gdt', 'idt', 'secret', 'iommu'])('%s: overwritten, reported once', (part) => {
    const lab = setUpLab({ vms: [{ id: 'a', passthrough: ['dma0'] }] });
    const range = lab.vmm.part(part)!;
    lab.overwrite(range.base + 0x10, Uint8Array.of(0xa5, 0xa5));
    runToEnd(lab.vmm);
    lab.vmm.audit();
    expect(lab.vmm.damage).toHaveLength(1);
    expect(lab.vmm.damage[0]!.part).toBe(part === 'iommu' ? 'iommu-root' : part);
    expect(lab.vmm.damage[0]!.address).toBe(range.base + 0x10);
  });
});
