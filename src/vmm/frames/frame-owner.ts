/** Whom a host frame belongs to. Plain data, in the form that the session's views show. */

/** Parts of the VMM's own state, kept in host memory like everything else. */
export type VmmPart = 'gdt' | 'idt' | 'control-block' | 'secret';
/** Tables that hardware walks. */
export type TablePart = 'ept' | 'iommu-root' | 'iommu-context' | 'iommu-sl';

export type FrameOwner =
  | { kind: 'vm'; vm: string }
  | { kind: 'vmm'; part: VmmPart; vm?: string }
  | { kind: 'table'; part: TablePart; vm?: string }
  /** taken before the VMM started: other programs of the host */
  | { kind: 'preoccupied' };

/** A stretch of host memory with one owner; base and length in bytes, multiples of 4096. */
export interface OwnedExtent {
  base: number;
  bytes: number;
  owner: FrameOwner;
}

export const ownerKey = (owner: FrameOwner): string =>
  [owner.kind, 'part' in owner ? owner.part : '', 'vm' in owner ? (owner.vm ?? '') : ''].join('/');
