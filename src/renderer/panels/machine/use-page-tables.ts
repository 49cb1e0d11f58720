/** The page-table tree: the root and what has been opened, asked for anew whenever the machine has moved. */
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { PageEntryView, PageTableView } from '../../../lab/protocol';
import { SessionLostError, useSession, useViews } from '../../stores/session';

export interface PageRow {
  key: string;
  depth: number;
  entry: PageEntryView;
  /** to the table it leads to; null for a page */
  path: string | null;
  open: boolean;
}

/** While running the tree is asked for this often. */
const PAUSE_MS = 200;
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
  const views = useViews('registers');
  const tables = shallowRef<ReadonlyMap<string, PageTableView | null>>(new Map());
  const open = ref<ReadonlySet<string>>(new Set());
  const failure = ref<string | null>(null);
  let busy = false;
  let again = false;
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => {
    ended = true;
    clearTimeout(timer);
  });

  async function fetch(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const vm = views.registers?.vm ?? null;
      const keys = ['', ...open.value];
      const found = await Promise.all(keys.map((key) => session.commands.pageTable({ vm, path: pathOf(key) })));
      if (ended) return;
      tables.value = new Map(keys.map((key, index) => [key, found[index] ?? null]));
      failure.value = null;
    } catch (error) {
      if (!(error instanceof SessionLostError)) failure.value = error instanceof Error ? error.message : String(error);
    } finally {
      busy = false;
      if (!ended && again) timer = setTimeout(() => void fetch(), session.running ? PAUSE_MS : 0);
    }
  }
  function toggle(path: string): void {
    const next = new Set(open.value);
    if (!next.delete(path)) next.add(path);
    open.value = next;
  }
  watch(
    [() => views.registers, open, () => session.poweredOn],
    () => {
      if (session.poweredOn && views.registers) void fetch();
    },
    { immediate: true },
  );
  const root = computed(() => tables.value.get('') ?? null);
  const rows = computed(() => pageRows(tables.value, open.value));
  return { root, rows, toggle, failure };
}
