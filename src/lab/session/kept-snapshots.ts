/** The snapshots that a session keeps: so many, and so many bytes; the oldest go first. */
import { text } from '../document/problem';
import type { SnapshotsView } from '../protocol';
import { QueryError, type ComputerSnapshot, type Stop } from './computer';

const MAX_SNAPSHOTS = 64;
/** Bytes that all of them may hold together. */
const MAX_SNAPSHOT_BYTES = 1024 ** 3;

export interface KeptSnapshot {
  label: string;
  computer: ComputerSnapshot;
  /** entries of the input log before it */
  inputs: number;
  /** changes of hardware before it: it fits no other board */
  hardware: number;
  stop: Stop | null;
}

export class KeptSnapshots {
  private readonly kept = new Map<number, KeptSnapshot>();
  private next = 1;

  get size(): number {
    return this.kept.size;
  }

  /** @returns its number, which none had before in this session */
  add(snapshot: KeptSnapshot): number {
    const id = this.next++;
    this.kept.set(id, snapshot);
    this.dropOld();
    return id;
  }

  /** Throws QueryError when there is none of that number, or when hardware has changed since. */
  fitting(id: number, hardware: number): KeptSnapshot {
    const kept = this.kept.get(id);
    if (!kept) throw new QueryError(text(`There is no snapshot ${id}.`, `没有快照 ${id}。`));
    if (kept.hardware === hardware) return kept;
    throw new QueryError(
      text(
        'Hardware was plugged or unplugged since this snapshot: it no longer fits the board.',
        '此快照之后插拔过硬件：它与现在的主板不符。',
      ),
    );
  }

  view(hardware: number): SnapshotsView {
    const kept = [...this.kept].map(([id, snapshot]) => {
      const { instructions, bytes } = snapshot.computer;
      return { id, label: snapshot.label, instructions, bytes, fits: snapshot.hardware === hardware };
    });
    return { kept };
  }

  clear(): void {
    this.kept.clear();
  }

  /** Snapshots share the frames that did not change between them, so their sizes are an upper bound of what they hold. */
  private dropOld(): void {
    const total = (): number => [...this.kept.values()].reduce((sum, { computer }) => sum + computer.bytes, 0);
    while (this.kept.size > MAX_SNAPSHOTS || (this.kept.size > 1 && total() > MAX_SNAPSHOT_BYTES)) {
      this.kept.delete(this.kept.keys().next().value!);
    }
  }
}
