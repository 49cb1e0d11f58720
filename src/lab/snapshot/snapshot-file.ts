/**
 * A snapshot as bytes, for a file or for another worker: msgpack, deflated, with the format's version, the processor layout's version and the
 * lab it was taken of. Whatever does not fit is refused with the reason, before anything is restored.
 */
import { Packr } from 'msgpackr/pack';
import { hardwareOf } from '../../machine/board/canvas';
import { STATE_LAYOUT_VERSION } from '../../machine/cpu/state-layout';
import { Sha256 } from '../checks/sha256';
import type { LabDocument } from '../document/schema';
import type { LabFiles } from '../protocol';
import { text, type Text } from '../document/problem';
import type { ComputerSnapshot } from '../session/computer';
import type { LoggedInput } from '../session/input-log';

const SNAPSHOT_FORMAT = 'pagewalk.snapshot/1';
/** Unpacked bytes that a snapshot may have: the pool's limit and some. */
const MAX_BYTES = 4 * 1024 ** 3 - 1;

export interface SnapshotFile {
  format: typeof SNAPSHOT_FORMAT;
  layoutVersion: number;
  /** of everything that the machine was built from */
  labHash: string;
  /** what came from outside up to here */
  inputs: readonly LoggedInput[];
  computer: ComputerSnapshot;
}

/** Why a snapshot is not taken, in both languages. */
export class SnapshotRefusedError extends Error {
  constructor(readonly reason: Text) {
    super(reason.en);
    this.name = 'SnapshotRefusedError';
  }
}

const packr = (): Packr => new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint', useBigIntExtension: true });

/** Keys sorted, bigint as text: the same document has the same hash however it was written. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/** SHA-256 of what a machine is built from: board, VMM, VMs, programs. Titles, checks, limits and the board's layout may change. */
export function labHash({ board, machine, vmm, vms, files: inline }: LabDocument, files: LabFiles): string {
  const encoder = new TextEncoder();
  const hash = new Sha256().update(
    encoder.encode(canonical({ board: hardwareOf(board), machine: machine ?? null, vmm: vmm ?? null, vms: vms ?? null })),
  );
  const all: LabFiles = { ...files, ...inline };
  for (const name of Object.keys(all).sort()) {
    const content = all[name]!;
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    hash.update(encoder.encode(`\n${name} ${bytes.length}\n`)).update(bytes);
  }
  return hash.digest();
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: { readable: ReadableStream; writable: WritableStream },
  limit: number,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // a damaged stream fails on the reading side as well, which is where it is reported
  const written = writer
    .write(bytes)
    .then(() => writer.close())
    .catch(() => undefined);
  const parts: Uint8Array[] = [];
  let total = 0;
  const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) throw new SnapshotRefusedError(text('The snapshot is too large.', '快照过大。'));
    parts.push(value);
  }
  await written;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export async function encodeSnapshot(computer: ComputerSnapshot, lab: string, inputs: readonly LoggedInput[]): Promise<Uint8Array> {
  const file: SnapshotFile = { format: SNAPSHOT_FORMAT, layoutVersion: STATE_LAYOUT_VERSION, labHash: lab, inputs, computer };
  return through(new Uint8Array(packr().pack(file)), new CompressionStream('deflate'), MAX_BYTES);
}

/** Throws SnapshotRefusedError for bytes that are no snapshot, of another version, or of another lab than `lab`. */
export async function decodeSnapshot(bytes: Uint8Array, lab: string): Promise<SnapshotFile> {
  let file: Partial<SnapshotFile> | null;
  try {
    file = packr().unpack(
      await through(new Uint8Array(bytes), new DecompressionStream('deflate'), MAX_BYTES),
    ) as Partial<SnapshotFile> | null;
  } catch (thrown) {
    if (thrown instanceof SnapshotRefusedError) throw thrown;
    throw new SnapshotRefusedError(text('This is no snapshot, or it is damaged.', '这不是快照，或快照已损坏。'));
  }
  if (file === null || typeof file !== 'object' || typeof file.format !== 'string')
    throw new SnapshotRefusedError(text('This is no snapshot.', '这不是快照。'));
  if (file.format !== SNAPSHOT_FORMAT) {
    throw new SnapshotRefusedError(
      text(
        `The snapshot has format ${file.format}; this Pagewalk reads ${SNAPSHOT_FORMAT}.`,
        `快照格式为 ${file.format}；此版本读取 ${SNAPSHOT_FORMAT}。`,
      ),
    );
  }
  if (file.layoutVersion !== STATE_LAYOUT_VERSION) {
    throw new SnapshotRefusedError(
      text(
        `The snapshot's processor state has layout ${String(file.layoutVersion)}; this Pagewalk has ${STATE_LAYOUT_VERSION}.`,
        `快照的处理器状态布局为 ${String(file.layoutVersion)}；此版本为 ${STATE_LAYOUT_VERSION}。`,
      ),
    );
  }
  if (file.labHash !== lab)
    throw new SnapshotRefusedError(
      text('The snapshot was taken of another lab, or of this one before it was changed.', '快照属于其他实验，或属于修改之前的本实验。'),
    );
  return file as SnapshotFile;
}
