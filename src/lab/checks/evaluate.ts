/** Judges a lab's checks. Every kind of the schema has its function; each says, in both languages, what it found. */
import { formatAddress } from '../../machine/address';
import { parseRequester } from '../../machine/bus/dma-port';
import type { CheckResult } from '../protocol';
import { text, type Text } from '../document/problem';
import type { Check, DramCount } from '../document/schema';
import { expectedBytes } from '../document/expected-bytes';
import { countDifferences, firstDifference, hexBytes, shownBytes } from './bytes';
import type { CheckContext, HostPiece, Range } from './context';
import { sha256 } from './sha256';

type Verdict = { passed: boolean; detail: Text };
type Body<K extends string> = Extract<Check, Record<K, unknown>> extends Record<K, infer V> ? V : never;

const verdict = (passed: boolean, en: string, zh: string): Verdict => ({ passed, detail: text(en, zh) });
const hex = (address: number): string => formatAddress(address);
const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
const span = (from: number, bytes: number): string => `${hex(from)}–${hex(from + bytes - 1)}`;

/** Bytes of pieces in order, or the position of the first one that nothing is mapped to. */
function readPieces(context: CheckContext, pieces: readonly HostPiece[]): Uint8Array | { unmappedAt: number } {
  const total = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const out = new Uint8Array(total);
  let at = 0;
  for (const { host, bytes } of pieces) {
    if (host === null) return { unmappedAt: at };
    out.set(context.readHost(host, bytes), at);
    at += bytes;
  }
  return out;
}

/** A VM's page may be unmapped; on the board there is memory at an address, or there is not. */
const unmapped = (address: number, ofHost: boolean): Verdict =>
  ofHost
    ? verdict(false, `There is no memory at ${hex(address)}.`, `${hex(address)} 处没有内存。`)
    : verdict(false, `Nothing is mapped at ${hex(address)}.`, `${hex(address)} 处没有映射。`);

/** Pieces of a range of a VM, of a part of the VMM, or of the board's memory. Null: there is no such part. */
export function rangePieces(context: CheckContext, range: Range): HostPiece[] | null {
  if (range.vmmPart === undefined)
    return context.pieces(range.vm === undefined ? 'host' : 'guest', range.vm ?? null, range.from, range.bytes);
  const part = context.part(range.vmmPart, range.vm ?? null);
  if (!part || range.from >= part.bytes) return null;
  return context.pieces('host', null, part.base + range.from, Math.min(range.bytes, part.bytes - range.from));
}

function memory({ at, equals, sha256: hash, bytes: hashed }: Body<'memory'>, context: CheckContext): Verdict {
  const wanted = equals === undefined ? null : expectedBytes(equals);
  const length = wanted?.length ?? hashed ?? 4096 - (at.address % 4096);
  const bytes = readPieces(context, context.pieces(at.space, at.vm ?? null, at.address, length));
  if (!(bytes instanceof Uint8Array)) return unmapped(at.address + bytes.unmappedAt, at.space === 'host');
  if (hash !== undefined) {
    const found = sha256(bytes);
    if (found !== hash.toLowerCase())
      return verdict(false, `SHA-256 of the ${length} bytes is ${found}.`, `这 ${length} 字节的 SHA-256 是 ${found}。`);
  }
  if (!wanted) return verdict(true, `The hash of all ${length} bytes agrees.`, `全部 ${length} 字节的散列值一致。`);
  const difference = firstDifference(bytes, wanted);
  const where = hex(at.address);
  return difference < 0
    ? verdict(true, `${where} holds ${shownBytes(bytes)}.`, `${where} 处是 ${shownBytes(bytes)}。`)
    : verdict(
        false,
        `${where} holds ${shownBytes(bytes)}; expected ${shownBytes(wanted)}.`,
        `${where} 处是 ${shownBytes(bytes)}；应为 ${shownBytes(wanted)}。`,
      );
}

function unchanged({ range }: Body<'unchanged'>, context: CheckContext): Verdict {
  const pieces = rangePieces(context, range);
  const before = context.before(range);
  if (!pieces || !before) {
    return range.vmmPart === undefined
      ? verdict(false, 'Nothing has run yet, so there is nothing to compare.', '尚未运行，无从比较。')
      : verdict(false, `The VMM has no part "${range.vmmPart}".`, `VMM 没有 “${range.vmmPart}” 这一部分。`);
  }
  const after = readPieces(context, pieces);
  if (!(after instanceof Uint8Array)) return unmapped(range.from + after.unmappedAt, range.vm === undefined);
  const changed = countDifferences(before, after);
  if (changed === 0) return verdict(true, `All ${after.length} bytes are as they were.`, `全部 ${after.length} 字节保持不变。`);
  const first = firstDifference(before, after);
  const [was, is] = [before, after].map((bytes) => hexBytes(bytes.subarray(first, first + 8)));
  const place = hex(range.from + first);
  return verdict(
    false,
    `${changed} bytes changed, the first at ${place}: ${was} became ${is}.`,
    `${changed} 字节被改变，首个位于 ${place}：${was} 变为 ${is}。`,
  );
}

function located({ address, ...wanted }: Body<'located'>, context: CheckContext): Verdict {
  const cell = context.locate(address);
  if (!cell) return verdict(false, `No DIMM answers at ${hex(address)}.`, `${hex(address)} 处没有内存条应答。`);
  const { slot, rank, bank, row, column } = cell;
  const found = { slot, rank, bank, row, column };
  const wrong = Object.entries(wanted).filter(([level, value]) => value !== undefined && found[level as keyof typeof found] !== value);
  const en = `${hex(address)} is in slot ${slot}, rank ${rank}, bank ${bank}, row ${row}, column ${column}`;
  const zh = `${hex(address)} 位于插槽 ${slot}、rank ${rank}、bank ${bank}、行 ${row}、列 ${column}`;
  if (wrong.length === 0) return verdict(true, `${en}.`, `${zh}。`);
  const expected = wrong.map(([level, value]) => `${level} ${value}`).join(', ');
  return verdict(false, `${en}; expected ${expected}.`, `${zh}；应为 ${expected}。`);
}

function unanswered({ count, address }: Body<'unanswered'>, context: CheckContext): Verdict {
  const found = context.unanswered(address ?? null);
  const where = address === undefined ? text('', '') : text(` at ${hex(address)}`, `在 ${hex(address)} `);
  return verdict(
    found === count,
    `${counted(found, 'access', 'accesses')}${where.en} ${found === 1 ? 'was' : 'were'} answered by nobody${found === count ? '' : `; expected ${count}`}.`,
    `${where['zh-CN']}有 ${found} 次访问无人应答${found === count ? '' : `；应为 ${count} 次`}。`,
  );
}

function differs({ frames }: Body<'differs'>, context: CheckContext): Verdict {
  const hosts = frames.map(({ vm, gpa }) => context.pieces('guest', vm, gpa - (gpa % 4096), 1)[0]?.host ?? null);
  const missing = hosts.indexOf(null);
  if (missing >= 0) {
    const { vm, gpa } = frames[missing]!;
    return verdict(false, `${vm} has no frame behind ${hex(gpa)} yet.`, `${vm} 的 ${hex(gpa)} 尚无对应的页帧。`);
  }
  const shown = frames.map(({ vm, gpa }, index) => `${vm} ${hex(gpa)} → ${hex(hosts[index]!)}`).join(', ');
  const distinct = new Set(hosts).size === hosts.length;
  return distinct
    ? verdict(true, `The frames differ: ${shown}.`, `页帧各不相同：${shown}。`)
    : verdict(false, `Two of the frames are the same: ${shown}.`, `其中有页帧相同：${shown}。`);
}

/** Where a range first leaves the slot it begins in, and the two slots; null when it lies in one. Pages are looked at one by one. */
function slotChange(context: CheckContext, from: number, pieces: readonly HostPiece[]): { at: number; was: string; is: string } | null {
  let at = from;
  let was: string | null = null;
  for (const { host, bytes } of pieces) {
    for (let done = 0; done < bytes; done += 4096) {
      const is = (host === null ? undefined : context.locate(host + done)?.slot) ?? '–';
      if (was !== null && is !== was) return { at: at + done, was, is };
      was = is;
    }
    at += bytes;
  }
  return null;
}

function inOneSlot({ range, expect }: Body<'contiguous'>, context: CheckContext): Verdict {
  const pieces = rangePieces(context, range);
  if (!pieces) return verdict(false, 'There is no such part of the VMM.', 'VMM 没有这一部分。');
  const change = slotChange(context, range.from, pieces);
  const where = span(range.from, range.bytes);
  if (!change) return verdict(expect, `${where} lies in one slot.`, `${where} 位于同一个插槽中。`);
  const { at, was, is } = change;
  return verdict(
    !expect,
    `${where} does not lie in one slot: up to ${hex(at - 1)} it is in ${was}, the page at ${hex(at)} is in ${is}.`,
    `${where} 不在同一个插槽中：${hex(at - 1)} 及之前位于 ${was}，${hex(at)} 处的页位于 ${is}。`,
  );
}

function contiguous({ range, in: space, expect }: Body<'contiguous'>, context: CheckContext): Verdict {
  if (space === 'slot') return inOneSlot({ range, in: space, expect }, context);
  // what a guest sees as its memory has no gaps, whether there is a frame behind a page yet or not
  const guestBytes = space === 'guest' && range.vm !== undefined ? (context.guestMemory(range.vm) ?? 0) : 0;
  const seen = Math.min(Math.max(guestBytes - range.from, 0), range.bytes);
  const wholly = [{ host: 0, bytes: seen }, ...(seen < range.bytes ? [{ host: null, bytes: range.bytes - seen }] : [])];
  const pieces = space === 'guest' && range.vm !== undefined ? wholly : rangePieces(context, range);
  if (!pieces) return verdict(false, 'There is no such part of the VMM.', 'VMM 没有这一部分。');
  let at = range.from;
  let breakAt: number | null = null;
  let why = text('', '');
  for (let index = 0; index < pieces.length && breakAt === null; index++) {
    const { host, bytes } = pieces[index]!;
    const before = pieces[index - 1];
    if (host === null) {
      breakAt = at;
      why = text('nothing is there', '那里什么都没有');
    } else if (space === 'host' && before && before.host! + before.bytes !== host) {
      breakAt = at;
      why = text(
        `the next frame is ${hex(host)}, not ${hex(before.host! + before.bytes)}`,
        `下一个页帧是 ${hex(host)}，而不是 ${hex(before.host! + before.bytes)}`,
      );
    }
    at += bytes;
  }
  const found = breakAt === null;
  const spaceName = space === 'host' ? text('host memory', '宿主机内存') : text('the guest', '客户机');
  const detail = found
    ? text(
        `${span(range.from, range.bytes)} is one piece in ${spaceName.en}.`,
        `${span(range.from, range.bytes)} 在${spaceName['zh-CN']}中是连续的一段。`,
      )
    : text(
        `${span(range.from, range.bytes)} breaks at ${hex(breakAt!)} in ${spaceName.en}: ${why.en}.`,
        `${span(range.from, range.bytes)} 在${spaceName['zh-CN']}中于 ${hex(breakAt!)} 处断开：${why['zh-CN']}。`,
      );
  return { passed: found === expect, detail };
}

function serial({ vm, contains, equals }: Body<'serial'>, context: CheckContext): Verdict {
  const output = context.serial(vm ?? null);
  const shown = JSON.stringify(output.length > 200 ? `…${output.slice(-200)}` : output);
  if (contains !== undefined && !output.includes(contains)) {
    return verdict(
      false,
      `The output ${shown} does not contain ${JSON.stringify(contains)}.`,
      `输出 ${shown} 中没有 ${JSON.stringify(contains)}。`,
    );
  }
  if (equals !== undefined && output !== equals)
    return verdict(
      false,
      `The output is ${shown}; expected ${JSON.stringify(equals)}.`,
      `输出是 ${shown}；应为 ${JSON.stringify(equals)}。`,
    );
  return equals !== undefined
    ? verdict(true, 'The output is exactly that.', '输出与此完全一致。')
    : verdict(true, `The output is ${shown}.`, `输出是 ${shown}。`);
}

/** A count within bounds; at least one unless told. */
const within = (value: number, min: number | undefined, max: number | undefined): boolean =>
  value >= (min ?? (max === undefined ? 1 : 0)) && value <= (max ?? Infinity);

/** `≥ 10`, `≤ 5`, both, or `= 3`. */
function boundsText(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && min === max) return `= ${min}`;
  return [min === undefined ? '' : `≥ ${min}`, max === undefined ? '' : `≤ ${max}`].filter(Boolean).join(', ') || '≥ 1';
}

function exits({ vm, reason, min, max }: Body<'exits'>, context: CheckContext): Verdict {
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

function tlb({ count, min, max }: Body<'tlb'>, context: CheckContext): Verdict {
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
const dramPlace = ({ slot, bank }: Body<'dram'>): string => [slot, bank === undefined ? '' : `bank ${bank}`].filter(Boolean).join(' ');

function dram(check: Body<'dram'>, context: CheckContext): Verdict {
  const { count, slot, bank, min, max } = check;
  const found = context.dram(count, slot ?? null, bank ?? null);
  const place = dramPlace(check);
  const name = DRAM_NAMES[count];
  if (found === null)
    return verdict(
      false,
      `Nothing was counted${place && ` in ${place}`}: is there a DIMM, and is memory timing or disturbance on?`,
      `${place && `${place} `}没有计数：是否有内存条，是否开启了内存时序或行扰动？`,
    );
  const bounds = boundsText(min, max);
  return verdict(
    within(found, min, max),
    `${found} ${name.en}${place && ` in ${place}`} (expected ${bounds}).`,
    `${place && `${place} `}${name['zh-CN']} ${found} 次（应 ${bounds}）。`,
  );
}

function instructions({ vm, min, max }: Body<'instructions'>, context: CheckContext): Verdict {
  const found = context.instructions(vm ?? null);
  if (found === null) return verdict(false, `There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`);
  const bounds = boundsText(min, max);
  return verdict(
    within(found, min, max),
    `${vm ?? 'The processor'} completed ${found} instructions (expected ${bounds}).`,
    `${vm ?? '处理器'}完成了 ${found} 条指令（应 ${bounds}）。`,
  );
}

function exception({ vm, vector, errorCode, cr2 }: Body<'exception'>, context: CheckContext): Verdict {
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

function faults({ requester, reason, count }: Body<'faults'>, context: CheckContext): Verdict {
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

/** A short name that tells the check from its neighbours: `unchanged victim 0x0000_5000`. */
export function checkName(check: Check): string {
  if ('memory' in check) return `memory ${check.memory.at.vm ?? check.memory.at.space} ${hex(check.memory.at.address)}`;
  if ('unchanged' in check) {
    const { vm, vmmPart, from } = check.unchanged.range;
    return `unchanged ${[vmmPart, vm].filter(Boolean).join(' of ') || 'host'} ${hex(from)}`;
  }
  if ('located' in check) return `located ${hex(check.located.address)} in ${check.located.slot}`;
  if ('unanswered' in check)
    return `unanswered ${check.unanswered.address === undefined ? '' : `${hex(check.unanswered.address)} `}× ${check.unanswered.count}`;
  if ('differs' in check) return `differs ${check.differs.frames.map(({ vm, gpa }) => `${vm} ${hex(gpa)}`).join(', ')}`;
  if ('contiguous' in check)
    return `${check.contiguous.expect ? 'contiguous' : 'not contiguous'} in ${check.contiguous.in === 'slot' ? 'one slot' : check.contiguous.in} ${check.contiguous.range.vm ?? ''}`.trim();
  if ('serial' in check)
    return `serial ${check.serial.vm ?? ''} ${JSON.stringify(check.serial.contains ?? check.serial.equals ?? '')}`.replace('  ', ' ');
  if ('exits' in check) return `exits ${check.exits.vm} ${check.exits.reason}`;
  if ('exception' in check)
    return `exception ${check.exception.vector}${check.exception.vm === undefined ? '' : ` in ${check.exception.vm}`}`;
  if ('tlb' in check) return `tlb ${check.tlb.count}`;
  if ('faults' in check) return `faults ${check.faults.requester} × ${check.faults.count}`;
  if ('dram' in check)
    return `dram ${check.dram.count} ${dramPlace(check.dram)} ${boundsText(check.dram.min, check.dram.max)}`.replace('  ', ' ');
  if ('instructions' in check) {
    const { vm, min, max } = check.instructions;
    return `instructions ${vm === undefined ? '' : `of ${vm} `}${boundsText(min, max)}`;
  }
  return `stop ${check.stop}`;
}

function judge(check: Check, context: CheckContext): Verdict {
  if ('memory' in check) return memory(check.memory, context);
  if ('unchanged' in check) return unchanged(check.unchanged, context);
  if ('located' in check) return located(check.located, context);
  if ('unanswered' in check) return unanswered(check.unanswered, context);
  if ('differs' in check) return differs(check.differs, context);
  if ('contiguous' in check) return contiguous(check.contiguous, context);
  if ('serial' in check) return serial(check.serial, context);
  if ('exits' in check) return exits(check.exits, context);
  if ('exception' in check) return exception(check.exception, context);
  if ('tlb' in check) return tlb(check.tlb, context);
  if ('faults' in check) return faults(check.faults, context);
  if ('dram' in check) return dram(check.dram, context);
  if ('instructions' in check) return instructions(check.instructions, context);
  const found = context.stop ?? 'running';
  return verdict(
    found === check.stop,
    `The run ended with "${found}"${found === check.stop ? '' : `; expected "${check.stop}"`}.`,
    `运行结束于：${stopName(found)}${found === check.stop ? '' : `；应为：${stopName(check.stop)}`}。`,
  );
}

/** How a run ended, in Chinese; the lab file's word stands beside it. */
const STOPS: Readonly<Record<string, string>> = {
  running: '仍在运行',
  halted: '已停机',
  limit: '达到指令上限',
  'triple-fault': '三重故障',
  'boot-refused': '拒绝引导',
  'exit-port': '退出端口',
  paused: '已暂停',
  'out-of-memory': '内存不足',
};
const stopName = (stop: string): string => (STOPS[stop] ? `${STOPS[stop]}（${stop}）` : stop);

/** One result for each check, in the document's order. */
export const evaluateChecks = (checks: readonly Check[], context: CheckContext): CheckResult[] =>
  checks.map((check) => ({ name: checkName(check), ...judge(check, context) }));
