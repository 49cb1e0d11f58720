/** Checks of places: where an address lies in the DIMMs, whether frames differ, whether a range is in one piece. */
import { text } from '../document/problem';
import type { CheckContext, HostPiece } from './context';
import { rangePieces } from './pieces';
import { hex, verdict, type Body, type Verdict } from './verdict';

const span = (from: number, bytes: number): string => `${hex(from)}–${hex(from + bytes - 1)}`;

const LEVELS_IN_CHINESE = { slot: '插槽', rank: ' rank', bank: '存储体', row: '行', column: '列' };

export function located({ address, ...wanted }: Body<'located'>, context: CheckContext): Verdict {
  const cell = context.locate(address);
  if (!cell) return verdict(false, `No DIMM answers at ${hex(address)}.`, `${hex(address)} 处没有内存条应答。`);
  const { slot, rank, bank, row, column } = cell;
  const found = { slot, rank, bank, row, column };
  const wrong = Object.entries(wanted).filter(([level, value]) => value !== undefined && found[level as keyof typeof found] !== value);
  const en = `${hex(address)} is in slot ${slot}, rank ${rank}, bank ${bank}, row ${row}, column ${column}`;
  const zh = `${hex(address)} 位于插槽 ${slot}、rank ${rank}、存储体 ${bank}、行 ${row}、列 ${column}`;
  if (wrong.length === 0) return verdict(true, `${en}.`, `${zh}。`);
  const expected = (names: Partial<Record<string, string>>): string[] => wrong.map(([level, value]) => `${names[level] ?? level} ${value}`);
  return verdict(false, `${en}; expected ${expected({}).join(', ')}.`, `${zh}；应为${expected(LEVELS_IN_CHINESE).join('、')}。`);
}

export function differs({ frames }: Body<'differs'>, context: CheckContext): Verdict {
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

export function contiguous({ range, in: space, expect }: Body<'contiguous'>, context: CheckContext): Verdict {
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
