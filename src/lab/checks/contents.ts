/** Checks of bytes: what memory holds, whether a range is as it was, what came out of a serial port. */
import { expectedBytes } from '../document/expected-bytes';
import { countDifferences, firstDifference, hexBytes, shownBytes } from './bytes';
import type { CheckContext } from './context';
import { rangePieces, readPieces } from './pieces';
import { sha256 } from './sha256';
import { hex, verdict, type Body, type Verdict } from './verdict';

/** A VM's page may be unmapped; on the board there is memory at an address, or there is not. */
const unmapped = (address: number, ofHost: boolean): Verdict =>
  ofHost
    ? verdict(false, `There is no memory at ${hex(address)}.`, `${hex(address)} 处没有内存。`)
    : verdict(false, `Nothing is mapped at ${hex(address)}.`, `${hex(address)} 处没有映射。`);

export function memory({ at, equals, sha256: hash, bytes: hashed }: Body<'memory'>, context: CheckContext): Verdict {
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

export function unchanged({ range }: Body<'unchanged'>, context: CheckContext): Verdict {
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

export function serial({ vm, contains, equals }: Body<'serial'>, context: CheckContext): Verdict {
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
