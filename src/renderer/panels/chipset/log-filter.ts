/** What is asked of the transaction log: the groups of the panel as the protocol's kinds, and addresses as people type them. Pure. */
import type { Transaction, TransactionQuery } from '../../../lab/protocol';
import { parseAddress } from '../../../machine/board/schema';

export type Group = 'all' | 'registers' | 'ports' | 'dma' | 'iommu' | 'nobody';

const KINDS: Readonly<Record<Exclude<Group, 'all' | 'nobody'>, Transaction['kind'][]>> = {
  registers: ['mmio-read', 'mmio-write'],
  ports: ['port-read', 'port-write'],
  dma: ['dma-read', 'dma-write', 'completion'],
  iommu: ['iommu-walk', 'iommu-fault'],
};

export interface LogFilter {
  group: Group;
  /** null: everybody */
  who: string | null;
  /** one address, or `first - last`; empty for all */
  where: string;
}

/** `0x3f8`, `0xB8000-0xBFFFF`; null when it is neither. An empty text is every address. */
export function parseWhere(text: string): { from?: number; to?: number } | null {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  const parts = trimmed.split(/\s*(?:-|–|\.\.)\s*/);
  const [from, to] = parts.map((part) => parseAddress(/^[0-9a-f_]*[a-f][0-9a-f_]*$/i.test(part) ? `0x${part}` : part));
  if (parts.length > 2 || from === undefined || (parts.length === 2 && to === undefined)) return null;
  return { from, to: to ?? from };
}

/** The query, or null while the address cannot be read. */
export function queryOf({ group, who, where }: LogFilter, most: number, before?: number): TransactionQuery | null {
  const range = parseWhere(where);
  if (!range) return null;
  return {
    most,
    ...range,
    ...(who === null ? {} : { who }),
    ...(group === 'nobody' ? { failed: true } : group === 'all' ? {} : { kinds: [...KINDS[group]] }),
    ...(before === undefined ? {} : { before }),
  };
}
