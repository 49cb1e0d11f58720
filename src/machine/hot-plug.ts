/**
 * Plugging and unplugging with the power on, as hardware takes it.
 *
 * A DIMM: its slot's window answers as soon as there is one, with zeroes, and nobody answers when it is gone (all ones, counted).
 * Nobody tells the guest: what E820 said at power-on stays what it said. Where memory is modelled in time, its open rows and wrong
 * bits are gone with it, a DIMM that is plugged has no row open, and the others' rows and what is on the buses stay as they are.
 *
 * A device: unplugging is a surprise. Its registers answer no more, events and DMA answers on their way to it are lost (what a
 * request wrote before has been written), and its interrupt line is released. A device that is plugged is as after reset: its BARs
 * have no addresses and bus mastering is off until the guest sets them, within the window that firmware kept for the port. The
 * port's slot status says that presence has changed.
 */
import { addressMap } from './board/address-map';
import type { HotPlugChange } from './board/hot-plug';
import { dimmPart, type Text } from './board/parts';
import type { Board } from './board/schema';
import { pciTopology } from './board/topology';
import { PAGE_SIZE } from './address';
import type { Machine } from './machine';
import { fitSpd } from './spd-bus';

/** Thrown when something cannot be plugged or unplugged now. Nothing has changed then. */
export class HotPlugRefusedError extends Error {
  constructor(
    readonly part: string,
    readonly text: Text,
    readonly remedy: Text,
  ) {
    super(text.en);
    this.name = 'HotPlugRefusedError';
  }
}

const POWER_OFF: Text = { en: 'Switch the power off first.', 'zh-CN': '请先关闭电源。' };

/** Throws HotPlugRefusedError for the first change that cannot be made; `after` is the board once all are. */
function checkHotPlug(machine: Machine, changes: readonly HotPlugChange[], after: Board): void {
  for (const change of changes) {
    if (change.kind === 'device') {
      if (change.plugged && !pciTopology(after).devices.has(change.id)) {
        const text: Text = { en: `${change.id} has no free place behind its port.`, 'zh-CN': `${change.id} 的端口之后没有空闲位置。` };
        throw new HotPlugRefusedError(change.id, text, POWER_OFF);
      }
      continue;
    }
    const { slot, dimm } = change;
    const overlapping = [machine.map, addressMap(after)].some(({ dram }) =>
      dram.some(({ claims }) => claims.length > 1 && claims.some((claim) => claim.slot === slot)),
    );
    if (overlapping || (dimm !== null && dimmPart(dimm) === undefined)) {
      const text: Text = {
        en: `The DIMM in ${slot} shares addresses with another one.`,
        'zh-CN': `${slot} 的内存条与另一根共用地址。`,
      };
      throw new HotPlugRefusedError(slot, text, POWER_OFF);
    }
  }
}

/** As `Machine.hotPlug`. */
export function hotPlug(machine: Machine, changes: readonly HotPlugChange[], after: Board): void {
  checkHotPlug(machine, changes, after);
  const { devices, log, map } = machine;
  for (const change of changes) {
    if (change.kind === 'dimm') {
      forgetCells(machine, change.slot);
      log.add({ kind: 'note', code: change.dimm === null ? 'unplugged' : 'plugged', outcome: 'ok', data: { part: change.slot } });
    } else if (change.plugged) devices.plugLive(after, change.id, pciTopology(after).devices.get(change.id)!);
    else devices.unplugLive(change.id);
  }
  machine.board = after;
  // everybody who knows where DRAM is shares these lists
  const { dram, ranges, placements, windows } = addressMap(after);
  map.dram.splice(0, Infinity, ...dram);
  map.ranges.splice(0, Infinity, ...ranges);
  map.placements.splice(0, Infinity, ...placements);
  map.windows.splice(0, Infinity, ...windows);
  machine.controller.fit(after);
  machine.memory.fit(after);
  if (machine.spd) fitSpd(machine.spd, changes, after);
  machine.bus.dramChanged();
}

/** What was in a DIMM is gone with it; code that was translated from it is forgotten. */
function forgetCells({ frames, map }: Machine, slot: string): void {
  const gone = map.dram.filter(({ claims }) => claims.some((claim) => claim.slot === slot));
  for (const [frame, offset] of frames.entries()) {
    const address = frame * PAGE_SIZE;
    if (!gone.some(({ base, end }) => address >= base && address < end)) continue;
    frames.beforeWrite(frame, 0, PAGE_SIZE);
    frames.u8.fill(0, offset, offset + PAGE_SIZE);
  }
}
