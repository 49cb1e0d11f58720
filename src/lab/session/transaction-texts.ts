/** The machine's log carries codes and data; here each becomes a sentence in both languages. */
import { formatAddress } from '../../machine/address';
import type { TransactionEntry } from '../../machine/bus/transaction-log';
import { text, type Text } from '../document/problem';

const hex = (value: number | string | boolean | undefined): string =>
  typeof value === 'number' ? `0x${value.toString(16).toUpperCase()}` : String(value ?? '');

/** `0x0001_9010` of the entry, or an empty text. */
const address = (entry: TransactionEntry): string => (entry.address ? formatAddress(entry.address.address) : '');
const datum = (entry: TransactionEntry, name: string): string => {
  const value = entry.data?.[name];
  return typeof value === 'number' ? String(value) : String(value ?? '');
};
/** the device's register: `dma0 bar0+0x80` */
const register = (entry: TransactionEntry): string =>
  `${entry.answeredBy ?? ''} ${datum(entry, 'region')}+${hex(entry.data?.['offset'])}`.trim();
const port = (entry: TransactionEntry): string =>
  `0x${Number(entry.data?.['port'] ?? 0)
    .toString(16)
    .toUpperCase()}`;

/** `2`, or `1.2` for the second bank of group 1 */
const bankName = (entry: TransactionEntry): string =>
  entry.data?.['bankGroup'] ? `${datum(entry, 'bankGroup')}.${datum(entry, 'bank')}` : datum(entry, 'bank');

/** Whose memory an error lies in, and what the VMM does about it. */
function memoryOwner(entry: TransactionEntry): Text {
  const vm = datum(entry, 'vm');
  switch (datum(entry, 'owner')) {
    case 'vm':
      return entry.data?.['stopped']
        ? text(`which is memory of ${vm}: the VMM ends ${vm}`, `该内存属于 ${vm}：VMM 终止 ${vm}`)
        : text(`which is memory of ${vm}; ${vm} is not told`, `该内存属于 ${vm}；${vm} 不会得到通知`);
    case 'vmm':
    case 'table':
      return text(`which is memory of the VMM itself${vm && ` (for ${vm})`}`, `该内存属于 VMM 自身${vm && `（用于 ${vm}）`}`);
    default:
      return text('which belongs to no VM', '该内存不属于任何虚拟机');
  }
}

type Sentence = (entry: TransactionEntry) => Text;

const SENTENCES: Record<string, Sentence> = {
  'register-read': (entry) => text(`reads ${hex(entry.value)} from ${register(entry)}`, `从 ${register(entry)} 读出 ${hex(entry.value)}`),
  'register-write': (entry) => text(`writes ${hex(entry.value)} to ${register(entry)}`, `向 ${register(entry)} 写入 ${hex(entry.value)}`),
  'read-only-write': (entry) =>
    text(
      `writes ${hex(entry.value)} to ${register(entry)}: read-only, nothing changes`,
      `向 ${register(entry)} 写入 ${hex(entry.value)}：只读，不改变任何内容`,
    ),
  'memory-read': (entry) => text(`reads ${address(entry)}: nobody answers, all ones`, `读 ${address(entry)}：无人应答，得到全 1`),
  'memory-write': (entry) =>
    text(
      `writes ${hex(entry.value)} to ${address(entry)}: nobody answers, it is lost`,
      `向 ${address(entry)} 写入 ${hex(entry.value)}：无人应答，数据丢失`,
    ),
  'conflict-read': (entry) =>
    text(`reads ${address(entry)}: ${entry.answeredBy ?? ''} answer together`, `读 ${address(entry)}：${entry.answeredBy ?? ''} 同时应答`),
  'conflict-write': (entry) =>
    text(`writes ${address(entry)}: ${entry.answeredBy ?? ''} both take it`, `写 ${address(entry)}：${entry.answeredBy ?? ''} 同时写入`),
  'written-by-hand': (entry) =>
    text(
      `${entry.size} ${entry.size === 1 ? 'byte' : 'bytes'} at ${address(entry)} written by hand`,
      `手动改写 ${address(entry)} 处的 ${entry.size} 个字节`,
    ),
  'interrupt-unheard': (entry) =>
    text(
      `the interrupt message ${datum(entry, 'mode')}, vector ${hex(entry.data?.['vector'])}, for APIC ${hex(entry.data?.['destination'])} changes nothing: there is one processor, and it does not take it`,
      `中断消息 ${datum(entry, 'mode')}（向量 ${hex(entry.data?.['vector'])}，目标 APIC ${hex(entry.data?.['destination'])}）没有作用：只有一个处理器，而它不接受此消息`,
    ),
  'dma-address-clamped': (entry) =>
    text(
      `the address ${datum(entry, 'address')} is cut to ${datum(entry, 'clamped') || datum(entry, 'to')} by the device's DMA mask`,
      `地址 ${datum(entry, 'address')} 被设备的 DMA 掩码截为 ${datum(entry, 'clamped') || datum(entry, 'to')}`,
    ),
  'dma-outside-buffer': (entry) =>
    text(
      `DMA would leave the device's buffer (${datum(entry, 'address')}); nothing is moved`,
      `DMA 越出设备缓冲区（${datum(entry, 'address')}），未传输`,
    ),
  'dma-address-too-wide': (entry) =>
    text(`the DMA address ${datum(entry, 'address')} is wider than the bus`, `DMA 地址 ${datum(entry, 'address')} 超出总线宽度`),
  'row-disturbed': (entry) =>
    text(
      `${datum(entry, 'slot')}: bit ${datum(entry, 'bit')} at ${address(entry)} flips to ${datum(entry, 'to')} (rank ${datum(entry, 'rank')}, bank ${bankName(entry)}, row ${datum(entry, 'row')}): the rows beside were opened ${datum(entry, 'activations')} times since it was refreshed`,
      `${datum(entry, 'slot')}：${address(entry)} 的第 ${datum(entry, 'bit')} 位翻转为 ${datum(entry, 'to')}（rank ${datum(entry, 'rank')}，存储体 ${bankName(entry)}，行 ${datum(entry, 'row')}）：自上次刷新以来，相邻行被打开了 ${datum(entry, 'activations')} 次`,
    ),
  'ecc-corrected': (entry) =>
    text(
      `${datum(entry, 'slot')}: ECC corrects a wrong bit in the word at ${address(entry)}`,
      `${datum(entry, 'slot')}：ECC 纠正了 ${address(entry)} 处字中的一个错误位`,
    ),
  'ecc-uncorrectable': (entry) =>
    text(
      `${datum(entry, 'slot')}: the word at ${address(entry)} has more wrong bits than ECC can correct; whoever reads it gets wrong data`,
      `${datum(entry, 'slot')}：${address(entry)} 处的字错误位过多，ECC 无法纠正；读取者会得到错误数据`,
    ),
  'machine-check': (entry) =>
    text(
      `machine check: ECC cannot correct the word at ${address(entry)} (frame ${datum(entry, 'frame')}, DIMM ${datum(entry, 'slot')}), ${memoryOwner(entry).en}`,
      `机器检查：ECC 无法纠正 ${address(entry)} 处的字（页帧 ${datum(entry, 'frame')}，内存条 ${datum(entry, 'slot')}），${memoryOwner(entry)['zh-CN']}`,
    ),
  'dma-list-length': (entry) =>
    text(
      `the list has ${datum(entry, 'entries')} entries; the device takes at most ${datum(entry, 'most')}`,
      `列表有 ${datum(entry, 'entries')} 项；设备最多接受 ${datum(entry, 'most')} 项`,
    ),
  'dma-aborted': (entry) =>
    text(
      `DMA ended early: ${datum(entry, 'status')}, ${datum(entry, 'moved')} bytes moved`,
      `DMA 提前结束：${datum(entry, 'status')}，已传输 ${datum(entry, 'moved')} 字节`,
    ),
};

const BY_KIND: Record<TransactionEntry['kind'], Sentence> = {
  'mmio-read': (entry) => SENTENCES['register-read']!(entry),
  'mmio-write': (entry) => SENTENCES['register-write']!(entry),
  'port-read': (entry) => text(`reads ${hex(entry.value)} from port ${port(entry)}`, `从端口 ${port(entry)} 读出 ${hex(entry.value)}`),
  'port-write': (entry) => text(`writes ${hex(entry.value)} to port ${port(entry)}`, `向端口 ${port(entry)} 写入 ${hex(entry.value)}`),
  'dma-read': (entry) => dma(entry, text('DMA read', 'DMA 读')),
  'dma-write': (entry) => dma(entry, text('DMA write', 'DMA 写')),
  unanswered: (entry) =>
    entry.data?.['port'] === undefined
      ? text(`${address(entry)}: nobody answers`, `${address(entry)}：无人应答`)
      : text(`port ${port(entry)}: nobody answers`, `端口 ${port(entry)}：无人应答`),
  'iommu-walk': (entry) => {
    const to = entry.data?.['toAddress'];
    const moved = typeof to === 'number' ? `${address(entry)} → ${formatAddress(to)}` : `${address(entry)} → ${address(entry)}`;
    return text(
      `the IOMMU translates ${moved} (${datum(entry, 'access')})`,
      `IOMMU 转换 ${moved}（${datum(entry, 'access') === 'write' ? '写' : '读'}）`,
    );
  },
  'iommu-fault': (entry) => {
    const reason = entry.data?.['reason'];
    const named = typeof reason === 'number' ? faultReason(reason) : text(entry.code, entry.code);
    return text(`the IOMMU rejects ${address(entry)}: ${named.en}`, `IOMMU 拒绝 ${address(entry)}：${named['zh-CN']}`);
  },
  completion: (entry) => {
    const id = datum(entry, 'id');
    const status = datum(entry, 'status');
    return entry.outcome === 'ok'
      ? text(`its request ${id} is done`, `请求 ${id} 完成`)
      : text(`its request ${id} failed (${status})`, `请求 ${id} 失败（${status}）`);
  },
  interrupt: (entry) => text(`interrupt${details(entry)}`, `中断${details(entry)}`),
  note: (entry) => text(`${entry.code.replaceAll('-', ' ')}${details(entry)}`, `${entry.code}${details(entry)}`),
};

/** What remains of an entry's data, as `name value` pairs. */
function details(entry: TransactionEntry): string {
  const pairs = Object.entries(entry.data ?? {}).map(([name, value]) => `${name} ${value}`);
  return pairs.length > 0 ? ` (${pairs.join(', ')})` : '';
}

/** Where it goes and which hop of its path this is stand beside it, in columns of their own. */
function dma(entry: TransactionEntry, what: Text): Text {
  const to = entry.data?.['toAddress'] ?? entry.data?.['to'];
  const moved = typeof to === 'number' ? ` → ${formatAddress(to)}` : '';
  const size = entry.size ?? 0;
  const own = datum(entry, 'asRequester');
  const why = entry.outcome === 'fault' ? datum(entry, 'text') : '';
  const rest = own === '' ? text('', '') : text(`, from here on as ${own}`, `，此后以 ${own} 的身份`);
  const refused = why === '' ? text('', '') : text(`: refused, ${why}`, `：被拒绝（${why}）`);
  return text(
    `${what.en} of ${size} bytes${moved}${rest.en}${refused.en}`,
    `${what['zh-CN']} ${size} 字节${moved}${rest['zh-CN']}${refused['zh-CN']}`,
  );
}

/** VT-d fault reasons (facts of the specification, section 7.2.3): number → words. */
const FAULT_REASONS: Record<number, Text> = {
  1: text('no root entry for the bus', '该总线没有根表项'),
  2: text('no context entry for the device', '该设备没有上下文表项'),
  3: text('invalid context entry', '上下文表项无效'),
  4: text('address beyond the translated width', '地址超出转换位宽'),
  5: text('no write permission', '没有写权限'),
  6: text('no read permission', '没有读权限'),
  7: text('a page table could not be read', '页表无法读取'),
  8: text('the root table could not be read', '根表无法读取'),
  9: text('the context table could not be read', '上下文表无法读取'),
  0xa: text('reserved bits in the root entry', '根表项的保留位被置位'),
  0xb: text('reserved bits in the context entry', '上下文表项的保留位被置位'),
  0xc: text('reserved bits in a page table entry', '页表项的保留位被置位'),
  0xd: text('translated request blocked', '已转换请求被拦截'),
};

export function faultReason(reason: number): Text {
  const named = FAULT_REASONS[reason];
  return text(`${named?.en ?? 'fault'} (reason ${reason})`, `${named?.['zh-CN'] ?? '故障'}（原因 ${reason}）`);
}

export function transactionText(entry: TransactionEntry): Text {
  return (SENTENCES[entry.code] ?? BY_KIND[entry.kind])(entry);
}
