/**
 * Which page-table roots a processor has been given, so that processes can be shown side by side. An observation: no part of the
 * architectural state, and nothing depends on it.
 */

export interface AddressSpace {
  /** the root that paging went on from */
  cr3: number;
  /** CR4 then: the tables' format */
  cr4: number;
  /** instructions of the program when it was first loaded */
  first: number;
}

/** Roots that are remembered for each guest; the one that was loaded longest ago goes first. */
const MOST = 12;

export class AddressSpaces {
  /** by VPID (0: no guest); the latest loaded is last */
  private readonly loaded = new Map<number, AddressSpace[]>();

  /** Paging goes on from this root now. */
  note(vpid: number, cr3: number, cr4: number, instructions: number): void {
    const list = this.loaded.get(vpid) ?? [];
    const latest = list.at(-1);
    if (latest !== undefined && latest.cr3 === cr3 && latest.cr4 === cr4 && latest.first <= instructions) return;
    const known = list.findIndex((space) => space.cr3 === cr3);
    const first = known < 0 ? instructions : Math.min(list.splice(known, 1)[0]!.first, instructions);
    list.push({ cr3, cr4, first });
    if (list.length > MOST) list.shift();
    this.loaded.set(vpid, list);
  }

  /** Those loaded up to an instruction count (a snapshot may have taken the program back), in the order of their first load. */
  list(vpid: number, instructions: number): AddressSpace[] {
    return (this.loaded.get(vpid) ?? []).filter(({ first }) => first <= instructions).sort((a, b) => a.first - b.first);
  }
}
