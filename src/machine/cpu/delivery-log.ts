/** The exceptions and interrupts that reached a handler: the latest of them for checks and views, and how many by vector. */
import type { ExceptionKind } from './runtime';

export interface DeliveredException {
  vector: number;
  kind: ExceptionKind;
  /** NO_ERROR_CODE when there was none */
  errorCode: number;
  /** CR2 at the delivery; meaningful for a page fault */
  cr2: number;
  /** the running program's instruction count (a VM's own while a guest runs) */
  instructions: number;
  /** VPID of the guest, 0 on the bare machine */
  vpid: number;
}

export interface SavedDeliveries {
  delivered: DeliveredException[];
  byVector: [vector: number, count: number][];
}

/** Kept at least; older ones are only counted. */
const KEPT = 1024;

export class DeliveryLog {
  /** at least the latest 1024 */
  readonly latest: DeliveredException[] = [];
  readonly byVector = new Map<number, number>();

  add(delivered: DeliveredException): void {
    this.byVector.set(delivered.vector, (this.byVector.get(delivered.vector) ?? 0) + 1);
    // not one by one: moving all the others would cost more than the delivery
    if (this.latest.length === 2 * KEPT) this.latest.splice(0, KEPT);
    this.latest.push(delivered);
  }

  reset(): void {
    this.latest.length = 0;
    this.byVector.clear();
  }

  save(): SavedDeliveries {
    return { delivered: structuredClone(this.latest), byVector: [...this.byVector] };
  }

  load(saved: SavedDeliveries): void {
    this.reset();
    this.latest.push(...structuredClone(saved.delivered));
    for (const [vector, count] of saved.byVector) this.byVector.set(vector, count);
  }
}
