/** Save → load → hash is the identity, also on a computer that was just switched on; what does not fit is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { Computer } from '../session/computer';
import { powerOn } from '../session/power-on';
import { decodeSnapshot, encodeSnapshot, labHash, SnapshotRefusedError } from './snapshot-file';

const FILES = {
  'a.asm': `org 0x7C00
mov cx, 3000
l: mov [0x5000], cx
push cx
pop dx
mov al, 'x'
out 0xE9, al
loop l
hlt
`,
};
const HEAD =
  'format: pagewalk.lab/1\ntitle: t\nboard: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }], iommu: { present: true, enabled: true }, devices: [{ id: d, kind: edu, at: "00:04.0" }] }\n';
const BARE = HEAD + 'machine: { program: a.asm }\n';
const VMS =
  HEAD +
  'vmm: { translation: ept }\nvms:\n  - { id: one, memory: 4 MiB, program: a.asm, backing: on-touch }\n  - { id: two, memory: 4 MiB, program: a.asm, passthrough: [d] }\n';

const document = (yaml: string) => loadLab(yaml, FILES).document!;
const started = (yaml: string): Computer => powerOn(document(yaml), FILES).computer!;

describe.each([
  ['bare machine', BARE],
  ['VMs', VMS],
])('snapshot of the %s', (_name, yaml) => {
  it('goes through bytes into a fresh computer, and running on ends the same', async () => {
    const hash = labHash(document(yaml), FILES);
    const first = started(yaml);
    first.run(5_000);
    const bytes = await encodeSnapshot(first.snapshot(), hash, []);
    const second = started(yaml);
    second.restore((await decodeSnapshot(bytes, hash)).computer);
    expect(second.stateHash()).toBe(first.stateHash());
    expect(second.instructions).toBe(5_000);
    while (first.run(1e6).kind === 'budget');
    while (second.run(777).kind === 'budget');
    expect(second.stateHash()).toBe(first.stateHash());
    expect(second.serial()).toEqual(first.serial());
    expect(second.transactions().total).toBe(first.transactions().total);
  });

  it('goes back in time on the same computer', () => {
    const computer = started(yaml);
    const marks = [0, 1_000, 4_000].map((instructions) => {
      if (instructions > computer.instructions) computer.run(instructions - computer.instructions);
      return { hash: computer.stateHash(), snapshot: computer.snapshot() };
    });
    for (const { hash, snapshot } of [...marks].reverse()) {
      computer.restore(snapshot);
      expect(computer.stateHash()).toBe(hash);
    }
  });
});

describe('refusal', () => {
  it('of another lab, of bytes that are none, of cut and changed bytes', async () => {
    const hash = labHash(document(BARE), FILES);
    const bytes = await encodeSnapshot(started(BARE).snapshot(), hash, []);
    await expect(decodeSnapshot(bytes, labHash(document(VMS), FILES))).rejects.toThrow('another lab');
    await expect(decodeSnapshot(new Uint8Array([1, 2, 3]), hash)).rejects.toThrow(SnapshotRefusedError);
    await expect(decodeSnapshot(bytes.slice(0, bytes.length >> 1), hash)).rejects.toThrow(SnapshotRefusedError);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        await expect(decodeSnapshot(noise, hash)).rejects.toThrow(SnapshotRefusedError);
      }),
      { numRuns: 50 },
    );
  });

  it('the hash of a lab follows what the machine is built from, not its words', () => {
    const hash = labHash(document(BARE), FILES);
    expect(labHash(document(BARE.replace('title: t', 'title: u')), FILES)).toBe(hash);
    const bare = document(BARE);
    expect(labHash({ ...bare, board: { ...bare.board, canvas: { places: { 'slot:A1': [1, 2] } } } }, FILES)).toBe(hash);
    expect(labHash(document(BARE.replace('256m', '512m')), FILES)).not.toBe(hash);
    expect(labHash(document(BARE), { 'a.asm': 'hlt' })).not.toBe(hash);
  });
});
