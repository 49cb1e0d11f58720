/** A device given to a VM, used well and used as a weapon: with the IOMMU on, with it off, and what the VMM then notices. */
import { describe, expect, it } from 'vitest';
import { GUEST_PCI_BASE } from '../platform/vm-bus';
import { MIB, runToEnd, setUpLab } from '../vmm.spec-support';
import type { LabOptions, LabVm } from '../vmm.spec-support';

/** A driver: waits until the victim is done, fills its own page at 0x30_0000 with 0xA5, moves 64 bytes of it into the device, then out to each target. */
const driver = (...targets: string[]): string => `
  mov ecx, 30000
wait:
  loop wait
  mov edi, 0x300000
  mov ecx, 1024
  mov eax, 0xa5a5a5a5
  rep stosd
  mov ebx, BAR
  mov dword [ebx + 0x80], 0x300000
  mov dword [ebx + 0x88], 0x40000
  mov dword [ebx + 0x90], 64
  mov dword [ebx + 0x98], 1
load:
  test dword [ebx + 0x98], 1
  jnz load
${targets
  .map(
    (target, index) => `
  mov dword [ebx + 0x80], 0x40000
  mov dword [ebx + 0x88], ${target}
  mov dword [ebx + 0x90], 64
  mov dword [ebx + 0x98], 3
write${index}:
  test dword [ebx + 0x98], 1
  jnz write${index}`,
  )
  .join('\n')}
  hlt`;

const victimSource = `
  mov edi, 0x5000
  mov ecx, 1024
  mov eax, 0x11111111
  rep stosd
  hlt`;

function attack(options: { iommu?: LabOptions['iommu']; targets?: string[]; victim?: Partial<LabVm> }) {
  const vms = [
    // the attacker comes first: first fit puts its memory at the bottom, and all it aims at lies above its own size
    { id: 'attacker', passthrough: ['dma0'], source: driver(...(options.targets ?? ['VICTIM', 'TABLE'])) },
    { id: 'victim', source: victimSource, ...options.victim },
  ];
  return setUpLab({ vms, ...(options.iommu ? { iommu: options.iommu } : {}) }, (vmm) => ({
    BAR: GUEST_PCI_BASE,
    VICTIM: vmm.vm('victim')!.hostAddress(0x5000) ?? 0,
    TABLE: vmm.part('ept-leaf', 'victim')!.base,
  }));
}
const A5 = Array.from({ length: 64 }, () => 0xa5);
const OFF = { present: true, enabled: false };

describe('a device passed through', () => {
  it('moves the VM’s own memory by guest-physical addresses, through the IOMMU', () => {
    const lab = attack({ targets: ['0x400040'] });
    expect(runToEnd(lab.vmm).reason).toBe('stopped');
    expect(lab.vm('attacker').state).toBe('halted');
    expect([...lab.vm('attacker').readGuest(0x400040, 64)]).toEqual(A5);
    expect(lab.vmm.faults).toEqual([]);
    expect(lab.machine.iommu!.counts.translated).toBe(2);
  });

  it('has its registers in the guest’s space without exits, and appears in its PCI configuration', () => {
    const source =
      'mov dx, 0xcf8\nmov eax, 0x80002000\nout dx, eax\nmov dx, 0xcfc\nin eax, dx\nmov [0x6000], eax\nmov eax, [BAR]\nmov [0x6004], eax\nhlt';
    const lab = setUpLab({ vms: [{ id: 'a', passthrough: ['dma0'], source }], defines: { BAR: GUEST_PCI_BASE } });
    runToEnd(lab.vmm);
    const words = new DataView(lab.vm('a').readGuest(0x6000, 8).buffer);
    expect(words.getUint32(0, true)).toBe(0x11e8_1234);
    expect(words.getUint32(4, true)).toBe(0x0100_00ed);
    expect(lab.vm('a').exits['ept-violation']).toBeUndefined();
    expect(lab.vmm.reachViolations()).toEqual([]);
  });

  it('backs an on-touch VM at once, because a device may write anywhere in it', () => {
    const lab = setUpLab({ vms: [{ id: 'a', backing: 'on-touch', passthrough: ['dma0'] }] });
    expect(lab.vm('a').map.mappedFrames).toBe(4096);
  });

  it('moves with its BAR', () => {
    const source = `
      mov dx, 0xcf8
      mov eax, 0x80002010
      out dx, eax
      mov dx, 0xcfc
      mov eax, 0xe0000000
      out dx, eax
      mov eax, [0xe0000000]
      mov [0x6000], eax
      mov eax, [BAR]
      mov [0x6004], eax
      hlt`;
    const lab = setUpLab({ vms: [{ id: 'a', passthrough: ['dma0'], source }], defines: { BAR: GUEST_PCI_BASE } });
    runToEnd(lab.vmm);
    const words = new DataView(lab.vm('a').readGuest(0x6000, 8).buffer);
    expect([words.getUint32(0, true), words.getUint32(4, true)]).toEqual([0x0100_00ed, 0xffff_ffff]);
    expect(lab.vmm.audit()).toEqual([]);
  });
});

describe('a BAR that the guest puts over its own memory', () => {
  it('is shadowed by the memory, which is there again when the BAR moves on', () => {
    const moveTo = (base: string): string =>
      `mov dx, 0xcf8\nmov eax, 0x80002010\nout dx, eax\nmov dx, 0xcfc\nmov eax, ${base}\nout dx, eax\n`;
    const read = (at: number): string => `mov eax, [0x400000]\nmov [${at}], eax\n`;
    const source = `mov dword [0x400000], 0x12345678\n${moveTo('0x400000')}${read(0x6000)}${moveTo('BAR')}${read(0x6004)}mov eax, [BAR]\nmov [0x6008], eax\nhlt`;
    const lab = setUpLab({ vms: [{ id: 'a', passthrough: ['dma0'], source }], defines: { BAR: GUEST_PCI_BASE } });
    runToEnd(lab.vmm);
    const words = new DataView(lab.vm('a').readGuest(0x6000, 12).buffer);
    expect([0, 4, 8].map((at) => words.getUint32(at, true))).toEqual([0x1234_5678, 0x1234_5678, 0x0100_00ed]);
    expect(lab.vmm.audit()).toEqual([]);
    expect(lab.vmm.reachViolations()).toEqual([]);
  });
});

describe('the audit of devices', () => {
  it('finds nothing while the IOMMU’s tables say what the VMM wrote', () => {
    expect(attack({}).vmm.reachViolations()).toEqual([]);
  });

  it('says that a device without translation reaches everything', () => {
    const violations = attack({ iommu: OFF }).vmm.reachViolations();
    expect(violations).toMatchObject([{ vm: 'attacker' }]);
    expect(violations[0]!.text.en).toBe('attacker reaches all of host memory through dma0: its DMA is not translated.');
  });

  it('proves from the bytes that an overwritten second-level entry lets a device out, or a context passes everything', () => {
    const lab = attack({});
    const victim = lab.vm('victim').hostAddress(0x5000)!;
    const walk = (table: number, index: number): number =>
      Number(new DataView(lab.hostBytes(table + index * 8, 8).buffer).getBigUint64(0, true) & ~0xfffn);
    const leaf = [0, 0, 0].reduce(walk, lab.vmm.part('iommu-sl', 'attacker')!.base);
    const entry = new Uint8Array(8);
    new DataView(entry.buffer).setBigUint64(0, BigInt(victim) | 3n, true);
    lab.overwrite(leaf + 7 * 8, entry);
    expect(lab.vmm.reachViolations()).toMatchObject([{ vm: 'attacker', frame: victim / 4096 }]);
    expect(lab.vmm.reachViolations()[0]!.text.en).toMatch(/memory of victim, through dma0 at I\/O virtual 0x0000_7000/);
    lab.overwrite(lab.vmm.part('iommu-context')!.base + 0x20 * 16, Uint8Array.of(0x09));
    expect(lab.vmm.reachViolations()[0]!.text.en).toMatch(/passes addresses through/);
  });
});

describe('malicious DMA', () => {
  it('is held by the IOMMU: nothing changes, one fault record for each attempt', () => {
    const lab = attack({});
    const table = lab.vmm.part('ept-leaf', 'victim')!;
    const before = lab.hostBytes(table.base, 4096);
    runToEnd(lab.vmm);
    expect([...lab.vm('victim').readGuest(0x5000, 4)]).toEqual([0x11, 0x11, 0x11, 0x11]);
    expect(lab.hostBytes(table.base, 4096)).toEqual(before);
    expect(lab.vmm.faults.map(({ requester, address, access, reason }) => [requester, address, access, reason])).toEqual([
      [0x20, lab.vm('victim').hostAddress(0x5000)!, 'write', 5],
      [0x20, table.base, 'write', 5],
    ]);
    expect(lab.machine.iommu!.pendingFaults()).toEqual([]);
    expect(lab.vmm.damage).toEqual([]);
    expect(lab.vm('victim').state).toBe('halted');
  });

  it('goes through where the IOMMU is off: the bytes change, and the VMM says what became of its table', () => {
    const lab = attack({ iommu: OFF });
    runToEnd(lab.vmm);
    expect([...lab.vm('victim').readGuest(0x5000, 64)]).toEqual(A5);
    expect(lab.vmm.faults).toEqual([]);
    expect(lab.vmm.damage).toHaveLength(1);
    expect(lab.vmm.damage[0]).toMatchObject({ part: 'ept', vm: 'victim', address: lab.vmm.part('ept-leaf', 'victim')!.base });
    expect(lab.vmm.damage[0]!.text.en).toMatch(/8 entries of an EPT table of victim were overwritten/);
    expect(lab.vmm.damage[0]!.text['zh-CN']).toMatch(/8 个表项被改写/);
  });

  it('goes through on a board without an IOMMU', () => {
    const lab = attack({ iommu: { present: false, enabled: false }, targets: ['VICTIM'] });
    runToEnd(lab.vmm);
    expect([...lab.vm('victim').readGuest(0x5000, 64)]).toEqual(A5);
    expect(lab.vmm.part('iommu')).toBeNull();
  });

  it('has its true effect on a victim that still runs: EPT misconfiguration, that VM crashes, the attacker goes on', () => {
    // the victim goes over more pages than the TLB holds, so that it needs the table
    const source = 'mov edi, 0\nnext:\nmov eax, [edi]\nadd edi, 0x1000\nand edi, 0x3fffff\njmp next';
    const lab = attack({ iommu: OFF, targets: ['TABLE'], victim: { source } });
    lab.vmm.run(400_000);
    expect(lab.vm('victim').state).toBe('crashed');
    expect(lab.vm('victim').detail?.en).toMatch(/EPT misconfiguration at guest-physical 0x0000_0000\. The PTE at host-physical/);
    expect(lab.vm('victim').exits['ept-misconfiguration']).toBe(1);
    expect(lab.vm('attacker').state).toBe('halted');
  });

  it('aimed below the attacker’s size means the attacker’s own page', () => {
    const lab = attack({ targets: ['0x5000'] });
    runToEnd(lab.vmm);
    expect([...lab.vm('attacker').readGuest(0x5000, 64)]).toEqual(A5);
    expect([...lab.vm('victim').readGuest(0x5000, 4)]).toEqual([0x11, 0x11, 0x11, 0x11]);
    expect(lab.vmm.faults).toEqual([]);
  });

  it('begins with the instruction that writes the register, in the log', () => {
    const lab = attack({});
    runToEnd(lab.vmm);
    const entries = lab.machine.log.newest();
    const write = entries.findIndex(({ kind, who, data }) => kind === 'mmio-write' && who === 'attacker' && data?.offset === 0x88);
    const faults = entries.findIndex(({ kind }) => kind === 'iommu-fault');
    expect(write).toBeGreaterThanOrEqual(0);
    expect(faults).toBeGreaterThan(write);
  });

  it('lands also when its VM halts right after starting it', () => {
    const source = driver('VICTIM').replace(/\nwrite0:[^]*?jnz write0/, '');
    const lab = setUpLab(
      {
        iommu: OFF,
        vms: [
          { id: 'attacker', passthrough: ['dma0'], source },
          { id: 'victim', memory: MIB * 2, source: victimSource },
        ],
      },
      (vmm) => ({ BAR: GUEST_PCI_BASE, VICTIM: vmm.vm('victim')!.hostAddress(0x5000)! }),
    );
    expect(runToEnd(lab.vmm).reason).toBe('stopped');
    expect([...lab.vm('victim').readGuest(0x5000, 64)]).toEqual(A5);
  });
});
