import { describe, expect, it } from 'vitest';
import { EVENT_TYPE } from './control-block';
import { MACHINE_CHECK_MSR } from './machine-check';
import { ENGINES, type Engine } from './engine';
import { assembleInto, makeBench, realMode, type Bench } from './test-bench.spec-support';

/** In real mode: a loop that counts in CX; #MC goes to a handler that reads the bank, clears it and returns. */
const PROGRAM = `
bits 16
org 0x1000
start:
  mov ecx, ${MACHINE_CHECK_MSR.bankControl}
  mov eax, 1
  xor edx, edx
  wrmsr
  mov eax, 0x40
  mov cr4, eax
  xor cx, cx
forever:
  inc cx
  jmp forever
handler:
  mov ecx, ${MACHINE_CHECK_MSR.bankStatus}
  rdmsr
  mov [0x3000], eax
  mov [0x3004], edx
  xor eax, eax
  xor edx, edx
  wrmsr
  mov ecx, ${MACHINE_CHECK_MSR.bankAddress}
  rdmsr
  mov [0x3008], eax
  mov ecx, ${MACHINE_CHECK_MSR.status}
  rdmsr
  mov [0x300c], eax
  xor eax, eax
  wrmsr
  inc word [0x3010]
  iret
`;
const ERROR = { address: 0x12_3458, channel: 1, corrected: false, write: false, consumed: true };

function bench(engine?: Engine): Bench {
  const made = makeBench(2, engine);
  const { handler } = assembleInto(made, PROGRAM);
  realMode(made, 0x1000);
  made.load(18 * 4, [handler! & 0xff, handler! >> 8, 0, 0]);
  return made;
}
const words = ({ memory }: Bench): number[] => [0, 4, 8, 12, 16].map((at) => memory.read((0x3000 + at) as never, 4));

describe('machine checks', () => {
  it.each(ENGINES)('an error that memory cannot correct is #MC at the next boundary, with what, where and how (%s)', (engine) => {
    const made = bench(engine);
    const { processor } = made;
    processor.run(20_000);
    processor.reportMemoryError(ERROR);
    expect(words(made)[4]).toBe(0);
    processor.run(20_000);
    // VAL UC EN ADDRV PCC; a read through channel 1; the handler ran with MCIP and RIPV set
    expect(words(made)).toEqual([0x91, 0xb600_0000, 0x12_3458, 5, 1]);
    expect(processor.deliveredByVector.get(18)).toBe(1);
    expect(processor.run(1).reason).toBe('budget');
  });

  it('is taken with interrupts off, behind MOV SS, and by a processor that waits', () => {
    const made = bench();
    assembleInto(made, 'bits 16\norg 0x1100\nmov ax, ss\nmov ss, ax\nnop\nhlt\n');
    const { processor } = made;
    processor.run(7);
    processor.state.eip = 0x1100;
    processor.stateReplaced();
    processor.run(2);
    expect(processor.state.interruptShadow).not.toBe(0);
    processor.reportMemoryError(ERROR);
    processor.run(1);
    expect(processor.deliveredByVector.get(18)).toBe(1);
    processor.run(100);
    expect(processor.run(1).reason).toBe('halted');
    processor.reportMemoryError(ERROR);
    processor.run(1);
    expect(processor.deliveredByVector.get(18)).toBe(2);
  });

  it('shuts down where CR4.MCE is clear, and when the last one is still being handled', () => {
    const without = bench();
    without.processor.run(5);
    without.processor.reportMemoryError(ERROR);
    expect(without.processor.run(100).reason).toBe('triple-fault');

    const twice = bench();
    twice.processor.run(100);
    twice.processor.reportMemoryError(ERROR);
    expect(twice.processor.run(3).reason).toBe('budget');
    twice.processor.reportMemoryError(ERROR);
    expect(twice.processor.run(100).reason).toBe('triple-fault');
  });

  it('is only recorded when it was corrected, or when IA32_MC0_CTL does not enable it', () => {
    const made = bench();
    const { processor } = made;
    const status = (): bigint => processor.system.machineCheck.read(MACHINE_CHECK_MSR.bankStatus)! >> 57n;
    processor.reportMemoryError(ERROR);
    expect([processor.run(100).reason, status()]).toEqual(['budget', 0b101_0011n]);
    processor.system.machineCheck.write(MACHINE_CHECK_MSR.bankStatus, 0n);
    processor.reportMemoryError({ ...ERROR, corrected: true });
    expect([processor.run(100).reason, status()]).toEqual(['budget', 0b100_1010n]);
    expect(processor.deliveredByVector.size).toBe(0);
  });

  it('a corrected error never takes the place of another, an uncorrected one takes a corrected one’s; both leave OVER', () => {
    const { processor } = bench();
    const { machineCheck } = processor.system;
    const bank = (): [number, bigint] => [
      Number(machineCheck.read(MACHINE_CHECK_MSR.bankStatus)! >> 61n),
      machineCheck.read(MACHINE_CHECK_MSR.bankAddress)!,
    ];
    processor.reportMemoryError({ ...ERROR, address: 0x1000, corrected: true });
    processor.reportMemoryError({ ...ERROR, address: 0x2000, corrected: true });
    expect(bank()).toEqual([0b110, 0x1000n]);
    processor.reportMemoryError({ ...ERROR, address: 0x3000 });
    expect(bank()).toEqual([0b111, 0x3000n]);
    processor.reportMemoryError({ ...ERROR, address: 0x4000 });
    expect(bank()).toEqual([0b111, 0x3000n]);
  });

  it('its registers: one bank, status and address can only be cleared', () => {
    const { machineCheck } = bench().processor.system;
    const { capability, status, bankControl, bankStatus, bankAddress } = MACHINE_CHECK_MSR;
    expect(machineCheck.read(capability)).toBe(1n);
    expect([machineCheck.write(capability, 0n), machineCheck.write(bankStatus, 1n), machineCheck.write(bankAddress, 1n)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([machineCheck.write(status, 8n), machineCheck.write(status, 4n), machineCheck.write(bankControl, 1n)]).toEqual([
      false,
      true,
      true,
    ]);
    expect([machineCheck.read(0x403), machineCheck.read(0x404)]).toEqual([undefined, undefined]);
  });

  it('while a guest runs it is the host’s: the guest leaves, and the record stays with the processor', () => {
    const made = bench();
    const { processor } = made;
    const { virtualization, machineCheck } = processor.system;
    machineCheck.write(MACHINE_CHECK_MSR.bankControl, 1n);
    // enough of a guest for the exit: what a guest is, virtualization.spec has
    processor.state.virtualizationMode = 1;
    processor.reportMemoryError(ERROR);
    expect(processor.run(1).reason).toBe('exit');
    expect(virtualization['pending']).toMatchObject({
      reason: 'exception-or-nmi',
      interruption: { information: (0x8000_0000 | (EVENT_TYPE.hardwareException << 8) | 18) >>> 0 },
    });
    expect(machineCheck.pending).toBe(false);
  });
});
