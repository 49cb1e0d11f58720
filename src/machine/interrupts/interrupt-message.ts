/**
 * An interrupt on its way to a local APIC: as a device writes it to 0xFEEx_xxxx (SDM vol. 3, 10.11), as an IOAPIC's redirection
 * entry describes it, or as another processor sends it.
 */

/** Delivery modes (SDM vol. 3, table 10-1 and 10.6.1). SMI, INIT and start-up change nothing on a board with one processor. */
export const DELIVERY = { fixed: 0, lowestPriority: 1, smi: 2, nmi: 4, init: 5, startUp: 6, external: 7 } as const;

export interface InterruptMessage {
  vector: number;
  /** DELIVERY */
  mode: number;
  destination: number;
  /** the destination is a set of logical addresses, not an APIC ID */
  logical: boolean;
  /** level triggered: the end of interrupt is told to the IOAPIC */
  level: boolean;
}

/** Names of the modes, for the log. */
export const DELIVERY_NAMES: readonly string[] = ['fixed', 'lowest priority', 'SMI', 'reserved', 'NMI', 'INIT', 'start-up', 'ExtINT'];

/** The message that a 4-byte write to 0xFEEx_xxxx means. */
export const messageOf = (address: number, data: number): InterruptMessage => ({
  vector: data & 0xff,
  mode: (data >> 8) & 7,
  destination: (address >> 12) & 0xff,
  // the destination mode counts only with the redirection hint
  logical: (address & 0xc) === 0xc,
  level: (data & 0x8000) !== 0,
});
