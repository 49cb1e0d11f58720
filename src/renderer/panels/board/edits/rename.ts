/**
 * Another name for a part, everywhere it is referred to: wires of controllers, ports, layout and groups, passthrough to VMs, symbols that
 * stand for a device's registers, checks that name a slot. One change, so that one undo brings the old name back everywhere. Pure.
 */
import type { Patch } from '../../../../lab/document/patches';
import type { Program } from '../../../../lab/document/schema';
import { BUILT_IN_DEVICES } from '../../../../machine/board/device-rules';
import { identifierSchema } from '../../../../machine/board/schema';
import { PLAIN_CONTROLLER } from '../drawing';
import { kindAndId, nodeOf, set, takenNames, words, type BoardChange, type LabParts, type Words } from './change';
import { renameInLayout } from './layout';

const LISTS = { slot: 'slots', device: 'devices', controller: 'controllers', bridge: 'bridges' } as const;
type Kind = keyof typeof LISTS;
const isKind = (kind: string): kind is Kind => Object.hasOwn(LISTS, kind);

/** What the canvas and the panels call parts that every board has. */
const SOLDERED = ['processor', 'firmware', 'root', 'legacy', 'apic', PLAIN_CONTROLLER];

/** Whether a part has a name that can be changed: slots, devices, controllers and bridges have. */
export const isRenamable = (node: string): boolean => isKind(kindAndId(node)[0]);

/** Why the part cannot be called `name`; null when it can. */
export function renameProblem({ board }: Pick<LabParts, 'board'>, node: string, name: string): Words | null {
  if (!identifierSchema.safeParse(name).success)
    return words('A name is a letter, then up to 31 letters, digits, _ or -.', '名称须以英文字母开头，其后最多 31 个字母、数字、_ 或 -。');
  if (name === kindAndId(node)[1]) return null;
  if (BUILT_IN_DEVICES.includes(name) || SOLDERED.includes(name))
    return words(`Every board has a part called ${name}: choose another name.`, `每块主板都有名为 ${name} 的部件：请另取名称。`);
  return takenNames(board).has(name)
    ? words(`Another part is called ${name}: choose another name.`, `已有名为 ${name} 的部件：请另取名称。`)
    : null;
}

/** The change; without patches where the part has no name of its own, or has this one. What speaks against a name, `renameProblem` says. */
export function renamePart(lab: LabParts, node: string, name: string): BoardChange {
  const { board } = lab;
  const [kind, id] = kindAndId(node);
  const label = words(`Rename ${id} to ${name}`, `将 ${id} 改名为 ${name}`);
  if (!isKind(kind) || id === name || !takenNames(board).has(id)) return { patches: [], label };
  const patches: Patch[] = [];
  const put = (path: (string | number)[]): void => void patches.push({ op: 'set', path, value: name });

  if (kind === 'slot') {
    for (const controller of board.controllers ?? [])
      for (const key of ['channels', 'banks'] as const)
        controller[key].forEach((list, i) => list.forEach((slot, j) => slot === id && put(['board', 'controllers', controller.id, key, i, j])));
    lab.checks.forEach((check, i) => {
      if ('located' in check && check.located.slot === id) put(['checks', i, 'located', 'slot']);
      if ('dram' in check && check.dram.slot === id) put(['checks', i, 'dram', 'slot']);
    });
  }
  if (kind === 'bridge')
    for (const list of ['bridges', 'devices'] as const)
      for (const { id: each, parent } of board[list] ?? []) {
        const [part, port] = parent?.split('.') ?? [];
        if (part === id) patches.push(set([list, each, 'parent'], port === undefined ? name : `${name}.${port}`));
      }
  if (kind === 'device') {
    const symbols = (base: (string | number)[], program: Program | undefined): void => {
      for (const [symbol, define] of Object.entries(program && 'defines' in program ? (program.defines ?? {}) : {}))
        if (typeof define !== 'number' && 'barOf' in define && define.barOf === id) put([...base, 'defines', symbol, 'barOf']);
    };
    symbols(['machine', 'program'], lab.machine?.program);
    lab.vms?.forEach((vm, i) => {
      vm.passthrough.forEach((device, j) => device === id && put(['vms', i, 'passthrough', j]));
      symbols(['vms', i, 'program'], vm.program);
    });
  }
  patches.push(...renameInLayout(board, node, nodeOf(kind, name)));
  // last: until then the paths above find it by the old one
  patches.push(set([LISTS[kind], id, 'id'], name));
  return { patches, label, look: nodeOf(kind, name) };
} // prettier-ignore
