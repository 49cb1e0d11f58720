/** Checks and plots of a lab: what they name is there, and they ask for something that can be looked at. */
import { parseRequester } from '../../machine/bus/dma-port';
import { error, text, type Text } from './problem';
import type { References } from './references';
import { MOST_POINTS, type Check, type Plot } from './schema';

/** Bytes that the hash of a `memory` check may cover. */
const MOST_HASHED = 64 * 1024 ** 2;
/** Bytes that a check may compare: they are kept and read whole. */
const MOST_COMPARED = 256 * 1024 * 1024;

/** Something is wrong at `path`: what, and what to write instead. */
const wrong = (names: References, code: string, path: string, what: Text, remedy: Text): void =>
  names.add(error(code, what, remedy, { path }));

/** `path`: where the check stands in the document. */
export function checkProblems(names: References, check: Check, path: string): void {
  if ('memory' in check) {
    names.place(check.memory.at, `${path}.memory.at`);
    if (check.memory.equals === undefined && check.memory.sha256 === undefined) {
      wrong(
        names,
        'lab-missing-key',
        `${path}.memory`,
        text(`${path}.memory says neither "equals" nor "sha256".`, `${path}.memory 既没有 “equals” 也没有 “sha256”。`),
        text('Say what the bytes must be.', '请写明字节应为什么。'),
      );
    }
    const { bytes, equals } = check.memory;
    if (bytes !== undefined && (bytes < 1 || bytes > MOST_HASHED || equals !== undefined)) {
      wrong(
        names,
        'lab-invalid-value',
        `${path}.memory.bytes`,
        text(`${path}.memory.bytes is ${bytes}.`, `${path}.memory.bytes 为 ${bytes}。`),
        text(
          'It says how many bytes "sha256" covers, 1 to 64 MiB; "equals" has its own length.',
          '它表示 “sha256” 覆盖的字节数，1 字节到 64 MiB；“equals” 自有长度。',
        ),
      );
    }
  } else if ('unchanged' in check) rangeProblems(names, check.unchanged.range, `${path}.unchanged.range`);
  else if ('located' in check) {
    names.slot(check.located.slot, `${path}.located.slot`);
  } else if ('differs' in check) check.differs.frames.forEach(({ vm }, index) => names.vm(vm, `${path}.differs.frames.${index}.vm`));
  else if ('contiguous' in check) rangeProblems(names, check.contiguous.range, `${path}.contiguous.range`, false);
  else if ('serial' in check) {
    if (check.serial.vm !== undefined) names.vm(check.serial.vm, `${path}.serial.vm`);
    if (check.serial.contains === undefined && check.serial.equals === undefined) {
      wrong(
        names,
        'lab-missing-key',
        `${path}.serial`,
        text(`${path}.serial says neither "contains" nor "equals".`, `${path}.serial 既没有 “contains” 也没有 “equals”。`),
        text('Say what the output must be.', '请写明输出应为什么。'),
      );
    }
  } else if ('exits' in check) names.vm(check.exits.vm, `${path}.exits.vm`);
  else if ('exception' in check) {
    if (check.exception.vm !== undefined) names.vm(check.exception.vm, `${path}.exception.vm`);
  } else if ('faults' in check) {
    if (parseRequester(check.faults.requester) === undefined) {
      wrong(
        names,
        'lab-invalid-value',
        `${path}.faults.requester`,
        text(`"${check.faults.requester}" is no requester ID.`, `“${check.faults.requester}” 不是请求者 ID。`),
        text('Write bus, device and function, as 00:04.0.', '请写总线、设备和功能号，如 00:04.0。'),
      );
    }
  } else if ('dram' in check) {
    if (check.dram.slot !== undefined) names.slot(check.dram.slot, `${path}.dram.slot`);
  } else if ('instructions' in check) {
    if (check.instructions.vm !== undefined) names.vm(check.instructions.vm, `${path}.instructions.vm`);
  } else if ('stop' in check) names.stopKind(check.stop, `${path}.stop`);
}

export function plotProblems(names: References, { from, points }: Plot, path: string): void {
  names.place(from, `${path}.from`);
  if (points >= 1 && points <= MOST_POINTS) return;
  wrong(
    names,
    'lab-invalid-value',
    `${path}.points`,
    text(`${path} has ${points} points.`, `${path} 有 ${points} 个点。`),
    text(`A plot has 1 to ${MOST_POINTS} points.`, `一幅图有 1 到 ${MOST_POINTS} 个点。`),
  );
}

/** `reads`: the range is read byte by byte, so it must not be huge. */
function rangeProblems(
  names: References,
  range: { vm?: string | undefined; vmmPart?: string | undefined; bytes: number },
  path: string,
  reads = true,
): void {
  if (range.vm !== undefined) names.vm(range.vm, `${path}.vm`);
  if (range.vmmPart !== undefined) names.part(range.vmmPart, `${path}.vmmPart`);
  if (range.bytes === 0)
    wrong(
      names,
      'lab-out-of-range',
      `${path}.bytes`,
      text(`${path} is empty.`, `${path} 是空的。`),
      text('Give at least 1 byte.', '至少写 1 字节。'),
    );
  if (reads && range.bytes > MOST_COMPARED)
    wrong(
      names,
      'lab-out-of-range',
      `${path}.bytes`,
      text(`${path} has more than 256 MiB.`, `${path} 超过 256 MiB。`),
      text('Check a smaller range.', '请检查较小的范围。'),
    );
}
