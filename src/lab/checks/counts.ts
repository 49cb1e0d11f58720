/** Checks of what was counted: exits, the TLB, DRAM, instructions, accesses that nobody answered, exceptions and faults. */
import { parseRequester } from '../../machine/bus/dma-port';
import { text, type Text } from '../document/problem';
import type { DramCount } from '../document/schema';
import type { CheckContext } from './context';
import { counted, hex, verdict, type Body, type Verdict } from './verdict';

export function unanswered({ count, address }: Body<'unanswered'>, context: CheckContext): Verdict {
  const found = context.unanswered(address ?? null);
  const where = address === undefined ? text('', '') : text(` at ${hex(address)}`, `在 ${hex(address)} `);
  return verdict(
    found === count,
    `${counted(found, 'access', 'accesses')}${where.en} ${found === 1 ? 'was' : 'were'} answered by nobody${found === count ? '' : `; expected ${count}`}.`,
    `${where['zh-CN']}有 ${found} 次访问无人应答${found === count ? '' : `；应为 ${count} 次`}。`,
  );
}

/** A count within bounds; at least one unless told. */
const within = (value: number, min: number | undefined, max: number | undefined): boolean =>
  value >= (min ?? (max === undefined ? 1 : 0)) && value <= (max ?? Infinity);

/** `≥ 10`, `≤ 5`, both, or `= 3`. */
export function boundsText(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && min === max) return `= ${min}`;
  return [min === undefined ? '' : `≥ ${min}`, max === undefined ? '' : `≤ ${max}`].filter(Boolean).join(', ') || '≥ 1';
}

export function exits({ vm, reason, min, max }: Body<'exits'>, context: CheckContext): Verdict {
  const count = context.exits(vm)[reason] ?? 0;
  const passed = within(count, min, max);
  const bounds = boundsText(min, max);
  return verdict(
    passed,
    `${vm} left ${counted(count, 'time')} for ${reason} (expected ${bounds}).`,
    `${vm} 因 ${reason} 退出 ${count} 次（应 ${bounds}）。`,
  );
}

const TLB_COUNTS: Readonly<Record<Body<'tlb'>['count'], Text>> = {
  accesses: text('was asked', '被查询'),
  misses: text('missed', '未命中'),
  evictions: text('evicted', '逐出'),
  tableReads: text('had table entries read', '引起读取页表项'),
};

export function tlb({ count, min, max }: Body<'tlb'>, context: CheckContext): Verdict {
  const found = context.tlb[count];
  const bounds = boundsText(min, max);
  return verdict(
    within(found, min, max),
    `The TLB ${TLB_COUNTS[count].en} ${counted(found, 'time')} (expected ${bounds}).`,
    `TLB ${TLB_COUNTS[count]['zh-CN']} ${found} 次（应 ${bounds}）。`,
  );
}

const DRAM_NAMES: Record<DramCount, Text> = {
  accesses: text('accesses', '访问'),
  hits: text('row hits', '行命中'),
  misses: text('row misses', '行未命中'),
  conflicts: text('row conflicts', '行冲突'),
  writes: text('writes', '写入'),
  activations: text('activations of one row in a refresh window', '同一行在一个刷新窗口内的激活'),
  flips: text('bit flips', '位翻转'),
  corrected: text('errors corrected by ECC', 'ECC 纠正的错误'),
  uncorrectable: text('errors that ECC could not correct', 'ECC 无法纠正的错误'),
  miscorrected: text('errors that ECC got wrong', 'ECC 误纠的错误'),
  refreshed: text('rows refreshed by TRR', 'TRR 刷新的行'),
};
/** `A1 bank 3`; empty for the whole board. */
export const dramPlace = ({ slot, bank }: Body<'dram'>): string =>
  [slot, bank === undefined ? '' : `bank ${bank}`].filter(Boolean).join(' ');

export function dram(check: Body<'dram'>, context: CheckContext): Verdict {
  const { count, slot, bank, min, max } = check;
  const found = context.dram(count, slot ?? null, bank ?? null);
  const place = dramPlace(check);
  const zhPlace = place.replace('bank', '存储体');
  const name = DRAM_NAMES[count];
  if (found === null)
    return verdict(
      false,
      `Nothing was counted${place && ` in ${place}`}: is there a DIMM, and is memory timing or disturbance on?`,
      `${zhPlace && `${zhPlace} `}没有计数：是否有内存条，是否开启了内存时序或行扰动？`,
    );
  const bounds = boundsText(min, max);
  return verdict(
    within(found, min, max),
    `${found} ${name.en}${place && ` in ${place}`} (expected ${bounds}).`,
    `${zhPlace && `${zhPlace} `}${name['zh-CN']} ${found} 次（应 ${bounds}）。`,
  );
}

export function instructions({ vm, min, max }: Body<'instructions'>, context: CheckContext): Verdict {
  const found = context.instructions(vm ?? null);
  if (found === null) return verdict(false, `There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`);
  const bounds = boundsText(min, max);
  return verdict(
    within(found, min, max),
    `${vm ?? 'The processor'} completed ${found} instructions (expected ${bounds}).`,
    `${vm ?? '处理器'}完成了 ${found} 条指令（应 ${bounds}）。`,
  );
}

export function exception({ vm, vector, errorCode, cr2 }: Body<'exception'>, context: CheckContext): Verdict {
  const candidates = context.exceptions.filter((record) => record.vector === vector && (vm === undefined || record.vm === vm));
  const matching = candidates.filter(
    (record) => (errorCode === undefined || record.errorCode === errorCode) && (cr2 === undefined || record.cr2 === cr2),
  );
  if (matching.length > 0)
    return verdict(
      true,
      `Exception ${vector} was delivered ${matching.length === 1 ? 'once' : `${matching.length} times`}.`,
      `异常 ${vector} 共交付 ${matching.length} 次。`,
    );
  const near = candidates.at(-1);
  return near
    ? verdict(
        false,
        `Exception ${vector} came with error code ${near.errorCode ?? 'none'}${near.cr2 === null ? '' : ` and CR2 ${hex(near.cr2)}`}.`,
        `异常 ${vector} 的错误码是 ${near.errorCode ?? '无'}${near.cr2 === null ? '' : `，CR2 是 ${hex(near.cr2)}`}。`,
      )
    : verdict(false, `Exception ${vector} was never delivered.`, `从未交付异常 ${vector}。`);
}

export function faults({ requester, reason, count }: Body<'faults'>, context: CheckContext): Verdict {
  const wanted = parseRequester(requester);
  const found = context.faults.filter(
    (record) => parseRequester(record.requester) === wanted && (reason === undefined || record.reason === reason),
  );
  const reasons = found.map((record) => `${record.reason} @ ${hex(record.address)}`).join(', ');
  return verdict(
    found.length === count,
    `The IOMMU recorded ${counted(found.length, 'fault')} of ${requester}${reasons ? ` (reason ${reasons})` : ''}${found.length === count ? '' : `; expected ${count}`}.`,
    `IOMMU 记录了 ${requester} 的 ${found.length} 次故障${reasons ? `（原因 ${reasons}）` : ''}${found.length === count ? '' : `；应为 ${count} 次`}。`,
  );
}
