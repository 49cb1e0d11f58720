/** The labs that come with Pagewalk: resources/labs/NAME.lab.yaml. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenedLab, ShippedLab } from '../../lab/shell-bridge';
import { readLab } from './lab-folder';
import { ShellFailure } from './shell-error';

const SUFFIX = '.lab.yaml';
/** The order in which they are taught; labs not named here come last, by name. */
const ORDER = [
  // the board
  'four-dimms',
  'kernel-at-1mib',
  'empty-first-slot',
  'overlapping-windows',
  'bios-assigns',
  'the-hole-below-4g',
  // the processor
  'real-mode-20-bits',
  'segments-and-paging',
  'ldt-flow',
  'rings-and-gates',
  'two-processes',
  'demand-paging',
  'stale-tlb',
  'tlb-size',
  'pae-and-large-pages',
  // timing
  'rows-and-banks',
  'two-channels',
  // devices
  'contiguous-dma',
  'scatter-gather',
  // virtual machines
  'two-vms-from-zero',
  'malicious-dma',
  'row-hammer',
];
const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

export async function listShippedLabs(resources: string): Promise<ShippedLab[]> {
  const folder = join(resources, 'labs');
  const names = (await readdir(folder)).filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
  names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return Promise.all(names.map(async (name) => ({ name, yaml: await readFile(join(folder, name + SUFFIX), 'utf8') })));
}

/** Throws ShellFailure `not-found` for a name that is not shipped (names come from the window, which is not trusted). */
export async function openShippedLab(resources: string, name: string): Promise<OpenedLab> {
  const shipped = await readdir(join(resources, 'labs'));
  if (!shipped.includes(name + SUFFIX)) {
    throw new ShellFailure({
      code: 'not-found',
      message: { en: `There is no shipped lab named ${name}.`, 'zh-CN': `没有名为 ${name} 的内置实验。` },
    });
  }
  return readLab(join(resources, 'labs', name + SUFFIX), true);
}
