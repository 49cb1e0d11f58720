/** Every shipped lab and its variants through the command line, with the exit statuses that the labs promise. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { pagewalk, runLab } from '../command-line';
import { repository } from '../shells';

const failed = (checks: { name: string; passed: boolean }[]): string[] => checks.filter(({ passed }) => !passed).map(({ name }) => name);

for (const lab of [
  'four-dimms',
  'kernel-at-1mib',
  'two-vms-from-zero',
  'segments-and-paging',
  'malicious-dma',
  'bios-assigns',
  'empty-first-slot',
  'the-hole-below-4g',
  'overlapping-windows',
  'contiguous-dma',
  'scatter-gather',
  'two-channels',
  'rows-and-banks',
  'row-hammer',
  'real-mode-20-bits',
  'ldt-flow',
  'rings-and-gates',
  'two-processes',
  'demand-paging',
  'stale-tlb',
  'tlb-size',
  'pae-and-large-pages',
]) {
  test(`${lab} passes, and repeats to the byte`, async () => {
    const first = await runLab(lab);
    expect(failed(first.report.checks)).toEqual([]);
    expect(first.report.checks.length).toBeGreaterThan(1);
    expect(first.status).toBe(0);
    expect(first.report.schema).toBe('pagewalk.run/1');
    const second = await runLab(lab);
    expect(second.report.stateHash).toBe(first.report.stateHash);
    expect(first.report.stateHash).toMatch(/^[0-9a-f]{64}$/);
  });
}

test('kernel-at-1mib: without a DIMM at 0 the loader refuses and says why', async () => {
  const { status, report } = await runLab('kernel-at-1mib', '--set', 'board.slots.A1.dimm=null');
  expect(report.stop).toBe('boot-refused');
  expect(status).toBe(3);
  const words = await pagewalk(['run', 'resources/labs/kernel-at-1mib.lab.yaml', '--set', 'board.slots.A1.dimm=null']);
  expect(words.stdout + words.stderr).toMatch(/0x0*10_?0000/i);
  expect(words.stdout + words.stderr).toMatch(/0x1000_?0000/i);
});

test('kernel-at-1mib: forced to the first DRAM there is, the kernel crashes', async () => {
  const forced = ['--set', 'board.slots.A1.dimm=null', '--set', 'board.firmware.loader=force'];
  const { status, report } = await runLab('kernel-at-1mib', ...forced);
  expect(report.stop).toBe('triple-fault');
  expect(report.stopDetail).toMatch(/0x0010_0000.*reads all ones/);
  expect(status).toBe(1);
  const walk = await pagewalk([
    'walk',
    'kernel-at-1mib',
    ...forced,
    '--space',
    'logical',
    '--address',
    'CS:0x10_0000',
    '--access',
    'execute',
  ]);
  expect(walk.stdout).toMatch(/kind=hole[\s\S]*nobody answers: reads all ones/);
});

test('kernel-at-1mib: with automatic bases the same DIMMs start at 0 and it boots', async () => {
  const { status, report } = await runLab('kernel-at-1mib', '--set', 'board.slots.A1.dimm=null', '--set', 'board.assignment=automatic');
  expect(report.stop).toBe('halted');
  expect(status).toBe(0);
});

test('malicious-dma: what the overwritten table did is in the report', async () => {
  const { report } = await runLab('malicious-dma', '--set', 'board.iommu.enabled=false');
  expect(report.damage).toHaveLength(1);
  expect(report.damage![0]!.text).toMatch(/EPT table of victim/);
  expect(report.stopDetail).toMatch(/victim: EPT misconfiguration at guest-physical/);
});

test("malicious-dma: a number below the attacker's size means its own page, wherever that lies", async () => {
  const below = await runLab('malicious-dma', '--set', 'vms.attacker.program.defines.VICTIM_HPA=0x5000');
  expect(below.report.faults).toHaveLength(1);
  expect(failed(below.report.checks)).toEqual(['faults 00:04.0 × 2']);

  // on a host that is partly taken no guest address equals its host address
  const scattered = ['--set', 'vmm.allocation.preoccupied=0.3'];
  expect((await runLab('malicious-dma', ...scattered)).status).toBe(0);
  const walk = await pagewalk([
    'walk',
    'malicious-dma',
    ...scattered,
    '--space',
    'iova',
    '--address',
    '0x5000',
    '--access',
    'write',
    '--json',
  ]);
  const { end } = JSON.parse(walk.stdout) as { end: { kind: string; owner: string; hostAddress: string } };
  expect(end).toMatchObject({ kind: 'dram', owner: 'attacker' });
  expect(end.hostAddress).not.toBe('0x5000');
});

test('malicious-dma: held with the IOMMU, breached without', async () => {
  const held = await runLab('malicious-dma');
  expect(held.report.faults).toHaveLength(2);
  for (const fault of held.report.faults) {
    expect(fault).toMatchObject({ requester: '00:04.0', access: expect.stringMatching(/read|write/) });
    expect(fault.address).toMatch(/^0x[0-9a-f]+$/);
    expect(fault.reason).toBeGreaterThan(0);
  }
  const breached = await runLab('malicious-dma', '--set', 'board.iommu.enabled=false');
  expect(breached.status).toBe(1);
  expect(failed(breached.report.checks).length).toBeGreaterThanOrEqual(2);
  expect(breached.report.faults).toEqual([]);
});

test('the-hole-below-4g: without remapping nothing answers above 4 GiB', async () => {
  const { status, report } = await runLab('the-hole-below-4g', '--set', 'board.memoryHole.remap=false');
  expect(status).toBe(1);
  expect(failed(report.checks)).toContain('located 0x0001_0000_0000 in A2');
});

test('overlapping-windows: refused unless the lab allows it', async () => {
  const words = await pagewalk(['run', 'resources/labs/overlapping-windows.lab.yaml', '--set', 'board.overlaps=refuse']);
  expect(words.status).toBe(2);
  expect(words.stderr).toMatch(/A1 and B1 both answer/);
});

test('empty-first-slot: with assignment automatic the same modules start at 0 and the kernel boots', async () => {
  const { report } = await runLab('empty-first-slot', '--set', 'board.assignment=automatic');
  expect(report.stop).toBe('halted');
});

/** The device's work, done by the processor. */
const FILL = `push edi
        mov     edi, PLACE
        mov     eax, SEED
        mov     ecx, WANTED * 1024
.fill:  stosd
        inc     eax
        dec     ecx
        jnz     .fill
        pop     edi ;`;

/** What each lab is about, taken out of its program: its checks must notice. */
for (const [lab, from, to] of [
  ['real-mode-20-bits', 'and     al, ~A20 & 0xFF', 'nop'],
  ['real-mode-20-bits', 'or      al, A20', 'nop'],
  ['ldt-flow', 'mov     ds, eax                 ; the same selector', 'nop ;'],
  ['rings-and-gates', 'arpl    ax, dx', 'nop'],
  ['two-processes', '%define FRAME2     0x60_0000', '%define FRAME2     0x50_0000'],
  ['demand-paging', 'add     dword [free], 0x1000', 'nop'],
  ['stale-tlb', 'invlpg  [PAGE]', 'nop'],
  // the processor fills the mebibyte itself: the bytes are right, the instruction count tells
  ['contiguous-dma', 'mov     dword [edi + 0x08], 1   ; start', FILL.replaceAll('PLACE', 'ebx')],
  // the device is asked for one word less
  ['scatter-gather', 'mov     [edi + 0x18], ebp       ; entries', 'sub     dword [edx + TABLE + 8], 4\n        mov     [edi + 0x18], ebp'],
  ['pae-and-large-pages', '0x8000_0000                              ; NX', '0 ; no NX'],
] as const) {
  test(`${lab} fails without "${from.split(';')[0]!.trim()}"`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    try {
      const labs = join(repository, 'resources/labs');
      const program = await readFile(join(labs, `${lab}.asm`), 'utf8');
      expect(program).toContain(from);
      for (const name of await readdir(labs)) if (name.endsWith('.inc')) await copyFile(join(labs, name), join(folder, name));
      await writeFile(join(folder, `${lab}.asm`), program.replace(from, to));
      await copyFile(join(labs, `${lab}.lab.yaml`), join(folder, `${lab}.lab.yaml`));
      expect((await pagewalk(['run', join(folder, `${lab}.lab.yaml`), '--json'])).status).toBe(1);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test('real-mode-20-bits: an 8086 wraps always, and memory above its 20 lines is there but cannot be reached', async () => {
  const { status, report, stderr } = await runLab('real-mode-20-bits', '--set', 'board.processor=8086');
  expect(status).toBe(1);
  expect(failed(report.checks)).toHaveLength(3);
  expect(stderr).toMatch(/0x0010_0000 – 0x003F_FFFF is there, but cannot be reached/);
});

test('tlb-size: with 64 entries the same loop misses sixteen times and evicts nothing', async () => {
  const { status, report } = await runLab('tlb-size', '--set', 'board.tlb.entries=64');
  expect(status).toBe(1);
  expect(failed(report.checks)).toEqual(['tlb misses', 'tlb evictions', 'tlb tableReads']);
  expect(JSON.stringify(report.checks.find(({ name }) => name === 'tlb misses'))).toMatch(/missed 1[67] times/);
});

test('two-channels: without the second module, or with larger blocks, the second channel is worth nothing at 64 bytes', async () => {
  const single = await runLab(
    'two-channels',
    '--set',
    'board.slots.B1.dimm=null',
    '--set',
    'machine.program.defines.ONE_CHANNEL=0x1100_0000',
  );
  expect(single.status).toBe(1);
  expect(failed(single.report.checks)[0]).toContain('64: 2.0');
  const blocks = await runLab('two-channels', '--set', 'board.controllers.mc0.channelInterleave=4096');
  expect(failed(blocks.report.checks).length).toBeGreaterThan(0);
});

test('rows-and-banks: another stride leaves the bank, XOR hashing leaves it too, and without timing nothing is counted', async () => {
  const next = await runLab('rows-and-banks', '--set', 'machine.program.defines.ROW_STRIDE=0x1_2000');
  expect(failed(next.report.checks)).toEqual(['dram accesses A2 bank 0 ≥ 16384']);
  const hashed = await runLab('rows-and-banks', '--set', 'board.controllers.mc0.hash=xor');
  expect(hashed.status).toBe(1);
  const untimed = await runLab('rows-and-banks', '--set', 'board.memory.timing=false');
  expect(failed(untimed.report.checks)).toHaveLength(7);
});

test('row-hammer: TRR holds two aggressors, ECC holds ten, nothing holds without both; two wrong bits are reported', async () => {
  const ten = ['--set', 'vms.attacker.program.defines.AGGRESSORS=10'];
  const corrected = await runLab('row-hammer', ...ten);
  expect(failed(corrected.report.checks)).toEqual(['dram flips A1 ≤ 0']);
  const breached = await runLab('row-hammer', ...ten, '--set', 'board.slots.A1.ecc=false');
  expect(failed(breached.report.checks)).toEqual(['serial victim "every word is as it was\\n"', 'dram flips A1 ≤ 0']);
  const reported = await runLab('row-hammer', '--set', 'board.slots.A1.trr=0', '--set', 'vms.attacker.program.defines.ROUNDS=30000');
  expect(failed(reported.report.checks)).toContain('dram uncorrectable A1 ≤ 0');
  const strong = ['--set', 'board.slots.A1.trr=0', '--set', 'board.slots.A1.ecc=false', '--set', 'board.slots.A1.rowThreshold=50_000'];
  expect((await runLab('row-hammer', ...strong)).status).toBe(0);
});

test('contiguous-dma: a fragmented free list has no run of 256 frames', async () => {
  const { status, report } = await runLab('contiguous-dma', '--set', 'machine.program.defines.FRAGMENTED=1');
  expect(status).toBe(1);
  expect(failed(report.checks).length).toBeGreaterThan(1);
});

test('scatter-gather: eight pieces are too few, 256 are more than enough', async () => {
  expect((await runLab('scatter-gather', '--set', 'board.devices.dma0.entries=8')).status).toBe(1);
  const free = await pagewalk(['run', 'resources/labs/scatter-gather.lab.yaml', '--set', 'board.devices.dma0.entries=256']);
  expect(free.stdout).toContain('1 MiB in pieces, every byte right');
});
