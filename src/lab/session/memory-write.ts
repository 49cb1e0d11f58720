/**
 * The user changes bytes of memory by hand while the machine stands still: what they lie behind is found as the memory view finds it, and the
 * cells take them, as if somebody had put a probe to the module. The processor's TLB, hidden parts and counters know nothing of it.
 */
import { formatAddress, hostPhysical } from '../../machine/address';
import { text, type Text } from '../document/problem';
import { whole } from './argument';
import { QueryError, type MemoryWrite } from './computer';
import { eachPage } from './memory-view';
import type { System } from './system';

/** Bytes that one command may write. */
const MOST_WRITTEN = 4096;

const BEYOND = 2n ** 53n;

/** What the window sent, when it is a write at all; QueryError says what is wrong with it. */
export function admittedWrite({ space, vm, base, bytes }: MemoryWrite): MemoryWrite {
  if (!['linear', 'guest', 'host'].includes(space)) throw new QueryError(text('Memory of no known space.', '未知的地址空间。'));
  if (!(bytes instanceof Uint8Array)) throw new QueryError(text('What is to be written is no bytes.', '要写入的内容不是字节。'));
  whole(bytes.length, 1, MOST_WRITTEN, 'length');
  if (typeof base !== 'bigint' || base < 0n || base + BigInt(bytes.length) > BEYOND)
    throw new QueryError(text('There is no such address.', '没有这个地址。'));
  return { space, vm, base, bytes };
}

/** Bytes at a place of host memory; they do not cross a page. */
export interface HostBytes {
  host: number;
  bytes: Uint8Array;
}

/**
 * Where bytes from an address on go. `translate` gives the host address of a page's byte, or null where nothing is mapped.
 * Throws QueryError when one of them has no DRAM behind it.
 */
export function hostPieces(
  { machine }: Pick<System, 'machine'>,
  base: number,
  bytes: Uint8Array,
  translate: (address: number) => number | null,
): HostBytes[] {
  const pieces: HostBytes[] = [];
  eachPage(base, bytes.length, (address, count, offset) => {
    const host = translate(address);
    if (host === null) {
      const at = formatAddress(address);
      throw new QueryError(text(`No page is mapped at ${at}: there is nothing to write to.`, `${at} 处没有映射任何页：无处可写。`));
    }
    for (let at = host; at < host + count; at++)
      if (!machine.chipset.isDram(hostPhysical(at))) throw new QueryError(whoAnswers(machine, at));
    pieces.push({ host, bytes: bytes.slice(offset, offset + count) });
  });
  return pieces;
}

/** Writes all of the pieces, or throws QueryError and none. */
export function writePieces({ machine, vmm }: Pick<System, 'machine' | 'vmm'>, pieces: readonly HostBytes[]): void {
  if (!machine.chipset.poke(pieces)) {
    throw new QueryError(
      text(
        'The memory that holds touched frames is full: power off, and give the lab less to touch.',
        '保存已访问页帧的内存已满：请关闭电源，并减少实验访问的内存。',
      ),
    );
  }
  for (const { host, bytes } of pieces) {
    vmm?.overwritten(host, bytes.length);
    const report = { kind: 'note', code: 'written-by-hand', who: 'user', outcome: 'ok', size: bytes.length } as const;
    machine.log.add({ ...report, address: { space: 'host', address: host } });
  }
}

/** Why there is nothing to write at a host address. */
function whoAnswers({ chipset }: System['machine'], host: number): Text {
  const at = formatAddress(host);
  const id = chipset.entryAt(host)?.range.device;
  if (id === undefined)
    return text(`Nobody answers at host-physical ${at}: no DIMM, no device.`, `宿主机物理地址 ${at} 无人应答：没有内存条，也没有设备。`);
  return chipset.bus.device(id)?.contents
    ? text(`${id} answers at host-physical ${at}, and it is read-only.`, `宿主机物理地址 ${at} 由 ${id} 应答，它是只读的。`)
    : text(
        `${id} answers at host-physical ${at}: its registers are for programs to write. Only DRAM can be changed here.`,
        `宿主机物理地址 ${at} 由 ${id} 应答：其寄存器由程序写入。这里只能修改 DRAM。`,
      );
}
