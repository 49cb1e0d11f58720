/** One VM hammers the last row of its memory; the first row of the next VM's lies beside it, and ECC cannot correct what that VM reads. */
import { describe, expect, it } from 'vitest';
import { runToEnd, setUpLab } from './vmm.spec-support';
import type { VmmEvent } from './records';

const MIB = 1024 ** 2;
const ROW = 0x2000;
/** Opens its last row and a distant one in turn, and tells when it is through. */
const ATTACKER = `
        mov     ax, 0xFE00
        mov     fs, ax
        mov     ax, 0x2000
        mov     gs, ax
        mov     cx, 130
hammer: mov     al, [fs:0]
        mov     al, [gs:0]
        loop    hammer
        mov     al, 'a'
        out     0xE9, al
        hlt`;
/** Reads its first row, and tells when it is through. */
const VICTIM = `
        xor     si, si
read:   mov     eax, [si]
        add     si, 4
        cmp     si, ${ROW}
        jb      read
        mov     al, 'v'
        out     0xE9, al
        hlt`;

function hammered(stopsOnMemoryError: boolean, ecc = true) {
  const board = {
    controllers: [{ id: 'mc', channels: [['A1']], order: 'ChRaBaRoCo' }],
    slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m', ecc, rowThreshold: 50 }],
    memory: { disturbance: true, seed: 3 },
    devices: [],
  };
  const vms = [
    { id: 'attacker', memory: MIB, mode: 'real' as const, source: ATTACKER },
    { id: 'victim', memory: MIB, mode: 'real' as const, source: VICTIM },
  ];
  const lab = setUpLab({ vms, board, stopsOnMemoryError });
  const { machine, vmm, vm } = lab;
  vm('victim').writeGuest(0, new Uint8Array(ROW).fill(0xa5));
  const events: VmmEvent[] = [];
  vmm.onEvent((event) => events.push(event));
  runToEnd(vmm);
  const said = (id: string): string => new TextDecoder().decode(vm(id).bus.debugPort.output);
  const checks = machine.log.newest().filter(({ code }) => code === 'machine-check');
  return { ...lab, events, said, checks, errors: machine.memory.dram!.errors(machine.memory.dram!.locator.modules[0]!) };
}

describe('memory that ECC cannot correct, while a VM runs', () => {
  it('is reported by the VMM with VM, frame and DIMM, and no guest hears of it', () => {
    const { vm, said, checks, errors } = hammered(false);
    expect(errors.uncorrectable).toBe(1);
    expect(checks).toHaveLength(1);
    expect(checks[0]).toMatchObject({
      who: 'vmm',
      outcome: 'fault',
      answeredBy: 'A1',
      data: { vm: 'victim', owner: 'vm', slot: 'A1', stopped: false },
    });
    const { address } = checks[0]!.address!;
    expect(checks[0]!.data!['frame']).toBe(Math.floor(address / 4096));
    const host = vm('victim').hostAddress(0)!;
    expect(address >= host && address < host + ROW).toBe(true);
    expect([said('attacker'), said('victim')]).toEqual(['a', 'v']);
    expect(vm('victim').exits['exception-or-nmi']).toBe(1);
  });

  it('ends the VM whose memory it is and no other, where the VMM is told to', () => {
    const { vm, said, checks, events } = hammered(true);
    expect(checks[0]).toMatchObject({ data: { vm: 'victim', stopped: true } });
    expect([vm('attacker').state, vm('victim').state]).toEqual(['halted', 'crashed']);
    expect([said('attacker'), said('victim')]).toEqual(['a', '']);
    expect(vm('victim').detail?.en).toMatch(
      /^victim: the VMM has ended it, because ECC cannot correct the word at host 0x.* \(frame \d+, DIMM A1\)/,
    );
    expect(events.filter(({ kind }) => kind === 'crash')).toEqual([{ kind: 'crash', vm: 'victim' }]);
  });

  it('is nobody’s business without ECC: the victim reads what is there', () => {
    const { said, checks } = hammered(true, false);
    expect(checks).toEqual([]);
    expect(said('victim')).toBe('v');
  });
});
