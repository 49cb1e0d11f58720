/**
 * What the VMM does about memory that ECC could not correct. The machine check is the host's: a guest is not told. The VMM finds
 * out whose frame the word lies in, writes that to the log, and, where it is asked to, ends the VM that has it, since what it would
 * read is wrong; the others go on.
 */
import { formatAddress, PAGE_SIZE } from '../machine/address';
import type { VmExit } from '../machine/cpu/exit';
import { VECTOR } from '../machine/cpu/vectors';
import type { FrameOwner } from './frames/frame-owner';
import type { VmmHost } from './host';
import type { Text } from './text';
import type { Vm } from './vm';

export interface MachineCheckParts {
  host: VmmHost;
  ownerAt(hostAddress: number): FrameOwner | null | undefined;
  vm(id: string): Vm | undefined;
  /** end the VM whose memory it is? */
  stops: boolean;
}

/** Did the guest leave because of one (SDM vol. 3, 25.9.2: the vector is in the low byte of the interruption information)? */
export const isMachineCheck = ({ reason, interruption }: VmExit): boolean =>
  reason === 'exception-or-nmi' && (interruption.information & 0xff) === VECTOR.machineCheck;

export class MachineChecks {
  constructor(private readonly parts: MachineCheckParts) {
    parts.host.memoryErrors?.enable();
  }

  /** Takes what the bank holds. Returns the VM that was ended for it, if one was. */
  take(): Vm | undefined {
    const { host, stops } = this.parts;
    const error = host.memoryErrors?.take();
    if (!error) return undefined;
    const owner = this.parts.ownerAt(error.address);
    const id = owner && 'vm' in owner ? owner.vm : undefined;
    const frame = Math.floor(error.address / PAGE_SIZE);
    const [slot = ''] = host.slotsOf(error.address, 1);
    const victim = id !== undefined && owner?.kind === 'vm' && stops ? this.parts.vm(id) : undefined;
    const ended = victim?.state === 'ready' || victim?.state === 'halted' ? victim : undefined;
    host.log({
      kind: 'note',
      who: 'vmm',
      code: 'machine-check',
      address: { space: 'host', address: error.address },
      answeredBy: slot,
      outcome: 'fault',
      data: { slot, frame, owner: owner?.kind ?? 'free', ...(id === undefined ? {} : { vm: id }), stopped: ended !== undefined },
    });
    ended?.crash(stoppedText(ended.id, error.address, frame, slot));
    return ended;
  }
}

const stoppedText = (id: string, address: number, frame: number, slot: string): Text => ({
  en: `${id}: the VMM has ended it, because ECC cannot correct the word at host ${formatAddress(address)} (frame ${frame}, DIMM ${slot}), which is its memory.`,
  'zh-CN': `${id}：VMM 已将其终止，因为 ECC 无法纠正宿主机 ${formatAddress(address)} 处的字（页帧 ${frame}，内存条 ${slot}），而该内存属于它。`,
});
