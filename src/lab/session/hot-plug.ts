/** Hardware is plugged and unplugged while the power is on. */
import { hostPhysical } from '../../machine/address';
import type { HotPlugChange } from '../../machine/board/hot-plug';
import { HotPlugRefusedError } from '../../machine/hot-plug';
import { text } from '../document/problem';
import type { LabDocument } from '../document/schema';
import { QueryError } from './computer';
import type { System } from './system';

/** `document` is the lab since then. Throws QueryError when it cannot be done now; nothing has changed then. */
export function hotPlug(system: System, changes: readonly HotPlugChange[], document: LabDocument): void {
  const { machine, vmm } = system;
  const dimm = changes.find((change) => change.kind === 'dimm');
  if (vmm && dimm?.kind === 'dimm') {
    const owned = vmm.extents().find(({ base }) => machine.slotsOf(hostPhysical(base), 1).includes(dimm.slot));
    const holder = owned ? (owned.owner.kind === 'vm' ? owned.owner.vm : 'the VMM') : null;
    throw new QueryError(
      holder === null
        ? text(
            `The VMM counted the frames of ${dimm.slot} at power-on and cannot give them up: switch the power off first.`,
            `VMM 在上电时已统计 ${dimm.slot} 的页框，无法放弃：请先关闭电源。`,
          )
        : text(
            `Frames in ${dimm.slot} belong to ${holder}: nothing can move them. Switch the power off first.`,
            `${dimm.slot} 中的页框属于 ${holder === 'the VMM' ? 'VMM' : holder}，无法迁移。请先关闭电源。`,
          ),
    );
  }
  try {
    machine.hotPlug(changes, document.board);
  } catch (thrown) {
    if (!(thrown instanceof HotPlugRefusedError)) throw thrown;
    const { text: why, remedy } = thrown;
    throw new QueryError(text(`${why.en} ${remedy.en}`, `${why['zh-CN']}${remedy['zh-CN']}`));
  }
  system.document = document;
}
