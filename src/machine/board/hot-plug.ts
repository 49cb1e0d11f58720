/**
 * Hot-plug, as far as the drawing decides it: which differences between two boards are something that may be plugged or unplugged
 * while the power is on, and the rules for slots and ports that offer it. Pure.
 */
import { hardwareOf } from './canvas';
import { text, type BoardIssue } from './issue';
import { banksBySlot } from './memory-layout';
import type { Board, BoardDevice } from './schema';

export type HotPlugChange =
  /** another DIMM, or none, in a slot */
  { kind: 'dimm'; slot: string; dimm: string | null } | { kind: 'device'; id: string; plugged: boolean };

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** May the device come and go: is it plugged into a port for hot-plug? */
export function isHotPluggable(board: Board, { parent }: Pick<BoardDevice, 'parent'>): boolean {
  const [name] = (parent ?? '').split('.');
  return (
    parent !== undefined &&
    (board.bridges?.some(({ id, hotPlug, kind }) => id === name && hotPlug === true && kind !== 'pci-bridge') ?? false)
  );
}

/** What was plugged and unplugged between two drawings; null when anything else differs, or the board offers none of it. */
export function hotChanges(before: Board, after: Board): HotPlugChange[] | null {
  const { slots, devices, ...rest } = hardwareOf(before);
  const { slots: slotsAfter, devices: devicesAfter, ...restAfter } = hardwareOf(after);
  if (!same(rest, restAfter) || slots.length !== slotsAfter.length) return null;
  const changes: HotPlugChange[] = [];
  for (const [index, slot] of slots.entries()) {
    const now = slotsAfter[index]!;
    if (same(slot, now)) continue;
    if (!slot.hotPlug || !same({ ...slot, dimm: null }, { ...now, dimm: null })) return null;
    changes.push({ kind: 'dimm', slot: slot.id, dimm: now.dimm });
  }
  for (const device of devices) {
    const now = devicesAfter.find(({ id }) => id === device.id);
    if (now && same(device, now)) continue;
    if (!isHotPluggable(before, device)) return null;
    changes.push({ kind: 'device', id: device.id, plugged: false });
  }
  for (const device of devicesAfter) {
    const was = devices.find(({ id }) => id === device.id);
    if (was && same(device, was)) continue;
    if (!isHotPluggable(after, device)) return null;
    changes.push({ kind: 'device', id: device.id, plugged: true });
  }
  return changes;
}

/** Where the board says "hot-plug" and could not keep its word. */
export function hotPlugIssues(board: Board): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const banks = banksBySlot(board);
  board.slots.forEach(({ id, hotPlug }, index) => {
    if (!hotPlug || (board.assignment === 'fixed' && !banks.has(id))) return;
    issues.push({
      severity: 'error',
      code: 'board-hot-plug-slot',
      message:
        board.assignment === 'automatic'
          ? text(
              `Slot ${id} cannot be for hot-plug: with automatic assignment the firmware gives addresses at power-on only.`,
              `插槽 ${id} 不能支持热插拔：automatic 分配方式下，固件只在上电时分配地址。`,
            )
          : text(`Slot ${id} cannot be for hot-plug: it is one lane of a bank.`, `插槽 ${id} 不能支持热插拔：它只是 bank 的一个通道。`),
      remedy: text(
        'Remove hotPlug, or give the slot a base of its own with fixed assignment.',
        '请删除 hotPlug，或用 fixed 分配方式给该插槽独立的基地址。',
      ),
      part: id,
      path: `board.slots.${id}.hotPlug`,
      fix: { text: text('Remove hotPlug', '删除 hotPlug'), edits: [{ path: ['slots', index, 'hotPlug'], value: undefined }] },
    });
  });
  (board.bridges ?? []).forEach(({ id, kind, hotPlug }, index) => {
    if (!hotPlug || kind !== 'pci-bridge') return;
    issues.push({
      severity: 'error',
      code: 'board-hot-plug-bus',
      message: text(`${id} leads to a legacy PCI bus, which has no hot-plug here.`, `${id} 通向传统 PCI 总线，此处不支持热插拔。`),
      remedy: text('Use hotPlug on a root port or a switch.', '请在根端口或交换机上使用 hotPlug。'),
      part: id,
      path: `board.bridges.${id}.hotPlug`,
      fix: { text: text('Remove hotPlug', '删除 hotPlug'), edits: [{ path: ['bridges', index, 'hotPlug'], value: undefined }] },
    });
  });
  return issues;
}
