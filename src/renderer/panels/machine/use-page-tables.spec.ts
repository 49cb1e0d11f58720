import { expect, it } from 'vitest';
import type { PageEntryView, PageTableView } from '../../../lab/protocol';
import { pageRows } from './use-page-tables';

const entry = (first: number, leads: 'table' | 'page', present = true): PageEntryView => ({
  structure: leads === 'table' ? 'pde' : 'pte', first, count: 1, linear: 0n, at: 0n, value: 1n, entryBytes: 4, target: 0n, leads, pageBytes: 4096, present, flags: [],
}); // prettier-ignore
const table = (entries: PageEntryView[], path: number[] = []): PageTableView => ({
  format: '32-bit', path, at: 0n, host: 0, entries, empty: 0, readable: true,
}); // prettier-ignore

it('lists what is open below the entry that leads to it, and opens only tables that are there', () => {
  const tables = new Map([
    ['', table([entry(0, 'table'), entry(1, 'table', false), entry(3, 'table')])],
    ['0', table([entry(7, 'page')], [0])],
  ]);
  expect(pageRows(tables, new Set(['0'])).map(({ key, depth, path }) => [key, depth, path])).toEqual([
    ['/0', 0, '0'],
    ['0/7', 1, null],
    ['/1', 0, null],
    ['/3', 0, '3'],
  ]);
  expect(pageRows(tables, new Set()).length).toBe(3);
});
