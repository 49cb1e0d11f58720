/**
 * What a device can reach, by what the IOMMU's tables in memory say now: through its context entry, from the root table in
 * use. Decided as VT-d decides (chapter 9), without its caches: this is about the tables.
 */
import { hostPhysical } from '../../machine/address';
import type { RequesterId } from '../../machine/bus/dma-port';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';
import { decodeContext, decodePaging, decodeRoot, TRANSLATION_TYPE } from '../../machine/iommu/entries';
import type { EntryRead } from '../../machine/iommu/entries';
import { LEVELS_BY_ADDRESS_WIDTH } from '../../machine/iommu/registers';
import { scanTables } from '../translation/table-scan';
import type { EntryMeaning } from '../translation/table-scan';
import type { ReachablePage } from '../translation/translation';

/** `everything`: the device's context passes its addresses through. `known`: tables that were written for it. */
export function deviceReach(
  memory: PhysicalMemory,
  rootTable: number,
  requester: RequesterId,
  hostAddressBits: number,
  known: number,
): 'everything' | ReachablePage[] {
  const entry = (structure: EntryRead['structure'], table: number, index: number): EntryRead => {
    const address = table + index * 16;
    const bytes = memory.peek(hostPhysical(address), 16);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return { structure, index, address, low: view.getBigUint64(0, true), high: view.getBigUint64(8, true) };
  };
  const root = decodeRoot(entry('root-entry', rootTable, requester >> 8), hostAddressBits);
  if (!root.present || root.reserved) return [];
  const context = decodeContext(entry('context-entry', root.contextTable, requester & 0xff), hostAddressBits);
  if (!context.present || context.reserved) return [];
  if (context.translationType === TRANSLATION_TYPE.passThrough) return 'everything';
  const levels = LEVELS_BY_ADDRESS_WIDTH[context.addressWidth];
  if (context.translationType !== TRANSLATION_TYPE.multiLevel || levels === undefined) return [];
  const meaningOf = (low: number, frame: number, level: number): EntryMeaning => {
    if ((low & 3) === 0) return 'nothing';
    const word = (BigInt(frame) << 12n) | BigInt(low & 0xfff);
    const paging = decodePaging({ structure: 'sl-pte', index: 0, address: 0, low: word, high: 0n }, level, hostAddressBits);
    return paging.reserved ? 'nothing' : paging.page ? 'page' : 'table';
  };
  return scanTables(memory, context.table, levels, meaningOf, known);
}
