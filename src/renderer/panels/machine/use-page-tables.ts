/** The page-table tree: the root and what has been opened, asked for anew whenever the machine has moved. */
import { computed, shallowRef } from 'vue';
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

const pathOf = (key: string): number[] => key.split('.').map(Number);

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

/** So many tables below a root are open unless they are closed: PAE has four at most, small programs have few. */
const OPEN_AT_FIRST = 4;

/** What is open: what was opened by hand, and a root's few tables that were not closed by hand. Pure. */
export function openTables(root: PageTableView | null, chosen: ReadonlyMap<string, boolean>): ReadonlySet<string> {
  const below = (root?.entries ?? []).filter(({ leads, present }) => leads === 'table' && present).map(({ first }) => String(first));
  const unasked = below.length <= OPEN_AT_FIRST ? below.filter((path) => !chosen.has(path)) : [];
  return new Set([...unasked, ...[...chosen].filter(([, open]) => open).map(([path]) => path)]);
}

export function usePageTables() {
  const session = useSession();
  const chosen = shallowRef<ReadonlyMap<string, boolean>>(new Map());
  const ask = async (vm: string | null): Promise<ReadonlyMap<string, PageTableView | null>> => {
    const top = await session.commands.pageTable({ vm, path: [] });
    const keys = [...openTables(top, chosen.value)];
    const found = await Promise.all(keys.map((key) => session.commands.pageTable({ vm, path: pathOf(key) })));
    return new Map([['', top], ...keys.map((key, index) => [key, found[index] ?? null] as const)]);
  };
  const { answer: tables, failure } = useAsked(ask, new Map(), [chosen]);
  const root = computed(() => tables.value.get('') ?? null);
  const open = computed(() => openTables(root.value, chosen.value));
  function toggle(path: string): void {
    chosen.value = new Map(chosen.value).set(path, !open.value.has(path));
  }
  const rows = computed(() => pageRows(tables.value, open.value));
  return { root, rows, toggle, failure };
}
