import { expect, it } from 'vitest';
import type { PageEntryView, PageTableView } from '../../../lab/protocol';
import { openTables, pageRows } from './use-page-tables';

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

it('opens the few tables of a small root by itself, until they are closed; many stay closed until they are opened', () => {
  const few = table([entry(0, 'table'), entry(1, 'table', false), entry(2, 'page'), entry(3, 'table')]);
  expect([...openTables(few, new Map())]).toEqual(['0', '3']);
  expect([...openTables(few, new Map([['0', false], ['3.5', true]]))]).toEqual(['3', '3.5']); // prettier-ignore
  const many = table([0, 1, 2, 3, 4].map((first) => entry(first, 'table')));
  expect([...openTables(many, new Map())]).toEqual([]);
  expect([...openTables(many, new Map([['2', true]]))]).toEqual(['2']);
  expect([...openTables(null, new Map())]).toEqual([]);
});
