/** What one hop did with a DMA request, as an entry of the transaction log. */
import { formatRange, type AddressRange } from '../board/address-map';
import { formatRequester } from './dma-port';
import type { DmaLogEntry } from './dma-path';
import type { TransactionData, TransactionKind, TransactionReport } from './transaction-log';

/** `range`: the entry of the decode table that matched, when the hop is the chipset. */
export function reportOfHop(entry: DmaLogEntry, range?: AddressRange): TransactionReport {
  const { hop, id, requester, address, toAddress, length, outcome, status, reason, text } = entry;
  const failed = outcome === 'reject' || (status !== undefined && status !== 'success');
  const data: TransactionData = { id, hop, access: entry.kind, addressType: entry.addressType };
  if (range) data['entry'] = formatRange(range);
  if (toAddress !== undefined) data['toAddress'] = toAddress;
  if (entry.asRequester !== undefined) data['asRequester'] = formatRequester(entry.asRequester);
  if (status !== undefined) data['status'] = status;
  if (reason !== undefined) data['reason'] = reason;
  if (text !== undefined) data['text'] = text;
  return {
    kind: kindOf(entry, failed),
    code: `hop-${outcome}`,
    who: formatRequester(requester),
    address: { space: hop === 'chipset' ? 'host' : 'iova', address },
    size: length,
    matched: hop,
    answeredBy: range ? (range.device ?? (range.slots.join('+') || 'nobody')) : hop,
    outcome: failed ? 'fault' : 'ok',
    data,
  };
}

function kindOf({ hop, kind }: DmaLogEntry, failed: boolean): TransactionKind {
  if (hop === 'iommu') return failed ? 'iommu-fault' : 'iommu-walk';
  return kind === 'write' ? 'dma-write' : 'dma-read';
}
