/** The page-table tree: the root and what has been opened, asked for anew whenever the machine has moved. */
import { computed, ref } from 'vue';
import type { PageEntryView, PageTableView } from '../../../lab/protocol';
import { useSession } from '../../stores/session';
import { useAsked } from './use-asked';

export interface PageRow {
  key: string;
  depth: number;
  entry: PageEntryView;
  /** to the table it leads to; null for a page */
  path: string | null;
  open: boolean;
}

const pathOf = (key: string): number[] => (key === '' ? [] : key.split('.').map(Number));

/** The opened tables as one list, each below the entry that leads to it. Pure. */
export function pageRows(tables: ReadonlyMap<string, PageTableView | null>, open: ReadonlySet<string>, key = '', depth = 0): PageRow[] {
  const table = tables.get(key);
  if (!table) return [];
  return table.entries.flatMap((entry) => {
    const path = entry.leads === 'table' && entry.present ? (key === '' ? String(entry.first) : `${key}.${entry.first}`) : null;
    const opened = path !== null && open.has(path);
    const row: PageRow = { key: `${key}/${entry.first}`, depth, entry, path, open: opened };
    return opened ? [row, ...pageRows(tables, open, path, depth + 1)] : [row];
  });
}

export function usePageTables() {
  const session = useSession();
  const open = ref<ReadonlySet<string>>(new Set());
  const ask = async (vm: string | null): Promise<ReadonlyMap<string, PageTableView | null>> => {
    const keys = ['', ...open.value];
    const found = await Promise.all(keys.map((key) => session.commands.pageTable({ vm, path: pathOf(key) })));
    return new Map(keys.map((key, index) => [key, found[index] ?? null]));
  };
  const { answer: tables, failure } = useAsked(ask, new Map(), [open]);
  function toggle(path: string): void {
    const next = new Set(open.value);
    if (!next.delete(path)) next.add(path);
    open.value = next;
  }
  const root = computed(() => tables.value.get('') ?? null);
  const rows = computed(() => pageRows(tables.value, open.value));
  return { root, rows, toggle, failure };
}
